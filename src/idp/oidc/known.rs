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
    let set = set.map_err(|_| ProviderError::InvalidResponse("a malformed JWK Set"))?;
    if set.is_empty() {
        return Err(ProviderError::InvalidResponse("a JWK Set without a key of use"));
    }
    Ok(set)
}

/// A JSON document, whatever its media type: some providers serve these as text.
async fn fetch(caller: &Caller, place: &Url) -> Result<Map<String, Value>, ProviderError> {
    let request = caller.client().get(place.clone()).header(ACCEPT, "application/json");
    let answer = caller.send(request, Repeat::Harmless).await?;
    match answer.status {
        StatusCode::OK => {}
        _ if answer.is_away() => return Err(ProviderError::Unreachable),
        _ => return Err(ProviderError::InvalidResponse("no document where one should be")),
    }
    strict_object(&answer.body).map_err(|_| ProviderError::InvalidResponse("a malformed document"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::call::Trust;
    use super::*;
    use crate::jose::jwks;
    use crate::jose::key::{Algorithm, PrivateKey};

    /// The settings of a provider that is away, and what was known of it.
    fn away(believed_until: Instant) -> (Caller, settings::Oidc, Arc<Known>) {
        let issuer = "http://127.0.0.1:1";
        let settings = settings::Oidc {
            issuer: issuer.to_owned(),
            discovery: format!("{issuer}/.well-known/openid-configuration").parse().unwrap(),
            client_id: "pasee".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            subject_claim: "sub".to_owned(),
            callback_url: None,
            algorithms: Vec::new(),
            user_info: false,
            max_age: None,
            prompt: None,
            timeout: Duration::from_secs(2),
            ca_file: None,
        };
        let place = |name: &str| format!("{issuer}/{name}");
        let document = json!({
            "issuer": issuer, "authorization_endpoint": place("auth"), "token_endpoint": place("token"),
            "jwks_uri": place("jwks"),
        });
        let key = PrivateKey::generate(Algorithm::Es256).unwrap().public().clone();
        let set = jwks::set(Algorithm::Es256, &[key]);
        let known = Known {
            metadata: Metadata::read(document.as_object().unwrap(), &settings).unwrap(),
            keys: KeySet::read(set.as_object().unwrap()).unwrap(),
            believed_until,
        };
        let caller = Caller::new(settings.timeout, Trust::Nobody).unwrap();
        (caller, settings, Arc::new(known))
    }

    #[tokio::test]
    async fn what_is_old_rather_than_nothing() {
        let (caller, settings, aged) = away(Instant::now());
        let knowledge = Knowledge::default();
        let nothing = knowledge.known(&caller, &settings).await;
        assert_eq!(nothing.unwrap_err(), ProviderError::Unreachable);
        knowledge.known.store(Some(Arc::clone(&aged)));
        assert!(!aged.is_fresh());
        let reprieved = knowledge.known(&caller, &settings).await.unwrap();
        assert!(
            reprieved.is_fresh() && reprieved.keys.len() == 1,
            "and nobody asks again for a while"
        );
        let again = knowledge.known(&caller, &settings).await.unwrap();
        assert!(Arc::ptr_eq(&reprieved, &again));
        // While somebody asks, the others go on with what is known.
        knowledge.known.store(Some(Arc::clone(&aged)));
        let _asking = knowledge.fetching.lock().await;
        assert!(Arc::ptr_eq(&aged, &knowledge.known(&caller, &settings).await.unwrap()));
    }

    #[tokio::test]
    async fn newer_keys_once_in_a_while() {
        let (caller, _, known) = away(Instant::now() + AGE);
        let knowledge = Knowledge::default();
        knowledge.known.store(Some(Arc::clone(&known)));
        let failed = knowledge.newer_keys(&caller, &known).await;
        assert_eq!(failed.unwrap_err(), ProviderError::Unreachable);
        let kept = knowledge.newer_keys(&caller, &known).await.unwrap();
        assert!(Arc::ptr_eq(&kept, &known), "not asked again, and nothing forgotten");
        // When the cooldown is over, it is asked again.
        let over = Instant::now().checked_sub(COOLDOWN).unwrap();
        *knowledge.fetching.lock().await = Some(over);
        assert!(knowledge.newer_keys(&caller, &known).await.is_err());
        // What somebody else has found meanwhile is taken without asking.
        let (_, _, newer) = away(Instant::now() + AGE);
        knowledge.known.store(Some(Arc::clone(&newer)));
        *knowledge.fetching.lock().await = None;
        assert!(Arc::ptr_eq(&newer, &knowledge.newer_keys(&caller, &known).await.unwrap()));
    }
}
