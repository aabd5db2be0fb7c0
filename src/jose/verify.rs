//! Believing tokens, or not: compact JWS only, one algorithm per key, every claim checked (RFC 8725).
//!
//! A token is nothing until one of these verifiers returns its claims. Must not know what the claims are good for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::{self, Party};
use super::json::strict_object;
use super::key::{Algorithm, PublicKey};
use super::sign::{ACCESS, REFRESH};
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, RefreshClaims};
use crate::domain::user::Subject;

/// Longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
/// Length of a signature of both algorithms of ours, in bytes.
const SIGNATURE: usize = 64;

/// Why a token is not believed. Holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Longer than [`MAX_TOKEN`].
    #[error("it has more than 16 KiB")]
    TooLong,
    /// Not three parts of base64url with JSON in the first two.
    #[error("it is malformed: a right one is three parts of base64url with dots between")]
    Malformed,
    /// A header parameter that changes the meaning of the token and is not understood here.
    #[error("its header has parameters that are not understood")]
    Header,
    /// Of another kind than asked for.
    #[error("it is of the wrong kind: access tokens open things, refresh tokens refresh")]
    Kind,
    /// Signed by a key that is not known here.
    #[error("its key is not known")]
    UnknownKey,
    /// An algorithm that is not the key's.
    #[error("its algorithm is not its key's")]
    Algorithm,
    /// The signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// By another issuer.
    #[error("it is from another issuer")]
    Issuer,
    /// For another audience.
    #[error("it is for another audience")]
    Audience,
    /// A claim is missing or makes no sense.
    #[error("its claim {0} is missing or makes no sense")]
    Claim(&'static str),
}

/// A token taken apart, not yet believed.
pub(super) struct Unverified<'a> {
    pub(super) header: Map<String, Value>,
    pub(super) signed: &'a [u8],
    payload: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    pub(super) fn parse(compact: &'a str) -> Result<Self, VerifyError> {
        if compact.len() > MAX_TOKEN {
            return Err(VerifyError::TooLong);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        let header = object(header)?;
        if ["crit", "zip", "b64", "enc"].iter().any(|name| header.contains_key(*name)) {
            return Err(VerifyError::Header);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| VerifyError::Malformed)?;
        Ok(Self { header, signed: signed.as_bytes(), payload, signature })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The claims, if this key made the signature.
    fn claims(&self, key: &PublicKey) -> Result<Map<String, Value>, VerifyError> {
        let fits = self.signature.len() == SIGNATURE;
        if !fits || !key.verifies(self.signed, &self.signature) {
            return Err(VerifyError::Signature);
        }
        self.payload()
    }

    /// The claims, whoever made the signature.
    pub(super) fn payload(&self) -> Result<Map<String, Value>, VerifyError> {
        object(self.payload)
    }
}

fn object(part: &str) -> Result<Map<String, Value>, VerifyError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed)?;
    strict_object(&bytes).map_err(|_| VerifyError::Malformed)
}

/// Believes our own tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    party: Party,
    keys: Vec<PublicKey>,
}

impl Verifier {
    /// A verifier that demands this issuer and audience, and a signature by one of the keys.
    #[must_use]
    pub fn new(party: Party, keys: Vec<PublicKey>) -> Self {
        Self { party, keys }
    }

    /// The claims of an access token.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn access(&self, compact: &str, now: Timestamp) -> Result<AccessClaims, VerifyError> {
        claims::read_access(&self.party, self.verified(compact, ACCESS)?, now)
    }

    /// The claims of a refresh token.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn refresh(&self, compact: &str, now: Timestamp) -> Result<RefreshClaims, VerifyError> {
        claims::read_refresh(&self.party, &self.verified(compact, REFRESH)?, now)
    }

    fn verified(&self, compact: &str, kind: &str) -> Result<Map<String, Value>, VerifyError> {
        let token = Unverified::parse(compact)?;
        if token.parameter("typ") != Some(kind) {
            return Err(VerifyError::Kind);
        }
        let id = token.parameter("kid").ok_or(VerifyError::UnknownKey)?;
        let key =
            self.keys.iter().find(|key| key.id().as_str() == id).ok_or(VerifyError::UnknownKey)?;
        if token.parameter("alg") != Some(key.algorithm().as_str()) {
            return Err(VerifyError::Algorithm);
        }
        token.claims(key)
    }
}

/// Whether a token calls itself one that a Pasee issues, whether or not it is to be believed: enough to keep it from
/// going where it does not belong.
#[must_use]
pub fn is_of_pasee(compact: &str) -> bool {
    let header = compact.split('.').next().and_then(|part| object(part).ok());
    let kind = header.as_ref().and_then(|header| header.get("typ")).and_then(Value::as_str);
    matches!(kind, Some(ACCESS | REFRESH))
}

/// What a Kisee says of a user.
#[derive(Clone, Debug)]
pub struct KiseeClaims {
    /// `sub`.
    pub subject: Subject,
    /// Everything the token says, for the whitelist to pick from.
    pub claims: Map<String, Value>,
}

/// Believes the tokens of a Kisee. Kisee signs with secp256k1 and writes `ES256` in the header: accepted here alone, with
/// the algorithm taken from the configured key.
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
        let typed = token.header.contains_key("typ");
        if typed && !token.parameter("typ").is_some_and(|kind| kind.eq_ignore_ascii_case("JWT")) {
            return Err(VerifyError::Kind);
        }
        let alg = token.parameter("alg");
        let fits = |key: &&PublicKey| match key.algorithm() {
            Algorithm::Es256 => alg == Some("ES256"),
            Algorithm::Es256k => matches!(alg, Some("ES256" | "ES256K")),
        };
        let mut found = Err(VerifyError::Algorithm);
        for key in self.keys.iter().filter(fits) {
            found = token.claims(key);
            if !matches!(found, Err(VerifyError::Signature)) {
                break;
            }
        }
        let claims = found?;
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(VerifyError::Claim("iss"))?;
        if self.issuer.as_ref().is_some_and(|expected| expected != issuer) {
            return Err(VerifyError::Issuer);
        }
        claims::expiry(&claims, now)?;
        for name in ["nbf", "iat"] {
            if claims.contains_key(name)
                && claims::time(&claims, name)?.as_unix() > now.as_unix() + 60
            {
                return Err(VerifyError::NotYet);
            }
        }
        let subject = claims.get("sub").and_then(Value::as_str).ok_or(VerifyError::Claim("sub"))?;
        let subject = subject.parse().map_err(|_| VerifyError::Claim("sub"))?;
        Ok(KiseeClaims { subject, claims })
    }
}

#[cfg(test)]
mod tests;
