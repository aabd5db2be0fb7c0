//! Tokens of any header and any claims, properly signed: what an attacker with a key of their own can write.
//!
//! Must not use the signer under test.

use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey;
use pasee::jose::jwks;
use pasee::jose::key::{Algorithm, PrivateKey};
use serde_json::{Value, json};

use super::pasee::now;

/// Signs whatever it is given.
pub struct Forger {
    /// The key, as the library knows it.
    pub key: PrivateKey,
    signing: Signing,
}

enum Signing {
    P256(p256::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
}

impl Forger {
    /// A forger with a fresh key.
    pub fn new(algorithm: Algorithm) -> Self {
        let key = PrivateKey::generate(algorithm).unwrap();
        let pem = key.to_pem();
        let signing = match algorithm {
            Algorithm::Es256 => {
                Signing::P256(p256::ecdsa::SigningKey::from_pkcs8_pem(&pem).unwrap())
            }
            Algorithm::Es256k => {
                Signing::Secp256k1(k256::ecdsa::SigningKey::from_pkcs8_pem(&pem).unwrap())
            }
            Algorithm::Rs256 => unreachable!("nobody forges with RSA"),
        };
        Self { key, signing }
    }

    /// One with somebody's P-256 key, as PKCS#8 in PEM.
    pub fn with_key(pem: &str) -> Self {
        let key = PrivateKey::from_pem(pem).unwrap();
        let signing = p256::ecdsa::SigningKey::from_pkcs8_pem(pem).unwrap();
        Self { key, signing: Signing::P256(signing) }
    }

    /// One of each algorithm.
    pub fn both() -> [Self; 2] {
        [Algorithm::Es256, Algorithm::Es256k].map(Self::new)
    }

    /// A header as we write it.
    pub fn header(&self, kind: &str) -> Value {
        json!({ "typ": kind, "alg": self.key.algorithm().as_str(), "kid": self.key.public().id().as_str() })
    }

    /// A header of refresh tokens as we write it.
    pub fn refresh_header(&self) -> Value {
        let id = expand(&self.secret(), b"pasee secret id, version 1");
        json!({ "typ": "rt+jwt", "alg": "HS256", "kid": URL_SAFE_NO_PAD.encode(&id[..8]) })
    }

    /// The secret that follows from the key alone.
    fn secret(&self) -> [u8; 32] {
        let pem = self.key.to_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        expand(&STANDARD.decode(body).unwrap(), b"pasee secret of a signing key, version 1")
    }

    /// A compact token over any bytes, under the HMAC key of refresh tokens.
    pub fn mac(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let key = expand(&self.secret(), b"pasee refresh tokens, version 1");
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// A token of this kind as Pasee would make it, of any claims.
    pub fn issue(&self, kind: &str, claims: &Value) -> String {
        match kind {
            "rt+jwt" => self.mac(self.refresh_header().to_string(), claims.to_string()),
            kind => self.token(&self.header(kind), claims),
        }
    }

    /// The 64 bytes of a signature.
    pub fn signature(&self, message: &[u8]) -> [u8; 64] {
        let bytes = match &self.signing {
            Signing::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Signing::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        };
        bytes.try_into().unwrap()
    }

    /// A compact token over any bytes.
    pub fn sign(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A compact token over JSON.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        self.sign(header.to_string(), claims.to_string())
    }
}

/// HKDF-SHA-256 (RFC 5869) without salt.
fn expand(secret: &[u8], info: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
    derived.expand(&[info], hkdf::HKDF_SHA256).unwrap().fill(&mut key).unwrap();
    key
}

/// A proof of a key for a request (RFC 9449 section 4.2), with these claims in the place of its own, or beside them.
pub fn proof(key: &PrivateKey, method: &str, url: &str, with: &Value) -> String {
    let set = jwks::common(std::slice::from_ref(key.public()));
    let mut jwk = set["keys"][0].clone();
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| matches!(name.as_str(), "kty" | "crv" | "x" | "y"));
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    let mut said =
        json!({ "jti": URL_SAFE_NO_PAD.encode(random), "htm": method, "htu": url, "iat": now() });
    said.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let input = [&header, &said].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    format!("{input}.{}", key.sign(input.as_bytes()).unwrap())
}

/// A part of a compact token as JSON.
pub fn part(compact: &str, place: usize) -> Value {
    serde_json::from_slice(&bytes(compact, place)).unwrap()
}

/// A part of a compact token as bytes.
pub fn bytes(compact: &str, place: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(compact.split('.').nth(place).unwrap()).unwrap()
}

/// The other signature that ECDSA allows for the same message: S mirrored at the order of the curve.
pub fn mirrored(algorithm: Algorithm, signature: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Es256 => {
            let (r, s) = p256::ecdsa::Signature::from_slice(signature).unwrap().split_scalars();
            p256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_bytes().to_vec()
        }
        Algorithm::Es256k => {
            let (r, s) = k256::ecdsa::Signature::from_slice(signature).unwrap().split_scalars();
            k256::ecdsa::Signature::from_scalars(r, -s).unwrap().to_bytes().to_vec()
        }
        Algorithm::Rs256 => unreachable!("RSA has no other signature"),
    }
}
