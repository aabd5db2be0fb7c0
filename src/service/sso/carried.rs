//! A session in bytes, as few as can be: a browser carries it with every request.
//!
//! Must not know whether it still goes on, nor how it is kept from others. What changes here takes another version of the purpose
//! under which it is sealed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FormToken, SsoSession};
use crate::domain::auth_time::AuthTime;
use crate::domain::claim::ClaimValue;
use crate::domain::evidence::Fingerprint;
use crate::domain::time::Timestamp;
use crate::domain::token::{RefreshClaims, Scope, SessionId, Token, TokenId};
use crate::jose::sign::token_id;

/// The id of what is remembered in the place of a token.
pub(super) fn no_token() -> TokenId {
    token_id([0; 16])
}

#[derive(Serialize, Deserialize)]
struct Carried {
    user: String,
    session: [u8; 16],
    authenticated_at: i64,
    auth_time: CarriedTime,
    used_at: i64,
    revocation: Option<i64>,
    rules: Vec<[u8; Fingerprint::LENGTH]>,
    claims: Vec<(String, CarriedValue)>,
    form_token: FormToken,
}

#[derive(Serialize, Deserialize)]
enum CarriedTime {
    AtLogin,
    Before(i64),
    Unproved,
}

#[derive(Serialize, Deserialize)]
enum CarriedValue {
    Bool(bool),
    Integer(i64),
    Text(String),
    Texts(Vec<String>),
}

impl SsoSession {
    /// What the browser is to carry.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let RefreshClaims { token, evidence, extra } = &self.memory;
        let carried = Carried {
            user: token.subject.as_str().to_owned(),
            session: *token.session.bytes(),
            authenticated_at: token.authenticated_at.as_unix(),
            auth_time: match token.auth_time {
                AuthTime::AtLogin => CarriedTime::AtLogin,
                AuthTime::Before(moment) => CarriedTime::Before(moment.as_unix()),
                AuthTime::Unproved => CarriedTime::Unproved,
            },
            used_at: token.issued_at.as_unix(),
            revocation: token.revocation.map(Timestamp::as_unix),
            rules: evidence.rules().iter().map(|rule| rule.0).collect(),
            claims: extra.iter().map(|(name, value)| (name.to_string(), value.into())).collect(),
            form_token: self.form_token,
        };
        postcard::to_allocvec(&carried).expect("numbers and texts can always be written")
    }

    /// What a browser carried, of which each lasts so long after its login.
    pub(in crate::service) fn from_bytes(bytes: &[u8], lasts: Duration) -> Option<Self> {
        let carried: Carried = postcard::from_bytes(bytes).ok()?;
        let authenticated_at = Timestamp::from_unix(carried.authenticated_at)?;
        let revocation = match carried.revocation {
            Some(moment) => Some(Timestamp::from_unix(moment)?),
            None => None,
        };
        let token = Token {
            subject: carried.user.parse().ok()?,
            issued_at: Timestamp::from_unix(carried.used_at)?,
            expires_at: authenticated_at.after(lasts),
            authenticated_at,
            auth_time: match carried.auth_time {
                CarriedTime::AtLogin => AuthTime::AtLogin,
                CarriedTime::Before(moment) => AuthTime::Before(Timestamp::from_unix(moment)?),
                CarriedTime::Unproved => AuthTime::Unproved,
            },
            id: no_token(),
            scope: Scope::Unlimited,
            revocation,
            session: SessionId::new(carried.session),
            client: None,
        };
        let claims = carried.claims.into_iter();
        let claims = claims.map(|(name, value)| Some((name.parse().ok()?, value.into())));
        let evidence = carried.rules.into_iter().map(Fingerprint).collect();
        let memory = RefreshClaims { token, evidence, extra: claims.collect::<Option<_>>()? };
        Some(Self { memory, form_token: carried.form_token })
    }
}

/// What a session knows, as the processes of one realm tell it each other.
pub(in crate::service) fn memory_to_bytes(memory: &RefreshClaims) -> Vec<u8> {
    SsoSession { memory: memory.clone(), form_token: FormToken([0; 16]) }.to_bytes()
}

/// The same, read, where a session lasts so long after its login.
pub(in crate::service) fn memory_from_bytes(
    bytes: &[u8],
    lasts: Duration,
) -> Option<RefreshClaims> {
    SsoSession::from_bytes(bytes, lasts).map(|session| session.memory)
}

impl From<&ClaimValue> for CarriedValue {
    fn from(value: &ClaimValue) -> Self {
        match value {
            ClaimValue::Bool(value) => Self::Bool(*value),
            ClaimValue::Integer(value) => Self::Integer(*value),
            ClaimValue::Text(value) => Self::Text(value.clone()),
            ClaimValue::Texts(value) => Self::Texts(value.clone()),
        }
    }
}

impl From<CarriedValue> for ClaimValue {
    fn from(value: CarriedValue) -> Self {
        match value {
            CarriedValue::Bool(value) => Self::Bool(value),
            CarriedValue::Integer(value) => Self::Integer(value),
            CarriedValue::Text(value) => Self::Text(value),
            CarriedValue::Texts(value) => Self::Texts(value),
        }
    }
}
