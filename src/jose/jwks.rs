//! JWK Sets (RFC 7517 section 5), one per curve: a single secp256k1 key makes many verifiers drop a whole set.
//!
//! Must not know where sets are served.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::json::strict_object;
use super::key::{Algorithm, PublicKey};

/// Most keys that are read from somebody else's set.
pub const MAX_KEYS: usize = 64;

/// The text is no JWK Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no JWK Set; a right one is an object with a list of objects in keys, each key once"
)]
pub struct SetError;

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

/// The keys on the algorithm's curve in somebody else's set, read one by one: what is not understood, is for another use
/// or lies off its curve is passed over, as RFC 7517 section 5 asks, and spoils no other. So is a private key: whoever
/// publishes one has lost it. At most [`MAX_KEYS`] members are looked at; each key comes once.
///
/// # Errors
/// [`SetError`] when it is no set at all.
pub fn read(algorithm: Algorithm, set: &[u8]) -> Result<Vec<PublicKey>, SetError> {
    let mut keys: Vec<PublicKey> = Vec::new();
    for member in members(set)? {
        match elliptic(algorithm, &member) {
            Some(key) if !keys.contains(&key) => keys.push(key),
            _ => {}
        }
    }
    Ok(keys)
}

/// The first [`MAX_KEYS`] members of a set that may serve to verify signatures.
pub(super) fn members(set: &[u8]) -> Result<Vec<Map<String, Value>>, SetError> {
    let Ok(Some(Value::Array(members))) = strict_object(set).map(|mut set| set.remove("keys"))
    else {
        return Err(SetError);
    };
    let members = members.into_iter().take(MAX_KEYS).filter_map(|member| match member {
        Value::Object(member) => Some(member).filter(is_to_verify_with),
        _ => None,
    });
    Ok(members.collect())
}

/// Whether a JWK holds nothing private and says of no other use (RFC 7517 sections 4.2 and 4.3).
fn is_to_verify_with(jwk: &Map<String, Value>) -> bool {
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
    };
    !["d", "p", "q", "k"].iter().any(|private| jwk.contains_key(*private))
        && jwk.get("use").is_none_or(|used| used == "sig")
        && jwk.get("key_ops").is_none_or(verifies)
}

/// The key, if it is on the algorithm's curve (RFC 7518 section 6.2, RFC 8812 section 3.1).
pub(super) fn elliptic(algorithm: Algorithm, jwk: &Map<String, Value>) -> Option<PublicKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let fits = text("kty") == Some("EC")
        && text("crv") == Some(algorithm.curve())
        && jwk.get("alg").is_none_or(|named| named == algorithm.as_str());
    if !fits {
        return None;
    }
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = URL_SAFE_NO_PAD.decode(text(name)?).ok()?;
        point.extend((coordinate.len() == 32).then_some(coordinate)?);
    }
    PublicKey::from_point(algorithm, &point).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::key::PrivateKey;

    #[test]
    fn keys_are_read_one_by_one() {
        let [good, other] = [Algorithm::Es256, Algorithm::Es256k]
            .map(|algorithm| jwk(PrivateKey::generate(algorithm).unwrap().public()));
        let with = |name: &str, value: Value| {
            let mut spoiled = good.clone();
            spoiled[name] = value;
            spoiled
        };
        let off_curve = with("y", good["x"].clone());
        let passed_over = [
            other.clone(),
            off_curve,
            with("kty", json!("RSA")),
            with("crv", json!("P-384")),
            with("crv", json!("secp256k1")),
            with("alg", json!("ES256K")),
            with("alg", json!(["ES256"])),
            with("use", json!("enc")),
            with("key_ops", json!(["sign"])),
            with("d", good["x"].clone()),
            with("x", json!(1)),
            with("x", json!("AA")),
            json!("key"),
            json!(null),
        ];
        for bad in &passed_over {
            let set = |keys: &[&Value]| json!({ "keys": keys }).to_string();
            let read = |text: String| read(Algorithm::Es256, text.as_bytes());
            assert_eq!(read(set(&[bad])).unwrap(), [], "{bad}");
            assert_eq!(read(set(&[bad, &good, bad, &good])).unwrap().len(), 1, "{bad}");
        }
        let both = json!({ "keys": [good, other] }).to_string();
        assert_eq!(read(Algorithm::Es256k, both.as_bytes()).unwrap().len(), 1);
        for text in [
            "",
            "{}",
            "[]",
            "{\"keys\":{}}",
            "{\"keys\":null}",
            "{\"keys\":[],\"keys\":[]}",
            "<html>",
        ] {
            assert_eq!(read(Algorithm::Es256, text.as_bytes()), Err(SetError), "{text}");
        }
        let many = json!({ "keys": vec![json!({}); 100_000] }).to_string();
        assert_eq!(read(Algorithm::Es256, many.as_bytes()).unwrap(), []);
    }

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
