//! Where this Pasee is, as the outside knows it: the one place that makes its URLs and paths, and that knows which requests are for it.
//!
//! Must not know what stands at any of them.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Longest path, in bytes: cookies carry it, and so does every link.
const MAX_PATH: usize = 100;

/// What every URL of this Pasee begins with: `http` or `https`, a host, perhaps a port and a path; no slash at the end.
///
/// Several can be at one host, each below a path of its own. Requests come with that path in front, as the browser sends them: a
/// proxy passes them on unshortened. So a link, a cookie's path and what a request asks for are one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    origin_length: usize,
}

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// More or less than scheme, host, port and path.
    #[error(
        "is no place to be reached at; a right one is \"https://pasee.example.com\", or with a path \"https://example.com/pasee\", \
         without query or user"
    )]
    NoPlace,
    /// A path that browsers, proxies and we could read differently.
    #[error(
        "has a path that proxies and browsers may spell otherwise; a right one has letters, digits, -, _ and . between single slashes, \
         begins no part with a dot and is 100 characters at most, such as \"https://example.com/pasee\""
    )]
    Path,
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let url: Url = text.parse().map_err(|_| BaseUrlError::NoPlace)?;
        let is_bare = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare {
            return Err(BaseUrlError::NoPlace);
        }
        let origin = url.origin().ascii_serialization();
        let path = written_path(text);
        // What is parsed into something else, such as `/a/../b`, is not what browsers ask for.
        if !is_path(path) || url.path() != if path.is_empty() { "/" } else { path } {
            return Err(BaseUrlError::Path);
        }
        Ok(Self { text: format!("{origin}{path}"), origin_length: origin.len() })
    }
}

/// What stands behind the host.
fn written_path(text: &str) -> &str {
    let authority = text.find("://").map_or(0, |scheme| scheme + 3);
    text[authority..].find('/').map_or("", |path| &text[authority + path..])
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_segment = |segment: &str| {
        !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(is_plain)
    };
    path.len() <= MAX_PATH && path.split('/').skip(1).all(is_segment)
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl BaseUrl {
    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port (RFC 6454 section 6.2).
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.text[..self.origin_length]
    }

    /// The path that everything is below, without a slash at its end: empty at the root of the host.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[self.origin_length..]
    }

    /// The URL of something, by its path below this: `/users/me`.
    #[must_use]
    pub fn url(&self, below: &str) -> String {
        format!("{}{below}", self.text)
    }

    /// The same as links and forms of pages have it: whatever host the browser reached us at, it stays there.
    #[must_use]
    pub fn link(&self, below: &str) -> String {
        format!("{}{below}", self.path())
    }

    /// What a request asks for below this, by its path; `None` when it is for somebody else at this host. `/pasee` is `/pasee/`.
    #[must_use]
    pub fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(self.path())?;
        match below {
            "" if self.path().is_empty() => Some(below),
            "" => Some("/"),
            below if below.starts_with('/') || self.path().is_empty() => Some(below),
            _ => None,
        }
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Whether nobody on the way can change what is fetched from there.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.is_https() || Url::parse(&self.text).is_ok_and(|url| is_this_machine(&url))
    }

    /// Where documents about an issuer of this name are looked for, as paths at the host: behind its path (OpenID Connect Discovery
    /// 1.0 section 4.1), and between host and path (RFC 8414 section 3.1). A proxy has to pass on these, too.
    #[must_use]
    pub fn metadata_paths(&self) -> Vec<String> {
        let path = self.path();
        let names =
            ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
        let mut places: Vec<String> = names.iter().map(|name| self.link(name)).collect();
        if !path.is_empty() {
            places.extend(names.iter().map(|name| format!("{name}{path}")));
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn what_it_is() {
        for (text, origin, path) in [
            ("https://id.example.com", "https://id.example.com", ""),
            ("https://ID.example.com/", "https://id.example.com", ""),
            ("https://id.example.com:443", "https://id.example.com", ""),
            ("https://example.com/Pasee/", "https://example.com", "/Pasee"),
            ("http://[::1]:8150/a-b/c_d.e", "http://[::1]:8150", "/a-b/c_d.e"),
        ] {
            let base = base(text);
            assert_eq!((base.origin(), base.path()), (origin, path));
            assert_eq!(base.as_str(), format!("{origin}{path}"));
            assert_eq!(base.url("/users/"), format!("{origin}{path}/users/"));
            assert_eq!(base.link("/"), format!("{path}/"));
            assert_eq!(base.to_string().parse(), Ok(base));
        }
        let longest = format!("https://example.com/{}", "a".repeat(99));
        assert_eq!(base(&longest).as_str(), longest);
        for wrong in [
            "",
            "pasee.example.com",
            "ftp://example.com",
            "https://",
            "https://example.com?q",
            "https://example.com/a?q",
            "https://example.com/a#b",
            "https://ada@example.com",
        ] {
            assert_eq!(wrong.parse::<BaseUrl>(), Err(BaseUrlError::NoPlace), "{wrong}");
        }
        for wrong in [
            "https://example.com//",
            "https://example.com//a",
            "https://example.com/a//b",
            "https://example.com/a//",
            "https://example.com/../a",
            "https://example.com/a/..",
            "https://example.com/./a",
            "https://example.com/.well-known",
            "https://example.com/a b",
            "https://example.com/a%62",
            "https://example.com/a;b",
            "https://example.com/a,b",
            "https://example.com/a\\b",
            "https://example.com/\u{e9}",
            &format!("{longest}a"),
        ] {
            assert_eq!(wrong.parse::<BaseUrl>(), Err(BaseUrlError::Path), "{wrong}");
        }
    }

    #[test]
    fn what_is_below_it() {
        let root = base("https://example.com");
        for path in ["/", "/a", "//", "*", ""] {
            assert_eq!(root.below(path), Some(path));
        }
        let below = base("https://example.com/a/b");
        for (path, found) in [
            ("/a/b", Some("/")),
            ("/a/b/", Some("/")),
            ("/a/b//", Some("//")),
            ("/a/b/c/", Some("/c/")),
            ("/a/b/a/b", Some("/a/b")),
            ("/a/bc", None),
            ("/a/b%2fc", None),
            ("/a", None),
            ("/A/b/c", None),
            ("/", None),
            ("//a/b", None),
            ("/users/", None),
            ("*", None),
        ] {
            assert_eq!(below.below(path), found, "{path}");
        }
    }

    #[test]
    fn where_nobody_changes_anything_on_the_way() {
        for (text, safe) in [
            ("https://example.com/a", true),
            ("http://example.com", false),
            ("http://127.0.0.1:8150", true),
            ("http://localhost:1/x", true),
            ("http://[::1]", true),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com/127.0.0.1", false),
        ] {
            assert_eq!(base(text).is_safe(), safe, "{text}");
        }
    }

    #[test]
    fn where_its_issuer_is_asked_about() {
        let root = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];
        assert_eq!(base("https://id.example.com").metadata_paths(), root);
        assert_eq!(
            base("https://id.example.com/a/b").metadata_paths(),
            [
                "/a/b/.well-known/openid-configuration",
                "/a/b/.well-known/oauth-authorization-server",
                "/.well-known/openid-configuration/a/b",
                "/.well-known/oauth-authorization-server/a/b",
            ]
        );
    }
}
