//! A Kubernetes API server: how it is connected to, what logins ask of it, and what a realm's objects say at this moment.
//!
//! Owns the credentials, the port of `idp` to the API server, consistent reads ([`live`]), that the root staff does not end
//! ([`root_staff`]), what a realm lacks ([`rights`]), which identity [`providers`] servers say there are, what time it is there
//! ([`server_time`]), what the webhook is served with
//! ([`webhook_certificate`]) and at which paths ([`review_paths`]), and how faults of the API server
//! are told (`outage`). Must not know what becomes of an answer.

mod connect;
pub mod live;
mod outage;
pub mod providers;
mod review;
pub mod review_paths;
pub mod rights;
pub mod root_staff;
pub mod server_time;
pub mod webhook_certificate;

use std::path::Path;

use kube::Client;

pub(crate) use connect::configuration;
pub use connect::{OpenError, client, inferred, look_at};
pub use outage::Outage;
pub use review::Reviewer;

/// Connects to the API server that a kubeconfig names, or to that of the pod, for reviews of tokens. Nothing is sent yet.
///
/// # Errors
/// The credentials or the address of the API server cannot be read.
pub async fn reviewer(kubeconfig: Option<&Path>) -> Result<Reviewer, OpenError> {
    let configuration = configuration(kubeconfig).await?;
    client(configuration).map(Reviewer::new)
}

/// Connects to the API server that a kubeconfig names, or to that of the pod, for consistent reads of the realm in a namespace;
/// `None` = that of the pod or of the kubeconfig's context. Gives the client too, and nothing is sent yet.
///
/// # Errors
/// As [`reviewer`].
pub async fn live_realm(
    kubeconfig: Option<&Path>,
    namespace: Option<&str>,
) -> Result<(live::LiveRealm, Client), OpenError> {
    let configuration = configuration(kubeconfig).await?;
    let namespace = namespace.unwrap_or(&configuration.default_namespace).to_owned();
    let client = client(configuration)?;
    Ok((live::LiveRealm::new(client.clone(), &namespace), client))
}
