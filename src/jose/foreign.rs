//! Keys and signatures of others: JWK Sets (RFC 7517 section 5) read key by key, and compact JWS under a list of allowed
//! algorithms (RFC 7515, RFC 8725).
//!
//! Nothing of a token but its signature is judged here. No header parameter leads anywhere: `jku`, `x5u`, `jwk` and `x5c`
//! are never looked at. Must not know what tokens are good for, nor where a set comes from.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

use super::compact::{ClaimSet, Unverified};
use super::error::VerifyError;

/// Most keys of a set that are of use here; a set with more is no provider's.
const MAX_KEYS: usize = 100;
/// Longest key id, in bytes.
const MAX_KEY_ID: usize = 1024;
/// The modulus of an RSA key, in bytes: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// Longest public exponent, in bytes.
const MAX_EXPONENT: usize = 8;
/// What only a private or a symmetric key has (RFC 7518 section 6).
const SECRET_PARTS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// An algorithm that others sign with (RFC 7518 section 3.1, RFC 8037): asymmetric ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignAlgorithm(Algorithm);

/// The algorithms by their names; `Ed25519` is the name that RFC 9864 gives to the one `EdDSA` that there is here.
const ALGORITHMS: [(&str, Algorithm); 10] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
    ("Ed25519", Algorithm::EdDSA),
];

/// A text names no algorithm that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no algorithm that is believed; right ones are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA"
)]
pub struct AlgorithmError;

impl FromStr for ForeignAlgorithm {
    type Err = AlgorithmError;

    fn from_str(name: &str) -> Result<Self, AlgorithmError> {
        let found = ALGORITHMS.iter().find(|(known, _)| *known == name);
        found.map(|(_, algorithm)| Self(*algorithm)).ok_or(AlgorithmError)
    }
}

impl fmt::Display for ForeignAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = ALGORITHMS.iter().find(|(_, known)| *known == self.0);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

impl ForeignAlgorithm {
    /// The length of its hash, in bits: that of the algorithm's name, and 512 for Ed25519 (RFC 8032 section 5.1).
    #[must_use]
    pub fn hash_bits(self) -> u16 {
        match self.0 {
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => 384,
            Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => 512,
            _ => 256,
        }
    }
}

/// A document is no set of keys, or has more than 100 of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no JWK Set of at most 100 keys")]
pub struct KeySetError;

/// The public keys of somebody else.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Key>);

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm it is for, if the set says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// A token whose signature holds. What it says is not judged yet.
#[derive(Clone, Debug)]
pub struct Signed {
    pub(super) claims: ClaimSet,
    pub(super) algorithm: ForeignAlgorithm,
}

impl KeySet {
    /// Reads a set. What is no key of use here (another kind, a private key, for encryption, off its curve) is left out and
    /// spoils nothing.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn read(document: &Map<String, Value>) -> Result<Self, KeySetError> {
        let keys = document.get("keys").and_then(Value::as_array).ok_or(KeySetError)?;
        if keys.iter().any(is_secret) {
            tracing::warn!("a JWK Set holds a private or symmetric key: nobody should believe it");
        }
        let keys: Vec<Key> = keys.iter().filter_map(Key::read).take(MAX_KEYS + 1).collect();
        if keys.len() > MAX_KEYS { Err(KeySetError) } else { Ok(Self(keys)) }
    }

    /// How many keys are of use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a token apart and believes its signature, if it is by the one key that the header names and by an allowed
    /// algorithm. A token without `kid` is by the one key that its algorithm fits.
    ///
    /// # Errors
    /// [`VerifyError`]; [`VerifyError::UnknownKey`] when no single key is meant, so that a newer set may help.
    pub fn verify(
        &self,
        compact: &str,
        allowed: &[ForeignAlgorithm],
    ) -> Result<Signed, VerifyError> {
        let token = Unverified::parse(compact)?;
        token.header().demand_plain_jwt()?;
        let algorithm = token.header().algorithm().unwrap_or_default();
        let algorithm =
            algorithm.parse::<ForeignAlgorithm>().map_err(|_| VerifyError::Algorithm)?;
        if !allowed.contains(&algorithm) {
            return Err(VerifyError::Algorithm);
        }
        let key = self.find(token.header().key_id(), algorithm)?;
        let claims = token.verified(|message, signature| {
            let signature = URL_SAFE_NO_PAD.encode(signature);
            crypto::verify(&signature, message, &key.key, algorithm.0).is_ok_and(|holds| holds)
        })?;
        Ok(Signed { claims, algorithm })
    }

    fn find(&self, id: Option<&str>, algorithm: ForeignAlgorithm) -> Result<&Key, VerifyError> {
        let is_meant = |key: &&Key| id.is_none() || key.id.as_deref() == id;
        let mut meant = self.0.iter().filter(is_meant).filter(|key| key.fits(algorithm.0));
        match (meant.next(), meant.next()) {
            (Some(key), None) => Ok(key),
            (None, _) if id.is_some() && self.0.iter().any(|key| is_meant(&key)) => {
                Err(VerifyError::Algorithm)
            }
            _ => Err(VerifyError::UnknownKey),
        }
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let jwk = Some(jwk).filter(|jwk| !is_secret(jwk))?.as_object()?;
        let verifies = |operations: &Value| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        };
        let is_for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig")
            && jwk.get("key_ops").is_none_or(verifies);
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let id = match jwk.get("kid") {
            None => None,
            Some(id) => Some(id.as_str().filter(|id| id.len() <= MAX_KEY_ID)?.to_owned()),
        };
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(name.as_str()?.parse::<ForeignAlgorithm>().ok()?.0),
        };
        let (kind, key) = match (text("kty")?, text("crv")) {
            ("RSA", _) => (Kind::Rsa, rsa(text("n")?, text("e")?)?),
            ("EC", Some("P-256")) => {
                let point = point(text("x")?, text("y")?, 32)?;
                (Kind::P256, on_curve(&ECDSA_P256_SHA256_FIXED, &point, DecodingKey::from_ec_der)?)
            }
            ("EC", Some("P-384")) => {
                let point = point(text("x")?, text("y")?, 48)?;
                (Kind::P384, on_curve(&ECDSA_P384_SHA384_FIXED, &point, DecodingKey::from_ec_der)?)
            }
            ("OKP", Some("Ed25519")) => {
                let point = URL_SAFE_NO_PAD.decode(text("x")?).ok()?;
                (Kind::Ed25519, on_curve(&ED25519, &point, DecodingKey::from_ed_der)?)
            }
            _ => return None,
        };
        let key = Self { id, kind, algorithm, key };
        (is_for_signatures && algorithm.is_none_or(|algorithm| key.fits(algorithm))).then_some(key)
    }

    /// Whether it may verify signatures of this algorithm.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let by_kind = match algorithm {
            Algorithm::ES256 => self.kind == Kind::P256,
            Algorithm::ES384 => self.kind == Kind::P384,
            Algorithm::EdDSA => self.kind == Kind::Ed25519,
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 => self.kind == Kind::Rsa,
            Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => self.kind == Kind::Rsa,
            _ => false,
        };
        by_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// Whether whoever reads the set could sign with this key.
fn is_secret(jwk: &Value) -> bool {
    SECRET_PARTS.iter().any(|name| jwk.get(name).is_some())
}

/// Base64url of a number, without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte % 2 == 1);
    let is_sound = MODULUS.contains(&modulus.len())
        && is_odd(&modulus)
        && exponent.len() <= MAX_EXPONENT
        && is_odd(&exponent)
        && exponent != [1];
    is_sound.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

/// An uncompressed point (SEC 1 section 2.3.3), of coordinates of exactly this length (RFC 7518 section 6.2.1.2).
fn point(x: &str, y: &str, length: usize) -> Option<Vec<u8>> {
    let coordinate = |text: &str| {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|coordinate| coordinate.len() == length)
    };
    Some([&[4][..], &coordinate(x)?, &coordinate(y)?].concat())
}

/// The key of a point, if that is one of its curve.
fn on_curve(
    algorithm: &'static dyn VerificationAlgorithm,
    point: &[u8],
    key: fn(&[u8]) -> DecodingKey,
) -> Option<DecodingKey> {
    ParsedPublicKey::new(algorithm, point).is_ok().then(|| key(point))
}

#[cfg(test)]
mod tests;
