//! What everybody may read: the JSON home document and the public keys.
//!
//! Must not know requests.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::Reply;
use crate::jose::key::PublicKey;
use crate::jose::sign::Signer;

/// The documents that never change, written once.
pub(super) struct WellKnown {
    home: Bytes,
    discovery: Option<Bytes>,
}

impl WellKnown {
    pub(super) fn new(hostname: &str, signer: &Signer) -> Self {
        Self {
            home: bytes(&home(hostname)),
            discovery: discovery(hostname, signer).as_ref().map(bytes),
        }
    }

    pub(super) fn home(&self) -> Reply {
        cached("application/json-home", &self.home)
    }

    pub(super) fn discovery(&self) -> Result<Reply, ApiError> {
        let document = self.discovery.as_ref().ok_or(ApiError::NotFound(
            "this issuer cannot be found by its name: that takes an iss in [jwt] that is the https URL in hostname",
        ))?;
        Ok(cached("application/json", document))
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

/// Where verifiers that know the issuer alone find the keys (OpenID Connect Discovery 1.0 section 4, as far as it is about
/// keys: nobody logs in by that protocol here). It stands at the issuer's name, so the issuer must be where we are.
fn discovery(hostname: &str, signer: &Signer) -> Option<Value> {
    let issuer = signer.issuer().as_str();
    let algorithm = signer.public().algorithm().to_string();
    let is_here = hostname.starts_with("https://") && issuer.trim_end_matches('/') == hostname;
    is_here.then(|| {
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{hostname}/.well-known/jwks.json"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [algorithm],
        })
    })
}

/// The JSON home document (draft-nottingham-json-home-06).
fn home(hostname: &str) -> Value {
    let url = |path: &str| format!("{hostname}{path}");
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
