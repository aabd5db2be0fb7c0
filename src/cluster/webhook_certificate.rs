//! The certificate that the controller makes for the webhook, as servers read it: from one Secret.
//!
//! Must not know how it is made, nor what is served with it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::live::LiveError;
use crate::resources::webhook::{CERTIFICATE, KEY, SECRET};

/// Longest wait for the Secret.
const PATIENCE: Duration = Duration::from_secs(5);

/// A certificate chain and its key, both PEM.
#[derive(PartialEq, Eq)]
pub struct Pem {
    /// The server's first.
    pub certificate: Vec<u8>,
    /// Of the server's.
    pub key: Zeroizing<Vec<u8>>,
}

/// Reads both; `None` while nobody has made them.
///
/// # Errors
/// The API server cannot be asked.
pub async fn read(client: &Client, namespace: &str) -> Result<Option<Pem>, LiveError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let answer =
        timeout(PATIENCE, secrets.get_opt(SECRET)).await.map_err(|_| LiveError::Slow)??;
    let mut data = answer.and_then(|secret| secret.data).unwrap_or_default();
    let pem = data.remove(CERTIFICATE).zip(data.remove(KEY));
    Ok(pem.map(|(certificate, key)| Pem { certificate: certificate.0, key: Zeroizing::new(key.0) }))
}
