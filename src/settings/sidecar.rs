//! The settings of `pasee sidecar`: a file of their own, read with the same care as the server's.
//!
//! Owns every value of it, with its default and bounds. Must not know how anything in it is used.
//!
//! | File | Owns |
//! |---|---|
//! | `load` | from the text to settings, part by part |
//! | `proxy` | `listen`, `upstream`, `[tls]`, `[proxy]` |
//! | `check` | `[check]` |
//! | `issuer` | `[[issuers]]` |
//! | `pattern` | paths, hosts and groups as rules write them |
//! | `rule` | `[[rules]]` |
//! | `headers` | `[headers]` |
//! | `login` | `[login]` |
//! | `revocations` | `[revocations]` |

mod check;
mod headers;
mod issuer;
mod load;
mod login;
mod pattern;
mod proxy;
mod revocations;
mod rule;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::{Log, Outbound, Remark};

pub use check::CheckSettings;
pub use headers::{HeaderSet, HeaderSettings, PassToken};
pub use issuer::{IssuerKind, IssuerSettings, PublishedKeys};
pub use load::{VARIABLE, load, parse};
pub use login::LoginSettings;
pub use pattern::{GroupPart, GroupPattern, HostPattern, PathPart, PathPattern, PatternError};
pub use proxy::{ProxySettings, Upstream, UpstreamProtocol};
pub use revocations::{RevocationsSettings, Staleness};
pub use rule::{Grant, RuleSettings};

/// Everything the settings of a sidecar say, with defaults where they are silent.
#[derive(Debug)]
pub struct SidecarSettings {
    /// Where they were read from.
    pub file: PathBuf,
    /// `upstream` and what belongs to it: the proxy in front of an application; default none, for a check endpoint alone.
    pub proxy: Option<ProxySettings>,
    /// `[check]`: where other proxies ask; default nowhere.
    pub check: Option<CheckSettings>,
    /// `[admin] listen`: the address and port where probes and metrics are served; default nowhere.
    pub admin: Option<SocketAddr>,
    /// `[[issuers]]`: whose bearer tokens are believed, one or more.
    pub issuers: Vec<IssuerSettings>,
    /// `[[rules]]`: who may send what, in the order of the file; what none of them is about is refused.
    pub rules: Vec<RuleSettings>,
    /// `[headers]`: what the application is told of who sends a request.
    pub headers: HeaderSettings,
    /// `[login]`: how browsers log in; default not at all.
    pub login: Option<LoginSettings>,
    /// `[revocations]`: how ended sessions are learnt of before their tokens end; default not at all.
    pub revocations: Option<RevocationsSettings>,
    /// `trusted_proxies`: networks and addresses whose `X-Forwarded-*` are believed and passed on; default nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// `[outbound]`: how issuers are called.
    pub outbound: Outbound,
    /// `[log]`: how much is told, and how.
    pub log: Log,
    /// `drain_delay`: how long requests are still taken after SIGTERM, 0 to 60 s, default 5 s.
    pub drain_delay: Duration,
    /// What was accepted but deserves a second look.
    pub warnings: Vec<Remark>,
}
