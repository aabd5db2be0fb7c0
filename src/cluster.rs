//! A Kubernetes API server: how it is connected to, and what logins ask of it.
//!
//! Owns the credentials and the port of `idp` to the API server. Must not know what becomes of an answer.

mod connect;
mod review;

use std::path::Path;

pub(crate) use connect::configuration;
pub use connect::{OpenError, look_at};
pub use review::Reviewer;

/// Connects to the API server that a kubeconfig names, or to that of the pod, for reviews of tokens. Nothing is sent yet.
///
/// # Errors
/// The credentials or the address of the API server cannot be read.
pub async fn reviewer(kubeconfig: Option<&Path>) -> Result<Reviewer, OpenError> {
    let configuration = configuration(kubeconfig).await?;
    connect::client(configuration).map(Reviewer::new)
}
