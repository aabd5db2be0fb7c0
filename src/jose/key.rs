//! Keys: P-256 for ES256, RSA for RS256, secp256k1 for ES256K. The algorithm follows from the key.
//!
//! Owns parsing, printing and naming of keys, and the bare signature operations; those of RSA are in `rsa`. Must not know tokens.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{JwtSigner, aws_lc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, EncodingKey};
use k256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::rsa::{RsaPrivateKey, RsaPublicKey};
use super::pem;

mod rsa;

/// The DER of the object identifier of P-256 (RFC 5480 section 2.1.1.1), with tag and length.
const P256_OID: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// The DER of the object identifier of secp256k1 (SEC 2 appendix A.2.1), with tag and length.
const SECP256K1_OID: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];

/// The DER of the object identifier of RSA keys (RFC 8017 appendix A.1), with tag and length.
const RSA_OID: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A signature algorithm (`alg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256, RFC 7518 section 3.4.
    Es256,
    /// ECDSA on secp256k1 with SHA-256, RFC 8812 section 3.2.
    Es256k,
    /// RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 section 3.3.
    Rs256,
}

impl Algorithm {
    /// What whoever signs by this should know of those who verify.
    #[must_use]
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Es256 | Self::Rs256 => None,
            Self::Es256k => Some(
                "few libraries verify ES256K: PyJWT, joserfc and another Pasee do; kube-apiserver, go-oidc and what stands on it do \
                 not. All of them verify ES256, as a P-256 key signs, such as the one that is made without private_key",
            ),
        }
    }

    /// The name in token headers and JWKs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a key: its RFC 7638 thumbprint with SHA-256, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no key. Says nothing of what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No block, several, or a broken one.
    #[error(
        "this is not one PEM block; a right one starts with -----BEGIN {0}----- and ends with -----END {0}-----"
    )]
    Pem(&'static str),
    /// A block of something else.
    #[error("this PEM block is not what belongs here; a right one starts with -----BEGIN {0}-----")]
    Label(&'static str),
    /// An encrypted key.
    #[error(
        "this key is encrypted, and nobody is here to type its pass phrase; a right one is written without, such as openssl pkcs8 \
         -topk8 -nocrypt -in KEY -out NEW does, into a file that only its user may read"
    )]
    Encrypted,
    /// Another curve or kind of key.
    #[error(
        "this key is of a kind that is not used here; right ones are on the curve P-256 (openssl ecparam -name \
         prime256v1 -genkey -noout) or secp256k1, or RSA keys of 2048 to 8192 bits"
    )]
    Curve,
    /// A number out of range, or a point off the curve.
    #[error(
        "this key is broken: its numbers do not lie on its curve, or are no RSA key of 2048 to 8192 bits"
    )]
    Broken,
    /// A secret of another length.
    #[error("this secret is broken: a right one has 32 bytes")]
    Length,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers to make a key from")]
    Randomness,
}

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A key to sign with.
#[derive(Clone)]
pub struct PrivateKey {
    signing: Signing,
    public: PublicKey,
}

#[derive(Clone)]
enum Signing {
    Es256 { key: p256::SecretKey, encoding: Arc<EncodingKey> },
    Es256k(Box<k256::ecdsa::SigningKey>),
    Rs256(RsaPrivateKey),
}

impl PrivateKey {
    /// A new key from the system's random numbers; an RSA key has 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Randomness`] when the system has none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        if algorithm == Algorithm::Rs256 {
            let key = RsaPrivateKey::generate().and_then(Self::rs256);
            return key.ok_or(KeyError::Randomness);
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        // A draw misses the order of the curve once in 2^32 at most.
        for _ in 0..8 {
            getrandom::fill(&mut *bytes).map_err(|_| KeyError::Randomness)?;
            let key = match algorithm {
                Algorithm::Es256 => p256::SecretKey::from_slice(&*bytes).ok().and_then(Self::es256),
                Algorithm::Es256k => {
                    k256::SecretKey::from_slice(&*bytes).ok().map(|key| Self::es256k(&key))
                }
                Algorithm::Rs256 => None,
            };
            if let Some(key) = key {
                return Ok(key);
            }
        }
        Err(KeyError::Randomness)
    }

    /// Reads SEC1 (`EC PRIVATE KEY`, RFC 5915), RFC 8017 (`RSA PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`, RFC 5958), with or
    /// without line breaks, at most 64 KiB.
    ///
    /// # Errors
    /// [`KeyError`] says what a right one looks like.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::only_block(text).ok_or(KeyError::Pem(PRIVATE))?;
        match block.label {
            PRIVATE | "EC PRIVATE KEY" => {}
            pem::ENCRYPTED => return Err(KeyError::Encrypted),
            "RSA PRIVATE KEY" => {
                let key = RsaPrivateKey::from_der(&block.der).and_then(Self::rs256);
                return key.ok_or(KeyError::Broken);
            }
            "DSA PRIVATE KEY" | "OPENSSH PRIVATE KEY" => return Err(KeyError::Curve),
            _ => return Err(KeyError::Label(PRIVATE)),
        }
        match algorithm_of(&block.der)? {
            Algorithm::Es256 => {
                let key = p256::SecretKey::from_der(&block.der).map_err(|_| KeyError::Broken)?;
                Self::es256(key).ok_or(KeyError::Broken)
            }
            Algorithm::Es256k => {
                let key = k256::SecretKey::from_der(&block.der).map_err(|_| KeyError::Broken)?;
                Ok(Self::es256k(&key))
            }
            Algorithm::Rs256 => {
                RsaPrivateKey::from_der(&block.der).and_then(Self::rs256).ok_or(KeyError::Broken)
            }
        }
    }

    fn rs256(key: RsaPrivateKey) -> Option<Self> {
        let public = PublicKey::rs256(key.public()?);
        Some(Self { signing: Signing::Rs256(key), public })
    }

    fn es256(key: p256::SecretKey) -> Option<Self> {
        let public = PublicKey::es256(key.public_key());
        let pkcs8 = key.to_pkcs8_der().ok()?;
        let encoding = Arc::new(EncodingKey::from_ec_der(pkcs8.as_bytes()));
        Some(Self { signing: Signing::Es256 { key, encoding }, public })
    }

    fn es256k(key: &k256::SecretKey) -> Self {
        let public = PublicKey::es256k(key.public_key());
        Self { signing: Signing::Es256k(Box::new(key.into())), public }
    }

    /// The key as PKCS#8 in PEM.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(PRIVATE, &self.to_der())
    }

    /// The key as PKCS#8: the same bytes however the key was written.
    pub(super) fn to_der(&self) -> Zeroizing<Vec<u8>> {
        let der = match &self.signing {
            Signing::Es256 { key, .. } => key.to_pkcs8_der(),
            Signing::Es256k(key) => k256::SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_der(),
            Signing::Rs256(key) => return key.to_der(),
        };
        der.expect("a valid key always encodes").to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// How long every signature is, in base64url.
    pub(super) fn signature_length(&self) -> usize {
        match &self.public.numbers {
            Numbers::Rs256(key) => key.numbers().0.len(),
            Numbers::Es256 { .. } | Numbers::Es256k(_) => 86,
        }
    }

    /// Signs, in base64url: ECDSA in the fixed-length form of RFC 7518 section 3.4. ES256K is deterministic (RFC 6979), low-S.
    ///
    /// # Errors
    /// The library's own word; it does not fail with a valid key.
    pub fn sign(&self, message: &[u8]) -> Result<String, jsonwebtoken::errors::Error> {
        match &self.signing {
            Signing::Es256 { encoding, .. } => sign_es256(encoding, message),
            Signing::Es256k(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                Ok(URL_SAFE_NO_PAD.encode(signature.normalize_s().to_bytes()))
            }
            Signing::Rs256(key) => match key.sign(message) {
                Some(signature) => Ok(URL_SAFE_NO_PAD.encode(signature)),
                None => Err(ErrorKind::Signing("RS256".to_owned()).into()),
            },
        }
    }
}

/// A key with the signer made of it.
type Ready = (Arc<EncodingKey>, Box<dyn JwtSigner>);

thread_local! {
    /// The key this thread last signed with, ready to sign. jsonwebtoken's signers stay on their thread, and making one
    /// costs half a signature: the key is parsed and checked.
    static READY: RefCell<Option<Ready>> = const { RefCell::new(None) };
}

fn sign_es256(
    key: &Arc<EncodingKey>,
    message: &[u8],
) -> Result<String, jsonwebtoken::errors::Error> {
    READY.with_borrow_mut(|ready| {
        let signer = match ready {
            Some((of, signer)) if Arc::ptr_eq(of, key) => signer,
            _ => {
                let make = aws_lc::DEFAULT_PROVIDER.signer_factory;
                let signer = make(&jsonwebtoken::Algorithm::ES256, key)?;
                &mut ready.insert((Arc::clone(key), signer)).1
            }
        };
        let signature =
            signer.try_sign(message).map_err(|_| ErrorKind::Signing("ES256".to_owned()))?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    })
}

/// Shows only algorithm and key id.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} {})", self.algorithm(), self.public.id)
    }
}

/// A key to verify with.
#[derive(Clone)]
pub struct PublicKey {
    numbers: Numbers,
    id: KeyId,
}

#[derive(Clone)]
enum Numbers {
    Es256 { key: p256::PublicKey, decoding: Arc<DecodingKey> },
    Es256k(k256::PublicKey),
    Rs256(Box<RsaPublicKey>),
}

impl PublicKey {
    /// Reads SPKI (`PUBLIC KEY`, RFC 5280 section 4.1), with or without line breaks, at most 64 KiB.
    ///
    /// # Errors
    /// [`KeyError`] says what a right one looks like.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::only_block(text).ok_or(KeyError::Pem(PUBLIC))?;
        if block.label != PUBLIC {
            return Err(KeyError::Label(PUBLIC));
        }
        match algorithm_of(&block.der)? {
            Algorithm::Es256 => p256::PublicKey::from_public_key_der(&block.der).map(Self::es256),
            Algorithm::Es256k => k256::PublicKey::from_public_key_der(&block.der).map(Self::es256k),
            Algorithm::Rs256 => {
                let key = RsaPublicKey::from_der(&block.der).map(Self::rs256);
                return key.ok_or(KeyError::Broken);
            }
        }
        .map_err(|_| KeyError::Broken)
    }

    /// Reads a point as SEC 1 section 2.3.4 writes it, uncompressed or compressed.
    ///
    /// # Errors
    /// [`KeyError::Broken`] for a point off the curve or at infinity.
    pub fn from_point(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Es256 => p256::PublicKey::from_sec1_bytes(bytes).map(Self::es256),
            Algorithm::Es256k => k256::PublicKey::from_sec1_bytes(bytes).map(Self::es256k),
            Algorithm::Rs256 => return Err(KeyError::Broken),
        }
        .map_err(|_| KeyError::Broken)
    }

    fn es256(key: p256::PublicKey) -> Self {
        let point = key.to_sec1_point(false);
        let decoding = Arc::new(DecodingKey::from_ec_der(point.as_bytes()));
        Self::named(Numbers::Es256 { key, decoding })
    }

    fn es256k(key: k256::PublicKey) -> Self {
        Self::named(Numbers::Es256k(key))
    }

    fn rs256(key: RsaPublicKey) -> Self {
        Self::named(Numbers::Rs256(Box::new(key)))
    }

    fn named(numbers: Numbers) -> Self {
        Self { id: thumbprint(&numbers.members()), numbers }
    }

    /// The key as SPKI in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let der = match &self.numbers {
            Numbers::Es256 { key, .. } => key.to_public_key_der(),
            Numbers::Es256k(key) => key.to_public_key_der(),
            Numbers::Rs256(key) => return pem::write(PUBLIC, key.to_der()).to_string(),
        };
        pem::write(PUBLIC, der.expect("a valid key always encodes").as_bytes()).to_string()
    }

    /// What the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.numbers {
            Numbers::Es256 { .. } => Algorithm::Es256,
            Numbers::Es256k(_) => Algorithm::Es256k,
            Numbers::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The members that make a JWK of the key (RFC 7638 section 3.2), in alphabetical order.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, String)> {
        self.numbers.members()
    }

    /// Whether this key made the signature, given in the fixed-length form of RFC 7518 section 3.4. For secp256k1 both
    /// values of S are accepted: k256 alone would refuse half of what OpenSSL signs.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.numbers {
            Numbers::Es256 { decoding, .. } => {
                let signature = URL_SAFE_NO_PAD.encode(signature);
                jsonwebtoken::crypto::verify(
                    &signature,
                    message,
                    decoding,
                    jsonwebtoken::Algorithm::ES256,
                )
                .is_ok_and(|holds| holds)
            }
            Numbers::Es256k(key) => {
                k256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                    k256::ecdsa::VerifyingKey::from(key)
                        .verify(message, &signature.normalize_s())
                        .is_ok()
                })
            }
            Numbers::Rs256(key) => key.verifies(message, signature),
        }
    }
}

impl Numbers {
    fn members(&self) -> Vec<(&'static str, String)> {
        let elliptic = |curve: &str, point: &[u8]| {
            let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            vec![
                ("crv", curve.to_owned()),
                ("kty", "EC".to_owned()),
                ("x", coordinate(&point[1..33])),
                ("y", coordinate(&point[33..65])),
            ]
        };
        match self {
            Self::Es256 { key, .. } => elliptic("P-256", key.to_sec1_point(false).as_bytes()),
            Self::Es256k(key) => elliptic("secp256k1", key.to_sec1_point(false).as_bytes()),
            Self::Rs256(key) => {
                let (n, e) = key.numbers();
                vec![("e", e.to_owned()), ("kty", "RSA".to_owned()), ("n", n.to_owned())]
            }
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm(), self.id)
    }
}

/// The one kind of key whose object identifier is in the DER.
fn algorithm_of(der: &[u8]) -> Result<Algorithm, KeyError> {
    let names = |oid: &[u8]| der.windows(oid.len()).any(|window| window == oid);
    match (names(&P256_OID), names(&SECP256K1_OID), names(&RSA_OID)) {
        (true, false, false) => Ok(Algorithm::Es256),
        (false, true, false) => Ok(Algorithm::Es256k),
        (false, false, true) => Ok(Algorithm::Rs256),
        _ => Err(KeyError::Curve),
    }
}

/// RFC 7638 section 3: SHA-256 of the required members in alphabetical order.
fn thumbprint(members: &[(&'static str, String)]) -> KeyId {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    let object = format!("{{{}}}", members.join(","));
    KeyId(URL_SAFE_NO_PAD.encode(Sha256::digest(object)))
}

#[cfg(test)]
mod tests;
