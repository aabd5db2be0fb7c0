//! Where the API server is, and with which credentials it is talked to.
//!
//! Must not know what is asked of it.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// What the operator says of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The namespace that is the realm; `None` = that of the pod or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// How the API server is reached; `None` = as pods reach it, with their service account.
    pub kubeconfig: Option<PathBuf>,
    /// Past this age of the state, [`fresh`](crate::domain::realm::Realm::fresh) says no; `None` = never.
    pub max_staleness: Option<Duration>,
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The process is in no pod and there is no kubeconfig either.
    #[error(
        "the Kubernetes API server cannot be found as pods find it; outside of one, name a kubeconfig in \
         [storage_backend.options]"
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
    /// A certificate or a key is unusable.
    #[error("the Kubernetes API server cannot be connected to with these credentials")]
    Client(#[source] Box<kube::Error>),
}

/// A client, and the namespace of the realm. Nothing is sent yet.
pub(super) async fn client(options: Options) -> Result<(Client, String), OpenError> {
    let mut config = match options.kubeconfig {
        Some(path) => {
            let unusable = |source| OpenError::Kubeconfig { path: path.clone(), source };
            let file = Kubeconfig::read_from(&path).map_err(unusable)?;
            let context = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(file, &context).await.map_err(unusable)?
        }
        None => Config::incluster().map_err(OpenError::NoPod)?,
    };
    config.connect_timeout = Some(CONNECT);
    // Whoever asked is told at once, and decides.
    config.default_retry = false;
    let namespace = options.namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client = Client::try_from(config).map_err(|error| OpenError::Client(Box::new(error)))?;
    Ok((client, namespace))
}
