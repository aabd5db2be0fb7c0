//! Where the API server is, and with which credentials it is talked to.
//!
//! Must not know what is asked of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

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
    /// A certificate or a key is unusable.
    #[error("the Kubernetes API server cannot be connected to with these credentials")]
    Client(#[source] Box<kube::Error>),
}

/// How to reach it: as a kubeconfig says, else as pods do. Nothing is sent.
pub(crate) async fn configuration(kubeconfig: Option<&Path>) -> Result<Config, OpenError> {
    let mut config = match kubeconfig {
        Some(path) => {
            let file = read(path)?;
            let context = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(file, &context).await;
            config.map_err(|error| unusable(path, error))?
        }
        None => Config::incluster().map_err(OpenError::NoPod)?,
    };
    config.connect_timeout = Some(CONNECT);
    // Whoever asked is told at once, and decides.
    config.default_retry = false;
    Ok(config)
}

/// A client. Nothing is sent.
pub(super) fn client(config: Config) -> Result<Client, OpenError> {
    Client::try_from(config).map_err(|error| OpenError::Client(Box::new(error)))
}

/// Whether a kubeconfig can be read.
///
/// # Errors
/// [`OpenError::Kubeconfig`] or [`OpenError::Malformed`].
pub fn look_at(kubeconfig: &Path) -> Result<(), OpenError> {
    read(kubeconfig).map(drop)
}

fn read(path: &Path) -> Result<Kubeconfig, OpenError> {
    Kubeconfig::read_from(path).map_err(|error| unusable(path, error))
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
