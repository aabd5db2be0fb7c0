//! JWK Sets of ours, written (RFC 7517 section 5): a single secp256k1 key makes many verifiers drop a whole set, so that
//! those keys have one of their own. Those of others are read by [`super::jwk`].
//!
//! Must not know where sets are served.

use serde_json::{Map, Value, json};

use super::key::{Algorithm, PublicKey};

/// The set of those keys that every verifier understands: P-256 and RSA.
#[must_use]
pub fn common(keys: &[PublicKey]) -> Value {
    set(keys, |algorithm| matches!(algorithm, Algorithm::Es256 | Algorithm::Rs256))
}

/// The set of the keys on secp256k1.
#[must_use]
pub fn es256k(keys: &[PublicKey]) -> Value {
    set(keys, |algorithm| algorithm == Algorithm::Es256k)
}

fn set(keys: &[PublicKey], has: impl Fn(Algorithm) -> bool) -> Value {
    let members: Vec<Value> = keys.iter().filter(|key| has(key.algorithm())).map(jwk).collect();
    json!({ "keys": members })
}

/// A key alone (RFC 7517 section 4).
#[must_use]
pub fn jwk(key: &PublicKey) -> Value {
    let members = key.members().into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let mut jwk: Map<String, Value> = members.collect();
    jwk.insert("kid".to_owned(), key.id().as_str().into());
    jwk.insert("alg".to_owned(), key.algorithm().as_str().into());
    jwk.insert("use".to_owned(), "sig".into());
    Value::Object(jwk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::key::PrivateKey;

    #[test]
    fn secp256k1_is_kept_apart_and_nothing_private_shows() {
        let keys = [Algorithm::Es256, Algorithm::Es256k, Algorithm::Rs256]
            .map(|algorithm| PrivateKey::generate(algorithm).unwrap().public().clone());
        let ids = |set: &Value| {
            let keys = set["keys"].as_array().unwrap().iter();
            keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let [p256, koblitz, rsa] = &keys;
        assert_eq!(ids(&common(&keys)), [p256.id().as_str(), rsa.id().as_str()]);
        assert_eq!(ids(&es256k(&keys)), [koblitz.id().as_str()]);
        assert!(!common(&keys).to_string().contains("secp256k1"));
        assert!(!es256k(&keys).to_string().contains("P-256"));
        let rsa = jwk(rsa);
        assert_eq!(
            (&rsa["kty"], &rsa["alg"], &rsa["e"]),
            (&json!("RSA"), &json!("RS256"), &json!("AQAB"))
        );
        assert_eq!(rsa["n"].as_str().unwrap().len(), 342, "2048 bits");
        for key in &keys {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
                assert!(jwk(key).get(private).is_none(), "{private}");
            }
        }
    }
}
