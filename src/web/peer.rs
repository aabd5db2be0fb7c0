//! Which client stands behind trusted proxies.
//!
//! Must not know what the address is used for.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Mutex;

use http::HeaderMap;
use ipnet::IpNet;

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address of the connection, or what `X-Forwarded-For` says when the connection comes from a trusted proxy.
    pub address: IpAddr,
    /// What a peer that is not trusted says in that header of whom it speaks for. Made up, or a proxy that the settings do
    /// not know.
    pub claimed: Option<IpAddr>,
}

impl Client {
    /// The client of a request that came over a connection from `peer`.
    ///
    /// The header is read from its right end, where the proxy nearest to us wrote: the first address that is not a trusted
    /// proxy's is the client. What stands left of it may be made up and is not looked at. An entry that is no address ends
    /// the search at the last good one.
    #[must_use]
    pub fn of(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        if is_trusted(peer, trusted) {
            return Self { address: behind(headers, peer, trusted), claimed: None };
        }
        let last = headers.get_all(FORWARDED_FOR).iter().next_back();
        let last = last.and_then(|line| line.to_str().ok()?.rsplit(',').next());
        Self { address: peer, claimed: last.and_then(|entry| parse(entry.trim_matches(BLANK))) }
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";
const BLANK: [char; 2] = [' ', '\t'];

fn behind(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    // The header may come in several lines, which are one list (RFC 9110 §5.3).
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    for line in lines {
        let Ok(line) = line.to_str() else { return client };
        for entry in line.rsplit(',') {
            if !is_trusted(client, trusted) {
                return client;
            }
            let Some(address) = parse(entry.trim_matches(BLANK)) else { return client };
            client = address;
        }
    }
    client
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer gets.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Says in the log, once for each, which peers write `X-Forwarded-For` without being trusted: a proxy that the settings do
/// not know is taken for one client, with one client's limits.
#[derive(Debug, Default)]
pub struct UnknownProxies(Mutex<HashSet<IpAddr>>);

/// Most peers that are told of: anybody may write that header.
const MAX_TOLD: usize = 32;

impl UnknownProxies {
    /// Takes note of whom a request came from.
    pub fn note(&self, client: Client) {
        if client.claimed.is_none() {
            return;
        }
        let peer = network(client.address);
        let Ok(mut told) = self.0.lock() else { return };
        if told.len() >= MAX_TOLD || !told.insert(peer) {
            return;
        }
        tracing::warn!(
            %peer,
            "X-Forwarded-For comes from a peer that is not in trusted_proxies: if it is your proxy, all who come through it \
             count as one client until its address stands in [limits] trusted_proxies"
        );
        if told.len() == MAX_TOLD {
            tracing::warn!(
                "X-Forwarded-For came from {MAX_TOLD} such peers; others are not told of"
            );
        }
    }
}

/// Whether a peer is one of these.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let mapped = match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => address,
    };
    trusted.iter().any(|net| net.contains(&address) || net.contains(&mapped))
}

/// An address, as proxies write it: alone, with a port, in brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    let address = entry.parse().ok().or_else(|| {
        let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        bare.and_then(|bare| bare.parse().ok().map(IpAddr::V6))
    });
    address
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(lines: &[&str], peer: &str) -> String {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "fd00::/8"].iter().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.as_bytes().try_into().unwrap());
        }
        Client::of(&headers, peer.parse().unwrap(), &trusted).address.to_string()
    }

    #[test]
    fn a_table_of_hops() {
        let table: [(&[&str], &str, &str); 24] = [
            // Nobody is believed unless trusted.
            (&[], "192.0.2.1", "192.0.2.1"),
            (&["198.51.100.7"], "192.0.2.1", "192.0.2.1"),
            (&["10.0.0.1"], "192.0.2.1", "192.0.2.1"),
            // One trusted proxy, several of them, in one line or more.
            (&[], "10.0.0.1", "10.0.0.1"),
            (&["198.51.100.7"], "10.0.0.1", "198.51.100.7"),
            (&["198.51.100.7, 10.0.0.2"], "10.0.0.1", "198.51.100.7"),
            (&["198.51.100.7", "10.0.0.2"], "10.0.0.1", "198.51.100.7"),
            (&["198.51.100.7,\t10.0.0.2 ,10.0.0.3"], "10.0.0.1", "198.51.100.7"),
            // What the client made up is left of its own address.
            (&["1.1.1.1, 198.51.100.7"], "10.0.0.1", "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7"], "10.0.0.1", "198.51.100.7"),
            (&["10.0.0.9, 198.51.100.7, 10.0.0.2"], "10.0.0.1", "198.51.100.7"),
            (&["nonsense, 198.51.100.7"], "10.0.0.1", "198.51.100.7"),
            // All trusted: the one farthest away.
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.1", "10.0.0.3"),
            // Nonsense ends the search at the last good hop.
            (&["198.51.100.7, nonsense"], "10.0.0.1", "10.0.0.1"),
            (&["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.1", "10.0.0.2"),
            (&[""], "10.0.0.1", "10.0.0.1"),
            (&["198.51.100.7,"], "10.0.0.1", "10.0.0.1"),
            (&["198.51.100.256"], "10.0.0.1", "10.0.0.1"),
            (&["198.51.100.7", "caf\u{e9}"], "10.0.0.1", "10.0.0.1"),
            // Spellings.
            (&["198.51.100.7:4711"], "10.0.0.1", "198.51.100.7"),
            (&["[2001:db8::1]:4711"], "10.0.0.1", "2001:db8::1"),
            (&["[2001:db8::1], fd00::2"], "fd00::1", "2001:db8::1"),
            (&["::ffff:198.51.100.7, ::ffff:10.0.0.2"], "::ffff:10.0.0.1", "198.51.100.7"),
            (&["198.51.100.7"], "::ffff:192.0.2.1", "192.0.2.1"),
        ];
        for (lines, peer, expected) in table {
            assert_eq!(client(lines, peer), expected, "{lines:?} by {peer}");
        }
    }

    #[test]
    fn a_mapped_network_is_the_ipv4_network() {
        let trusted = ["::ffff:10.0.0.0/104".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "198.51.100.7".try_into().unwrap());
        let client = Client::of(&headers, "10.1.2.3".parse().unwrap(), &trusted);
        let address = "198.51.100.7".parse().unwrap();
        assert_eq!(client, Client { address, claimed: None });
    }

    /// Who is not trusted may claim what they like: it is known as a claim.
    #[test]
    fn a_claim_is_the_last_entry_of_who_is_not_trusted() {
        for (lines, claimed) in [
            (&[][..], None),
            (&["198.51.100.7"], Some("198.51.100.7")),
            (&["203.0.113.9, 198.51.100.7:80"], Some("198.51.100.7")),
            (&["203.0.113.9", "198.51.100.7"], Some("198.51.100.7")),
            (&["198.51.100.7, nonsense"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let client = Client::of(&headers, "192.0.2.1".parse().unwrap(), &[]);
            assert_eq!(client.address.to_string(), "192.0.2.1");
            assert_eq!(client.claimed.map(|ip| ip.to_string()).as_deref(), claimed, "{lines:?}");
        }
    }

    #[test]
    fn unknown_proxies_are_few() {
        let proxies = UnknownProxies::default();
        let address = |number: u32| Ipv4Addr::from_bits(number).into();
        for number in 0..1000 {
            proxies.note(Client { address: address(number), claimed: None });
            proxies.note(Client { address: address(number % 100), claimed: Some(address(1)) });
        }
        assert_eq!(proxies.0.lock().unwrap().len(), MAX_TOLD);
    }
}
