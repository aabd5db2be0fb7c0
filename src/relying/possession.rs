//! Proofs that a client has its key (DPoP, RFC 9449).
//!
//! Must not know what is asked for, nor keep nonces.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use super::error::RelyingError;
use crate::domain::time::Timestamp;
use crate::jose::key::{Algorithm, KeyError, PrivateKey};

/// The key that a client's tokens are bound to: P-256, never anywhere else.
#[derive(Clone, Debug)]
pub struct ProofKey(Arc<PrivateKey>);

/// What one proof is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion<'a> {
    pub method: &'a Method,
    pub place: &'a Url,
    /// What the server has asked to be repeated (section 8).
    pub nonce: Option<&'a str>,
    /// The access token that is shown with it (section 4.3).
    pub access_token: Option<&'a str>,
    pub now: Timestamp,
}

impl ProofKey {
    /// A new key.
    ///
    /// # Errors
    /// [`RelyingError::Randomness`].
    pub fn generate() -> Result<Self, RelyingError> {
        let key = PrivateKey::generate(Algorithm::Es256).map_err(|_| RelyingError::Randomness)?;
        Ok(Self(Arc::new(key)))
    }

    /// A key that was kept.
    ///
    /// # Errors
    /// [`KeyError`]; also for a key of another algorithm.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = PrivateKey::from_pem(pem)?;
        if key.algorithm() != Algorithm::Es256 {
            return Err(KeyError::Curve);
        }
        Ok(Self(Arc::new(key)))
    }

    /// The key, to be kept.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.0.to_pem()
    }

    /// `dpop_jkt` (section 10): its thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.0.public().id().as_str()
    }

    /// A proof for one request (section 4.2).
    pub(super) fn prove(&self, occasion: Occasion<'_>) -> Result<String, RelyingError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| RelyingError::Randomness)?;
        self.prove_as(&URL_SAFE_NO_PAD.encode(random), occasion)
    }

    fn prove_as(&self, id: &str, occasion: Occasion<'_>) -> Result<String, RelyingError> {
        let Occasion { method, place, nonce, access_token, now } = occasion;
        let members = self.0.public().members().into_iter();
        let jwk: Map<String, Value> =
            members.map(|(name, value)| (name.to_owned(), value.into())).collect();
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let mut target = place.clone();
        target.set_query(None);
        target.set_fragment(None);
        let mut claims = json!({
            "jti": id, "htm": method.as_str(), "htu": target.as_str(), "iat": now.as_unix(),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        if let Some(token) = access_token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        let encoded = [&header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = encoded.join(".");
        let signature = self.0.sign(input.as_bytes()).map_err(|_| RelyingError::Randomness)?;
        Ok(format!("{input}.{signature}"))
    }
}

impl fmt::Display for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(token: &str, place: usize) -> Value {
        let part = token.split('.').nth(place).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn what_a_proof_says() {
        let key = ProofKey::generate().unwrap();
        let place: Url = "https://example.com/token?a=b#c".parse().unwrap();
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let occasion = Occasion {
            method: &Method::POST,
            place: &place,
            nonce: Some("n"),
            // The example of RFC 9449 section 7.1.
            access_token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            now,
        };
        let proof = key.prove_as("id", occasion).unwrap();
        let jwk = part(&proof, 0)["jwk"].clone();
        assert_eq!(part(&proof, 0), json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk }));
        let names: Vec<&String> = jwk.as_object().unwrap().keys().collect();
        assert_eq!(names, ["crv", "kty", "x", "y"], "no private part");
        assert_eq!(
            part(&proof, 1),
            json!({
                "jti": "id", "htm": "POST", "htu": "https://example.com/token", "iat": 1_800_000_000, "nonce": "n",
                "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
            })
        );
        let (input, signature) = proof.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.0.public().verifies(input.as_bytes(), &signature));
        let bare = Occasion { nonce: None, access_token: None, ..occasion };
        let [one, other] = [(); 2].map(|()| key.prove(bare).unwrap());
        assert_ne!(part(&one, 1)["jti"], part(&other, 1)["jti"]);
        assert_eq!((&part(&one, 1)["nonce"], &part(&one, 1)["ath"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn what_is_kept_is_the_same_key() {
        let key = ProofKey::generate().unwrap();
        let kept = ProofKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(kept.thumbprint(), key.thumbprint());
        let other = PrivateKey::generate(Algorithm::Es256k).unwrap();
        assert!(ProofKey::from_pem(&other.to_pem()).is_err());
        assert!(!format!("{key:?}").contains("BEGIN"));
    }
}
