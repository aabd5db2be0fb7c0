//! Sealed values: what we write to ourselves and others carry, read and changed by nobody else.
//!
//! AES-256-GCM (NIST SP 800-38D) under a key derived from a secret for one purpose. The first bytes name the secret, so that
//! what was sealed under a former one still opens. Must not know what a value says.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::{Purpose, Secret, SecretId};

/// Longest sealed value that is looked at, in characters.
const MAX_SEALED: usize = 4096;

/// Seals values for one purpose and opens them.
pub struct Sealer {
    current: SealingKey,
    former: Vec<SealingKey>,
}

struct SealingKey {
    id: SecretId,
    key: RandomizedNonceKey,
}

impl SealingKey {
    fn new(secret: &Secret, purpose: Purpose) -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &*secret.derive(purpose));
        Self { id: secret.id(), key: key.expect("AES-256 takes a key of 32 bytes") }
    }
}

/// A value cannot be sealed: the cryptography library refuses, or has no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value cannot be sealed")]
pub struct SealError;

impl Sealer {
    /// A sealer of whoever holds these secrets: it seals under the current one, and opens what any of them has sealed.
    #[must_use]
    pub fn new(purpose: Purpose, current: &Secret, former: &[Secret]) -> Self {
        let former = former.iter().map(|secret| SealingKey::new(secret, purpose)).collect();
        Self { current: SealingKey::new(current, purpose), former }
    }

    /// Seals a value for one use, in base64url (RFC 4648 section 5).
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, used_for: &str, value: &[u8]) -> Result<String, SealError> {
        Ok(URL_SAFE_NO_PAD.encode(self.seal_bytes(used_for, value)?))
    }

    /// The same, as bytes.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_bytes(&self, used_for: &str, value: &[u8]) -> Result<Vec<u8>, SealError> {
        let SealingKey { id, key } = &self.current;
        let mut sealed = value.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(used_for.as_bytes()), &mut sealed)
            .map_err(|_| SealError)?;
        Ok([id.as_bytes(), &nonce.as_ref()[..], &sealed].concat())
    }

    /// Opens a value that was sealed for this use; `None` for anything else.
    #[must_use]
    pub fn open(&self, used_for: &str, sealed: &str) -> Option<Vec<u8>> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        self.open_bytes(used_for, &URL_SAFE_NO_PAD.decode(sealed).ok()?)
    }

    /// The same of bytes; how many of them are looked at is the caller's to bound.
    #[must_use]
    pub fn open_bytes(&self, used_for: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (id, rest) = sealed.split_at_checked(SecretId::LENGTH)?;
        let mut keys = std::iter::once(&self.current).chain(&self.former);
        let SealingKey { key, .. } = keys.find(|key| key.id.as_bytes() == id)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let value = key.open_in_place(nonce, Aad::from(used_for.as_bytes()), &mut sealed).ok()?;
        Some(value.to_vec())
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

    const PURPOSE: Purpose = Purpose::LoginCookies;

    #[test]
    fn only_what_was_sealed_here_for_this() {
        let secret = Secret::new([1; 32]);
        let sealer = Sealer::new(PURPOSE, &secret, &[]);
        let sealed = sealer.seal("twitter", b"value").unwrap();
        let replica = Sealer::new(PURPOSE, &Secret::from_pem(&secret.to_pem()).unwrap(), &[]);
        assert_eq!(replica.open("twitter", &sealed).as_deref(), Some(&b"value"[..]));
        assert_eq!(sealer.open("github", &sealed), None);
        assert_ne!(sealer.seal("twitter", b"value").unwrap(), sealed, "never twice the same");
        assert_eq!(Sealer::new(PURPOSE, &Secret::new([2; 32]), &[]).open("twitter", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(sealer.open("twitter", &changed), None, "{place}");
        }
        for cut in ["", "AAAA", &sealed[..11], &sealed[..20], &sealed[..sealed.len() - 1]] {
            assert_eq!(sealer.open("twitter", cut), None);
        }
        assert_eq!(sealer.open("twitter", &"A".repeat(MAX_SEALED + 1)), None);
    }

    #[test]
    fn what_is_sealed_for_one_purpose_opens_for_no_other() {
        let secret = Secret::new([1; 32]);
        let [cookies, other] =
            [PURPOSE, Purpose::RefreshTokens].map(|purpose| Sealer::new(purpose, &secret, &[]));
        let sealed = cookies.seal("twitter", b"value").unwrap();
        assert_eq!(other.open("twitter", &sealed), None);
    }

    #[test]
    fn what_a_former_secret_sealed_still_opens_until_the_secret_is_gone() {
        let [old, new] = [Secret::new([1; 32]), Secret::new([2; 32])];
        let sealed = Sealer::new(PURPOSE, &old, &[]).seal("twitter", b"value").unwrap();
        let rotated = Sealer::new(PURPOSE, &new, std::slice::from_ref(&old));
        assert_eq!(rotated.open("twitter", &sealed).as_deref(), Some(&b"value"[..]));
        let newer = rotated.seal("twitter", b"value").unwrap();
        assert_eq!(Sealer::new(PURPOSE, &old, &[]).open("twitter", &newer), None);
        assert_eq!(Sealer::new(PURPOSE, &new, &[]).open("twitter", &sealed), None);
    }

    /// A browser carries it in a cookie: what is longer than that is not even decoded.
    #[test]
    fn a_value_has_its_bound() {
        let sealer = Sealer::new(PURPOSE, &Secret::new([1; 32]), &[]);
        let around = SecretId::LENGTH + NONCE_LEN + AES_256_GCM.tag_len();
        let most = MAX_SEALED / 4 * 3 - around;
        for (length, opens) in [(most, true), (most + 1, false), (2 * most, false)] {
            let sealed = sealer.seal("twitter", &vec![7; length]).unwrap();
            assert_eq!(sealed.len() <= MAX_SEALED, opens, "{length}");
            assert_eq!(sealer.open("twitter", &sealed).is_some(), opens, "{length}");
        }
    }

    #[test]
    fn nothing_secret_shows() {
        let sealer = Sealer::new(PURPOSE, &Secret::new([1; 32]), &[]);
        assert_eq!(format!("{sealer:?}"), "Sealer { .. }");
    }
}
