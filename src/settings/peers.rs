//! From `[peers]` to where the servers of one realm ask each other for what only one of them keeps.
//!
//! Must not open anything, nor resolve a name.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use toml::de::DeValue;

use super::listen::ListenHost;
use super::reader::{Item, Table};
use super::{PeerAddress, Peers};

/// Most entries of `discover`.
const MAX_ENTRIES: usize = 64;

/// It is neither a name nor an address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no place with a port; right ones are \"pasee-peers:8152\", \"10.0.0.7:8152\" and \"[2001:db8::7]:8152\""
)]
pub struct NoPlace;

impl FromStr for PeerAddress {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            let host = address.ip().to_string();
            return if address.port() == 0 {
                Err(NoPlace)
            } else {
                Ok(Self { host, port: address.port() })
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(NoPlace)?;
        // What is written as a number is one of an IPv6 address without brackets, or no port.
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(NoPlace)?;
        let is_name = host.parse::<ListenHost>().is_ok() && host.parse::<IpAddr>().is_err();
        if is_name { Ok(Self { host: host.to_owned(), port }) } else { Err(NoPlace) }
    }
}

/// An IPv6 address in brackets.
impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// Where `host` and `port`, and `[admin]`, are served.
pub(super) struct Beside<'a> {
    pub host: &'a str,
    pub port: u16,
    pub admin: Option<SocketAddr>,
}

pub(super) fn peers(table: Table<'_>, beside: &Beside<'_>) -> Option<Peers> {
    let listen = table.needed("listen", "\"0.0.0.0:8152\"");
    let listen = listen.and_then(|item| address(&item).map(|address| (item, address)));
    if let Some((item, address)) = &listen {
        refuse_taken(item, *address, beside);
    }
    let advertise = match table.get("advertise") {
        Some(item) => item.text().and_then(|item| address(&item)).map(Some),
        None => Some(None),
    };
    let discover = discover(&table);
    let ours = table.text("advertise");
    if let (Some(discover), Some(Some(address)), Some(ours)) = (&discover, advertise, ours)
        && !discover.iter().any(|place| place.may_be(address))
    {
        ours.warn(
            "is not in discover, so that no other server calls this one; a right discover names every server, this one too",
        );
    }
    table.finish();
    Some(Peers { listen: listen?.1, advertise: advertise?, discover: discover? })
}

impl PeerAddress {
    /// Whether an address may be meant: a name may be that of any.
    fn may_be(&self, address: SocketAddr) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(host) => SocketAddr::new(host, self.port) == address,
            Err(_) => self.port == address.port(),
        }
    }
}

fn address(item: &Item<'_, &str>) -> Option<SocketAddr> {
    let address = item.value.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if address.is_none() {
        item.error(
            "is no address with a port; right ones are \"10.0.0.7:8152\" and \"[2001:db8::7]:8152\"",
        );
    }
    address
}

fn refuse_taken(item: &Item<'_, &str>, address: SocketAddr, taken: &Beside<'_>) {
    let overlaps = |host: IpAddr| {
        host == address.ip() || host.is_unspecified() || address.ip().is_unspecified()
    };
    let is_api = taken.port == address.port() && taken.host.parse().is_ok_and(overlaps);
    let is_admin =
        taken.admin.is_some_and(|admin| admin.port() == address.port() && overlaps(admin.ip()));
    if is_api || is_admin {
        item.error(
            "is where something else is served; a right one has a port of its own, such as 8152",
        );
    }
}

/// A name or a list.
fn discover(table: &Table<'_>) -> Option<Vec<PeerAddress>> {
    let Some(item) = table.get("discover") else {
        table.missing(
            "discover",
            "\"pasee-peers:8152\", a name with the address of each server, or a list",
        );
        return None;
    };
    if let DeValue::String(_) = item.value {
        return Some(vec![item.text()?.parse()?]);
    }
    let entries = item.list()?;
    if !(1..=MAX_ENTRIES).contains(&entries.len()) {
        item.error(format_args!(
            "has 1 to {MAX_ENTRIES} entries; a right one is [\"10.0.0.7:8152\", \"10.0.0.8:8152\"]"
        ));
        return None;
    }
    let places: Vec<Option<PeerAddress>> =
        entries.iter().map(|entry| entry.text().and_then(|entry| entry.parse())).collect();
    places.into_iter().collect()
}
