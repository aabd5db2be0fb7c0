//! Believing the tokens of a Kisee.
//!
//! Kisee signs with secp256k1 and writes `ES256` in the header: accepted here alone, with the algorithm taken from the
//! configured key. Must not know how a token came here, nor what becomes of its claims.

use serde_json::{Map, Value};

use super::compact::Unverified;
use super::error::VerifyError;
use super::key::{Algorithm, PublicKey};
use super::window;
use crate::domain::time::Timestamp;
use crate::domain::user::Subject;

/// What a Kisee says of a user.
#[derive(Clone, Debug)]
pub struct KiseeClaims {
    /// `sub`.
    pub subject: Subject,
    /// Everything the token says, for the whitelist to pick from.
    pub claims: Map<String, Value>,
}

/// Believes the tokens of a Kisee.
#[derive(Clone, Debug)]
pub struct KiseeVerifier {
    keys: Vec<PublicKey>,
    issuer: Option<String>,
}

impl KiseeVerifier {
    /// A verifier that demands a signature by one of the keys, and this issuer if one is given.
    #[must_use]
    pub fn new(keys: Vec<PublicKey>, issuer: Option<String>) -> Self {
        Self { keys, issuer }
    }

    /// The claims of a Kisee's token. Its password-reset tokens, which have no `sub`, never pass.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn verify(&self, compact: &str, now: Timestamp) -> Result<KiseeClaims, VerifyError> {
        let token = Unverified::parse(compact)?;
        token.header().demand_plain_jwt()?;
        let algorithm = token.header().algorithm();
        let fits = |key: &&PublicKey| match key.algorithm() {
            Algorithm::Es256 => algorithm == Some("ES256"),
            Algorithm::Es256k => matches!(algorithm, Some("ES256" | "ES256K")),
            Algorithm::Rs256 => false,
        };
        if !self.keys.iter().any(|key| fits(&key)) {
            return Err(VerifyError::Algorithm);
        }
        // No `kid` names a key here: each that fits is tried.
        let claims = token.verified(|message, signature| {
            self.keys.iter().filter(fits).any(|key| key.verifies(message, signature))
        })?;
        let issuer = claims.text("iss")?;
        if self.issuer.as_ref().is_some_and(|expected| expected != issuer) {
            return Err(VerifyError::Issuer);
        }
        window::KISEE.judge(&claims, now)?;
        let subject = claims.text("sub")?.parse().map_err(VerifyError::Subject)?;
        Ok(KiseeClaims { subject, claims: claims.into_map() })
    }
}

#[cfg(test)]
mod tests;
