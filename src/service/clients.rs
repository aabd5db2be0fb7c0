//! Which applications log people in through us: those of the settings, then those that the state holds, then the one that is built in.
//!
//! A client that is disabled where it counts is none. Must not know what a client may.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::client::{Client, ClientId, SecretHash, Serving};
use crate::idp::Renewed;
use crate::service::Service;

/// The clients that are there whatever the state holds.
#[derive(Debug)]
pub struct Clients {
    configured: BTreeMap<ClientId, Arc<Client>>,
    built_in: Arc<Client>,
    /// What those secrets hash to that stand in files of their own.
    in_files: BTreeMap<ClientId, Renewed<Vec<SecretHash>>>,
}

impl Clients {
    /// Those of the settings, each id once, and the one that is there unless another has its id.
    #[must_use]
    pub fn new(configured: impl IntoIterator<Item = Client>, built_in: Client) -> Self {
        let by_id = |client: Client| (client.id.clone(), Arc::new(client));
        let configured = configured.into_iter().map(by_id).collect();
        Self { configured, built_in: Arc::new(built_in), in_files: BTreeMap::new() }
    }

    /// The same, where the secrets of some clients of the settings stand in files of their own.
    #[must_use]
    pub fn with_secrets_in(
        self,
        files: impl IntoIterator<Item = (ClientId, Renewed<Vec<SecretHash>>)>,
    ) -> Self {
        Self { in_files: files.into_iter().collect(), ..self }
    }
}

impl Service {
    /// The client of this id, if it is served.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<Arc<Client>> {
        let Clients { configured, built_in, .. } = &self.0.clients;
        let found = match configured.get(id) {
            Some(client) => Some(Arc::clone(client)),
            None => {
                self.held(id).or_else(|| Some(built_in).filter(|it| it.id.as_str() == id).cloned())
            }
        };
        found.filter(|client| client.enabled)
    }

    /// Every client that is served, in the order of their ids.
    #[must_use]
    pub fn clients(&self) -> Vec<Arc<Client>> {
        let Clients { configured, built_in, .. } = &self.0.clients;
        let mut all = BTreeMap::from([(built_in.id.clone(), Arc::clone(built_in))]);
        let held = self.directory().clients().into_iter().filter(|client| self.is_apart(client));
        all.extend(held.map(|client| (client.id.clone(), client)));
        all.extend(configured.iter().map(|(id, client)| (id.clone(), Arc::clone(client))));
        all.into_values().filter(|client| client.enabled).collect()
    }

    /// Whether a client is known by this secret at the moment.
    pub(super) async fn is_known_by(&self, client: &Client, secret: &str) -> bool {
        match self.0.clients.in_files.get(&client.id) {
            Some(file) => {
                file.current().await.iter().fold(false, |known, hash| hash.fits(secret) | known)
            }
            None => client.knows_secret(secret),
        }
    }

    fn held(&self, id: &str) -> Option<Arc<Client>> {
        self.directory().client(id).filter(|client| self.is_apart(client))
    }

    /// Whether nobody could take the client for a user (RFC 9700 section 4.15). The settings are judged when they are read; the state
    /// does not know which identity providers there are.
    fn is_apart(&self, client: &Client) -> bool {
        let serving = client.serving(|_| false, &self.0.provider_names);
        !matches!(serving, Serving::LikeUsersOf(_))
    }
}
