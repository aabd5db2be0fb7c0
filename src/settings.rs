//! The settings file: TOML in, validated values out, or every mistake at once with file, line, key and a right value.
//!
//! Must not know how anything in it is used. Secrets never show in errors or `Debug`.

mod explain;
mod keyfile;
mod load;
mod provider;
mod reader;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::domain::claim::{ClaimName, ExtraClaims};
use crate::domain::token::{Audience, Issuer, Lifetimes};
use crate::domain::user::{ProviderName, Subject};
use crate::jose::key::{PrivateKey, PublicKey};

pub use keyfile::KeyFileError;
pub use load::{load, parse};

/// Everything the settings file says, with defaults where it is silent.
#[derive(Debug)]
pub struct Settings {
    /// Where it was read from.
    pub file: PathBuf,
    /// `host`: the address to listen on.
    pub host: String,
    /// `port`: 1 to 65535.
    pub port: u16,
    /// `hostname`: what URLs in documents start with; scheme and host, no slash at the end.
    pub hostname: String,
    /// `data_dir`: where what is made is kept.
    pub data_dir: PathBuf,
    /// `private_key`, `public_key`, `retired_public_keys`.
    pub keys: Keys,
    /// `[storage_backend]`.
    pub storage: Storage,
    /// `[jwt]`.
    pub jwt: Jwt,
    /// `[[identity_providers]]`.
    pub identity_providers: Vec<IdentityProvider>,
    /// `[cors] allowed_origins`: exact origins, or `*` alone.
    pub allowed_origins: Vec<String>,
    /// `[tls]`.
    pub tls: Option<Tls>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[log]`.
    pub log: Log,
    /// `[admin] listen`: where probes and metrics are served.
    pub admin: Option<SocketAddr>,
    /// What was accepted but deserves a second look.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Whether `hostname` is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.hostname.starts_with("https://")
    }
}

/// The keys tokens are signed and believed with.
#[derive(Debug)]
pub struct Keys {
    /// The key to sign with; `None`: made at the first start and kept in `data_dir`.
    pub private: Option<PrivateKey>,
    /// Keys that are no longer signed with but still published and believed.
    pub retired: Vec<PublicKey>,
}

/// The home of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// An SQLite file.
    Embedded(PathBuf),
    /// Memory; all is lost at exit.
    Memory,
}

/// What tokens say of themselves.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// `iss`.
    pub issuer: Issuer,
    /// `audience`.
    pub audience: Option<Audience>,
    /// `access_lifetime`, `refresh_lifetime`, `session_lifetime`.
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
    /// `claims`: what else it says that may pass into access tokens.
    pub claims: Vec<ClaimName>,
    /// `input_fields`: what a login takes, beside login and password.
    pub input_fields: Vec<InputField>,
    /// `enabled`: false leaves the provider out.
    pub enabled: bool,
}

/// One field of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputField {
    /// The field's name.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
}

/// How a provider is spoken to.
#[derive(Debug)]
pub enum Protocol {
    /// A Kisee server.
    Kisee(Kisee),
    /// Users in the settings file.
    Local(Local),
    /// A protocol that is known but that this version does not speak.
    NotYet(&'static str),
}

/// A Kisee server.
#[derive(Clone, Debug)]
pub struct Kisee {
    /// `endpoint`, or made from `host` and `port`.
    pub endpoint: Url,
    /// `public_keys`: at least one.
    pub public_keys: Vec<PublicKey>,
    /// `issuer`: what its tokens must say; anything when absent.
    pub issuer: Option<String>,
    /// `timeout`: for a whole call, 100 ms to 60 s, default 5 s.
    pub timeout: Duration,
    /// `ca_file`: authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
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
    /// `password_hash`: Argon2id in the PHC string format.
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
    /// `certificate`: PEM, the server's first, then what leads to the authority.
    pub certificate: PathBuf,
    /// `key`: PEM.
    pub key: PathBuf,
}

/// What keeps one caller from taking everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Login attempts for one user id in a minute; 0 = no limit, default 10.
    pub login_attempts_per_user: u32,
    /// Login attempts from one client address in a minute; 0 = no limit, default 100.
    pub login_attempts_per_address: u32,
    /// Whose `X-Forwarded-For` is believed; default nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Open connections at once; default 10,000.
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
    /// `format`.
    pub format: LogFormat,
    /// `level`.
    pub level: String,
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
    /// The file cannot be read.
    #[error("{file}: cannot be read", file = .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// Mistakes in the file, each on a line of its own.
    #[error("{0}")]
    Invalid(String),
}

/// Where the settings file is: the given path, else the first that exists of `./settings.toml`, `~/settings.toml` and
/// `/etc/pasee/settings.toml`.
///
/// # Errors
/// [`SettingsError::NotFound`] lists where was looked.
pub fn find(given: Option<&Path>, home: Option<&Path>) -> Result<PathBuf, SettingsError> {
    let candidates: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_owned()],
        None => [Some(PathBuf::from("settings.toml")), home.map(|home| home.join("settings.toml"))]
            .into_iter()
            .flatten()
            .chain([PathBuf::from("/etc/pasee/settings.toml")])
            .collect(),
    };
    candidates.iter().find(|path| path.exists()).cloned().ok_or_else(|| {
        let looked: Vec<String> =
            candidates.iter().map(|path| path.display().to_string()).collect();
        SettingsError::NotFound(looked.join(", "))
    })
}
