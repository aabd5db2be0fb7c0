//! Which URLs are issuers, and where each is asked about itself (OpenID Connect Discovery 1.0 sections 3 and 4, RFC 8414
//! section 3).
//!
//! Must not ask anybody.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::outbound::is_this_machine;

/// Longest issuer, in bytes, as everywhere here.
const MAX_LENGTH: usize = 255;

/// An issuer that can be asked: an `https` URL, or an `http` one of this machine, without user, query and fragment. Compared to
/// the letter.
#[derive(Clone, Debug)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

/// A text is no issuer that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no issuer; a right one is the https URL of a Pasee, such as \"https://pasee.example.com\" (http for this machine alone), \
     without user, query and fragment"
)]
pub struct IssuerError;

impl FromStr for IssuerUrl {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let is_plain = text.len() <= MAX_LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic());
        let url: Url = text.parse().ok().filter(|_| is_plain).ok_or(IssuerError)?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && !text.contains(['?', '#', '@', '\\']);
        if is_bare && is_private(&url) {
            Ok(Self { text: text.to_owned(), url })
        } else {
            Err(IssuerError)
        }
    }
}

/// Nobody on the way reads what goes there.
fn is_private(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str().is_some_and(is_this_machine),
        _ => false,
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl IssuerUrl {
    /// The issuer, to the letter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, read.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The name of its host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// A place below it: a path that begins with a slash, and perhaps a query.
    #[must_use]
    pub fn at(&self, path_and_query: &str) -> Url {
        let below = format!("{}{path_and_query}", self.text.trim_end_matches('/'));
        // What an issuer is followed by in this program is a path of its own.
        below.parse().unwrap_or_else(|_| self.url.clone())
    }

    /// Where its metadata may be: that of OpenID behind its path, that of OAuth before it.
    pub(super) fn metadata_places(&self) -> [Url; 2] {
        let mut before = self.url.clone();
        let path = self.url.path().trim_end_matches('/').to_owned();
        before.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        [self.at("/.well-known/openid-configuration"), before]
    }

    /// Whether one of its places may be called, or shown to a browser: behind TLS, or here when the issuer itself is here in the
    /// clear. A document of elsewhere makes nobody call what listens here.
    pub(super) fn may_name(&self, place: &Url) -> bool {
        let is_bare =
            place.username().is_empty() && place.password().is_none() && place.fragment().is_none();
        let is_clear = place.scheme() == "http";
        is_bare && is_private(place) && (!is_clear || self.url.scheme() == "http")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> IssuerUrl {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_an_issuer() {
        for right in [
            "https://pasee.example.com",
            "https://example.com:8443/pasee",
            "https://example.com/",
            "http://127.0.0.1:8150",
            "http://[::1]:8150",
            "http://localhost",
        ] {
            assert_eq!(issuer(right).to_string(), right);
        }
        for wrong in [
            "",
            "pasee.example.com",
            "http://pasee.example.com",
            "http://127.0.0.1.example.com",
            "ftp://example.com",
            "https://",
            "https://ada@example.com",
            "https://ada:secret@example.com",
            "https://example.com?a=b",
            "https://example.com?",
            "https://example.com#a",
            "https://exa mple.com",
            " https://example.com",
            "https://example.com\\a",
            "https://ex\u{e4}mple.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            &format!("https://example.com/{}", "a".repeat(255)),
        ] {
            assert_eq!(wrong.parse::<IssuerUrl>().err(), Some(IssuerError), "{wrong}");
        }
    }

    #[test]
    fn where_each_is_asked() {
        for (text, openid, oauth) in [
            ("https://example.com", "https://example.com", "https://example.com"),
            ("https://example.com/", "https://example.com", "https://example.com"),
            ("https://example.com/a/b", "https://example.com/a/b", "https://example.com"),
            ("https://example.com/a/", "https://example.com/a", "https://example.com"),
        ] {
            let path = issuer(text).url.path().trim_end_matches('/').to_owned();
            let places = issuer(text).metadata_places().map(|place| place.to_string());
            assert_eq!(places[0], format!("{openid}/.well-known/openid-configuration"), "{text}");
            let expected = format!("{oauth}/.well-known/oauth-authorization-server{path}");
            assert_eq!(places[1], expected, "{text}");
        }
        assert_eq!(
            issuer("https://a.com/p/").at("/groups/?a=b").as_str(),
            "https://a.com/p/groups/?a=b"
        );
    }

    #[test]
    fn what_it_may_name() {
        let (far, near) = (issuer("https://example.com"), issuer("http://127.0.0.1:8150"));
        for (place, by_far, by_near) in [
            ("https://example.com/token", true, true),
            ("https://other.example.org/token", true, true),
            ("http://example.com/token", false, false),
            ("http://127.0.0.1:1/token", false, true),
            ("http://[::1]:1/token", false, true),
            ("https://ada@example.com/token", false, false),
            ("https://example.com/token#a", false, false),
            ("file:///etc/passwd", false, false),
            ("javascript:alert(1)", false, false),
        ] {
            let place: Url = place.parse().unwrap();
            assert_eq!((far.may_name(&place), near.may_name(&place)), (by_far, by_near), "{place}");
        }
    }
}
