//! From `listen`, `upstream`, `[tls]` and `[proxy]` to the proxy in front of an application.
//!
//! Must not open or call anything.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::settings::Tls;
use crate::settings::listen::tls;
use crate::settings::reader::{Item, Table};
use crate::settings::tokens::duration;

/// The proxy in front of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// `listen`: the address and port, 1 to 65535; default 127.0.0.1:8160.
    pub listen: SocketAddr,
    /// `[tls]`: default plain HTTP.
    pub tls: Option<Tls>,
    /// `upstream`: where the application is.
    pub upstream: Upstream,
    /// `[proxy] upstream_protocol`: `http1` or `http2`; default `http1`, and over TLS what the application chooses.
    pub upstream_protocol: Option<UpstreamProtocol>,
    /// `[proxy] ca_file`: the authorities that the application's certificate is believed by, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `[proxy] connect_timeout`: how long a connection to the application may take, 1 s to 60 s, default 5 s.
    pub connect_timeout: Duration,
    /// `[proxy] response_timeout`: how long the application may take to begin its answer, 1 s to 1 h, default 60 s.
    pub response_timeout: Duration,
    /// `[proxy] idle_timeout`: how long a stream or socket may be silent in both directions, 1 s to 1 day, default 1 h.
    pub idle_timeout: Duration,
    /// `[proxy] max_connections`: open connections of clients at once: 1 to 1,000,000, default 10,000.
    pub max_connections: usize,
    /// `[proxy] max_connections_per_address`: those of one client address, trusted proxies aside: 1 to 1,000,000, default a
    /// quarter of `max_connections`.
    pub max_connections_per_address: usize,
}

/// Where the application is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// `http://HOST:PORT`.
    Http {
        /// A name, or an address, one of IPv6 in brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// `https://HOST:PORT`.
    Https {
        /// A name, or an address, one of IPv6 in brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// `unix:/path`.
    Unix(PathBuf),
}

/// What the application speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, in the clear from its first byte.
    Http2,
}

/// `None` for a mistake; none inside where there is no application.
pub(super) fn proxy(root: &Table<'_>, base: &Path) -> Option<Option<ProxySettings>> {
    let listen = address(root, "listen", "127.0.0.1:8160");
    let tls = root.table("tls").map(|table| tls(table, base));
    let table = root.table("proxy");
    let item = root.text("upstream");
    if item.is_none() && root.get("upstream").is_none() {
        for key in ["listen", "tls", "proxy"] {
            if let Some(item) = root.get(key) {
                item.error("stands without upstream; a right file has upstream = \"http://127.0.0.1:8080\" too");
            }
        }
        if let Some(table) = table {
            options(&table, base);
            table.finish();
        }
        return Some(None);
    }
    let upstream = item.and_then(|item| upstream(&item, base));
    let options = match table {
        Some(table) => {
            let options = options(&table, base);
            table.finish();
            options
        }
        None => Some(Options::default()),
    };
    let (listen, upstream, options) = (listen?, upstream?, options?);
    Some(Some(ProxySettings {
        listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8160))),
        tls: match tls {
            Some(tls) => Some(tls?),
            None => None,
        },
        upstream,
        upstream_protocol: options.protocol,
        ca_file: options.ca_file,
        connect_timeout: options.connect,
        response_timeout: options.response,
        idle_timeout: options.idle,
        max_connections: options.connections,
        max_connections_per_address: options.per_address,
    }))
}

/// `[proxy]`.
struct Options {
    protocol: Option<UpstreamProtocol>,
    ca_file: Option<PathBuf>,
    connect: Duration,
    response: Duration,
    idle: Duration,
    connections: usize,
    per_address: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: None,
            ca_file: None,
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
            idle: Duration::from_secs(3_600),
            connections: 10_000,
            per_address: 2_500,
        }
    }
}

fn options(table: &Table<'_>, base: &Path) -> Option<Options> {
    let default = Options::default();
    let protocols = [("http1", UpstreamProtocol::Http1), ("http2", UpstreamProtocol::Http2)];
    let protocol = table.text("upstream_protocol").map(|item| item.one_of(&protocols));
    let ca_file = table.file("ca_file", base);
    let connect = duration(table, "connect_timeout", 1..=60, default.connect);
    let response = duration(table, "response_timeout", 1..=3_600, default.response);
    let idle = duration(table, "idle_timeout", 1..=86_400, default.idle);
    let number = |key, default: usize| {
        let number = table.number(key, 1..1_000_001);
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let connections = number("max_connections", default.connections);
    let per_address = number("max_connections_per_address", (connections / 4).max(1));
    Some(Options {
        protocol: protocol.flatten(),
        ca_file,
        connect: connect?,
        response: response?,
        idle: idle?,
        connections,
        per_address,
    })
}

/// An address with a port; `None` for a mistake.
pub(super) fn address(
    table: &Table<'_>,
    key: &'static str,
    right: &str,
) -> Option<Option<SocketAddr>> {
    if table.get(key).is_none() {
        return Some(None);
    }
    let item = table.text(key)?;
    let address = item.value.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if address.is_none() {
        item.error(format_args!(
            "is no address with a port; right ones are \"{right}\", \"0.0.0.0{port}\" and \"[::1]{port}\"",
            port = right.find(':').map_or("", |at| &right[at..])
        ));
    }
    address.map(Some)
}

fn upstream(item: &Item<'_, &str>, base: &Path) -> Option<Upstream> {
    if let Some(path) = item.value.strip_prefix("unix:") {
        return item.with(path).path(base).map(Upstream::Unix);
    }
    let read = || {
        let url: Url = item.value.parse().ok()?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let (host, port) = (url.host_str().filter(|_| is_bare)?, url.port_or_known_default()?);
        let host = host.to_owned();
        match url.scheme() {
            "http" => Some(Upstream::Http { host, port }),
            "https" => Some(Upstream::Https { host, port }),
            _ => None,
        }
    };
    let upstream = read();
    if upstream.is_none() {
        item.error(
            "is no application; right ones are \"http://127.0.0.1:8080\", \"https://app.example.com\" and \"unix:/run/app.sock\", \
             without path, query and user",
        );
    }
    upstream
}
