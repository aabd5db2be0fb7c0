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
