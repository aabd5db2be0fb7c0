//! Which namespace the store is over, and how its API server is reached.
//!
//! Must not know what is asked of it.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;

pub use crate::cluster::OpenError;
use crate::cluster::configuration;

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

/// A client, and the namespace of the realm. Nothing is sent yet.
pub(super) async fn client(options: Options) -> Result<(Client, String), OpenError> {
    let config = configuration(options.kubeconfig.as_deref()).await?;
    let namespace = options.namespace.unwrap_or_else(|| config.default_namespace.clone());
    Ok((crate::cluster::client(config)?, namespace))
}
