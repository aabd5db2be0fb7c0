//! JWK Sets of ours, written (RFC 7517 section 5), one per curve: a single secp256k1 key makes many verifiers drop a whole
//! set. Those of others are read by [`super::jwk`].
//!
//! Must not know where sets are served.

use serde_json::{Value, json};

use super::key::{Algorithm, PublicKey};

/// The set of the keys that are on the algorithm's curve.
#[must_use]
pub fn set(algorithm: Algorithm, keys: &[PublicKey]) -> Value {
    let members: Vec<Value> =
        keys.iter().filter(|key| key.algorithm() == algorithm).map(jwk).collect();
    json!({ "keys": members })
}

fn jwk(key: &PublicKey) -> Value {
    let (x, y) = key.coordinates();
    json!({
        "kty": "EC",
        "crv": key.algorithm().curve(),
        "x": x,
        "y": y,
        "kid": key.id().as_str(),
        "alg": key.algorithm().as_str(),
        "use": "sig",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::key::PrivateKey;

    #[test]
    fn curves_are_kept_apart_and_nothing_private_shows() {
        let keys = [Algorithm::Es256, Algorithm::Es256k]
            .map(|algorithm| PrivateKey::generate(algorithm).unwrap().public().clone());
        for (key, other) in [(&keys[0], Algorithm::Es256k), (&keys[1], Algorithm::Es256)] {
            let set = set(key.algorithm(), &keys);
            assert_eq!(set["keys"].as_array().unwrap().len(), 1);
            assert_eq!(set["keys"][0]["kid"], key.id().as_str());
            let text = set.to_string();
            assert!(!text.contains(other.curve()) && !text.contains("\"d\""));
        }
    }
}
