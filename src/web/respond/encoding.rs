//! Which of the two names of the same bytes a client prefers (RFC 9110 §12.5.1).
//!
//! Must not know the documents.

use http::HeaderMap;
use http::header::{ACCEPT, HeaderValue};

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
    for line in headers.get_all(ACCEPT) {
        let Ok(line) = line.to_str() else { continue };
        for range in line.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = quality(parts);
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
    }
    if json.wish() > core.wish() { Encoding::Json } else { Encoding::CoreJson }
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
}
