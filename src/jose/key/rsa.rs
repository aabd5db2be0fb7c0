//! RSA keys, for RS256 (RFC 7518 section 3.3), through aws-lc-rs.
//!
//! Must not know PEM, nor the names of keys.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// A key to sign with, of 2048 to 8192 bits.
#[derive(Clone)]
pub(super) struct RsaPrivateKey(Arc<KeyPair>);

impl RsaPrivateKey {
    /// A new key of 2048 bits; `None` when the library makes none.
    pub(super) fn generate() -> Option<Self> {
        KeyPair::generate(KeySize::Rsa2048).ok().map(|key| Self(Arc::new(key)))
    }

    /// Reads PKCS#8 (RFC 5958), or RFC 8017 appendix A.1.2; `None` for numbers that are no key.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let key = KeyPair::from_pkcs8(der).or_else(|_| KeyPair::from_der(der)).ok()?;
        Some(Self(Arc::new(key)))
    }

    /// The key as PKCS#8.
    pub(super) fn to_der(&self) -> Zeroizing<Vec<u8>> {
        let der: Result<Pkcs8V1Der<'_>, _> = self.0.as_der();
        Zeroizing::new(der.expect("a valid key always encodes").as_ref().to_vec())
    }

    pub(super) fn public(&self) -> Option<RsaPublicKey> {
        RsaPublicKey::new(self.0.public_key())
    }

    /// Signs; `None` when the library does not.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let random = SystemRandom::new();
        self.0.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
        Some(signature)
    }
}

/// A key to verify with, of 2048 to 8192 bits.
#[derive(Clone)]
pub(super) struct RsaPublicKey {
    verifying: ParsedPublicKey,
    der: Arc<[u8]>,
    modulus: String,
    exponent: String,
}

impl RsaPublicKey {
    fn new(key: &PublicKey) -> Option<Self> {
        let der: PublicKeyX509Der<'_> = key.as_der().ok()?;
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(Self {
            verifying: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).ok()?,
            der: der.as_ref().into(),
            modulus: number(key.modulus().big_endian_without_leading_zero()),
            exponent: number(key.exponent().big_endian_without_leading_zero()),
        })
    }

    /// Reads SPKI (RFC 5280 section 4.1); `None` for numbers that are no key.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        Self::new(&PublicKey::from_der(der).ok()?)
    }

    /// The key as SPKI.
    pub(super) fn to_der(&self) -> &[u8] {
        &self.der
    }

    /// `n` and `e` as JWKs write them (RFC 7518 section 6.3.1).
    pub(super) fn numbers(&self) -> (&str, &str) {
        (&self.modulus, &self.exponent)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verify_sig(message, signature).is_ok()
    }
}
