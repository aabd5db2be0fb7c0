//! Secrets: 32 random bytes from which every symmetric key is derived, each for one purpose (HKDF-SHA-256, RFC 5869).
//!
//! Owns how a secret is named, written and made use of. Must not know where one is kept, nor what is protected with it.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key::{KeyError, PrivateKey};
use super::pem;

/// Length of a secret and of every key derived from one, in bytes.
pub const LENGTH: usize = 32;
/// The label of a secret in PEM.
pub(super) const LABEL: &str = "PASEE SECRET";

/// What a derived key is for. Keys for different purposes say nothing of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// HMAC-SHA-256 over refresh tokens.
    RefreshTokens,
    /// AES-256-GCM over what a browser carries of a login that is under way.
    LoginCookies,
    /// AES-256-GCM over what a browser carries of the session that it has here.
    BrowserSessions,
    /// AES-256-GCM over invitations to a group.
    Invitations,
    /// AES-256-GCM over what a browser carries for a sidecar.
    SidecarCookies,
    /// AES-256-GCM over the nonces that proofs of a key are to hold.
    DpopNonces,
    /// AES-256-GCM over what the processes of one realm ask each other.
    Peers,
}

impl Purpose {
    /// The `info` of HKDF. The number rises when what the key protects changes its form.
    fn info(self) -> &'static [u8] {
        match self {
            Self::RefreshTokens => b"pasee refresh tokens, version 1",
            Self::LoginCookies => b"pasee login cookies, version 3",
            Self::BrowserSessions => b"pasee browser sessions, version 2",
            Self::Invitations => b"pasee invitations, version 1",
            Self::SidecarCookies => b"pasee sidecar cookies, version 1",
            Self::DpopNonces => b"pasee DPoP nonces, version 1",
            Self::Peers => b"pasee peers, version 1",
        }
    }
}

/// A secret. Whoever has it can write whatever is protected with it.
#[derive(Clone)]
pub struct Secret {
    bytes: Zeroizing<[u8; LENGTH]>,
    id: SecretId,
}

/// The name of a secret: 8 bytes derived from it, which say nothing of any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecretId([u8; Self::LENGTH]);

impl SecretId {
    /// Length of a name, in bytes.
    pub const LENGTH: usize = 8;

    /// The name as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// The name in base64url, as `kid` has it.
impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Secret {
    /// A secret of these bytes, which nobody else knows.
    #[must_use]
    pub fn new(random: [u8; LENGTH]) -> Self {
        let bytes = Zeroizing::new(random);
        let mut id = [0; SecretId::LENGTH];
        id.copy_from_slice(&expand(&*bytes, b"pasee secret id, version 1")[..SecretId::LENGTH]);
        Self { bytes, id: SecretId(id) }
    }

    /// The secret of whoever has this key, so that all who share a key agree without sharing anything else.
    #[must_use]
    pub fn of(key: &PrivateKey) -> Self {
        Self::new(*expand(&key.to_der(), b"pasee secret of a signing key, version 1"))
    }

    /// Reads a block `PASEE SECRET`, with or without line breaks.
    ///
    /// # Errors
    /// [`KeyError`] says what a right one looks like.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::only_block(text).ok_or(KeyError::Pem(LABEL))?;
        if block.label != LABEL {
            return Err(KeyError::Label(LABEL));
        }
        <[u8; LENGTH]>::try_from(&block.der[..]).map(Self::new).map_err(|_| KeyError::Length)
    }

    /// The secret in PEM.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(LABEL, &*self.bytes)
    }

    /// The secret's name.
    #[must_use]
    pub fn id(&self) -> SecretId {
        self.id
    }

    /// The key for a purpose.
    pub(super) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; LENGTH]> {
        expand(&*self.bytes, purpose.info())
    }
}

fn expand(secret: &[u8], info: &[u8]) -> Zeroizing<[u8; LENGTH]> {
    let mut key = Zeroizing::new([0; LENGTH]);
    Salt::new(HKDF_SHA256, &[])
        .extract(secret)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut *key))
        .expect("HKDF-SHA-256 gives 32 bytes");
    key
}

/// Shows only the name.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::key::Algorithm;

    /// Every replica of every version derives the same: these values never change.
    #[test]
    fn what_is_derived_stays() {
        let secret = Secret::new([7; LENGTH]);
        assert_eq!(secret.id().to_string(), "5rqxSSBS4ec");
        let shown = |purpose| URL_SAFE_NO_PAD.encode(*secret.derive(purpose));
        assert_eq!(shown(Purpose::RefreshTokens), "ufjKxyqQyKe3eXJ37kMzB_echXrZbM9yv0JEilb9FAc");
        assert_eq!(shown(Purpose::LoginCookies), "Rg_UCQ0pY2T5MxfAXYaDSLhOgvI1xY75-JfugFHDx7k");
        assert_eq!(shown(Purpose::BrowserSessions), "b81lPMzRO2YLDdg9C-EHaWYZQTNu1otlBYzSLDFGeh4");
    }

    #[test]
    fn a_key_gives_one_secret() {
        let [one, two] = [Algorithm::Es256, Algorithm::Es256k]
            .map(|algorithm| PrivateKey::generate(algorithm).unwrap());
        let again = PrivateKey::from_pem(&one.to_pem()).unwrap();
        assert_eq!(Secret::of(&one).id(), Secret::of(&again).id());
        assert_ne!(Secret::of(&one).id(), Secret::of(&two).id());
    }

    #[test]
    fn secrets_are_written_and_read() {
        let secret = Secret::new([9; LENGTH]);
        let text = secret.to_pem();
        assert!(text.starts_with("-----BEGIN PASEE SECRET-----\n"), "{}", *text);
        assert_eq!(Secret::from_pem(&text).unwrap().id(), secret.id());
        let key = PrivateKey::generate(Algorithm::Es256).unwrap().to_pem();
        assert_eq!(Secret::from_pem(&key).unwrap_err(), KeyError::Label(LABEL));
        assert_eq!(Secret::from_pem("CQkJ").unwrap_err(), KeyError::Pem(LABEL));
        let short = pem::write(LABEL, &[9; LENGTH - 1]);
        assert_eq!(Secret::from_pem(&short).unwrap_err(), KeyError::Length);
        let shown = format!("{secret:?}");
        assert_eq!(shown, format!("Secret({})", secret.id()));
    }
}
