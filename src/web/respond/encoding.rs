//! Which of the two names of the same bytes a client prefers (RFC 9110 §12.5.1).
//!
//! Must not know the documents.

use http::HeaderMap;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderName, HeaderValue};

/// What a document calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/vnd.coreapi+json`, the default.
    CoreJson,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// How the answer calls itself.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::CoreJson => "application/vnd.coreapi+json",
            Self::Json => "application/json",
        })
    }
}

/// How much a client wants a type: quality in thousandths, then how exactly it was named.
type Wish = (u16, u8);

const CORE_JSON: [&str; 2] = ["application/vnd.coreapi+json", "application/coreapi+json"];

/// What the client prefers: `application/json` only where `Accept` puts it above Core JSON, by quality or, with equal
/// quality, by naming it where Core JSON falls under a wildcard. Refused is nothing: a client that accepts neither gets
/// Core JSON.
pub fn preferred(headers: &HeaderMap) -> Encoding {
    let mut core = Best::default();
    let mut json = Best::default();
    for Range { name, quality } in ranges(headers) {
        let exactness = match name.as_str() {
            "*/*" => 1,
            "application/*" => 2,
            _ => 3,
        };
        if exactness < 3 || CORE_JSON.contains(&name.as_str()) {
            core.consider((quality, exactness));
        }
        if exactness < 3 || name == "application/json" {
            json.consider((quality, exactness));
        }
    }
    if json.wish() > core.wish() { Encoding::Json } else { Encoding::CoreJson }
}

/// Whether the client wants errors as problem details (RFC 9457): where it names them, and does not name Core JSON with at
/// least the same quality.
pub fn prefers_problem(headers: &HeaderMap) -> bool {
    let (mut problem, mut core) = (0, 0);
    for range in ranges(headers) {
        if range.name == "application/problem+json" {
            problem = problem.max(range.quality);
        } else if CORE_JSON.contains(&range.name.as_str()) {
            core = core.max(range.quality);
        }
    }
    problem > core
}

/// Whether the client is one of Core API: where it names Core JSON, and does not name a JSON home document as gladly.
pub fn names_core_json(headers: &HeaderMap) -> bool {
    let (mut core, mut home) = (0, 0);
    for range in ranges(headers) {
        if CORE_JSON.contains(&range.name.as_str()) {
            core = core.max(range.quality);
        } else if range.name == "application/json-home" {
            home = home.max(range.quality);
        }
    }
    core > home
}

/// Whether a person looks at the answer in a browser: where the client names HTML, and no encoding of documents more gladly.
pub fn names_html(headers: &HeaderMap) -> bool {
    const DOCUMENTS: [&str; 3] =
        ["application/json", "application/json-home", "application/problem+json"];
    let (mut html, mut document) = (0, 0);
    for range in ranges(headers) {
        let name = range.name.as_str();
        if name == "text/html" || name == "application/xhtml+xml" {
            html = html.max(range.quality);
        } else if CORE_JSON.contains(&name) || DOCUMENTS.contains(&name) {
            document = document.max(range.quality);
        }
    }
    html > 0 && html >= document
}

/// Which of these languages, by their primary subtags, the client wants most; `None` where it says nothing of any (RFC 9110
/// section 12.5.4, RFC 4647 section 3.4).
pub fn preferred_language<'l>(headers: &HeaderMap, offered: &[&'l str]) -> Option<&'l str> {
    let mut best: Option<(u16, &'l str)> = None;
    for Range { name, quality } in ranges_of(headers, &ACCEPT_LANGUAGE) {
        let primary = name.split('-').next().unwrap_or_default();
        let Some(language) = offered.iter().find(|offered| **offered == primary) else { continue };
        // Of several that are wanted as much, the first counts.
        if quality > best.map_or(0, |(quality, _)| quality) {
            best = Some((quality, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A media range of `Accept`, its name in small letters.
struct Range {
    name: String,
    quality: u16,
}

fn ranges(headers: &HeaderMap) -> impl Iterator<Item = Range> {
    ranges_of(headers, &ACCEPT)
}

fn ranges_of(headers: &HeaderMap, header: &HeaderName) -> impl Iterator<Item = Range> {
    let lines = headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        Range { name, quality: quality(parts) }
    })
}

/// The range that names a type most exactly is the one that counts.
#[derive(Default)]
struct Best(Option<Wish>);

impl Best {
    fn consider(&mut self, (quality, exactness): Wish) {
        let better = match self.0 {
            None => true,
            Some((known, known_exactness)) => (known_exactness, known) < (exactness, quality),
        };
        if better {
            self.0 = Some((quality, exactness));
        }
    }

    fn wish(&self) -> Wish {
        match self.0 {
            Some((quality @ 1.., exactness)) => (quality, exactness),
            _ => (0, 0),
        }
    }
}

/// The `q` among a range's parameters, in thousandths; 1000 without one, 0 for one that makes no sense.
fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(value) = value else { return 1000 };
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, digits) {
        ("1", true) if fraction.bytes().all(|byte| byte == b'0') => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[&'static str]) -> Encoding {
        let lines = lines.iter().map(|line| (ACCEPT, HeaderValue::from_static(line)));
        preferred(&lines.collect())
    }

    #[test]
    fn a_table_of_wishes() {
        use Encoding::{CoreJson, Json};
        let table: [(&[&'static str], Encoding); 26] = [
            (&[], CoreJson),
            (&[""], CoreJson),
            (&["*/*"], CoreJson),
            (&["application/*"], CoreJson),
            (&["text/html"], CoreJson),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], CoreJson),
            (&["application/coreapi+json, application/vnd.coreapi+json, */*"], CoreJson),
            (&["application/vnd.coreapi+json"], CoreJson),
            (&["application/json, application/vnd.coreapi+json"], CoreJson),
            (&["application/json;q=0.5, application/vnd.coreapi+json;q=0.9"], CoreJson),
            (&["application/json;q=0.5, */*"], CoreJson),
            (&["application/json;q=0"], CoreJson),
            (&["application/json;q=2"], CoreJson),
            (&["application/json;q=0.1234"], CoreJson),
            (&["application/json;q=-1"], CoreJson),
            (&["application/json-home"], CoreJson),
            (&["application/json"], Json),
            (&["Application/JSON"], Json),
            (&["application/json; charset=utf-8"], Json),
            (&["application/json, text/plain, */*"], Json),
            (&["application/json;q=0.001"], Json),
            (&["application/json ; Q=1.000"], Json),
            (&["*/*;q=0.8", "application/json"], Json),
            (&["application/vnd.coreapi+json;q=0.5, application/json;q=0.51"], Json),
            (&["application/vnd.coreapi+json;q=0, */*"], Json),
            (&["application/*;q=0.2, application/json;q=0.3"], Json),
        ];
        for (lines, expected) in table {
            assert_eq!(asked(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn problem_details_only_for_who_names_them() {
        let table: [(&'static str, bool); 9] = [
            ("*/*", false),
            ("application/*", false),
            ("application/json", false),
            ("application/coreapi+json, application/vnd.coreapi+json, */*", false),
            ("application/problem+json", true),
            ("application/json, Application/Problem+JSON", true),
            ("application/problem+json;q=0, */*", false),
            ("application/vnd.coreapi+json, application/problem+json", false),
            ("application/vnd.coreapi+json;q=0.4, application/problem+json;q=0.5", true),
        ];
        for (line, expected) in table {
            let headers = [(ACCEPT, HeaderValue::from_static(line))].into_iter().collect();
            assert_eq!(prefers_problem(&headers), expected, "{line}");
        }
    }

    #[test]
    fn whether_a_person_looks() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for accept in [browser, "text/html", "TEXT/HTML;level=1", "text/html, application/json"] {
            assert!(names_html(&accepting(accept)), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/*",
            "application/json",
            "application/vnd.coreapi+json",
            "text/html;q=0",
            "application/json, text/html;q=0.9",
            "text/html;q=0.5, application/problem+json",
            "application/json-home, text/html;q=0.1",
        ] {
            assert!(!names_html(&accepting(accept)), "{accept}");
        }
        assert!(!names_html(&HeaderMap::new()));
    }

    fn accepting(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())])
    }
}
