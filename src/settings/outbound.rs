//! From `[outbound]`, and from `proxy` and `proxy_file` of a provider, to how others are called.
//!
//! Must not call anybody, nor look at the environment.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::Uri;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::keys::secret;
use super::reader::{Item, Table};

/// How identity providers are called; a provider may say more.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// `proxy` or `proxy_file`: through which proxy; default by the environment.
    pub proxy: ProxyChoice,
    /// `no_proxy`: names, with all below them, addresses and networks that are called directly, or `*` alone; default what
    /// `NO_PROXY` in the environment says. This machine always is.
    pub no_proxy: Option<Vec<String>>,
    /// `ca_file`: authorities to trust for all of them and for proxies, beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Through which proxy somebody is called.
#[derive(Clone, Debug, Default)]
pub enum ProxyChoice {
    /// Nothing is said here.
    #[default]
    Unsaid,
    /// `none`: through none.
    Never,
    /// A URL: through that one.
    Through(ProxyUrl),
}

/// A proxy, shown without the user and password that it may ask for.
#[derive(Clone)]
pub struct ProxyUrl {
    shown: String,
    url: SecretString,
}

/// No proxy. What stands there is not repeated: a password may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no proxy; right ones are \"http://proxy.example.com:3128\" (http, https, socks5 or socks5h, with the port), with \
     \"user:password@\" before the name where it asks for that, and \"none\""
)]
pub struct NotAProxyUrl;

impl ProxyUrl {
    /// Whether it is on this machine.
    pub(super) fn is_near(&self) -> bool {
        let host = self.shown.parse::<Uri>().ok();
        let host = host.as_ref().and_then(Uri::host).unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        address.map_or(host == "localhost", |address| address.is_loopback())
    }

    /// The URL as it is written, with the user and password.
    #[must_use]
    pub fn url(&self) -> &SecretString {
        &self.url
    }
}

impl FromStr for ProxyUrl {
    type Err = NotAProxyUrl;

    fn from_str(text: &str) -> Result<Self, NotAProxyUrl> {
        let uri: Uri = text.parse().map_err(|_| NotAProxyUrl)?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let port = uri.port_u16().filter(|port| *port > 0).ok_or(NotAProxyUrl)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(NotAProxyUrl)?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !matches!(scheme, "http" | "https" | "socks5" | "socks5h") || !is_bare {
            return Err(NotAProxyUrl);
        }
        Ok(Self { shown: format!("{scheme}://{host}:{port}"), url: text.into() })
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

pub(super) fn outbound(table: Table<'_>, base: &Path) -> Outbound {
    let outbound = Outbound {
        proxy: proxy(&table, base),
        no_proxy: no_proxy(&table),
        ca_file: table.file("ca_file", base),
    };
    table.finish();
    outbound
}

/// `proxy` or `proxy_file`.
pub(super) fn proxy(table: &Table<'_>, base: &Path) -> ProxyChoice {
    let Some((text, item)) = secret(table, "proxy", "proxy_file", base) else {
        return ProxyChoice::Unsaid;
    };
    match text.expose_secret().trim() {
        "none" => ProxyChoice::Never,
        url => match url.parse() {
            Ok(proxy) => ProxyChoice::Through(proxy),
            Err(error) => {
                item.error(error);
                ProxyChoice::Unsaid
            }
        },
    }
}

/// Says that there is no such key in this protocol, and why.
pub(super) fn refuse_proxy(table: &Table<'_>, why: &str) {
    for key in ["proxy", "proxy_file"] {
        if let Some(item) = table.get(key) {
            item.error(format_args!("is not known here: {why}; leave it out"));
        }
    }
}

fn no_proxy(table: &Table<'_>) -> Option<Vec<String>> {
    table.get("no_proxy")?;
    let items = table.texts("no_proxy");
    let is_right = |item: &&Item<'_, &str>| {
        let is_all = item.value == "*" && items.len() == 1;
        let right = is_all || is_place(item.value);
        if !right {
            item.error(
                "is nothing that is called directly; right ones are \"example.com\", with all names below it, \"192.0.2.1\", \
                 \"10.0.0.0/8\", and [\"*\"] alone for everything; without port",
            );
        }
        right
    };
    Some(items.iter().filter(is_right).map(|item| item.value.to_owned()).collect())
}

/// A name, an address or a network.
fn is_place(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok_and(|net| net.prefix_len() > 0)
    {
        return true;
    }
    let name = text.strip_prefix('.').unwrap_or(text);
    let letters = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(letters)
}
