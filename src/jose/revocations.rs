//! The list of what has ended before its time, as a Pasee publishes it for those who verify its access tokens: a JWT of its own
//! `typ`, signed like an access token and of no use as one.
//!
//! Owns how it is written and read, and which token it refuses. Must not know where it comes from, nor how long it is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::compact::ClaimSet;
use super::error::VerifyError;
use crate::domain::directory::Standing;
use crate::domain::time::Timestamp;
use crate::domain::token::{Issuer, SessionId};

/// `typ` of the list.
pub const REVOCATIONS: &str = "revocations+jwt";
/// Longest list that is read, in bytes: all that a Pasee names at most, and as much again.
pub const MAX_LIST: usize = 16 * 1024 * 1024;
/// How old a list may be that is said to be the newest, and how far clocks may differ, in seconds.
const OLDEST: i64 = 300;
const SKEW: i64 = 60;

/// Whom an entry is of, without saying who: SHA-256 of `iss`, a zero byte, and `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserDigest([u8; 32]);

impl UserDigest {
    /// Of a user of an issuer.
    #[must_use]
    pub fn of(issuer: &str, subject: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(issuer);
        hash.update([0]);
        hash.update(subject);
        Self(hash.finalize().into())
    }

    fn read(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for UserDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Which of a user's tokens are good; in the order in which one follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Good {
    /// Those whose claim `rev` is this; those without it where it is none.
    Since(Option<Timestamp>),
    /// None: the user is banned.
    Nothing,
}

impl From<Standing> for Good {
    fn from(standing: Standing) -> Self {
        if standing.banned { Self::Nothing } else { Self::Since(standing.not_before) }
    }
}

/// What has ended within the time that an access token lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Users, and which of their tokens are good.
    pub users: BTreeMap<UserDigest, Good>,
    /// Sessions (`sid`).
    pub sessions: BTreeSet<SessionId>,
    /// Tokens issued up to then are worth nothing, whoever's they are: more has ended than is named.
    pub issued_until: Option<Timestamp>,
}

impl Ended {
    /// Whether a token has ended that was made at a moment for this user, with these `rev` and `sid`.
    #[must_use]
    pub fn has(
        &self,
        user: &UserDigest,
        revocation: Option<Timestamp>,
        session: Option<SessionId>,
        issued_at: Timestamp,
    ) -> bool {
        let of_user = self.users.get(user);
        of_user.is_some_and(|good| *good != Good::Since(revocation))
            || session.is_some_and(|session| self.sessions.contains(&session))
            || self.issued_until.is_some_and(|until| issued_at <= until)
    }
}

/// A list, as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Whose tokens it is about.
    pub issuer: String,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Which: of two that one asks for one after the other, the later has the greater.
    pub seq: u64,
    /// How long an access token lasts at most: what ended longer ago is not named any more.
    pub lifetime: Duration,
    /// What has ended.
    pub ended: Ended,
}

impl RevocationList {
    /// The list of an issuer.
    #[must_use]
    pub fn new(issuer: &Issuer, lifetime: Duration, ended: Ended) -> Self {
        let issuer = issuer.as_str().to_owned();
        Self { issuer, issued_at: Timestamp::MIN, seq: 0, lifetime, ended }
    }

    /// What says the same whenever it is signed, and by whichever replica: what has ended, in order.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        Value::Object(self.entries()).to_string().into_bytes()
    }

    pub(super) fn claims(&self) -> Map<String, Value> {
        let mut claims = self.entries();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("iat".to_owned(), json!(self.issued_at.as_unix()));
        claims.insert("seq".to_owned(), json!(self.seq));
        claims.insert("lifetime".to_owned(), json!(self.lifetime.as_secs()));
        claims
    }

    fn entries(&self) -> Map<String, Value> {
        let Ended { users, sessions, issued_until } = &self.ended;
        let good = |good: &Good| match good {
            Good::Nothing => Value::Bool(false),
            Good::Since(revocation) => json!(revocation.map(Timestamp::as_unix)),
        };
        let users: Map<String, Value> =
            users.iter().map(|(user, is)| (user.to_string(), good(is))).collect();
        let sids: Vec<String> = sessions.iter().map(ToString::to_string).collect();
        let mut entries = Map::new();
        entries.insert("users".to_owned(), Value::Object(users));
        entries.insert("sids".to_owned(), json!(sids));
        if let Some(until) = issued_until {
            entries.insert("issued_until".to_owned(), json!(until.as_unix()));
        }
        entries
    }

    /// The list that an issuer signed just now, by claims that are believed.
    pub(super) fn of(
        claims: &ClaimSet,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<Self, VerifyError> {
        if claims.text("iss")? != issuer.as_str() {
            return Err(VerifyError::Issuer);
        }
        let issued_at = moment(claims.get("iat")).ok_or(VerifyError::Claim("iat"))?;
        let age = now.as_unix() - issued_at.as_unix();
        if age > OLDEST {
            return Err(VerifyError::Expired);
        }
        if age < -SKEW {
            return Err(VerifyError::NotYet);
        }
        let number =
            |name| claims.get(name).and_then(Value::as_u64).ok_or(VerifyError::Claim(name));
        let list = Self::new(issuer, Duration::from_secs(number("lifetime")?), ended(claims)?);
        Ok(Self { issued_at, seq: number("seq")?, ..list })
    }
}

fn ended(claims: &ClaimSet) -> Result<Ended, VerifyError> {
    let users = claims.get("users").and_then(Value::as_object).map(|users| {
        users.iter().map(|(user, good)| Some((UserDigest::read(user)?, read_good(good)?))).collect()
    });
    let sids = claims.get("sids").and_then(Value::as_array);
    let sessions = sids.map(|sids| sids.iter().map(|sid| sid.as_str()?.parse().ok()).collect());
    let issued_until = match claims.get("issued_until") {
        None => None,
        some => Some(moment(some).ok_or(VerifyError::Claim("issued_until"))?),
    };
    Ok(Ended {
        users: users.flatten().ok_or(VerifyError::Claim("users"))?,
        sessions: sessions.flatten().ok_or(VerifyError::Claim("sids"))?,
        issued_until,
    })
}

fn read_good(value: &Value) -> Option<Good> {
    match value {
        Value::Null => Some(Good::Since(None)),
        Value::Bool(false) => Some(Good::Nothing),
        number => moment(Some(number)).map(|moment| Good::Since(Some(moment))),
    }
}

fn moment(value: Option<&Value>) -> Option<Timestamp> {
    Timestamp::from_unix(value?.as_i64()?)
}

#[cfg(test)]
mod tests;
