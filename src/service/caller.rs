//! Who acts with an access token.
//!
//! A token is verified once for each request, and its user is looked up once for each judgement: standing and groups are of
//! one moment. Must not know what the caller wants.

use std::future::Future;

use super::Service;
use crate::domain::authorization::KeyThumbprint;
use crate::domain::directory::Holding;
use crate::domain::policy::{Actor, Admission, Grant, Refusal, admit};
use crate::domain::time::Timestamp;
use crate::domain::token::AccessClaims;
use crate::domain::user::UserId;
use crate::jose::error::VerifyError;

/// Somebody with an access token that holds, as they stood at one moment.
#[derive(Debug)]
pub struct Caller {
    admission: Admission,
    actor: Actor,
    judged_at: Timestamp,
    claims: Box<AccessClaims>,
}

/// An access token as it is shown: alone, or with a proof of a key (RFC 9449 section 7.1).
#[derive(Clone, Copy, Debug)]
pub struct ShownToken<'a> {
    /// The token.
    pub token: &'a str,
    /// The key that was proved.
    pub key: Option<&'a KeyThumbprint>,
}

/// One that is shown alone.
impl<'a> From<&'a str> for ShownToken<'a> {
    fn from(token: &'a str) -> Self {
        Self { token, key: None }
    }
}

/// The same.
impl<'a> From<&'a String> for ShownToken<'a> {
    fn from(token: &'a String) -> Self {
        token.as_str().into()
    }
}

/// Why nobody acts with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It does not hold.
    #[error("this token does not hold: {0}")]
    Token(#[from] VerifyError),
    /// It holds, and its user may not use it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Caller {
    /// Somebody who acts without a token, as they were judged at this moment; the claims are what a token of theirs would say.
    pub(super) fn judged(
        admission: Admission,
        holdings: Vec<Holding>,
        claims: AccessClaims,
        judged_at: Timestamp,
    ) -> Self {
        let actor = Actor::user(&admission, holdings);
        Self { admission, actor, judged_at, claims: Box::new(claims) }
    }

    /// Who.
    #[must_use]
    pub fn user(&self) -> &UserId {
        self.admission.user()
    }

    /// What their token says.
    #[must_use]
    pub fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(super) fn judged_at(&self) -> Timestamp {
        self.judged_at
    }
}

impl Service {
    /// The user an access token speaks for, as they stand now.
    ///
    /// # Errors
    /// [`AccessError`]: nobody acts with it.
    pub fn caller<'a>(
        &self,
        shown: impl Into<ShownToken<'a>>,
        now: Timestamp,
    ) -> Result<Caller, AccessError> {
        self.judge(&self.verified(shown.into(), now)?, now)
    }

    /// The caller, and what they say. That may take its time, so they are judged again when all of it is there: what they
    /// were allowed when they began counts for nothing. Only the signature is not looked at twice.
    ///
    /// # Errors
    /// [`AccessError`], in which case nothing is listened to, or not any more; else what went wrong in saying it.
    pub async fn caller_after<T, E: From<AccessError>>(
        &self,
        shown: ShownToken<'_>,
        now: Timestamp,
        said: impl Future<Output = Result<T, E>>,
    ) -> Result<(Caller, T), E> {
        let claims = self.verified(shown, now)?;
        self.judge(&claims, now)?;
        let said = said.await?;
        Ok((self.judge(&claims, self.now())?, said))
    }

    fn verified(&self, shown: ShownToken<'_>, now: Timestamp) -> Result<AccessClaims, AccessError> {
        let ShownToken { token, key } = shown;
        Ok(self.0.keys.current().verifier().access_by(token, key, now)?)
    }

    /// Judges a verified token at a moment that may be later than when it was verified.
    fn judge(&self, claims: &AccessClaims, now: Timestamp) -> Result<Caller, AccessError> {
        let token = &claims.token;
        if token.expires_at <= now {
            return Err(VerifyError::Expired.into());
        }
        let record = self.directory().record(&token.subject, now);
        let session = self.session_lifetime(token.subject.split().0);
        let admission = admit(Grant::Access(claims), record.standing, session, now)?
            .unless_ended(|session| self.directory().has_ended(session))?;
        Ok(Caller::judged(admission, record.holdings, claims.clone(), now))
    }

    /// What a caller may know of what a user is in. Their own are those the token's scope reaches: with a limited token,
    /// nobody learns what they are in beyond it.
    pub(super) fn holdings_of(&self, caller: &Caller, user: &UserId) -> Vec<Holding> {
        if caller.user() == user {
            return caller.actor.holdings().to_vec();
        }
        self.directory().record(user, caller.judged_at).holdings
    }
}
