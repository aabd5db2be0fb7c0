//! How connections are kept: how many, how long, and with which certificate.
//!
//! Must not know how they are accepted, nor what happens on them.

use std::time::Duration;

use ipnet::IpNet;

use super::occupancy::Occupancy;
use super::tls;

/// How connections are kept.
#[derive(Debug, Clone)]
pub struct ConnectionOptions {
    /// Most connections at once. Further ones close one that is idle, or wait in the kernel until one ends. Lowered where the
    /// process may not open that many files.
    pub max_connections: usize,
    /// Most connections of one address (an IPv6 /64) at once. One more closes one of them that is idle, or is closed.
    pub max_connections_per_address: usize,
    /// Those who speak for many, to whom that does not apply.
    pub trusted_proxies: Vec<IpNet>,
    /// Where it is told how many there are.
    pub occupancy: Occupancy,
    /// Longest time from the accepted connection, the TLS handshake included, to its first whole request head; and
    /// from the first byte of a later head to its last.
    pub header_timeout: Duration,
    /// Longest time without a request being answered, after the first one. A client that reads its answer slower than
    /// this loses it.
    pub idle_timeout: Duration,
    /// Longest time that requests under way may take after the shutdown began.
    pub drain: Duration,
    /// Certificate and key. Without them connections are in clear.
    pub tls: Option<tls::Certified>,
    /// How often the files of certificate and key are looked at.
    pub certificate_check: Duration,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 2_500,
            trusted_proxies: Vec::new(),
            occupancy: Occupancy::default(),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(20),
            tls: None,
            certificate_check: Duration::from_secs(30),
        }
    }
}
