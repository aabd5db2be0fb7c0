//! The clients that the state holds, by their ids.
//!
//! Apart from the contents: few change, nothing else hangs on them, and one store has none. Must not know where they are written down.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::client::{Client, ClientId};

/// Clients, each whole or not there.
#[derive(Debug, Default)]
pub(super) struct Clients(RwLock<BTreeMap<ClientId, Arc<Client>>>);

impl Clients {
    pub(super) fn get(&self, id: &str) -> Option<Arc<Client>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn put(&self, client: Client) {
        let mut clients = self.0.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(client.id.clone(), Arc::new(client));
    }

    pub(super) fn take(&self, id: &str) {
        drop(self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id));
    }

    pub(super) fn replace(&self, clients: Vec<Client>) {
        let by_id = |client: Client| (client.id.clone(), Arc::new(client));
        let clients = clients.into_iter().map(by_id).collect();
        let old = std::mem::replace(
            &mut *self.0.write().unwrap_or_else(PoisonError::into_inner),
            clients,
        );
        drop(old); // long, and not under the lock
    }
}
