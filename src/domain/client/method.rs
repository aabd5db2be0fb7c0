//! Methods of authentication, as identity providers name them in `amr` (RFC 8176).
//!
//! Must not know which providers say which.

use std::fmt;
use std::str::FromStr;

/// Longest name, in bytes.
const MAX: usize = 64;

/// One method, such as `mfa`: 1 to 64 printable ASCII characters, no space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationMethod(String);

impl AuthenticationMethod {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthenticationMethod {
    type Err = AuthenticationMethodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AuthenticationMethodError)
        }
    }
}

impl fmt::Display for AuthenticationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text names no method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a method of authentication has 1 to {MAX} printable ASCII characters and no space, such as mfa"
)]
pub struct AuthenticationMethodError;
