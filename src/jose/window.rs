//! When a token is good: `exp`, `nbf`, `iat` and `auth_time` (RFC 7519 section 4.1, OpenID Connect Core 1.0 section 2), judged
//! in one place, by rules that are named after who issues the tokens.
//!
//! Times are whole seconds, written as JSON integers: a text is refused of everybody, a fraction or an exponent of all but
//! OpenID providers, of whom some write what RFC 7519 section 2 allows. Must not read a clock, nor know signatures.

use std::time::Duration;

use serde_json::Value;

use super::compact::ClaimSet;
use super::error::VerifyError;
use crate::domain::time::Timestamp;

/// How far the clock of whoever issued a token may be from ours, in seconds, where nobody says anything else.
const CLOCK_SKEW: i64 = 60;
/// The largest number whose neighbours are whole seconds away at most.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
/// The longest a token may be good for, in seconds, from when it was issued and from now: 400 days.
const MAX_LIFETIME: i64 = 400 * 24 * 60 * 60;

/// What one kind of token has to say of its times; what all of them have to obey stands in [`Rules::judge`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// How long after `exp` it is still taken, in seconds.
    grace: i64,
    /// How far ahead of ours the clock may be of whoever issued it, in seconds.
    skew: i64,
    /// What it cannot do without, beside `exp`.
    required: &'static [&'static str],
    login: Login,
    numbers: Numbers,
}

/// How times may be written.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    /// As integers.
    Whole,
    /// As any number (RFC 7519 section 2, NumericDate), of which the whole seconds count.
    Numeric,
}

/// What `auth_time` has to say.
#[derive(Clone, Copy, Debug)]
enum Login {
    /// Nothing: it is not looked at.
    Unasked,
    /// That the login came before the token; `logged_in_at` where the user had shown who they are at another time than that.
    BeforeIssue,
    /// That the login is no older than this (OpenID Connect Core 1.0 section 3.1.2.1, `max_age`).
    Within(Duration),
}

/// Tokens of a Pasee, this one or another.
pub(super) const PASEE: Rules = Rules {
    grace: 0,
    skew: CLOCK_SKEW,
    required: &["iat", "nbf"],
    login: Login::BeforeIssue,
    numbers: Numbers::Whole,
};
/// A Kisee's tokens, which need no more than `exp`.
pub(super) const KISEE: Rules = Rules { required: &[], login: Login::Unasked, ..PASEE };
/// ID tokens (OpenID Connect Core 1.0 section 2). Each is shown once, right when it was made, by a provider whose clock may
/// be behind.
pub(super) const ID_TOKEN: Rules = Rules {
    grace: CLOCK_SKEW,
    skew: CLOCK_SKEW,
    required: &["iat"],
    login: Login::Unasked,
    numbers: Numbers::Numeric,
};
/// UserInfo that is signed (section 5.3.2), where it says how long it is good.
pub(super) const USER_INFO: Rules = Rules { required: &[], ..ID_TOKEN };
/// Access tokens of any other issuer, which are shown over and over: none counts beyond its end.
pub(super) const ACCESS_TOKEN: Rules =
    Rules { required: &[], login: Login::Unasked, numbers: Numbers::Numeric, ..PASEE };
/// Tokens of a cluster's ServiceAccounts (KEP-1205).
pub(super) const SERVICE_ACCOUNT: Rules = Rules { login: Login::Unasked, ..PASEE };

/// The times of a token that is good now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// `iat`, if it is there.
    pub(super) issued_at: Option<Timestamp>,
    /// `exp`.
    pub(super) expires_at: Timestamp,
    /// When the user logged in, if the rules look at it.
    pub(super) authenticated_at: Option<Timestamp>,
}

impl Rules {
    /// The same rules, for a token whose login may be no older than this.
    pub(super) fn with_login_within(self, max_age: Option<Duration>) -> Self {
        Self { login: max_age.map_or(self.login, Login::Within), ..self }
    }

    /// The same rules, for whoever's clock may be so far from ours, before it or behind.
    pub(super) fn with_skew(self, skew: Duration) -> Self {
        let skew = i64::try_from(skew.as_secs()).unwrap_or(i64::MAX);
        Self { grace: skew, skew, ..self }
    }

    /// The times of a token, if it is good now: not over, begun (but for what clocks may differ), and of no absurd length.
    pub(super) fn judge(&self, claims: &ClaimSet, now: Timestamp) -> Result<Window, VerifyError> {
        let now = now.as_unix();
        let expires_at = self.numbers.seconds(claims, "exp")?;
        if expires_at.as_unix() + self.grace <= now {
            return Err(VerifyError::Expired);
        }
        let issued_at = self.read(claims, "iat")?;
        let starts_at = self.read(claims, "nbf")?;
        let authenticated_at = self.login.read(self.numbers, claims, now, self.skew)?;
        let is_to_come = |time: Timestamp| time.as_unix() > now + self.skew;
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
        is_asked.then(|| self.numbers.seconds(claims, name)).transpose()
    }
}

impl Login {
    fn read(
        self,
        numbers: Numbers,
        claims: &ClaimSet,
        now: i64,
        skew: i64,
    ) -> Result<Option<Timestamp>, VerifyError> {
        if matches!(self, Self::Unasked) {
            return Ok(None);
        }
        let name = match self {
            Self::BeforeIssue if claims.get("logged_in_at").is_some() => "logged_in_at",
            _ => "auth_time",
        };
        let login = numbers.seconds(claims, name)?;
        if let Self::Within(max_age) = self {
            let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
            let age = now - login.as_unix();
            if age > max_age.saturating_add(skew) || age < -skew {
                return Err(VerifyError::Claim("auth_time"));
            }
        }
        Ok(Some(login))
    }
}

impl Numbers {
    /// A claim in whole seconds: those of a fraction, which makes no token good for longer than it says.
    fn seconds(self, claims: &ClaimSet, name: &'static str) -> Result<Timestamp, VerifyError> {
        let value = claims.get(name);
        let whole = value.and_then(Value::as_i64).or_else(|| match self {
            Self::Whole => None,
            Self::Numeric => value.and_then(Value::as_f64).and_then(floor),
        });
        whole.and_then(Timestamp::from_unix).ok_or(VerifyError::Claim(name))
    }
}

/// The whole seconds of a number that holds them all.
fn floor(number: f64) -> Option<i64> {
    let is_exact = (0.0..=MAX_EXACT).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "it was just seen to fit")]
    is_exact.then(|| number.floor() as i64)
}

#[cfg(test)]
mod tests;
