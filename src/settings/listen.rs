//! From `host`, `port`, `hostname`, `[tls]`, `[admin]` and `[cors]` to where Pasee listens and what it is called.
//!
//! Must not open anything.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use url::{Host, Url};

use super::Tls;
use super::reader::{Item, Table};
use super::tokens::duration;
use crate::domain::base_url::BaseUrl;

/// Where requests are taken, and what URLs in documents start with.
pub(super) struct Listen {
    pub host: String,
    pub port: u16,
    pub hostname: BaseUrl,
    pub tls: Option<Tls>,
    pub admin: Option<SocketAddr>,
    pub drain_delay: Duration,
}

/// What is said on the command line in the place of what the file says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// In the place of `host`.
    pub host: Option<ListenHost>,
    /// In the place of `port`: 1 to 65535.
    pub port: Option<NonZeroU16>,
}

/// An address to listen on, or a name that the system resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenHost(String);

/// It is neither an address nor a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no address; right ones are \"127.0.0.1\", \"0.0.0.0\", \"::\" and \"localhost\", without scheme or port"
)]
pub struct NoHost;

impl FromStr for ListenHost {
    type Err = NoHost;

    fn from_str(text: &str) -> Result<Self, NoHost> {
        // What is parsed into something else, such as 127.1 or münchen.de, is no name as it stands.
        let is_name =
            Host::parse(text).is_ok_and(|host| host == Host::Domain(text.to_ascii_lowercase()));
        if is_name || text.parse::<IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Err(NoHost)
    }
}

pub(super) fn listen(root: &Table<'_>, base: &Path, overrides: &Overrides) -> Option<Listen> {
    let in_file = match root.get("host") {
        Some(item) => item.text().and_then(|item| host(&item)),
        None => Some("127.0.0.1".to_owned()),
    };
    let host = overrides.host.as_ref().map(|host| host.0.clone()).or(in_file);
    let in_file = match root.get("port") {
        Some(_) => root.number("port", 1..65536).and_then(|port| u16::try_from(port).ok()),
        None => Some(8150),
    };
    let port = overrides.port.map(NonZeroU16::get).or(in_file);
    let tls_table = root.table("tls");
    let is_tls = tls_table.is_some();
    let tls = tls_table.and_then(|table| tls(table, base));
    let given = root.text("hostname");
    let admin = root.table("admin").and_then(|table| admin(table, host.as_deref(), port));
    let drain_delay = duration(root, "drain_delay", 0..=60, Duration::from_secs(5));
    let (host, port) = (host?, port?);
    let hostname = match given {
        Some(item) => hostname(&item, is_tls)?,
        None if root.get("hostname").is_some() => return None,
        None => {
            let made = default_hostname(&host, port, is_tls).parse();
            made.map_err(|error| root.report.error(root.at, &root.path("hostname"), error)).ok()?
        }
    };
    Some(Listen { host, port, hostname, tls, admin, drain_delay: drain_delay? })
}

/// An address, or a name that the system resolves.
pub(super) fn host(item: &Item<'_, &str>) -> Option<String> {
    item.parse::<ListenHost>().map(|host| host.0)
}

/// The place a client on this machine can use.
fn default_hostname(host: &str, port: u16, is_tls: bool) -> String {
    let (scheme, usual) = if is_tls { ("https", 443) } else { ("http", 80) };
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_ascii_lowercase(),
    };
    if port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
}

fn hostname(item: &Item<'_, &str>, is_tls: bool) -> Option<BaseUrl> {
    let hostname: BaseUrl = item.parse()?;
    if is_tls && !hostname.is_https() {
        item.warn(
            "says http although there is [tls]: URLs in documents will not work; write https",
        );
    }
    Some(hostname)
}

/// Whether the URL is scheme, host and port, and nothing else.
fn is_origin(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

pub(super) fn tls(table: Table<'_>, base: &Path) -> Option<Tls> {
    let path = |key, right| table.needed(key, right).and_then(|item| item.path(base));
    let certificate =
        path("certificate", "the path of a PEM file, such as \"tls/certificate.pem\"");
    let key = path("key", "the path of a PEM file, such as \"tls/key.pem\"");
    table.finish();
    Some(Tls { certificate: certificate?, key: key? })
}

fn admin(table: Table<'_>, host: Option<&str>, port: Option<u16>) -> Option<SocketAddr> {
    let item = table.needed("listen", "\"127.0.0.1:8151\"");
    table.finish();
    let item = item?;
    let address = item.value.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    let Some(address) = address else {
        item.error(
            "is no address with a port; right ones are \"127.0.0.1:8151\" and \"[::1]:8151\"",
        );
        return None;
    };
    let host = host.and_then(|host| host.parse::<IpAddr>().ok());
    let same = |host: IpAddr| {
        host == address.ip() || host.is_unspecified() || address.ip().is_unspecified()
    };
    if port == Some(address.port()) && host.is_some_and(same) {
        item.error("is where tokens are served; a right one has a port of its own, such as 8151");
    }
    Some(address)
}

pub(super) fn cors(table: Table<'_>) -> Vec<String> {
    let origins = table.texts("allowed_origins");
    for item in &origins {
        let exact = item
            .value
            .parse::<Url>()
            .is_ok_and(|url| is_origin(&url) && url.origin().ascii_serialization() == item.value);
        let any_alone = item.value == "*" && origins.len() == 1;
        if !(exact || any_alone) {
            item.error(
                "is no exact origin; a right one is \"https://app.example.com\", or \"*\" alone",
            );
        }
    }
    table.finish();
    origins.iter().map(|item| item.value.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_on_this_machine_can_use_the_default_hostname() {
        for (host, port, is_tls, right) in [
            ("127.0.0.1", 8150, false, "http://127.0.0.1:8150"),
            ("0.0.0.0", 8150, false, "http://127.0.0.1:8150"),
            ("::", 8150, false, "http://[::1]:8150"),
            ("::1", 8150, true, "https://[::1]:8150"),
            ("2001:DB8::1", 80, false, "http://[2001:db8::1]"),
            ("Localhost", 443, true, "https://localhost"),
            ("localhost", 80, true, "https://localhost:80"),
            ("localhost", 443, false, "http://localhost:443"),
        ] {
            let made = default_hostname(host, port, is_tls);
            assert_eq!(made, right);
            assert_eq!(made.parse::<BaseUrl>().unwrap().as_str(), made);
        }
    }
}
