//! Which language somebody reads.
//!
//! Must not know the texts.

use http::request::Parts;
use url::form_urlencoded;

use super::texts::{ENGLISH, FRENCH, Texts};
use crate::web::respond::preferred_language;

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Language {
    /// Where nobody asks for another.
    English,
    French,
}

impl Language {
    const ALL: [Self; 2] = [Self::English, Self::French];

    /// The language of who sends a request: of those that `ui_locales` names (OpenID Connect Core 1.0 section 3.1.2.1) the first
    /// that we have, else what the browser prefers.
    pub(in crate::server) fn of(parts: &Parts) -> Self {
        Self::asked_in(parts.uri.query().unwrap_or_default())
            .unwrap_or_else(|| Self::preferred(parts))
    }

    /// What a query asks for by `ui_locales`.
    pub(in crate::server) fn asked_in(query: &str) -> Option<Self> {
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        let (_, locales) = parameters.find(|(name, _)| name == "ui_locales")?;
        let primary =
            |locale: &str| locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        locales.split_ascii_whitespace().find_map(|locale| Self::tagged(&primary(locale)))
    }

    /// What the browser prefers.
    pub(in crate::server) fn preferred(parts: &Parts) -> Self {
        let tags = Self::ALL.map(Self::tag);
        let preferred = preferred_language(&parts.headers, &tags);
        preferred.and_then(Self::tagged).unwrap_or(Self::English)
    }

    /// As `lang` and `Content-Language` have it.
    pub(in crate::server) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }

    fn tagged(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn language(query: &str, accepted: &str) -> Language {
        let request =
            Request::builder().uri(format!("/?{query}")).header("accept-language", accepted);
        Language::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn who_reads_what() {
        use Language::{English, French};
        for (query, accepted, wanted) in [
            ("", "", English),
            ("", "fr", French),
            ("", "fr-CA, en;q=0.9", French),
            ("", "en-GB,en;q=0.9,fr;q=0.8", English),
            ("", "de, fr;q=0.5, en;q=0.4", French),
            ("", "de", English),
            ("", "fr;q=0, en;q=0.1", English),
            ("", "FR", French),
            ("ui_locales=fr", "en", French),
            ("ui_locales=de%20fr-CH%20en", "en", French),
            ("ui_locales=de", "fr", French),
            ("ui_locales=", "fr", French),
            ("ui_locales=en", "fr", English),
        ] {
            assert_eq!(language(query, accepted), wanted, "{query:?} {accepted:?}");
        }
    }
}
