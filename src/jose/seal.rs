//! Sealed notes: what we write to ourselves and others carry, read and changed by nobody else.
//!
//! AES-256-GCM (NIST SP 800-38D) under a key derived from the signing key with HKDF-SHA256 (RFC 5869), so that every
//! replica opens what another has sealed and nothing new has to be kept. Must not know what a note says.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::key::PrivateKey;

/// What tells this key from every other that may be derived from a signing key.
const PURPOSE: &[u8] = b"pasee sealed note, version 1";
/// Longest sealed note that is looked at, in characters.
const MAX_SEALED: usize = 4096;

/// Seals notes and opens them.
pub struct Sealer(RandomizedNonceKey);

/// A note cannot be sealed: the cryptography library refuses, or has no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note cannot be sealed")]
pub struct SealError;

impl Sealer {
    /// A sealer of whoever holds this key.
    ///
    /// # Errors
    /// [`SealError`]; it does not happen with a valid key.
    pub fn new(key: &PrivateKey) -> Result<Self, SealError> {
        let secret = key.to_pem();
        let mut derived = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, &[])
            .extract(secret.as_bytes())
            .expand(&[PURPOSE], &AES_256_GCM)
            .and_then(|okm| okm.fill(derived.as_mut()))
            .map_err(|_| SealError)?;
        RandomizedNonceKey::new(&AES_256_GCM, derived.as_ref()).map(Self).map_err(|_| SealError)
    }

    /// Seals a note for one use, in base64url (RFC 4648 section 5).
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, used_for: &str, note: &[u8]) -> Result<String, SealError> {
        let mut sealed = note.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(used_for.as_bytes()), &mut sealed)
            .map_err(|_| SealError)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &sealed].concat()))
    }

    /// Opens a note that was sealed for this use; `None` for anything else.
    #[must_use]
    pub fn open(&self, used_for: &str, sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let note = self.0.open_in_place(nonce, Aad::from(used_for.as_bytes()), &mut sealed).ok()?;
        Some(note.to_vec())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::key::Algorithm;

    #[test]
    fn only_what_was_sealed_here_for_this() {
        for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let sealer = Sealer::new(&key).unwrap();
            let sealed = sealer.seal("twitter", b"note").unwrap();
            let replica = Sealer::new(&PrivateKey::from_pem(&key.to_pem()).unwrap()).unwrap();
            assert_eq!(replica.open("twitter", &sealed).as_deref(), Some(&b"note"[..]));
            assert_eq!(sealer.open("github", &sealed), None);
            assert_ne!(sealer.seal("twitter", b"note").unwrap(), sealed, "never twice the same");
            let other = Sealer::new(&PrivateKey::generate(algorithm).unwrap()).unwrap();
            assert_eq!(other.open("twitter", &sealed), None);
            for place in 0..sealed.len() {
                let mut changed = sealed.clone().into_bytes();
                changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(sealer.open("twitter", &changed), None, "{place}");
            }
            for cut in ["", "AAAA", &sealed[..sealed.len() - 1], &"A".repeat(MAX_SEALED + 1)] {
                assert_eq!(sealer.open("twitter", cut), None);
            }
        }
    }
}
