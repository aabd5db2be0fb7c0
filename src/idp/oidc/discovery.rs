//! What an OpenID provider publishes, its metadata and its keys, fetched together: who changes one may have changed the
//! other.
//!
//! Must not know what either says, nor when it is fetched again.

use std::time::Duration;

use http::StatusCode;
use http::header::ACCEPT;
use serde_json::{Map, Value};
use url::Url;

use super::super::error::ProviderError;
use super::metadata::Metadata;
use crate::jose::json::strict_object;
use crate::jose::key_set::KeySet;
use crate::outbound::{Fetched, HttpClient, Repeat};
use crate::settings;

/// How long what was fetched is believed. A key that the provider withdraws is believed no longer than this.
const AGE: Duration = Duration::from_secs(3600);

/// A provider's metadata and keys.
#[derive(Debug)]
pub(super) struct Discovered {
    pub metadata: Metadata,
    pub keys: KeySet,
}

/// Asks a provider for both.
pub(super) async fn discover(
    http: &HttpClient,
    settings: &settings::Oidc,
) -> Result<Fetched<Discovered>, ProviderError> {
    let document = fetch(http, &settings.discovery).await?;
    let metadata = Metadata::read(&document, settings)?;
    let keys = keys(http, &metadata.keys).await?;
    Ok(Fetched { value: Discovered { metadata, keys }, fresh_for: AGE })
}

/// The keys; a set without any that is of use is as good as none.
async fn keys(http: &HttpClient, place: &Url) -> Result<KeySet, ProviderError> {
    let set = KeySet::read(&fetch(http, place).await?);
    let set = set.map_err(|_| ProviderError::InvalidResponse("a malformed JWK Set"))?;
    if set.is_empty() {
        return Err(ProviderError::InvalidResponse("a JWK Set without a key of use"));
    }
    Ok(set)
}

/// A JSON document, whatever its media type: some providers serve these as text.
async fn fetch(http: &HttpClient, place: &Url) -> Result<Map<String, Value>, ProviderError> {
    let request = http.get(place.clone()).header(ACCEPT, "application/json");
    let answer = http.send(request, Repeat::Harmless).await?;
    match answer.status {
        StatusCode::OK => {}
        _ if answer.is_away() => return Err(ProviderError::of_away(&answer)),
        status if status.is_redirection() => {
            tracing::warn!(%status, place = %place, "a redirect, which is not followed, in place of a document");
            return Err(ProviderError::InvalidResponse("a redirect in place of a document"));
        }
        _ => return Err(ProviderError::InvalidResponse("no document where one should be")),
    }
    strict_object(answer.text()).map_err(|_| {
        tracing::warn!(place = %place, "a document that is not one JSON object with each key once");
        ProviderError::InvalidResponse("a malformed document")
    })
}
