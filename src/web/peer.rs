//! Which client stands behind trusted proxies.
//!
//! Must not know what the address is used for.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The client's address: that of the connection, or what `X-Forwarded-For` says when the connection comes from a trusted
/// proxy.
///
/// The header is read from its right end, where the proxy nearest to us wrote: the first address that is not a trusted
/// proxy's is the client. What stands left of it may be made up and is not looked at. An entry that is no address ends
/// the search at the last good one.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    // The header may come in several lines, which are one list (RFC 9110 §5.3).
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    for line in lines {
        let Ok(line) = line.to_str() else { return client };
        for entry in line.rsplit(',') {
            if !is_trusted(client, trusted) {
                return client;
            }
            let entry = entry.trim_matches([' ', '\t']);
            let Some(address) = parse(entry) else { return client };
            client = address;
        }
    }
    client
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
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
    use super::*;

    fn client(lines: &[&str], peer: &str) -> String {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "fd00::/8"].iter().map(|net| net.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.as_bytes().try_into().unwrap());
        }
        client_address(&headers, peer.parse().unwrap(), &trusted).to_string()
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
        let client = client_address(&headers, "10.1.2.3".parse().unwrap(), &trusted);
        assert_eq!(client.to_string(), "198.51.100.7");
    }
}
