//! Hashes of client secrets: what is kept in the place of a secret.
//!
//! Secrets have 256 random bits, so that a plain hash tells nobody which one it is of; a password would need more. Must not know where a
//! secret comes from.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

/// What the text of a hash begins with.
const ALGORITHM: &str = "sha256:";

/// The SHA-256 of a client secret. As text `sha256:` and 64 hexadecimal digits in small letters, as `sha256sum` prints them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Whether this is the secret. Takes as long whether it is or not.
    #[must_use]
    pub fn fits(&self, secret: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(secret).0).is_ok()
    }
}

impl FromStr for SecretHash {
    type Err = SecretHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(ALGORITHM).ok_or(SecretHashError::Shape)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 64 || !digits.bytes().all(is_digit) {
            return Err(SecretHashError::Shape);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte =
                u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| SecretHashError::Shape)?;
        }
        let hash = Self(bytes);
        // What a shell hashes when the secret is in no variable.
        if hash == Self::of("") { Err(SecretHashError::OfNothing) } else { Ok(hash) }
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ALGORITHM)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Its beginning: enough to tell two apart.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

/// Why a text is no hash of a secret. The text itself is left out: it may be the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretHashError {
    /// Another algorithm, other digits, none.
    #[error(
        "the hash of a secret is sha256: and 64 digits of 0-9 and a-f; `pasee client-secret` prints one with its secret, and \
     `printf %s SECRET | sha256sum` the digits of one that there is"
    )]
    Shape,
    /// The hash of no text at all: whoever sends nothing would be this client.
    #[error(
        "this is the hash of an empty secret; `pasee client-secret` prints a secret with its hash"
    )]
    OfNothing,
}
