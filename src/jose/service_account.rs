//! Believing the tokens that a Kubernetes cluster issues to ServiceAccounts, by the cluster's published keys.
//!
//! Owns their claims (bound ServiceAccount tokens, KEP-1205) and which keys of a JWK Set are taken: RSA for RS256, P-256
//! for ES256, as the API server signs. Must not know where the keys come from, nor who may log in.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::compact::{ClaimSet, Unverified};
use super::error::VerifyError;
use super::jwks::{self, SetError};
use super::key::{Algorithm, PublicKey};
use super::window;
use crate::domain::time::Timestamp;
use crate::domain::token::Audience;

/// Length of an RSA modulus that is taken, in bytes: 2048 to 8192 bits (RFC 7518 section 3.3 asks for 2048 at least).
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// What a cluster's token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccountClaims {
    /// `sub`: `system:serviceaccount:NAMESPACE:NAME`.
    pub username: String,
    /// The claim `kubernetes.io`: namespace, serviceaccount, pod, node.
    pub kubernetes: Map<String, Value>,
}

/// One key of a cluster, by the name that the cluster gives it.
struct ClusterKey {
    id: String,
    key: Kind,
}

enum Kind {
    Rsa(DecodingKey),
    P256(PublicKey),
}

/// Believes a cluster's tokens for one audience.
pub struct ServiceAccountVerifier {
    issuer: String,
    audience: Audience,
    keys: Vec<ClusterKey>,
}

/// Shows no more than the keys' names.
impl fmt::Debug for ServiceAccountVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
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
        let keys = jwks::members(set)?.iter().filter_map(cluster_key).collect();
        Ok(Self { issuer, audience, keys })
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
        let header = token.header();
        header.demand_plain_jwt()?;
        let is_meant = |key: &&ClusterKey| Some(key.id.as_str()) == header.key_id();
        let key = self.keys.iter().find(is_meant).ok_or(VerifyError::UnknownKey)?;
        if header.algorithm() != Some(key.key.algorithm()) {
            return Err(VerifyError::Algorithm);
        }
        self.read(token.verified(|message, signature| key.key.verifies(message, signature))?, now)
    }

    fn read(&self, claims: ClaimSet, now: Timestamp) -> Result<ServiceAccountClaims, VerifyError> {
        if claims.text("iss")? != self.issuer {
            return Err(VerifyError::Issuer);
        }
        if !claims.audiences()?.contains(&self.audience.as_str()) {
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

impl Kind {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(key) => key.algorithm().as_str(),
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => {
                let signature = URL_SAFE_NO_PAD.encode(signature);
                let algorithm = jsonwebtoken::Algorithm::RS256;
                jsonwebtoken::crypto::verify(&signature, message, key, algorithm)
                    .is_ok_and(|holds| holds)
            }
            Self::P256(key) => key.verifies(message, signature),
        }
    }
}

fn cluster_key(jwk: &Map<String, Value>) -> Option<ClusterKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let key = match text("kty")? {
        "RSA" if jwk.get("alg").is_none_or(|named| named == "RS256") => {
            let (modulus, exponent) = (text("n")?, text("e")?);
            let length = URL_SAFE_NO_PAD.decode(modulus).ok()?.len();
            let key = DecodingKey::from_rsa_components(modulus, exponent).ok()?;
            MODULUS.contains(&length).then_some(Kind::Rsa(key))?
        }
        _ => Kind::P256(jwks::elliptic(Algorithm::Es256, jwk)?),
    };
    Some(ClusterKey { id: text("kid")?.to_owned(), key })
}
