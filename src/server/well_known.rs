//! What everybody may read: the JSON home document and the public keys.
//!
//! Must not know requests.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use crate::domain::base_url::BaseUrl;
use crate::jose::key::{Algorithm, PublicKey};
use crate::jose::sign::Signer;
use crate::oauth::metadata;
use crate::service::Service;

/// The documents that never change, written once.
pub(super) struct WellKnown {
    home: Bytes,
    provider: Option<(String, Bytes)>,
    places: Vec<String>,
}

/// What is said where applications cannot find the issuer.
pub(super) const NO_PROVIDER: &str = "this issuer cannot be found by its name: that takes an iss in [jwt] that is the URL in hostname, with https \
                                      or on this machine, and a key on P-256 or an RSA key";

impl WellKnown {
    pub(super) fn new(base: &BaseUrl, service: &Service) -> Self {
        let keys = service.keys().current();
        let signs = |algorithm: &Algorithm| keys.signer_of(*algorithm).is_some();
        let algorithms: Vec<_> =
            [Algorithm::Rs256, Algorithm::Es256].into_iter().filter(signs).collect();
        Self {
            home: bytes(&home(base)),
            provider: provider(base, keys.signer(), &algorithms),
            places: base.metadata_paths(),
        }
    }

    pub(super) fn home(&self) -> Reply {
        cached("application/json-home", &self.home)
    }

    pub(super) fn discovery(&self) -> Result<Reply, ApiError> {
        let (_, document) = self.provider.as_ref().ok_or(ApiError::NotFound(NO_PROVIDER))?;
        Ok(cached("application/json", document))
    }

    /// Whether a path at our host is where the issuer is asked about, be that before the path that we are below.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').unwrap_or(path);
        self.places.iter().any(|place| place == path)
    }

    /// The issuer, where applications can find it.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.provider.as_ref().map(|(issuer, _)| issuer.as_str())
    }
}

/// The key that access tokens are signed with.
pub(super) fn public_key(signing: &PublicKey) -> Reply {
    let document = json!({
        "public_key": signing.to_pem(),
        "algorithm": signing.algorithm().as_str(),
        "kid": signing.id().as_str(),
    });
    cached("application/json", &bytes(&document))
}

/// A JWK Set.
pub(super) fn jwks(set: &Bytes) -> Reply {
    cached("application/jwk-set+json", set)
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn cached(content_type: &'static str, body: &Bytes) -> Reply {
    Reply::typed(StatusCode::OK, HeaderValue::from_static(content_type), body.clone())
        .with(CACHE_CONTROL, HeaderValue::from_static("max-age=60"))
}

/// What the issuer's applications and verifiers read (OpenID Connect Discovery 1.0 section 4). It stands at the issuer's name, so the
/// issuer must be where we are; and it takes a key that everybody can verify by.
fn provider(base: &BaseUrl, signer: &Signer, algorithms: &[Algorithm]) -> Option<(String, Bytes)> {
    let issuer = signer.issuer().as_str();
    if algorithms.is_empty() || !metadata::is_here(issuer, base) {
        return None;
    }
    let algorithms: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    Some((issuer.to_owned(), bytes(&metadata::document(issuer, base, &algorithms))))
}

/// The JSON home document (draft-nottingham-json-home-06).
fn home(base: &BaseUrl) -> Value {
    let url = |path: &str| base.url(path);
    let plain =
        |path: &str, allow: &[&str]| json!({ "href": url(path), "hints": { "allow": allow } });
    let template = |path: &str, variables: Value, allow: &[&str]| json!({ "hrefTemplate": url(path), "hrefVars": variables, "hints": { "allow": allow } });
    let (user, group) =
        ("the user id, such as kisee-john", "the group's name, such as admin.developers");
    let provider = "an identity provider that is visited in a browser, such as github";
    json!({
        "api": { "title": "Pasee" },
        "resources": {
            "tokens": plain("/tokens/", &["GET", "POST"]),
            "login": template("/tokens/{provider}/", json!({ "provider": provider }), &["GET", "POST"]),
            "users": plain("/users/", &["GET", "POST"]),
            "user": template("/users/{user}", json!({ "user": user }), &["GET", "PATCH", "DELETE"]),
            "groups": plain("/groups/", &["GET", "POST"]),
            "group": template("/groups/{group}/", json!({ "group": group }), &["GET", "POST", "PATCH", "DELETE"]),
            "group-member": template(
                "/groups/{group}/{user}/",
                json!({ "group": group, "user": user }),
                &["PATCH", "DELETE"],
            ),
            "public-key": plain("/public-key/", &["GET"]),
            "jwks": plain("/.well-known/jwks.json", &["GET"]),
            "password-recoveries": plain("/password_recoveries/", &["GET", "POST"]),
        },
    })
}
