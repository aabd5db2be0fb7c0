//! From `[check]` to the endpoint that other proxies ask.
//!
//! Must not open anything.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::proxy::address;
use crate::settings::load::networks;
use crate::settings::reader::Table;

/// Where other proxies ask whether a request may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// `listen`: the address and port, 1 to 65535; default 127.0.0.1:8161.
    pub listen: SocketAddr,
    /// `allowed_peers`: networks and addresses that may ask; default those of this machine. Whoever may ask says which request
    /// is meant, and so learns of any.
    pub allowed_peers: Vec<IpNet>,
}

pub(super) fn check(table: Table<'_>) -> Option<CheckSettings> {
    let listen = address(&table, "listen", "127.0.0.1:8161");
    let given = table.get("allowed_peers");
    let mut allowed_peers = networks(&table, "allowed_peers");
    table.finish();
    match given {
        None => {
            let here = [([127, 0, 0, 0].into(), 8), (std::net::Ipv6Addr::LOCALHOST.into(), 128)];
            allowed_peers =
                here.into_iter().filter_map(|(from, bits)| IpNet::new(from, bits).ok()).collect();
        }
        Some(item) if allowed_peers.iter().any(|peers| peers.prefix_len() == 0) => item.warn(
            "lets everybody ask, and whoever asks says which request is meant: a right one lists the proxies, such as \
             \"10.0.0.0/8\"",
        ),
        Some(_) => {}
    }
    let listen = listen?.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8161)));
    Some(CheckSettings { listen, allowed_peers })
}
