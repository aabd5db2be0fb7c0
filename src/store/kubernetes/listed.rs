//! All objects of a realm, listed once, as etcd has them.
//!
//! Must not know what is made of them.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use super::OpenError;
use super::connect::{self, Options};
use super::error::StoreError;
use crate::objects::backup::Objects;

/// Objects in one answer.
const SLICE: u32 = 500;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why they cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The API server cannot be found.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It does not say.
    #[error("the objects cannot be listed")]
    Api(#[from] StoreError),
}

/// Lists them.
///
/// # Errors
/// The API server cannot be reached, or refuses.
pub async fn objects(options: Options) -> Result<Objects, ListError> {
    let (client, namespace) = connect::client(options).await?;
    Ok(of(&client, &namespace).await?)
}

/// Lists those of a namespace.
pub(super) async fn of(client: &Client, namespace: &str) -> Result<Objects, StoreError> {
    Ok(Objects {
        groups: all(client, namespace).await?,
        memberships: all(client, namespace).await?,
        users: all(client, namespace).await?,
        clients: none_where_unknown(all(client, namespace).await)?,
    })
}

/// A cluster that was set up for a former Pasee does not know every kind.
fn none_where_unknown<K>(listed: Result<Vec<K>, StoreError>) -> Result<Vec<K>, StoreError> {
    match listed {
        Err(error) if error.status() == Some(404) => Ok(Vec::new()),
        listed => listed,
    }
}

async fn all<K>(client: &Client, namespace: &str) -> Result<Vec<K>, StoreError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let mut found = Vec::new();
    let mut params = ListParams::default().limit(SLICE);
    loop {
        let answer = tokio::time::timeout(PATIENCE, api.list(&params)).await;
        let slice = answer.map_err(|_| StoreError::Slow(PATIENCE))??;
        found.extend(slice.items);
        match slice.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found),
        }
    }
}
