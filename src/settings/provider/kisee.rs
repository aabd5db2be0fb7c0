//! From a provider's table to [`Kisee`].
//!
//! Must not call anybody.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;
use url::{Host, Url};

use crate::jose::key::{Algorithm, PublicKey};
use crate::settings::keys::public_key;
use crate::settings::outbound::{ProxyChoice, proxy};
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// A Kisee server.
#[derive(Clone, Debug)]
pub struct Kisee {
    /// `endpoint`, or made from `host` and `port` (1 to 65535; https at 443, else http).
    pub endpoint: Url,
    /// `public_keys`: at least one.
    pub public_keys: Vec<PublicKey>,
    /// `issuer`: what its tokens must say; anything when absent.
    pub issuer: Option<String>,
    /// `timeout`: for a whole call, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `proxy` or `proxy_file`: through which proxy it is called; default as `[outbound]` or the environment says.
    pub proxy: ProxyChoice,
}

pub(super) fn kisee(table: &Table<'_>, base: &Path) -> Option<Kisee> {
    let endpoint = endpoint(table);
    if table.get("settings").is_none() {
        table.missing("settings", "[identity_providers.settings] with public_keys = [\"…\"]");
    }
    let settings = table.table("settings")?;
    let is_empty = |item: Item<'_, &DeValue<'_>>| matches!(item.value, DeValue::Array(items) if items.is_empty());
    if settings.get("public_keys").is_none_or(is_empty) {
        settings.missing("public_keys", "a list with the PEM of Kisee's public key");
    }
    let timeout = duration(&settings, "timeout", 1..=60, Duration::from_secs(5));
    let kisee = Kisee {
        public_keys: settings.texts("public_keys").iter().filter_map(elliptic).collect(),
        issuer: settings.text("issuer").map(|item| item.value.to_owned()),
        timeout: timeout.unwrap_or_default(),
        ca_file: settings.file("ca_file", base),
        proxy: proxy(&settings, base),
        endpoint: endpoint?,
    };
    settings.finish();
    Some(kisee)
}

/// A key that a Kisee can have.
fn elliptic(item: &Item<'_, &str>) -> Option<PublicKey> {
    let key = public_key(item)?;
    if key.algorithm() == Algorithm::Rs256 {
        item.error("is an RSA key; a Kisee signs with a key on the curve secp256k1 or P-256");
        return None;
    }
    Some(key)
}

/// `endpoint`, or what `host` and `port` make.
pub(super) fn endpoint(table: &Table<'_>) -> Option<Url> {
    let (given, host) = (table.get("endpoint"), table.get("host"));
    let port = table.number("port", 1..65536);
    match (given, host) {
        (Some(item), None) if table.get("port").is_none() => url(&item.text()?),
        (Some(item), _) => {
            item.error(
                "stands beside host or port; a right provider has endpoint alone, or host and port",
            );
            None
        }
        (None, Some(item)) => at_host(&item.text()?, port),
        (None, None) => {
            table.missing("endpoint", "\"http://127.0.0.1:8140/\"");
            None
        }
    }
}

fn url(item: &Item<'_, &str>) -> Option<Url> {
    let url = item.value.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if url.is_none() {
        item.error(
            "is no place to call; a right one is \"http://127.0.0.1:8140/\", without user, query or fragment",
        );
    }
    url
}

/// `http://host:port/`, and https at port 443, where nobody speaks anything else.
fn at_host(item: &Item<'_, &str>, port: Option<u64>) -> Option<Url> {
    let host = match item.value.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => Some(Host::Ipv6(address)),
        _ => Host::parse(item.value).ok(),
    };
    let Some(host) = host else {
        item.error(
            "is no host; right ones are \"127.0.0.1\", \"::1\" and \"kisee.example.com\", without scheme, port or path",
        );
        return None;
    };
    let scheme = if port == Some(443) { "https" } else { "http" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let url = format!("{scheme}://{host}{port}/").parse().map_err(|error| item.error(error));
    url.ok()
}
