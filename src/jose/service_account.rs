//! Believing the tokens that a Kubernetes cluster issues to ServiceAccounts, by the cluster's published keys.
//!
//! Owns their claims (bound ServiceAccount tokens, KEP-1205) and what they are signed with. Must not know where the keys
//! come from, nor who may log in.

use std::fmt;

use serde_json::{Map, Value};

use super::algorithm::JwsAlgorithm;
use super::compact::{ClaimSet, Unverified};
use super::error::VerifyError;
use super::key_set::{KeySet, SetError};
use super::window;
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;

/// What an API server signs with: RSA or P-256.
const ALGORITHMS: [JwsAlgorithm; 2] = [JwsAlgorithm::RS256, JwsAlgorithm::ES256];

/// What a cluster's token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountClaims {
    /// `sub`: `system:serviceaccount:NAMESPACE:NAME`.
    pub username: String,
    /// The claim `kubernetes.io`: namespace, serviceaccount, pod, node.
    pub kubernetes: Map<String, Value>,
}

/// Believes a cluster's tokens for one audience.
pub struct ServiceAccountVerifier {
    issuer: String,
    audience: Audience,
    keys: KeySet,
}

/// Shows no more than the keys' names.
impl fmt::Debug for ServiceAccountVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.ids().collect();
        f.debug_struct("ServiceAccountVerifier")
            .field("issuer", &self.issuer)
            .field("keys", &ids)
            .finish_non_exhaustive()
    }
}

impl ServiceAccountVerifier {
    /// A verifier that demands this issuer and audience, and a signature by one of the keys of a JWK Set.
    ///
    /// # Errors
    /// [`SetError`] when it is no JWK Set. Single keys that cannot be used are passed over.
    pub fn new(issuer: String, audience: Audience, set: &[u8]) -> Result<Self, SetError> {
        Ok(Self { issuer, audience, keys: KeySet::parse(set, &ALGORITHMS)? })
    }

    /// Whether the set had no key that is understood.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The claims of a token that is bound to an audience.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn verify(
        &self,
        compact: &str,
        now: Timestamp,
    ) -> Result<ServiceAccountClaims, VerifyError> {
        let token = Unverified::parse(compact)?;
        token.header().demand_plain_jwt()?;
        // An API server names the key in every token.
        token.header().key_id().ok_or(VerifyError::UnknownKey)?;
        self.read(self.keys.verify_signature(&token, &ALGORITHMS)?.claims, now)
    }

    fn read(&self, claims: ClaimSet, now: Timestamp) -> Result<ServiceAccountClaims, VerifyError> {
        if claims.text("iss")? != self.issuer {
            return Err(VerifyError::Issuer);
        }
        // An API server writes a list, also of one: a text is somebody else's hand.
        let is_list = claims.get("aud").is_some_and(Value::is_array);
        if !is_list || !claims.audiences()?.contains(&self.audience.as_str()) {
            return Err(VerifyError::Audience);
        }
        window::SERVICE_ACCOUNT.judge(&claims, now)?;
        let username = claims.text("sub")?.to_owned();
        let Some(Value::Object(kubernetes)) = claims.into_map().remove("kubernetes.io") else {
            return Err(VerifyError::Claim("kubernetes.io"));
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let account = kubernetes.get("serviceaccount").and_then(|account| account.get("name"));
        let (namespace, name) = (text(kubernetes.get("namespace")), text(account));
        let (Some(namespace), Some(name)) = (namespace, name) else {
            return Err(VerifyError::Claim("kubernetes.io"));
        };
        if username != format!("system:serviceaccount:{namespace}:{name}") {
            return Err(VerifyError::Claim("sub"));
        }
        Ok(ServiceAccountClaims { username, kubernetes })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::jose::jwks;
    use crate::jose::key::{Algorithm, PrivateKey};

    const ISSUER: &str = "https://kubernetes.default.svc";

    fn verifier(key: &PrivateKey) -> ServiceAccountVerifier {
        let set = jwks::common(&[key.public().clone()]).to_string();
        ServiceAccountVerifier::new(ISSUER.to_owned(), "apps".parse().unwrap(), set.as_bytes())
            .unwrap()
    }

    /// What is thought of a token of ci's deployer, with one claim or member of the header changed.
    fn judged(place: &str, value: Value) -> Result<ServiceAccountClaims, VerifyError> {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let now = 1_800_000_000;
        let mut token = json!({
            "header": { "alg": "ES256", "kid": key.public().id().as_str() },
            "claims": {
                "iss": ISSUER, "aud": ["apps"], "sub": "system:serviceaccount:ci:deployer",
                "exp": now + 3600, "nbf": now, "iat": now,
                "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "deployer", "uid": "7" } },
            },
        });
        *token.pointer_mut(place).unwrap() = value;
        let part = |name: &str| URL_SAFE_NO_PAD.encode(token[name].to_string());
        let signed = [part("header"), part("claims")].join(".");
        let compact = format!("{signed}.{}", key.sign(signed.as_bytes()).unwrap());
        verifier(&key).verify(&compact, Timestamp::from_unix(now).unwrap())
    }

    #[test]
    fn who_a_token_speaks_of() {
        let claims = judged("/claims/aud", json!(["others", "apps"])).unwrap();
        assert_eq!(claims.username, "system:serviceaccount:ci:deployer");
        assert_eq!(claims.kubernetes["serviceaccount"]["uid"], "7");
        let (no_account, no_name) =
            (VerifyError::Claim("kubernetes.io"), VerifyError::Claim("sub"));
        for (place, value, error) in [
            ("/claims/aud", json!("apps"), VerifyError::Audience),
            ("/claims/aud", json!(["others"]), VerifyError::Audience),
            ("/claims/iss", json!("https://kubernetes"), VerifyError::Issuer),
            ("/claims/sub", json!("system:serviceaccount:ci:another"), no_name),
            ("/claims/kubernetes.io/namespace", json!("prod"), no_name),
            ("/claims/kubernetes.io/namespace", json!(7), no_account),
            ("/claims/kubernetes.io/serviceaccount", json!({}), no_account),
            ("/claims/kubernetes.io/serviceaccount/name", json!("another"), no_name),
            ("/claims/kubernetes.io", json!([]), no_account),
            ("/header", json!({ "alg": "ES256" }), VerifyError::UnknownKey),
        ] {
            assert_eq!(judged(place, value.clone()), Err(error), "{place} {value}");
        }
    }

    #[test]
    fn what_a_set_of_keys_comes_to() {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let with = verifier(&key);
        let without = ServiceAccountVerifier::new(
            ISSUER.to_owned(),
            "apps".parse().unwrap(),
            b"{\"keys\":[]}",
        );
        assert_eq!((with.is_empty(), without.unwrap().is_empty()), (false, true));
        let shown = format!("{with:?}");
        assert!(shown.contains(ISSUER) && shown.contains(key.public().id().as_str()), "{shown}");
    }
}
