//! JWKs of others (RFC 7517 section 4): one reader, whoever's they are.
//!
//! Owns which keys are believed at all, and what each may verify. Must not know sets, nor tokens.

use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::{Map, Value};

use super::algorithm::{JwsAlgorithm, Scheme};
use super::key::{Algorithm, PublicKey};

/// Longest key id, in bytes.
pub(super) const MAX_KEY_ID: usize = 1024;
/// The modulus of an RSA key, in bytes: 2048 to 8192 bits (RFC 7518 section 3.3 asks for 2048 at least).
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// Longest public exponent, in bytes.
const MAX_EXPONENT: usize = 8;
/// What only a private or a symmetric key has (RFC 7518 section 6).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that may verify signatures.
#[derive(Clone, Debug)]
pub(super) struct Jwk {
    id: Option<String>,
    /// The one algorithm it is for, if the set says so.
    algorithm: Option<JwsAlgorithm>,
    material: Material,
    /// Its numbers, to tell whether it stands there twice.
    public: Vec<u8>,
    /// `issuer`, which Entra ID writes beside each key: whose tokens it is for.
    issuer: Option<String>,
}

/// A key of one of the kinds that are known here (RFC 7518 section 6, RFC 8037 section 2, RFC 8812 section 3.1).
#[derive(Clone, Debug)]
enum Material {
    Rsa(DecodingKey),
    P256(PublicKey),
    P384(DecodingKey),
    P521(ParsedPublicKey),
    Ed25519(DecodingKey),
    Secp256k1(PublicKey),
}

impl Jwk {
    /// Reads one; `None` for what is no key of use here.
    pub(super) fn read(jwk: &Value) -> Option<Self> {
        let jwk = Some(jwk).filter(|jwk| !is_secret(jwk))?.as_object()?;
        // Of no operation at all says as little as nothing.
        let verifies = |operations: &Value| {
            let operations = operations.as_array();
            operations.is_some_and(|all| all.is_empty() || all.iter().any(|one| one == "verify"))
        };
        // RFC 7517 sections 4.2 and 4.3.
        let is_for_signatures = said(jwk, "use").is_none_or(|purpose| purpose == "sig")
            && said(jwk, "key_ops").is_none_or(verifies);
        if !is_for_signatures {
            return None;
        }
        let id = match said(jwk, "kid") {
            None => None,
            Some(id) => Some(id.as_str().filter(|id| id.len() <= MAX_KEY_ID)?.to_owned()),
        };
        let (material, public) = Material::read(jwk)?;
        let algorithm = match said(jwk, "alg").map(Value::as_str) {
            None => None,
            Some(name) => material.algorithm_by_name(name?)?,
        };
        let issuer = said(jwk, "issuer").and_then(Value::as_str).map(str::to_owned);
        Some(Self { id, algorithm, material, public, issuer })
    }

    /// Whether it may verify signatures of this algorithm.
    pub(super) fn fits(&self, algorithm: JwsAlgorithm) -> bool {
        self.material.fits(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether some algorithm of [`JwsAlgorithm`] fits; none does where only a Pasee has such keys.
    pub(super) fn is_of_others(&self) -> bool {
        !matches!(self.material, Material::Secp256k1(_))
    }

    /// `kid`.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whose tokens it is for, where the set says so for each key.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether it is the same key by the same name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.public == other.public
    }

    /// The key, if it is of a kind that a Pasee has.
    pub(super) fn of_pasee(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::P256(key) | Material::Secp256k1(key) => Some(key),
            Material::Rsa(_) | Material::P384(_) | Material::P521(_) | Material::Ed25519(_) => None,
        }
    }

    /// Whether it made this signature by an algorithm that fits.
    pub(super) fn verifies(
        &self,
        algorithm: JwsAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        match &self.material {
            Material::P256(key) | Material::Secp256k1(key) => key.verifies(message, signature),
            Material::P521(key) => key.verify_sig(message, signature).is_ok(),
            Material::Rsa(key) | Material::P384(key) | Material::Ed25519(key) => {
                let Scheme::Library(algorithm) = algorithm.0 else { return false };
                let signature = URL_SAFE_NO_PAD.encode(signature);
                crypto::verify(&signature, message, key, algorithm).is_ok_and(|holds| holds)
            }
        }
    }
}

impl Material {
    /// The key, and its numbers.
    fn read(jwk: &Map<String, Value>) -> Option<(Self, Vec<u8>)> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let point = |length| point(text("x")?, text("y")?, length);
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (modulus, exponent) = rsa(text("n")?, text("e")?)?;
                let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
                Some((Self::Rsa(key), [modulus, exponent].concat()))
            }
            ("EC", Some("P-256")) => {
                let point = point(32)?;
                let key = PublicKey::from_point(Algorithm::Es256, &point).ok()?;
                Some((Self::P256(key), point))
            }
            ("EC", Some("secp256k1")) => {
                let point = point(32)?;
                let key = PublicKey::from_point(Algorithm::Es256k, &point).ok()?;
                Some((Self::Secp256k1(key), point))
            }
            ("EC", Some("P-384")) => {
                let point = point(48)?;
                let key = on_curve(&ECDSA_P384_SHA384_FIXED, &point, DecodingKey::from_ec_der)?;
                Some((Self::P384(key), point))
            }
            ("EC", Some("P-521")) => {
                let point = point(66)?;
                let key = ParsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, &point).ok()?;
                Some((Self::P521(key), point))
            }
            ("OKP", Some("Ed25519")) => {
                let point = URL_SAFE_NO_PAD.decode(text("x")?).ok()?;
                let key = on_curve(&ED25519, &point, DecodingKey::from_ed_der)?;
                Some((Self::Ed25519(key), point))
            }
            _ => None,
        }
    }

    /// Whether a key of its kind may verify signatures of this algorithm.
    fn fits(&self, algorithm: JwsAlgorithm) -> bool {
        use jsonwebtoken::Algorithm;
        match (self, algorithm.0) {
            (Self::Rsa(_), Scheme::Library(algorithm)) => matches!(
                algorithm,
                Algorithm::RS256
                    | Algorithm::RS384
                    | Algorithm::RS512
                    | Algorithm::PS256
                    | Algorithm::PS384
                    | Algorithm::PS512
            ),
            (Self::P256(_), Scheme::Library(algorithm)) => algorithm == Algorithm::ES256,
            (Self::P384(_), Scheme::Library(algorithm)) => algorithm == Algorithm::ES384,
            (Self::Ed25519(_), Scheme::Library(algorithm)) => algorithm == Algorithm::EdDSA,
            (Self::P521(_), Scheme::Es512) => true,
            (Self::Secp256k1(_), _) | (Self::P521(_), Scheme::Library(_)) | (_, Scheme::Es512) => {
                false
            }
        }
    }

    /// What `alg` of its JWK says; outside `None` when a key of its kind cannot be for that. ES256K (RFC 8812) is what a
    /// Pasee alone signs with, and no algorithm of others.
    fn algorithm_by_name(&self, name: &str) -> Option<Option<JwsAlgorithm>> {
        match self {
            Self::Secp256k1(key) => (name == key.algorithm().as_str()).then_some(None),
            _ => name.parse().ok().filter(|algorithm| self.fits(*algorithm)).map(Some),
        }
    }
}

/// Whether whoever reads the set could sign with this key.
pub(super) fn is_secret(jwk: &Value) -> bool {
    jwk.as_object().is_some_and(|jwk| SECRET_MEMBERS.iter().any(|name| said(jwk, name).is_some()))
}

/// A member that says something: some write `null` for one they do not have.
fn said<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

/// The modulus and the exponent of a key, without leading zeros, if they can be those of an RSA key.
fn rsa(modulus: &str, exponent: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte % 2 == 1);
    let is_sound = MODULUS.contains(&modulus.len())
        && is_odd(&modulus)
        && exponent.len() <= MAX_EXPONENT
        && is_odd(&exponent)
        && exponent != [1];
    is_sound.then_some((modulus, exponent))
}

/// Base64url of a number, without leading zeros.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
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
