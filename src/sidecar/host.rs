//! Hosts that mean the same to everybody: what else could be read as a host is none.
//!
//! Must not know which hosts there are.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no host that can be read; a right one is app.example.com, 192.0.2.1 or [2001:db8::1], with or without a port such as :8080"
)]
pub struct NoHost;

/// A host without its port, in small letters, as rules write it. With a dot at its end a name is the same name.
///
/// # Errors
/// [`NoHost`], where anything else stands there than a name or an address, and perhaps the number of a port.
pub fn host_name(host: &str) -> Result<String, NoHost> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(NoHost)?;
        let address: Ipv6Addr = address.parse().map_err(|_| NoHost)?;
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return Err(NoHost);
        }
        return Ok(url::Host::<&str>::Ipv6(address).to_string());
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return Err(NoHost),
        None => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if is_name(&name) { Ok(name) } else { Err(NoHost) }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// A name, or an IPv4 address in the one way of writing it that is no other's.
fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_letter);
    if !name.split('.').all(is_label) {
        return false;
    }
    // What ends in a number is read as an address by some: 127.1, 0x7f.1.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_address = is_number(last)
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    !is_address || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_port() {
        for (host, name) in [
            ("App.Example.com", "app.example.com"),
            ("app.example.com:8080", "app.example.com"),
            ("app.example.com.", "app.example.com"),
            ("app.example.com.:80", "app.example.com"),
            ("my_app", "my_app"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]"),
            ("192.0.2.1:80", "192.0.2.1"),
        ] {
            assert_eq!(host_name(host).as_deref(), Ok(name), "{host}");
        }
    }

    #[test]
    fn nothing_else_is_a_host() {
        for host in [
            "",
            ".",
            ":80",
            "admin:x",
            "admin:80:80",
            "admin:80x",
            "admin:",
            "admin::80",
            "admin:99999",
            "admin:+80",
            "admin..",
            "a..b",
            ".admin",
            "admin.:x",
            "user@admin",
            "admin,app",
            "admin, app",
            "admin app",
            " admin",
            "admin/",
            "admin?",
            "admin#",
            "admin\\",
            "%61dmin",
            "*.admin",
            "::1",
            "2001:db8::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[::1].",
            "[::1]:",
            "[::1]:x",
            "[::1]:80:80",
            "[fe80::1%25eth0]",
            "[admin]",
            "[]",
            "adm[in]",
            "127.1",
            "0x7f.1",
            "2130706433",
            "192.0.2.01",
            "192.0.2.256",
            "a.1",
            "adm\u{131}n",
        ] {
            assert_eq!(host_name(host), Err(NoHost), "{host}");
        }
    }
}
