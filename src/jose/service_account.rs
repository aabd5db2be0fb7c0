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
