//! What is known of an OpenID provider, its metadata and its keys: fetched when needed, kept for an hour, and kept on
//! while there is nothing newer.
//!
//! Must not know what either says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use http::StatusCode;
use http::header::ACCEPT;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::super::ProviderError;
use super::super::call::{Caller, Repeat};
use super::metadata::Metadata;
use crate::jose::foreign::KeySet;
use crate::jose::json::strict_object;
use crate::settings;

/// How long what was fetched is believed. A key that the provider withdraws is believed no longer than this.
const AGE: Duration = Duration::from_secs(3600);
/// How long it is believed again when it is too old and the provider does not say anew.
const REPRIEVE: Duration = Duration::from_secs(10);
/// How long after a token by an unknown key another one has the keys fetched again.
const COOLDOWN: Duration = Duration::from_secs(30);

/// A provider's metadata and keys.
#[derive(Clone, Debug)]
pub struct Known {
    pub metadata: Metadata,
    pub keys: KeySet,
    believed_until: Instant,
}

/// The latest [`Known`], and who fetches the next: one at a time.
#[derive(Debug, Default)]
pub struct Knowledge {
    known: ArcSwapOption<Known>,
    /// When a token by an unknown key last had the keys fetched.
    fetching: Mutex<Option<Instant>>,
}

impl Known {
    fn is_fresh(&self) -> bool {
        Instant::now() < self.believed_until
    }
}

impl Knowledge {
    /// From memory while fresh; one fetch at a time, and what is old rather than nothing.
    pub async fn known(
        &self,
        caller: &Caller,
        settings: &settings::Oidc,
    ) -> Result<Arc<Known>, ProviderError> {
        let _one_at_a_time = match self.known.load_full() {
            Some(known) if known.is_fresh() => return Ok(known),
            Some(known) => match self.fetching.try_lock() {
                Ok(lock) => lock,
                Err(_) => return Ok(known),
            },
            None => self.fetching.lock().await,
        };
        let old = self.known.load_full();
        if let Some(known) = old.as_ref().filter(|known| known.is_fresh()) {
            return Ok(Arc::clone(known));
        }
        let known = match (caller.first_half(discover(caller, settings)).await, old) {
            (Ok(known), _) => known,
            (Err(_), Some(old)) => {
                Known { believed_until: Instant::now() + REPRIEVE, ..Known::clone(&old) }
            }
            (Err(error), None) => return Err(error),
        };
        Ok(self.keep(known))
    }

    /// What is known with the provider's keys of now; the same when somebody has just asked for them in vain.
    pub async fn newer_keys(
        &self,
        caller: &Caller,
        outdated: &Arc<Known>,
    ) -> Result<Arc<Known>, ProviderError> {
        let mut last = self.fetching.lock().await;
        let known = self.known.load_full().unwrap_or_else(|| Arc::clone(outdated));
        let is_newer = !Arc::ptr_eq(&known, outdated);
        if is_newer || last.is_some_and(|last| last.elapsed() < COOLDOWN) {
            return Ok(known);
        }
        *last = Some(Instant::now());
        let keys = caller.first_half(keys(caller, &known.metadata.keys)).await?;
        Ok(self.keep(Known { keys, ..Known::clone(&known) }))
    }

    fn keep(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        self.known.store(Some(Arc::clone(&known)));
        known
    }
}

async fn discover(caller: &Caller, settings: &settings::Oidc) -> Result<Known, ProviderError> {
    let document = fetch(caller, &settings.discovery).await?;
    let metadata = Metadata::read(&document, settings)?;
    let keys = keys(caller, &metadata.keys).await?;
    Ok(Known { metadata, keys, believed_until: Instant::now() + AGE })
}

/// The keys; a set without any that is of use is as good as none.
async fn keys(caller: &Caller, place: &Url) -> Result<KeySet, ProviderError> {
    let set = KeySet::read(&fetch(caller, place).await?);
    let set = set.map_err(|_| ProviderError::Nonsense("a malformed JWK Set"))?;
    if set.is_empty() {
        return Err(ProviderError::Nonsense("a JWK Set without a key of use"));
    }
    Ok(set)
}

/// A JSON document, whatever its media type: some providers serve these as text.
async fn fetch(caller: &Caller, place: &Url) -> Result<Map<String, Value>, ProviderError> {
    let request = caller.client().get(place.clone()).header(ACCEPT, "application/json");
    let answer = caller.send(request, Repeat::Harmless).await?;
    match answer.status {
        StatusCode::OK => {}
        status if super::is_away(status) => return Err(ProviderError::Unreachable),
        _ => return Err(ProviderError::Nonsense("no document where one should be")),
    }
    strict_object(&answer.body).map_err(|_| ProviderError::Nonsense("a malformed document"))
}
