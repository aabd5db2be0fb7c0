//! The settings file: TOML in, validated values out, or every mistake at once with file, line, key and a right value.
//!
//! Must not know how anything in it is used. Secrets never show in errors or `Debug`.
//!
//! | File | Owns |
//! |---|---|
//! | `file` | where the file is, and its text |
//! | `load` | from the text to settings, part by part |
//! | `reader` | a TOML tree with every value's place |
//! | `report` | what is wrong, by line and key |
//! | `remark` | one thing that is wrong, odd or unsafe |
//! | `advice` | what Pasee starts with, and what is unsafe or rarely meant |
//! | `listen` | `host`, `port`, `[tls]`, `[admin]`, `[cors]` |
//! | `keys` | `private_key` and the like |
//! | `tokens` | `[jwt]` |
//! | `storage` | `[storage_backend]` |
//! | `webhook` | `[webhook]` |
//! | `peers` | `[peers]` |
//! | `outbound` | `[outbound]`, and the proxy of a provider |
//! | `provider` | `[[identity_providers]]` |
//! | `clients` | `[[clients]]` |
//! | `sidecar` | the file of `pasee sidecar` |
//! | `variables` | texts that look as if they were to be filled in |
//! | `openid` | whether applications find an OpenID provider here |
//! | `explain` | what a file means, in plain words |

mod advice;
mod clients;
mod explain;
mod file;
mod keys;
mod listen;
mod load;
mod openid;
mod outbound;
mod peers;
mod provider;
mod reader;
mod remark;
mod report;
pub mod sidecar;
mod storage;
mod tokens;
mod variables;
mod webhook;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::domain::base_url::BaseUrl;
use crate::domain::bounds::Bounds;
use crate::domain::client::{BUILT_IN, Client, ClientId, SecretHash};
use crate::domain::provider::{PossibleUsers, ProviderNames};
use crate::domain::token::{Audience, Issuer, Lifetimes};
use crate::jose::key::{PrivateKey, PublicKey};
use crate::jose::secret::Secret;

pub use file::{ReadError, find};
pub use listen::{ListenHost, Overrides};
pub use load::{load, load_with, parse};
pub use outbound::{NotAProxyUrl, Outbound, ProxyChoice, ProxyUrl};
pub use provider::{
    Callback, CallbackPlace, ClaimSource, ClientAuth, ClientKey, ClientProof, Departure, Dialect,
    FileStamp, FilterNode, FilterValue, FromFile, GroupRule, Hole, IdentityProvider, InputField,
    Kisee, Kubernetes, Ldap, LdapAccount, LdapFilter, LdapGroups, LdapPlace, LdapSecurity, Local,
    LocalUser, Look, Mapping, Matching, Names, Nesting, OAuth1, OAuth2, Offline, Oidc, Pasee,
    PassedClaim, Pkce, Protocol, RequiredClaim, ResponseMode, SecretUse, Substrings, Transport,
    is_attribute,
};
pub use remark::{Mistakes, Places, Remark, code};

/// Everything the settings file says, with defaults where it is silent.
#[derive(Debug)]
pub struct Settings {
    /// Where it was read from.
    pub file: PathBuf,
    /// `host`: the address or name to listen on; default 127.0.0.1.
    pub host: String,
    /// `port`: 1 to 65535, default 8150.
    pub port: u16,
    /// `hostname`: what URLs start with, and below which path requests come; default: where a client on this machine finds `host`
    /// and `port`.
    pub hostname: BaseUrl,
    /// `data_dir`: the directory where what Pasee makes is kept, such as the signing key and the SQLite file; default
    /// `data` beside the settings file. Made with mode 0700 when it is needed.
    pub data_dir: PathBuf,
    /// `private_key` or `private_key_file`, and what was used before.
    pub keys: KeySettings,
    /// `[storage_backend]`.
    pub storage: Storage,
    /// `[jwt]`: what tokens say, and for how long.
    pub jwt: Jwt,
    /// `[[identity_providers]]`, in the order of the file.
    pub identity_providers: Vec<IdentityProvider>,
    /// `[[clients]]`: the applications that log people in through this Pasee, in the order of the file, each id once.
    pub clients: Vec<Client>,
    /// The files in which secrets of some of these stand, which are read again when they change.
    pub client_secret_files: Vec<(ClientId, FromFile<Vec<SecretHash>>)>,
    /// `[outbound]`: how identity providers are called.
    pub outbound: Outbound,
    /// `[cors] allowed_origins`: whose web pages may call, as exact origins, or `*` alone; default nobody's.
    pub allowed_origins: Vec<String>,
    /// `[tls]`: default plain HTTP.
    pub tls: Option<Tls>,
    /// `[limits]`: what one client may ask.
    pub limits: Limits,
    /// `[local] hashing_threads`: how many passwords of local users are checked at once, each in the memory that its hash
    /// asks for: 1 to 64; default two, or one where there is one core, which is `None` here.
    pub hashing_threads: Option<usize>,
    /// `[log]`: how much is told, and how.
    pub log: Log,
    /// `[admin] listen`: the address and port, 1 to 65535, where probes and metrics are served; default nowhere.
    pub admin: Option<SocketAddr>,
    /// `drain_delay`: how long requests are still taken after SIGTERM, 0 to 60 s, default 5 s.
    pub drain_delay: Duration,
    /// `[webhook]`: where the Kubernetes API server asks whether users of the realm may write; default nowhere. Only with the
    /// groups in Kubernetes.
    pub webhook: Option<Webhook>,
    /// `[peers]`: where servers of one realm ask each other for what only one of them keeps; default not at all.
    pub peers: Option<Peers>,
    /// What was accepted but deserves a second look, each with file, line and key.
    pub warnings: Vec<Remark>,
    /// What is worth a thought before Pasee starts, and is not said at each start.
    pub advice: Vec<Remark>,
    /// In which line each key stands.
    pub places: Places,
    /// The file that the Python Pasee keeps its groups in by these settings, which starts where that is started: only with its
    /// `class` in `[storage_backend]`.
    pub python_file: Option<PathBuf>,
}

impl Settings {
    /// Whether `hostname` is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.hostname.is_https()
    }

    /// The client of a person's tools, which is there unless `clients` has another of its id.
    #[must_use]
    pub fn built_in_client(&self) -> Client {
        Client::built_in_pasee(&self.jwt.issuer, &self.jwt.audiences)
    }

    /// What the users' ids may begin with: every provider, offered or not.
    #[must_use]
    pub fn provider_names(&self) -> ProviderNames {
        self.identity_providers.iter().map(|provider| provider.name.clone()).collect()
    }

    /// Whether a client of this id is written down here, or there without being so, whether or not it is served.
    #[must_use]
    pub fn has_client(&self, id: &str) -> bool {
        id == BUILT_IN || self.clients.iter().any(|client| client.id.as_str() == id)
    }

    /// Who could log in: whom a provider knows that is offered, and who may come from there. A ServiceAccount is nobody of whom
    /// one can tell, as it may be gone.
    #[must_use]
    pub fn possible_users(&self) -> PossibleUsers {
        let providers = self.identity_providers.iter();
        let people = providers.filter(|provider| {
            provider.enabled && !matches!(provider.protocol, Protocol::Kubernetes(_))
        });
        people.map(|provider| (provider.name.clone(), provider.subjects())).collect()
    }
}

/// The keys that the settings give.
#[derive(Debug)]
pub struct KeySettings {
    /// The key to sign with; `None`: made at the first start and kept in `data_dir`.
    pub private: Option<PrivateKey>,
    /// `retired_keys`, `retired_key_files` and `retired_public_keys`: keys that are no longer signed with but still published
    /// and believed, each once and never the one that is signed with; default none. One can go when the last access token it
    /// signed has expired.
    pub retired: Vec<PublicKey>,
    /// The secrets among them, and those that followed from the private keys among them: refresh tokens under them still
    /// count. One can go when the last session of its time is over.
    pub former_secrets: Vec<Secret>,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// An SQLite file: `file` in `[storage_backend.options]`, which starts at `data_dir` when it is relative; default
    /// `pasee.db`.
    Embedded(PathBuf),
    /// Memory (`file = ":memory:"`); all is lost at exit.
    Memory,
    /// Group, Membership and User objects of a Kubernetes namespace (`kind = "kubernetes"`).
    Kubernetes(Cluster),
}

/// Where the objects are, in `[storage_backend.options]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `namespace`: a namespace's name; default that of the pod, or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// `kubeconfig`: a file, which starts at the settings file's directory when it is relative; default none, for pods.
    pub kubeconfig: Option<PathBuf>,
    /// `max_staleness`: how old what is known may be to issue tokens by (2 minutes to 30 days, or 0 for no bound,
    /// which is `None` here); default 1 hour.
    pub max_staleness: Option<Duration>,
}

/// What tokens say of themselves.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// `iss`: 1 to 255 printable ASCII characters; the one setting without a default.
    pub issuer: Issuer,
    /// `audience`: like `iss`, one or a list of at most 8, with 512 bytes in all; tokens are for these besides `iss`; default none.
    pub audiences: Vec<Audience>,
    /// `access_lifetime` (10 s to 1 day, default 15 minutes), `refresh_lifetime` (10 s to 366 days, default 30 days),
    /// `session_lifetime` (10 s to 400 days, default 90 days), none longer than the next; `browser_session_lifetime` (10 s to 30
    /// days, default 12 hours), which ends with the session at the latest.
    pub lifetimes: Lifetimes,
    /// `max_token_length`: longest access token, in bytes: 4,096 to 16,384, default 6,144. Groups that would make it longer
    /// are left out, and the token says so.
    pub max_token_length: usize,
}

/// TLS on the listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `certificate`: the path of a PEM file: the server's first, then what leads to the authority.
    pub certificate: PathBuf,
    /// `key`: the path of a PEM file with the certificate's private key.
    pub key: PathBuf,
}

/// The admission webhook, on a port of its own, always with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `host`: the address or name to listen on; default 0.0.0.0.
    pub host: String,
    /// `port`: 1 to 65535, default 8443.
    pub port: u16,
    /// `username_prefix`: what the API server puts before user ids; default `pasee:`.
    pub username_prefix: String,
    /// `cert_file` and `key_file`: PEM files; default those that the controller makes and renews.
    pub certified: Option<Tls>,
}

/// Where the servers of one realm ask each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// `listen`: the address and port, 1 to 65535, where others ask this one.
    pub listen: SocketAddr,
    /// `advertise`: under which of the addresses of `discover` the others reach this one; default not known.
    pub advertise: Option<SocketAddr>,
    /// `discover`: where all of them are, 1 to 64 names or addresses with a port; names are resolved every 5 seconds.
    pub discover: Vec<PeerAddress>,
}

/// A name or an address, with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    /// A name, or an address without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// What keeps one caller from taking everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wrong login attempts for one name from one client address in a minute, and mails of password recoveries for one name
    /// from anywhere: 0 to 1,000,000; 0 = no limit, default 10.
    pub login_attempts_per_user: u32,
    /// Wrong login attempts from one client address in a minute, and as many logins in a browser and requests that are passed on:
    /// 0 to 1,000,000; 0 = no limit, default 100.
    pub login_attempts_per_address: u32,
    /// Changes of one user over HTTP in a minute, root staff aside: 0 to 1,000,000; 0 = no limit, default 600.
    pub changes_per_user: u32,
    /// How much of what one user has made may be there, root staff aside: `groups_per_author`, default 1,000, and
    /// `memberships_per_author`, default 10,000; 0 to 1,000,000; 0 = no limit.
    pub bounds: Bounds,
    /// Networks and addresses whose `X-Forwarded-For` is believed; default nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Open connections at once: 1 to 1,000,000, default 10,000.
    pub max_connections: usize,
    /// Open connections of one client address at once, trusted proxies aside: 1 to 1,000,000, default a quarter of
    /// `max_connections`.
    pub max_connections_per_address: usize,
    /// Who may wait at once for something to end, at `/revocations`: 0 to 1,000,000, default 5,000.
    pub max_waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_attempts_per_user: 10,
            login_attempts_per_address: 100,
            changes_per_user: 600,
            bounds: Bounds::default(),
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
            max_connections_per_address: 2_500,
            max_waiting: 5_000,
        }
    }
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// `format`: `text` or `json`; default `text`.
    pub format: LogFormat,
    /// `level`: `error`, `warn`, `info`, `debug` or `trace`; default `info`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No file where one is looked for.
    #[error("no settings file: looked for {0}; name one with --settings-file")]
    NotFound(String),
    /// The file gives no text.
    #[error("the settings file {file} {1}", file = .0.display())]
    Unreadable(PathBuf, ReadError),
    /// Mistakes in the file, each on a line of its own.
    #[error("{0}")]
    Invalid(Mistakes),
}
