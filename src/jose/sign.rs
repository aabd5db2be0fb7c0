//! Signing access tokens: compact JWS (RFC 7515 section 7.1) over our claims.
//!
//! Must not know who may have a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::claims::{self, ACCESS, Party, TRUNCATED_LENGTH};
use super::compact::MAX_TOKEN;
use super::key::{PrivateKey, PublicKey};
use super::revocations::{REVOCATIONS, RevocationList};
use crate::domain::token::{AccessClaims, Audience, Issuer, TokenId};

/// What all but the groups has of a token, in bytes.
pub const ALL_BUT_GROUPS: usize = 2048;
/// The least that the bound on a token may be, in bytes: all but the groups stays below it, whatever is allowed of it.
pub const MIN_BOUND: usize = 4096;

/// Signs access tokens with one key, for one issuer.
#[derive(Clone, Debug)]
pub struct Signer {
    key: PrivateKey,
    party: Party,
    header: String,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims could not be written.
    #[error("the claims could not be written")]
    Claims(#[from] serde_json::Error),
    /// The key could not sign.
    #[error("the key could not sign")]
    Key(#[from] jsonwebtoken::errors::Error),
    /// Longer than [`MAX_TOKEN`]: nobody would look at it, this program included.
    #[error("the token would be longer than 16 KiB")]
    TooLong,
    /// A refresh token would be longer than it may be, even without claims and rules.
    #[error("this scope leaves no room in the refresh token; name fewer groups in it")]
    NoRoom,
}

impl Signer {
    /// A signer that writes this issuer and audience.
    #[must_use]
    pub fn new(key: PrivateKey, party: Party) -> Self {
        let header = format!(
            r#"{{"typ":"{ACCESS}","alg":"{}","kid":"{}"}}"#,
            key.algorithm(),
            key.public().id()
        );
        Self { header: URL_SAFE_NO_PAD.encode(header), key, party }
    }

    /// The key that verifies what is signed here.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// The issuer that is written.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.party.issuer
    }

    /// Whether what `POST /tokens/` hands out is for this audience.
    #[must_use]
    pub fn is_for(&self, audience: &Audience) -> bool {
        audience.as_str() == self.party.issuer.as_str() || self.party.audiences.contains(audience)
    }

    /// How much room there is for groups beside these claims, which name none, in a token of so many bytes: in bytes of a JSON
    /// array. It depends on nothing but the bound as long as all but the groups keeps to [`ALL_BUT_GROUPS`].
    ///
    /// # Errors
    /// Those of [`Signer::access`].
    pub fn room(&self, bare: &AccessClaims, most: usize) -> Result<usize, SignError> {
        let payload = claims::access_length(&self.party, bare)? + TRUNCATED_LENGTH;
        let around = self.header.len() + self.key.signature_length() + 2;
        let beside = (most.saturating_sub(around) * 3 / 4).saturating_sub(payload);
        Ok(beside.min(most.saturating_sub(ALL_BUT_GROUPS) * 3 / 4))
    }

    /// An ID token (OpenID Connect Core 1.0 section 2) that says this.
    ///
    /// # Errors
    /// Those of [`Signer::access`].
    pub fn id_token(&self, claims: &Map<String, Value>) -> Result<String, SignError> {
        let (algorithm, id) = (self.key.algorithm(), self.key.public().id());
        let header = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{id}"}}"#);
        let input = signing_input(&URL_SAFE_NO_PAD.encode(header), &serde_json::to_vec(claims)?);
        let signature = self.key.sign(input.as_bytes())?;
        let token = [&*input, ".", &*signature].concat();
        if token.len() > MAX_TOKEN { Err(SignError::TooLong) } else { Ok(token) }
    }

    /// A list of what has ended.
    ///
    /// # Errors
    /// Those that do not happen with a valid key.
    pub fn revocations(&self, list: &RevocationList) -> Result<String, SignError> {
        let (algorithm, id) = (self.key.algorithm(), self.key.public().id());
        let header = format!(r#"{{"typ":"{REVOCATIONS}","alg":"{algorithm}","kid":"{id}"}}"#);
        let claims = serde_json::to_vec(&list.claims())?;
        let input = signing_input(&URL_SAFE_NO_PAD.encode(header), &claims);
        let signature = self.key.sign(input.as_bytes())?;
        Ok([&*input, ".", &*signature].concat())
    }

    /// An access token.
    ///
    /// # Errors
    /// [`SignError::TooLong`] when there are more groups than [`Signer::room`] says; the others do not happen with a valid
    /// key.
    pub fn access(&self, claims: &AccessClaims) -> Result<String, SignError> {
        let input = signing_input(&self.header, &claims::write_access(&self.party, claims)?);
        let signature = self.key.sign(input.as_bytes())?;
        let token = [&*input, ".", &*signature].concat();
        if token.len() > MAX_TOKEN { Err(SignError::TooLong) } else { Ok(token) }
    }
}

/// What is signed (RFC 7515 section 5.1).
pub(super) fn signing_input(header: &str, payload: &[u8]) -> String {
    [header, ".", &URL_SAFE_NO_PAD.encode(payload)].concat()
}

/// A token id from 128 random bits.
#[must_use]
pub fn token_id(random: [u8; 16]) -> TokenId {
    URL_SAFE_NO_PAD.encode(random).parse().expect("base64url is printable")
}
