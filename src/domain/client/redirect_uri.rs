//! Redirect URIs: where a browser is sent back to, and which one was asked for.
//!
//! Texts are compared, never what a parser makes of them (RFC 9700 section 4.1.3): two readers of one address have always been two
//! addresses for somebody. So one is taken only as browsers would write it, and then it is its text. Must not know requests.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Longest redirect URI, in bytes.
pub const MAX_REDIRECT_URI: usize = 512;

/// What an address on the user's own machine begins with.
const ON_LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

/// An absolute address without fragment, user or wildcard: `https`, or `http` on the user's own machine, or a scheme that belongs to an
/// application there, such as `com.example.app` (RFC 8252 section 7). Spelled as browsers spell it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `asked` is this address: to the letter, but for the port on the user's own machine, which an application there cannot
    /// choose beforehand (RFC 8252 section 7.3).
    #[must_use]
    pub fn matches(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        match (Local::read(&self.0), Local::read(asked)) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        }
    }

    /// Whether it leads to a program on the user's own machine, over HTTP.
    #[must_use]
    pub fn is_on_loopback(&self) -> bool {
        Local::read(&self.0).is_some()
    }

    /// Whether it leads to an application by a scheme of its own (RFC 8252 section 7.1).
    #[must_use]
    pub fn is_private_use(&self) -> bool {
        !self.0.starts_with("https:") && !self.0.starts_with("http:")
    }
}

/// An address on the user's own machine, without its port.
#[derive(PartialEq, Eq)]
struct Local<'a> {
    host: &'static str,
    rest: &'a str,
}

impl<'a> Local<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let host = ON_LOOPBACK.into_iter().find(|host| text.starts_with(host))?;
        let behind = &text[host.len()..];
        let rest = match behind.strip_prefix(':') {
            None => behind,
            Some(port) => {
                let digits = port.bytes().take_while(u8::is_ascii_digit).count();
                // A port as browsers write it: no zero before it, and none that there is not.
                if port.starts_with('0') || port[..digits].parse::<u16>().is_err() {
                    return None;
                }
                &port[digits..]
            }
        };
        let is_end = rest.is_empty() || rest.starts_with(['/', '?']);
        is_end.then_some(Self { host, rest })
    }
}

/// Whether a host, as a URL has it, is the user's own machine.
pub(super) fn is_loopback(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_REDIRECT_URI {
            return Err(RedirectUriError::TooLong);
        }
        if text.contains('*') {
            return Err(RedirectUriError::Wildcard);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::Relative)?;
        if !url.username().is_empty() || url.password().is_some() || has_user(text) {
            return Err(RedirectUriError::User);
        }
        match url.scheme() {
            "https" => {}
            "http" if url.host_str().is_some_and(is_loopback) => {}
            "http" => return Err(RedirectUriError::Http),
            scheme if is_private_use(scheme) => {}
            _ => return Err(RedirectUriError::Scheme),
        }
        if !is_as_browsers_write(text, &url) {
            return Err(RedirectUriError::Spelling(url.as_str().to_owned()));
        }
        if url.port() == Some(0) {
            return Err(RedirectUriError::Port);
        }
        if is_private_use(url.scheme()) && text.len() == url.scheme().len() + ":".len() {
            return Err(RedirectUriError::Relative);
        }
        Ok(Self(text.to_owned()))
    }
}

/// An empty user is one too: `https://@example.com`.
fn has_user(text: &str) -> bool {
    let authority = text.split_once("//").map_or("", |(_, rest)| rest);
    authority.split(['/', '?', '\\']).next().is_some_and(|authority| authority.contains('@'))
}

/// A scheme by the name of a domain that its maker has, turned around: it has a dot (RFC 8252 section 7.1).
fn is_private_use(scheme: &str) -> bool {
    let is_part = |part: &str| !part.is_empty();
    scheme.contains('.') && scheme.split('.').all(is_part)
}

/// Whether a browser would write the address no otherwise. The `/` alone may be missing that it puts behind a host.
fn is_as_browsers_write(text: &str, url: &Url) -> bool {
    let written = url.as_str();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let without_slash = || {
        let (before, after) = written.split_at(url[..url::Position::BeforePath].len());
        url.path() == "/" && text.strip_prefix(before) == after.strip_prefix('/')
    };
    written == text || without_slash()
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is no redirect URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Longer than [`MAX_REDIRECT_URI`].
    #[error("a redirect URI has at most {MAX_REDIRECT_URI} bytes")]
    TooLong,
    /// A `*`.
    #[error(
        "a redirect URI is compared to the letter and has no *; name each one, such as https://grafana.example.com/callback"
    )]
    Wildcard,
    /// A `#`.
    #[error("a redirect URI has no fragment: leave out the # and what follows")]
    Fragment,
    /// A user before the host.
    #[error("a redirect URI names no user: leave out what is before the @")]
    User,
    /// No scheme, no host.
    #[error("a redirect URI is absolute, such as https://grafana.example.com/callback")]
    Relative,
    /// `http` to somewhere else.
    #[error(
        "a redirect URI is https, so that nobody on the way reads the code; http is for http://127.0.0.1, http://[::1] and http://localhost \
         alone"
    )]
    Http,
    /// A scheme that is not one of these.
    #[error(
        "a redirect URI is https, or http on the user's own machine, or has a scheme of an application's own, with a dot in it, such as \
         com.example.app:/callback"
    )]
    Scheme,
    /// Port 0.
    #[error("port 0 is no port; leave it out, and any port is taken on the user's own machine")]
    Port,
    /// Not as a browser would write it.
    #[error("a browser writes this redirect URI otherwise; say {0}")]
    Spelling(String),
}
