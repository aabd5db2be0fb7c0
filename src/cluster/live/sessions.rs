//! Whether a session was ended, asked of the API server by consistent reads.
//!
//! Which objects there are, and in which version, is asked each time; what is in them only when it is not known of that version
//! already: of a hundred thousand sessions a question costs as much as of one. Must not know whose sessions they are.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::{AT_ONCE, LiveError, PAGES};
use crate::domain::token::SessionId;
use crate::resources::{Received, SessionRevocations, session_revocations};

/// Objects in one answer, of which no more than the metadata is asked for.
const PAGE: u32 = 500;

/// What is known of the objects of one realm, shared by those who ask.
#[derive(Clone)]
pub(super) struct EndedSessions {
    client: Client,
    namespace: String,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

/// What one object says in one version.
struct Known {
    version: String,
    sessions: HashSet<SessionId>,
}

impl EndedSessions {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { client, namespace: namespace.to_owned(), known: Arc::default() }
    }

    pub(super) async fn has_ended(&self, session: SessionId) -> Result<bool, LiveError> {
        let there = self.there().await?;
        let unknown: Vec<String> = {
            let mut known = self.known();
            known.retain(|name, object| there.get(name) == Some(&object.version));
            if known.values().any(|object| object.sessions.contains(&session)) {
                return Ok(true);
            }
            there.into_keys().filter(|name| !known.contains_key(name)).collect()
        };
        let reads = stream::iter(unknown).map(|name| self.read(name));
        let mut reads = reads.buffer_unordered(AT_ONCE);
        while let Some(read) = reads.next().await {
            if read?.is_some_and(|sessions| sessions.contains(&session)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The objects that there are, with their versions.
    async fn there(&self) -> Result<HashMap<String, String>, LiveError> {
        let api: Api<SessionRevocations> = Api::namespaced(self.client.clone(), &self.namespace);
        let mut there = HashMap::new();
        let mut page = ListParams::default().limit(PAGE);
        for _ in 0..PAGES {
            let list = api.list_metadata(&page).await?;
            there.extend(list.items.into_iter().map(|object| {
                let version = object.resource_version().unwrap_or_default();
                (object.name_any(), version)
            }));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(there),
            }
        }
        Err(LiveError::TooMany("ended sessions".to_owned()))
    }

    /// What an object says, if it is still there; remembered from then on.
    async fn read(&self, name: String) -> Result<Option<HashSet<SessionId>>, LiveError> {
        let api: Api<Received<SessionRevocations>> =
            Api::namespaced(self.client.clone(), &self.namespace);
        let Some(Received::Readable(object)) = api.get_opt(&name).await? else { return Ok(None) };
        let content = session_revocations::parse(&object).ok();
        let sessions = content.into_iter().flat_map(|content| content.sessions);
        let sessions: HashSet<SessionId> = sessions.collect();
        let version = object.resource_version().unwrap_or_default();
        self.known().insert(name, Known { version, sessions: sessions.clone() });
        Ok(Some(sessions))
    }

    // A panic under the lock cannot happen, and whatever is known there is compared by its version.
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
