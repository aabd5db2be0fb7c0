//! Access tokens of any other issuer than a Pasee, by the keys it publishes (RFC 9068, and what issuers wrote before it).
//!
//! Owns what every such token has to say. Must not know which claim names a user, nor where the keys come from.

use serde_json::{Map, Value};

use super::algorithm::JwsAlgorithm;
use super::compact::{Unverified, claimed_text};
use super::error::VerifyError;
use super::key_set::KeySet;
use super::window;
use crate::domain::time::Timestamp;
use crate::domain::token::{Audience, Issuer};

/// What a token says that is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessTokenClaims {
    /// All of it.
    pub claims: Map<String, Value>,
    /// `iat`, where it is there.
    pub issued_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// Believes the access tokens of one issuer for one audience.
#[derive(Clone, Debug)]
pub struct AccessTokenVerifier {
    issuer: Issuer,
    audience: Audience,
    keys: KeySet,
}

impl AccessTokenVerifier {
    /// A verifier that demands this issuer, that the tokens are for this audience, and a signature by one of the keys.
    #[must_use]
    pub fn new(issuer: Issuer, audience: Audience, keys: KeySet) -> Self {
        Self { issuer, audience, keys }
    }

    /// The claims of a token that came without a proof that it is its bearer's.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing. One that is bound to a key is worth nothing alone (RFC 7800 section 3.1).
    pub fn verify(&self, compact: &str, now: Timestamp) -> Result<AccessTokenClaims, VerifyError> {
        let token = Unverified::parse(compact)?;
        token.header().demand_access_token()?;
        let claims = self.keys.verify_signature(&token, &JwsAlgorithm::all())?.claims;
        if claims.text("iss")? != self.issuer.as_str() {
            return Err(VerifyError::Issuer);
        }
        if !claims.audiences()?.contains(&self.audience.as_str()) {
            return Err(VerifyError::Audience);
        }
        let times = window::ACCESS_TOKEN.judge(&claims, now)?;
        if claims.get("cnf").is_some() {
            return Err(VerifyError::Bound);
        }
        Ok(AccessTokenClaims {
            claims: claims.into_map(),
            issued_at: times.issued_at,
            expires_at: times.expires_at,
        })
    }
}

/// Whose a token says that it is, whether or not it is to be believed: enough to choose whose keys it is tried with.
#[must_use]
pub fn claimed_issuer(compact: &str) -> Option<String> {
    claimed_text(compact, "iss")
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::jose::jwks;
    use crate::jose::key::{Algorithm, PrivateKey};

    const ISSUER: &str = "https://ci.example.com";
    const NOW: i64 = 1_800_000_000;

    /// What is thought of a token with one claim or member of the header changed.
    fn judged(place: &str, value: Value) -> Result<AccessTokenClaims, VerifyError> {
        let key = PrivateKey::generate(Algorithm::Es256).unwrap();
        let mut token = json!({
            "header": { "alg": "ES256", "kid": key.public().id().as_str(), "typ": "at+jwt" },
            "claims": { "iss": ISSUER, "aud": "app", "sub": "deployer", "exp": NOW + 600, "iat": NOW, "nbf": NOW, "cnf": null },
        });
        token["claims"].as_object_mut().unwrap().remove("cnf");
        if let Some(name) = place.strip_prefix("/claims/") {
            token["claims"][name] = value;
        } else {
            *token.pointer_mut(place).unwrap() = value;
        }
        let part = |name: &str| URL_SAFE_NO_PAD.encode(token[name].to_string());
        let signed = [part("header"), part("claims")].join(".");
        let compact = format!("{signed}.{}", key.sign(signed.as_bytes()).unwrap());
        assert_eq!(claimed_issuer(&compact).as_deref(), token["claims"]["iss"].as_str());
        let set = jwks::common(&[key.public().clone()]);
        let keys = KeySet::read(set.as_object().unwrap()).unwrap();
        let verifier =
            AccessTokenVerifier::new(ISSUER.parse().unwrap(), "app".parse().unwrap(), keys);
        verifier.verify(&compact, Timestamp::from_unix(NOW).unwrap())
    }

    #[test]
    fn what_is_believed() {
        let read = judged("/claims/aud", json!(["other", "app"])).unwrap();
        assert_eq!(read.claims["sub"], "deployer");
        assert_eq!(read.expires_at.as_unix(), NOW + 600);
        for typ in [json!("JWT"), json!("at+JWT"), json!("application/at+jwt")] {
            assert!(judged("/header/typ", typ.clone()).is_ok(), "{typ}");
        }
        assert!(judged("/header", json!({ "alg": "ES256" })).is_ok());
    }

    #[test]
    fn what_is_not() {
        for (place, value, error) in [
            ("/header/typ", json!("rt+jwt"), VerifyError::Kind),
            ("/header/typ", json!("logout+jwt"), VerifyError::Kind),
            ("/header/typ", json!("dpop+jwt"), VerifyError::Kind),
            ("/header/alg", json!("none"), VerifyError::Algorithm),
            ("/header/alg", json!("HS256"), VerifyError::Algorithm),
            ("/header/kid", json!("other"), VerifyError::UnknownKey),
            ("/claims/iss", json!("https://ci.example.com/"), VerifyError::Issuer),
            ("/claims/aud", json!("ap"), VerifyError::Audience),
            ("/claims/aud", json!([]), VerifyError::Audience),
            ("/claims/aud", json!(["app", 1]), VerifyError::Audience),
            ("/claims/aud", json!(null), VerifyError::Audience),
            ("/claims/exp", json!(NOW), VerifyError::Expired),
            ("/claims/exp", json!((NOW + 600).to_string()), VerifyError::Claim("exp")),
            ("/claims/exp", json!(null), VerifyError::Claim("exp")),
            ("/claims/exp", json!(-1), VerifyError::Claim("exp")),
            ("/claims/nbf", json!(NOW + 61), VerifyError::NotYet),
            ("/claims/iat", json!(NOW + 61), VerifyError::NotYet),
            ("/claims/cnf", json!({ "jkt": "x" }), VerifyError::Bound),
            ("/claims/cnf", json!({ "x5t#S256": "x" }), VerifyError::Bound),
        ] {
            assert_eq!(judged(place, value.clone()), Err(error), "{place} {value}");
        }
    }
}
