//! Where the API server is, and with which credentials it is talked to.
//!
//! `credentials` tidies what a kubeconfig has, `current` finds what counts of it, `proxy` says what the API server is reached
//! through. Must not know what is asked of it.

mod credentials;
mod current;
pub(super) mod proxy;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{InClusterError, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use self::current::Current;
use crate::files::{NotRead, read_whole};
use crate::outbound::ProxyVariables;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Why the API server cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The process is in no pod and there is no kubeconfig either.
    #[error(
        "the Kubernetes API server cannot be found as pods find it; outside of one, name a kubeconfig in the settings"
    )]
    NoPod(#[source] InClusterError),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {path} cannot be used")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KubeconfigError,
    },
    /// It is no kubeconfig. What stands there is not repeated: it may be a secret.
    #[error(
        "the kubeconfig {path} is no kubeconfig: line {line} is not what belongs there; kubectl config view shows a right one"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong; 0 when that cannot be told.
        line: u64,
    },
    /// What should name a proxy does not.
    #[error("the Kubernetes API server cannot be reached: {0}")]
    Proxy(String),
    /// A client certificate of a version that only old tools make.
    #[error(
        "the client certificate in the kubeconfig is of X.509 version 1, which cannot be used here; have one of version 3 \
         issued (by openssl x509 -req with an -extfile, for example)"
    )]
    OldCertificate,
    /// A certificate or a key is unusable.
    #[error("the Kubernetes API server cannot be connected to with these credentials")]
    Client(#[source] Box<kube::Error>),
}

/// How to reach it: as a kubeconfig says, else as pods do. Nothing is sent.
pub(crate) async fn configuration(kubeconfig: Option<&Path>) -> Result<Config, OpenError> {
    let config = match kubeconfig {
        Some(path) => of_kubeconfig(read(path)?, path)?,
        None => Config::incluster().map_err(OpenError::NoPod)?,
    };
    Ok(bounded(config))
}

/// How whoever starts a command reaches it: as kubectl would (`KUBECONFIG`, `~/.kube/config`), else as pods do. Nothing is
/// sent.
///
/// # Errors
/// Neither is there, or what is there cannot be used.
pub async fn inferred() -> Result<Config, OpenError> {
    let named = std::env::var_os("KUBECONFIG").filter(|named| !named.is_empty());
    let place = named.as_deref().map_or_else(|| PathBuf::from("~/.kube/config"), PathBuf::from);
    for path in named.iter().flat_map(std::env::split_paths) {
        check(&path)?;
    }
    match Kubeconfig::read() {
        Ok(file) => of_kubeconfig(file, &place).map(bounded),
        Err(error) if named.is_some() => Err(unusable(&place, error)),
        Err(_) => Config::incluster().map(bounded).map_err(OpenError::NoPod),
    }
}

fn of_kubeconfig(mut file: Kubeconfig, path: &Path) -> Result<Config, OpenError> {
    credentials::tidy(&mut file);
    let current = Current::of(file).map_err(|error| unusable(path, error))?;
    let variables = ProxyVariables::of_this_process();
    let proxy = proxy::on_the_way(&current.cluster, &current.server, &variables);
    let proxy = proxy.map_err(OpenError::Proxy)?;
    let mut config = current.into_config().map_err(|error| unusable(path, error))?;
    if let Some(proxy) = proxy {
        proxy::tell(&proxy);
        config.proxy_url = proxy::url(&proxy);
    }
    Ok(config)
}

fn bounded(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT);
    // Whoever asked is told at once, and decides.
    config.default_retry = false;
    config
}

/// A client. Nothing is sent.
///
/// # Errors
/// A certificate or a key cannot be used.
pub fn client(config: Config) -> Result<Client, OpenError> {
    Client::try_from(config).map_err(|error| {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            // What the verifier says is wrapped in an error that names the private key, which is fine.
            if error.to_string().contains("UnsupportedCertVersion") {
                return OpenError::OldCertificate;
            }
            cause = error.source();
        }
        OpenError::Client(Box::new(error))
    })
}

/// Whether a kubeconfig can be read.
///
/// # Errors
/// [`OpenError::Kubeconfig`] or [`OpenError::Malformed`].
pub fn look_at(kubeconfig: &Path) -> Result<(), OpenError> {
    read(kubeconfig).map(drop)
}

fn read(path: &Path) -> Result<Kubeconfig, OpenError> {
    check(path)?;
    Kubeconfig::read_from(path).map_err(|error| unusable(path, error))
}

/// That it is a file; one that is not there is for others to say.
fn check(path: &Path) -> Result<(), OpenError> {
    match read_whole(path, current::MAX_FILE) {
        Ok(_) | Err(NotRead::Io(_)) => Ok(()),
        Err(error) => {
            let source = KubeconfigError::ReadConfig(error.into(), path.to_owned());
            Err(OpenError::Kubeconfig { path: path.to_owned(), source })
        }
    }
}

fn unusable(path: &Path, error: KubeconfigError) -> OpenError {
    let path = path.to_owned();
    match error {
        KubeconfigError::Parse(error) => {
            OpenError::Malformed { path, line: error.location().map_or(0, |place| place.line()) }
        }
        source => OpenError::Kubeconfig { path, source },
    }
}
