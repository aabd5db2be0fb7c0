//! Where the others may be: addresses, and names that are resolved anew at each look.
//!
//! Must not know who is there.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::join_all;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// Most addresses that are looked at.
const MAX_ADDRESSES: usize = 64;
/// How long a name may take.
const RESOLVE: Duration = Duration::from_secs(2);

/// A name or an address, with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerName {
    host: String,
    port: u16,
}

impl PeerName {
    /// A name or an address, which has no brackets, and a port.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }
}

/// An IPv6 address in brackets.
impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// All addresses of all names; `None` where one of them could not be resolved, so that what was known before goes on. A name that is
/// known and has no address is not of that kind in every resolver: it is said as an error too.
pub(super) async fn find(names: &[PeerName]) -> Option<BTreeSet<SocketAddr>> {
    let found = join_all(names.iter().map(resolve)).await;
    let found: Option<Vec<Vec<SocketAddr>>> = found.into_iter().collect();
    let addresses: BTreeSet<SocketAddr> = found?.into_iter().flatten().collect();
    if addresses.len() > MAX_ADDRESSES {
        tracing::warn!(found = addresses.len(), most = MAX_ADDRESSES, "too many peers");
    }
    Some(addresses.into_iter().take(MAX_ADDRESSES).collect())
}

async fn resolve(name: &PeerName) -> Option<Vec<SocketAddr>> {
    if let Ok(address) = name.host.parse::<IpAddr>() {
        return Some(vec![SocketAddr::new(address, name.port)]);
    }
    match timeout(RESOLVE, lookup_host((name.host.as_str(), name.port))).await {
        Ok(Ok(addresses)) => Some(addresses.collect()),
        Ok(Err(error)) => {
            tracing::debug!(%name, %error, "a peer's name is not resolved");
            None
        }
        Err(_) => {
            tracing::debug!(%name, "a peer's name takes too long to resolve");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_what_they_say() {
        let names = [PeerName::new("192.0.2.1", 1), PeerName::new("2001:db8::1", 2)];
        assert_eq!(names.each_ref().map(ToString::to_string), ["192.0.2.1:1", "[2001:db8::1]:2"]);
        let found = find(&names).await.unwrap();
        let right = ["192.0.2.1:1", "[2001:db8::1]:2"].map(|text| text.parse().unwrap());
        assert_eq!(found, BTreeSet::from(right));
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_takes_nothing_away() {
        let names = [PeerName::new("192.0.2.1", 1), PeerName::new("peers.invalid", 2)];
        assert_eq!(find(&names).await, None);
    }

    #[tokio::test]
    async fn no_more_than_there_may_be() {
        let names: Vec<PeerName> = (1..200).map(|port| PeerName::new("192.0.2.1", port)).collect();
        assert_eq!(find(&names).await.unwrap().len(), MAX_ADDRESSES);
    }
}
