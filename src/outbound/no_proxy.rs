//! What is called without the proxy that is for all: the list of `NO_PROXY`, as curl reads it.
//!
//! Not the reading of hyper-util and reqwest: that takes `*` among others for everybody, and knows neither blanks between
//! entries nor dots at their end. Must not know where the list stands.

use std::net::IpAddr;

use ipnet::IpNet;

/// Names and addresses that are called directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    everything: bool,
    entries: Vec<Entry>,
    void: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// This name and all below it; without dots around it, in lower case.
    Domain(String),
    Address(IpAddr),
    Network(IpNet),
}

impl NoProxy {
    /// Reads entries with commas or blanks between them; `*` alone is everything. An entry that can never fit anything is
    /// passed over, and told of by [`NoProxy::void`].
    #[must_use]
    pub fn read(list: &str) -> Self {
        if list.trim() == "*" {
            return Self { everything: true, ..Self::default() };
        }
        let mut read = Self::default();
        for text in list.split(|c: char| c == ',' || c.is_ascii_whitespace()) {
            match entry(text) {
                Some(entry) => read.entries.push(entry),
                None if text.is_empty() => {}
                None => read.void.push(text.to_owned()),
            }
        }
        read
    }

    /// Entries that fit nothing, such as a name with a port: whoever wrote them meant something else.
    #[must_use]
    pub fn void(&self) -> &[String] {
        &self.void
    }

    /// Whether a host is called directly; an IPv6 address may have its brackets.
    #[must_use]
    pub fn contains(&self, host: &str) -> bool {
        if self.everything {
            return true;
        }
        let address = bare(host).parse::<IpAddr>().ok();
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.entries.iter().any(|entry| match (entry, &address) {
            (Entry::Address(one), Some(address)) => one == address,
            (Entry::Network(network), Some(address)) => network.contains(address),
            (Entry::Domain(domain), None) => {
                let above = name.strip_suffix(domain.as_str());
                above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
            _ => false,
        })
    }
}

/// Whether calls to a host stay on this machine.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    match bare(name).parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

fn entry(text: &str) -> Option<Entry> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
    if let Ok(address) = address.parse::<IpAddr>() {
        // No bits, and none that can be read, are the whole address.
        return match bits.map_or(0, |bits| bits.parse().unwrap_or(0)) {
            0 => Some(Entry::Address(address)),
            bits => IpNet::new(address, bits).ok().map(Entry::Network),
        };
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let name = name.strip_prefix('.').unwrap_or(name);
    let is_name = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains([':', '/', '*', '[', ']', '@', ';']);
    is_name.then(|| Entry::Domain(name.to_ascii_lowercase()))
}
