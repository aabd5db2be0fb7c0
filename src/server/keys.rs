//! What never changes while the server runs: the JSON home document and the public keys.
//!
//! Must not know requests.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::{Value, json};

use super::Config;
use super::reply::Reply;
use crate::jose::jwks;
use crate::jose::key::{Algorithm, PublicKey};

/// The documents, written once.
pub struct Documents {
    home: Bytes,
    public_key: Bytes,
    jwks: Bytes,
    jwks_es256k: Bytes,
}

impl Documents {
    pub fn new(config: &Config) -> Self {
        let signing = config.signer.public();
        let mut keys: Vec<PublicKey> = vec![signing.clone()];
        keys.extend(config.retired_keys.iter().filter(|key| *key != signing).cloned());
        let public_key = json!({
            "public_key": signing.to_pem(),
            "algorithm": signing.algorithm().as_str(),
            "kid": signing.id().as_str(),
        });
        Self {
            home: bytes(&home(&config.hostname)),
            public_key: bytes(&public_key),
            jwks: bytes(&jwks::set(Algorithm::Es256, &keys)),
            jwks_es256k: bytes(&jwks::set(Algorithm::Es256k, &keys)),
        }
    }

    pub fn home(&self) -> Reply {
        cached("application/json-home", &self.home)
    }

    pub fn public_key(&self) -> Reply {
        cached("application/json", &self.public_key)
    }

    pub fn jwks(&self) -> Reply {
        cached("application/jwk-set+json", &self.jwks)
    }

    pub fn jwks_es256k(&self) -> Reply {
        cached("application/jwk-set+json", &self.jwks_es256k)
    }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn cached(content_type: &'static str, body: &Bytes) -> Reply {
    Reply::typed(StatusCode::OK, HeaderValue::from_static(content_type), body.clone())
        .with(CACHE_CONTROL, HeaderValue::from_static("max-age=60"))
}

/// The JSON home document (draft-nottingham-json-home-06).
fn home(hostname: &str) -> Value {
    let url = |path: &str| format!("{hostname}{path}");
    let plain =
        |path: &str, allow: &[&str]| json!({ "href": url(path), "hints": { "allow": allow } });
    let template = |path: &str, variables: Value, allow: &[&str]| json!({ "hrefTemplate": url(path), "hrefVars": variables, "hints": { "allow": allow } });
    let (user, group) =
        ("the user id, such as kisee-john", "the group's name, such as admin.developers");
    json!({
        "api": { "title": "Pasee" },
        "resources": {
            "tokens": plain("/tokens/", &["GET", "POST"]),
            "users": plain("/users/", &["GET", "POST"]),
            "user": template("/users/{user}", json!({ "user": user }), &["GET", "PATCH", "DELETE"]),
            "groups": plain("/groups/", &["GET", "POST"]),
            "group": template("/groups/{group}/", json!({ "group": group }), &["GET", "POST", "DELETE"]),
            "group-member": template(
                "/groups/{group}/{user}/",
                json!({ "group": group, "user": user }),
                &["DELETE"],
            ),
            "public-key": plain("/public-key/", &["GET"]),
            "jwks": plain("/.well-known/jwks.json", &["GET"]),
            "password-recoveries": plain("/password_recoveries/", &["GET", "POST"]),
        },
    })
}
