//! The settings file: TOML in, validated values out, or every mistake at once with file, line, key and a right value.
//!
//! Must not know how anything in it is used. Secrets never show in errors or `Debug`.

mod explain;
mod file;
mod keys;
mod listen;
mod load;
mod provider;
mod reader;
mod report;
mod storage;
mod tokens;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::domain::claim::{ClaimName, ExtraClaims};
use crate::domain::evidence::Fact;
use crate::domain::group::GroupName;
use crate::domain::token::{Audience, Issuer, Lifetimes};
use crate::domain::user::{ProviderName, Subject};
use crate::jose::algorithm::JwsAlgorithm;
use crate::jose::key::{PrivateKey, PublicKey};

pub use file::{ReadError, find};
pub use load::{load, parse};
pub use provider::{ClientAuth, Dialect, OAuth1, OAuth2, Pkce};

/// Everything the settings file says, with defaults where it is silent.
#[derive(Debug)]
pub struct Settings {
    /// Where it was read from.
    pub file: PathBuf,
    /// `host`: the address or name to listen on; default 127.0.0.1.
    pub host: String,
    /// `port`: 1 to 65535, default 8150.
    pub port: u16,
    /// `hostname`: what URLs in documents start with; http or https, host and port, no slash at the end; default: where
    /// a client on this machine finds `host` and `port`.
    pub hostname: String,
    /// `data_dir`: the directory where what Pasee makes is kept, such as the signing key and the SQLite file; default
    /// `data` beside the settings file. Made with mode 0700 when it is needed.
    pub data_dir: PathBuf,
    /// `private_key` or `private_key_file`, `retired_public_keys`.
    pub keys: KeySettings,
    /// `[storage_backend]`.
    pub storage: Storage,
    /// `[jwt]`.
    pub jwt: Jwt,
    /// `[[identity_providers]]`.
    pub identity_providers: Vec<IdentityProvider>,
    /// `[cors] allowed_origins`: whose web pages may call, as exact origins, or `*` alone; default nobody's.
    pub allowed_origins: Vec<String>,
    /// `[tls]`: default plain HTTP.
    pub tls: Option<Tls>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[log]`.
    pub log: Log,
    /// `[admin] listen`: the address and port, 1 to 65535, where probes and metrics are served; default nowhere.
    pub admin: Option<SocketAddr>,
    /// What was accepted but deserves a second look, each with file, line and key.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Whether `hostname` is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.hostname.starts_with("https://")
    }
}

/// The keys that the settings give.
#[derive(Debug)]
pub struct KeySettings {
    /// The key to sign with; `None`: made at the first start and kept in `data_dir`.
    pub private: Option<PrivateKey>,
    /// `retired_public_keys`: keys that are no longer signed with but still published and believed, each once and never
    /// the one that is signed with; default none. One can go when the last refresh token it signed has expired.
    pub retired: Vec<PublicKey>,
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
    /// `audience`: like `iss`; default none.
    pub audience: Option<Audience>,
    /// `access_lifetime` (10 s to 1 day, default 15 minutes), `refresh_lifetime` (10 s to 366 days, default 30 days),
    /// `session_lifetime` (10 s to 400 days, default 90 days), none longer than the next.
    pub lifetimes: Lifetimes,
}

/// One identity provider.
#[derive(Debug)]
pub struct IdentityProvider {
    /// `name`.
    pub name: ProviderName,
    /// `protocol` and what belongs to it.
    pub protocol: Protocol,
    /// `title`.
    pub title: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// Whether `capabilities` has `register_user`; at most one provider has.
    pub registers_users: bool,
    /// What becomes of what it says of a user.
    pub mapping: Mapping,
    /// `input_fields`: what a login takes, beside login and password; each name once.
    pub input_fields: Vec<InputField>,
    /// `enabled`: false leaves the provider out; default true.
    pub enabled: bool,
}

/// What becomes of what a provider says of a user. The default lets everybody in and nothing pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// `claims`: what may pass into access tokens, as a list of names or as a table from our names to theirs.
    pub claims: Vec<PassedClaim>,
    /// `allowed_subjects`: who may log in at all, at most 10,000, compared byte by byte; everybody when absent.
    pub allowed_subjects: Option<Vec<Subject>>,
    /// `required_claims`: what the provider must say of whoever logs in; a list means one of these.
    pub required_claims: Vec<RequiredClaim>,
    /// `[[identity_providers.group_mapping]]`: which of our groups a login adds; default none.
    pub groups: Vec<GroupRule>,
    /// `group_mapping_lifetime`: how long after a login those groups last (10 s to 400 days, default 1 day).
    pub group_lifetime: Duration,
}

/// Where a provider says something: the name of a claim, or a JSON pointer (RFC 6901) to one below, such as
/// `/realm_access/roles`. At most 100 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimSource(pub(crate) String);

impl ClaimSource {
    /// The name or pointer as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A claim that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedClaim {
    /// What it is called in our tokens.
    pub name: ClaimName,
    /// Where the provider says it.
    pub source: ClaimSource,
}

/// A claim that keeps its name.
impl From<ClaimName> for PassedClaim {
    fn from(name: ClaimName) -> Self {
        Self { source: ClaimSource(name.as_str().to_owned()), name }
    }
}

/// Something the provider must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// Where.
    pub source: ClaimSource,
    /// One of these facts, each true or false, a whole number or a text; 1 to 64.
    pub any_of: Vec<Fact>,
}

/// Whoever the provider says this of is in the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// `claim`: where the provider says it.
    pub source: ClaimSource,
    /// `claim` and `value`: what, alone or in a list.
    pub fact: Fact,
    /// `group`: ours. Never a staff: a mapping gives nobody a say.
    pub group: GroupName,
}

/// One field of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputField {
    /// The field's name, 1 to 64 bytes without control characters.
    pub name: String,
    /// Whether it must be given; default false.
    pub required: bool,
}

/// How a provider is spoken to.
#[derive(Debug)]
pub enum Protocol {
    /// A Kisee server.
    Kisee(Kisee),
    /// Users in the settings file.
    Local(Local),
    /// An OAuth 1.0a provider, such as Twitter in its old flow.
    OAuth1(OAuth1),
    /// An OAuth 2.0 provider, such as GitHub.
    OAuth2(OAuth2),
    /// An OpenID provider.
    Oidc(Box<Oidc>),
    /// Another Pasee.
    Pasee(Pasee),
    /// The ServiceAccounts of a Kubernetes cluster.
    Kubernetes(Kubernetes),
}

/// An OpenID provider.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// `issuer`: as the provider writes it; https, or http on this machine.
    pub issuer: String,
    /// Where the issuer's document is.
    pub discovery: Url,
    /// `client_id`: 1 to 1024 bytes.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`: a client without one is a public client.
    pub client_secret: Option<SecretString>,
    /// `scopes`: `openid` first; default with `profile` and `email`.
    pub scopes: Vec<String>,
    /// `subject_claim`: whose value is the user's subject, default `sub`.
    pub subject_claim: String,
    /// `callback_url`: where the provider sends browsers back to, when that is not `<hostname>/tokens/?idp=NAME`.
    pub callback_url: Option<Url>,
    /// `algorithms`: what an ID token may be signed with; never symmetric.
    pub algorithms: Vec<JwsAlgorithm>,
    /// `user_info`: whether what the UserInfo endpoint says is taken too; default false.
    pub user_info: bool,
    /// `max_age`: how long ago the user may have shown the provider who they are, 1 s to 365 days; any time when absent.
    pub max_age: Option<Duration>,
    /// `prompt`: what the provider is to ask the user for.
    pub prompt: Option<String>,
    /// `timeout`: for all calls of a step together, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A Kisee server.
#[derive(Clone, Debug)]
pub struct Kisee {
    /// `endpoint`, or made from `host` and `port` (1 to 65535; https at 443, else http).
    pub endpoint: Url,
    /// `public_keys`: at least one.
    pub public_keys: Vec<PublicKey>,
    /// `issuer`: what its tokens must say; anything when absent.
    pub issuer: Option<String>,
    /// `timeout`: for a whole call, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// Another Pasee, whose users are let in.
#[derive(Clone, Debug)]
pub struct Pasee {
    /// `endpoint`, or made from `host` and `port` as for a Kisee; with a slash at the end.
    pub endpoint: Url,
    /// `public_keys`: what it signs with; those that it publishes when absent.
    pub public_keys: Option<Vec<PublicKey>>,
    /// `issuer`: what its tokens must say; never our own.
    pub issuer: Issuer,
    /// `audience`: what its tokens must say; those that name one are refused when absent.
    pub audience: Option<Audience>,
    /// `idp`: its provider to which names and passwords are forwarded; none are when absent.
    pub idp: Option<ProviderName>,
    /// `providers`: its providers whose users are let in, 1 to 64; default `idp` alone.
    pub providers: Vec<ProviderName>,
    /// `timeout`: for a whole login, 1 to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// The ServiceAccounts of a Kubernetes cluster. The provider's name is `k8s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// `audience`: what their tokens must be for; never the API server's own.
    pub audience: Audience,
    /// `offline`: whether tokens are believed by the cluster's published keys, without asking the API server each time.
    pub offline: Offline,
    /// `kubeconfig`: how the API server is reached, a file which starts at the settings file's directory when it is
    /// relative; default that of the storage backend, else as pods reach it.
    pub kubeconfig: Option<PathBuf>,
    /// `timeout`: for a whole login, 1 to 60 s, default 5 s.
    pub timeout: Duration,
}

/// Whether the API server is asked about each token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline {
    /// It is: what it has deleted is refused at once.
    No,
    /// It is not: a token is good until it expires.
    Yes,
}

/// Users in the settings file.
#[derive(Debug)]
pub struct Local {
    /// `users`.
    pub users: Vec<LocalUser>,
}

/// A user in the settings file.
pub struct LocalUser {
    /// `username`.
    pub username: Subject,
    /// `password_hash`: Argon2id in the PHC string format; at most 1 GiB of memory, and 4 GiB times passes.
    pub password_hash: SecretString,
    /// `claims`: a table of what else is said of the user.
    pub claims: ExtraClaims,
}

impl fmt::Debug for LocalUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalUser").field("username", &self.username).finish_non_exhaustive()
    }
}

/// TLS on the listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `certificate`: the path of a PEM file: the server's first, then what leads to the authority.
    pub certificate: PathBuf,
    /// `key`: the path of a PEM file with the certificate's private key.
    pub key: PathBuf,
}

/// What keeps one caller from taking everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Login attempts for one user id in a minute: 0 to 1,000,000; 0 = no limit, default 10.
    pub login_attempts_per_user: u32,
    /// Login attempts from one client address in a minute: 0 to 1,000,000; 0 = no limit, default 100.
    pub login_attempts_per_address: u32,
    /// Networks and addresses whose `X-Forwarded-For` is believed; default nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Open connections at once: 1 to 1,000,000, default 10,000.
    pub max_connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_attempts_per_user: 10,
            login_attempts_per_address: 100,
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
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
    Invalid(String),
}
