//! Believing the access tokens that a Pasee issues, this one or another (RFC 8725): one algorithm per key, every
//! claim checked.
//!
//! Must not know what the claims are good for.

use super::claims::{self, ACCESS, REFRESH};
use super::compact::{self, ClaimSet, MAX_TOKEN, Unverified, claimed_type};
use super::error::VerifyError;
use super::key::PublicKey;
use super::revocations::{MAX_LIST, REVOCATIONS, RevocationList};
use crate::domain::authorization::KeyThumbprint;
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, Audience, Issuer, SessionId};

/// Of whom an ID token was, for whom, and of which session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub client: String,
    /// `sid`.
    pub session: SessionId,
}

/// Believes the access tokens of one Pasee.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: Issuer,
    audience: String,
    keys: Vec<PublicKey>,
}

impl Verifier {
    /// A verifier that demands this issuer, a signature by one of the keys, and that the tokens are for this audience: where none is
    /// given, for the issuer itself.
    #[must_use]
    pub fn new(issuer: Issuer, audience: Option<Audience>, keys: Vec<PublicKey>) -> Self {
        let audience = audience.as_ref().map_or(issuer.as_str(), Audience::as_str).to_owned();
        Self { issuer, audience, keys }
    }

    /// The claims of an access token that came without a proof that it is its bearer's.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing. One that is bound to a key is worth nothing alone (RFC 9449 section 7.2).
    pub fn access(&self, compact: &str, now: Timestamp) -> Result<AccessClaims, VerifyError> {
        self.access_by(compact, None, now)
    }

    /// The same of a token that came with a proof of this key: it has to be bound to that (RFC 9449 section 7.1), or to none where
    /// there was no proof.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn access_by(
        &self,
        compact: &str,
        key: Option<&KeyThumbprint>,
        now: Timestamp,
    ) -> Result<AccessClaims, VerifyError> {
        let (meant, verified) = (Some(self.audience.as_str()), self.verified(compact)?);
        let claims = claims::read_access((&self.issuer, meant), verified, now)?;
        is_shown_right(&claims, key)?;
        Ok(claims)
    }

    /// The claims of an access token of this issuer, whomever it is for and whoever shows it: to tell what it says, and never that
    /// somebody may do something by it.
    ///
    /// # Errors
    /// [`VerifyError`]: the token is worth nothing.
    pub fn issued(&self, compact: &str, now: Timestamp) -> Result<AccessClaims, VerifyError> {
        claims::read_access((&self.issuer, None), self.verified(compact)?, now)
    }

    /// What an ID token of this issuer says, whether or not its time is over: as a hint of who somebody was, and of nothing that
    /// they may (OpenID Connect RP-Initiated Logout 1.0 section 2).
    ///
    /// # Errors
    /// [`VerifyError`]: it is none of this issuer's.
    pub fn id_token_hint(&self, compact: &str) -> Result<IdTokenHint, VerifyError> {
        let claims = self.verified_of(compact, "JWT")?;
        if claims.text("iss")? != self.issuer.as_str() {
            return Err(VerifyError::Issuer);
        }
        Ok(IdTokenHint {
            subject: claims.text("sub")?.to_owned(),
            client: claims.text("aud")?.to_owned(),
            session: claims.text("sid")?.parse().map_err(|_| VerifyError::Claim("sid"))?,
        })
    }

    /// What has ended before its time, as this issuer says just now.
    ///
    /// # Errors
    /// [`VerifyError`]: it is no list of this issuer's, or an old one.
    pub fn revocations(&self, list: &str, now: Timestamp) -> Result<RevocationList, VerifyError> {
        RevocationList::of(&self.verified_within(list, REVOCATIONS, MAX_LIST)?, &self.issuer, now)
    }

    fn verified(&self, compact: &str) -> Result<ClaimSet, VerifyError> {
        self.verified_of(compact, ACCESS)
    }

    fn verified_of(&self, compact: &str, typ: &str) -> Result<ClaimSet, VerifyError> {
        self.verified_within(compact, typ, MAX_TOKEN)
    }

    fn verified_within(
        &self,
        compact: &str,
        typ: &str,
        max_length: usize,
    ) -> Result<ClaimSet, VerifyError> {
        let token = Unverified::parse_within(compact, max_length)?;
        let header = token.header();
        header.demand_type(typ)?;
        let is_meant = |key: &&PublicKey| Some(key.id().as_str()) == header.key_id();
        let key = self.keys.iter().find(is_meant).ok_or(VerifyError::UnknownKey)?;
        if header.algorithm() != Some(key.algorithm().as_str()) {
            return Err(VerifyError::Algorithm);
        }
        token.verified(|message, signature| key.verifies(message, signature))
    }
}

/// That a token which is bound to a key came with a proof of that key. One that is bound to none is worth the same alone and with a
/// proof: clients that have a key prove it at every request, whatever `token_type` said.
///
/// # Errors
/// [`VerifyError::Bound`].
pub fn is_shown_right(
    claims: &AccessClaims,
    key: Option<&KeyThumbprint>,
) -> Result<(), VerifyError> {
    let bound_to = claims.token.client.as_ref().and_then(|client| client.confirmation.as_ref());
    if bound_to.is_some() && bound_to != key { Err(VerifyError::Bound) } else { Ok(()) }
}

/// Whether a token calls itself one that a Pasee issues, whether or not it is to be believed: enough to keep it from
/// going where it does not belong.
#[must_use]
pub fn is_of_pasee(compact: &str) -> bool {
    matches!(claimed_type(compact).as_deref(), Some(ACCESS | REFRESH))
}

/// When a token says that it ends, for whoever has had it verified by another.
#[must_use]
pub fn claimed_end(compact: &str) -> Option<Timestamp> {
    compact::claimed_end(compact)
}

#[cfg(test)]
mod tests;
