//! When a token is good: `exp`, `nbf`, `iat` and `auth_time` (RFC 7519 section 4.1, OpenID Connect Core 1.0 section 2), judged
//! in one place, by rules that are named after who issues the tokens.
//!
//! Times are whole seconds, written as JSON integers, for every issuer: a fraction, an exponent or a text is refused. RFC
//! 7519 section 2 would allow a fraction, but no issuer that is known here writes one. Must not read a clock, nor know
//! signatures.

use std::time::Duration;

use serde_json::Value;

use super::compact::ClaimSet;
use super::error::VerifyError;
use crate::domain::time::Timestamp;

/// How far the clock of whoever issued a token may be from ours, in seconds.
const CLOCK_SKEW: i64 = 60;
/// The longest a token may be good for, in seconds, from when it was issued and from now: 400 days.
const MAX_LIFETIME: i64 = 400 * 24 * 60 * 60;

/// What one kind of token has to say of its times; what all of them have to obey stands in [`Rules::judge`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How long after `exp` it is still taken, in seconds.
    grace: i64,
    /// What it cannot do without, beside `exp`.
    required: &'static [&'static str],
    login: Login,
}

/// What `auth_time` has to say.
#[derive(Clone, Copy, Debug)]
enum Login {
    /// Nothing: it is not looked at.
    Unasked,
    /// That the login came before the token.
    BeforeIssue,
    /// That the login is no older than this (OpenID Connect Core 1.0 section 3.1.2.1, `max_age`).
    Within(Duration),
}

/// Tokens of a Pasee, this one or another.
pub(super) const PASEE: Rules =
    Rules { grace: 0, required: &["iat", "nbf"], login: Login::BeforeIssue };
/// A Kisee's tokens, which need no more than `exp`.
pub(super) const KISEE: Rules = Rules { grace: 0, required: &[], login: Login::Unasked };
/// ID tokens (OpenID Connect Core 1.0 section 2). Each is shown once, right when it was made, by a provider whose clock may
/// be behind.
pub(super) const ID_TOKEN: Rules =
    Rules { grace: CLOCK_SKEW, required: &["iat"], login: Login::Unasked };
/// Tokens of a cluster's ServiceAccounts (KEP-1205).
pub(super) const SERVICE_ACCOUNT: Rules =
    Rules { grace: 0, required: &["iat", "nbf"], login: Login::Unasked };

/// The times of a token that is good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// `iat`, if it is there.
    pub(super) issued_at: Option<Timestamp>,
    /// `exp`.
    pub(super) expires_at: Timestamp,
    /// `auth_time`, if the rules look at it.
    pub(super) authenticated_at: Option<Timestamp>,
}

impl Rules {
    /// The same rules, for a token whose login may be no older than this.
    pub(super) fn with_login_within(self, max_age: Option<Duration>) -> Self {
        Self { login: max_age.map_or(self.login, Login::Within), ..self }
    }

    /// The times of a token, if it is good now: not over, begun (but for [`CLOCK_SKEW`]), and of no absurd length.
    pub(super) fn judge(&self, claims: &ClaimSet, now: Timestamp) -> Result<Window, VerifyError> {
        let now = now.as_unix();
        let expires_at = seconds(claims, "exp")?;
        if expires_at.as_unix() + self.grace <= now {
            return Err(VerifyError::Expired);
        }
        let issued_at = self.read(claims, "iat")?;
        let starts_at = self.read(claims, "nbf")?;
        let authenticated_at = self.login.read(claims, now)?;
        let is_to_come = |time: Timestamp| time.as_unix() > now + CLOCK_SKEW;
        if issued_at.is_some_and(is_to_come) || starts_at.is_some_and(is_to_come) {
            return Err(VerifyError::NotYet);
        }
        if let Some(issued_at) = issued_at {
            let logs_in_later = matches!(self.login, Login::BeforeIssue)
                && authenticated_at.is_some_and(|login| login > issued_at);
            if expires_at <= issued_at || logs_in_later {
                return Err(VerifyError::Claim("auth_time, iat or exp"));
            }
        }
        let begins = issued_at.map_or(now, |issued_at| issued_at.as_unix().min(now));
        if expires_at.as_unix() - begins > MAX_LIFETIME {
            return Err(VerifyError::Claim("exp"));
        }
        Ok(Window { issued_at, expires_at, authenticated_at })
    }

    fn read(
        &self,
        claims: &ClaimSet,
        name: &'static str,
    ) -> Result<Option<Timestamp>, VerifyError> {
        let is_asked = self.required.contains(&name) || claims.get(name).is_some();
        is_asked.then(|| seconds(claims, name)).transpose()
    }
}

impl Login {
    fn read(self, claims: &ClaimSet, now: i64) -> Result<Option<Timestamp>, VerifyError> {
        if matches!(self, Self::Unasked) {
            return Ok(None);
        }
        let login = seconds(claims, "auth_time")?;
        if let Self::Within(max_age) = self {
            let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
            let age = now - login.as_unix();
            if age > max_age.saturating_add(CLOCK_SKEW) || age < -CLOCK_SKEW {
                return Err(VerifyError::Claim("auth_time"));
            }
        }
        Ok(Some(login))
    }
}

/// A claim in whole seconds.
fn seconds(claims: &ClaimSet, name: &'static str) -> Result<Timestamp, VerifyError> {
    let seconds = claims.get(name).and_then(Value::as_i64).and_then(Timestamp::from_unix);
    seconds.ok_or(VerifyError::Claim(name))
}

#[cfg(test)]
mod tests;
