//! Through which proxy a call leaves, if through any: one for whatever is called, or what is for all, which leaves out some
//! names and this machine.
//!
//! Must not know who is called, nor how a proxy is spoken to.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use secrecy::{ExposeSecret as _, SecretString};

use super::no_proxy::{NoProxy, is_this_machine};

/// What a proxy without a port is taken to have, as by curl.
const DEFAULT_PORT: u16 = 1080;
const DEFAULT_TLS_PORT: u16 = 443;

/// A proxy, shown without the user and password that it may ask for.
#[derive(Clone)]
pub struct ProxyServer {
    /// `http`, `https`, `socks5` or `socks5h`.
    scheme: String,
    /// An IPv6 address in brackets.
    host: String,
    port: u16,
    /// `user:password`, percent-encoded as they stand in the URL.
    user: Option<SecretString>,
}

/// No proxy. What stands there is not repeated: a password may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no proxy; a right one is \"http://proxy.example.com:3128\" (http, https, socks5 or socks5h), with \
     \"user:password@\" before the name where it asks for that, and % escapes for what else than letters and digits is in them"
)]
pub struct NotAProxy;

impl FromStr for ProxyServer {
    type Err = NotAProxy;

    /// As [`ProxyServer::read`], with the default port of curl.
    fn from_str(text: &str) -> Result<Self, NotAProxy> {
        Self::read(text, DEFAULT_PORT)
    }
}

/// Whether something stands where a port does, be it one or not.
fn has_port(place: &str) -> bool {
    place.rsplit(']').next().unwrap_or(place).contains(':')
}

impl ProxyServer {
    /// Reads a URL, or a name and a port, which is HTTP; HTTP without a port has this one. What follows the port counts for
    /// nothing.
    ///
    /// # Errors
    /// [`NotAProxy`].
    pub fn read(text: &str, default_port: u16) -> Result<Self, NotAProxy> {
        let text = text.trim();
        let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = url.parse().map_err(|_| NotAProxy)?;
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => DEFAULT_TLS_PORT,
            "http" => default_port,
            "socks5" | "socks5h" => DEFAULT_PORT,
            _ => return Err(NotAProxy),
        };
        let authority = uri.authority().ok_or(NotAProxy)?;
        let (user, place) = match authority.as_str().rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.as_str()),
        };
        if authority.host().is_empty() || (authority.port().is_some() != has_port(place)) {
            return Err(NotAProxy);
        }
        Ok(Self {
            scheme,
            host: authority.host().to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default),
            user: user.map(SecretString::from),
        })
    }

    /// Its URL with the user and password, for whoever connects.
    #[must_use]
    pub fn with_user(&self) -> SecretString {
        let Self { scheme, host, port, user } = self;
        let user = user.as_ref().map(|user| format!("{}@", user.expose_secret()));
        format!("{scheme}://{}{host}:{port}/", user.unwrap_or_default()).into()
    }

    /// Whether it is spoken to with TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it speaks HTTP.
    pub(super) fn is_http(&self) -> bool {
        self.scheme.starts_with("http")
    }

    /// Where it is spoken to in HTTP without TLS, if it is.
    pub(super) fn in_the_clear(&self) -> Option<(&str, u16)> {
        (self.scheme == "http").then_some((self.host.trim_matches(['[', ']']), self.port))
    }

    /// `user:password`, percent-encoded.
    pub(super) fn user(&self) -> Option<&SecretString> {
        self.user.as_ref()
    }

    /// Whether it is on this machine, where nobody listens in.
    #[must_use]
    pub fn is_near(&self) -> bool {
        is_this_machine(&self.host)
    }
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyServer({self})")
    }
}

/// Through which proxy calls leave.
#[derive(Clone, Debug, Default)]
pub enum Proxies {
    /// Through none.
    #[default]
    Direct,
    /// Whatever is called, through this one: somebody said so of exactly whom is called.
    Always(ProxyServer),
    /// By what is called, through one that is for all.
    Shared {
        /// For what is called in the clear.
        http: Option<ProxyServer>,
        /// For what is called with TLS.
        https: Option<ProxyServer>,
        /// What is called directly, beside this machine: what goes to it in the clear is nobody else's business, and a
        /// proxy elsewhere would call its own machine.
        left_out: NoProxy,
    },
}

impl Proxies {
    /// The proxy on the way to a host; an IPv6 address may have its brackets.
    #[must_use]
    pub fn through(&self, scheme: &str, host: &str) -> Option<&ProxyServer> {
        match self {
            Self::Direct => None,
            Self::Always(proxy) => Some(proxy),
            Self::Shared { http, https, left_out } => {
                let proxy = if scheme == "https" { https } else { http };
                proxy.as_ref().filter(|_| !is_this_machine(host) && !left_out.contains(host))
            }
        }
    }

    /// All of them, for the log.
    pub(super) fn shown(&self) -> Option<String> {
        let mut shown: Vec<String> = self.all().iter().map(ToString::to_string).collect();
        shown.dedup();
        (!shown.is_empty()).then(|| shown.join(", "))
    }

    fn all(&self) -> Vec<&ProxyServer> {
        match self {
            Self::Direct => Vec::new(),
            Self::Always(proxy) => vec![proxy],
            Self::Shared { http, https, .. } => [http, https].into_iter().flatten().collect(),
        }
    }
}
