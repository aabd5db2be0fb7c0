//! What the processes of one realm ask each other about logins, in bytes: all of it is what the asked one keeps.
//!
//! Must not know who is asked, nor how a question travels. What changes here takes another version of the purpose under which it is
//! sealed.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kept::{Polled, Pusher};
use crate::domain::time::Timestamp;
use crate::domain::token::RefreshClaims;
use crate::oauth::code::Authorized;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::pkce::Challenge;
use crate::service::sso::{memory_from_bytes, memory_to_bytes};

/// Whoever guesses codes that people type in: who they are logged in as, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guesser {
    /// The address of their connection, or what a trusted proxy says of it.
    pub address: IpAddr,
    /// What somebody says in front of us who is not trusted.
    pub claimed: Option<IpAddr>,
    /// The user.
    pub user: String,
}

/// What is known of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// Nothing yet: it is to be allowed.
    Open,
    /// That it was wrong: it counts.
    Wrong,
}

/// Counts guesses, or says how long somebody is to wait before the next.
pub type CountGuess<'a> = &'a (dyn Fn(&Guesser, Guess) -> Result<(), Duration> + Send + Sync);

/// A question to a process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    TakeCode(String),
    TakePushed { name: String, client: String, pusher: Pusher },
    PollDevice { code: String, client: String },
    LookAtDevice { user_code: String, guesser: Guesser },
    AnswerDevice { user_code: String, said: Option<Vec<u8>>, guesser: Guesser },
    WrongGuess(Guesser),
}

/// What it says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// A code or a login on a device, taken out.
    Authorized(Box<CarriedAuthorized>),
    /// A code was taken before, and its session is ended now.
    Again,
    /// There is no such thing here.
    Unknown,
    /// The query of a pushed request, taken out.
    Query(String),
    /// What a device is told that goes on waiting, or is refused.
    Told { code: ToldCode, description: String },
    /// Which client a device is of, and what it would be told.
    Device { client: String, scopes: String },
    /// It is done.
    Done,
    /// So many seconds are to be waited.
    TooMany(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ToldCode {
    AuthorizationPending,
    SlowDown,
    AccessDenied,
    InvalidGrant,
}

/// What a client was granted, as it goes from one process to another.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CarriedAuthorized {
    client: String,
    redirect_uri: Option<String>,
    challenge: Option<[u8; 32]>,
    nonce: Option<String>,
    scopes: String,
    limit: String,
    resource: Option<String>,
    dpop_key: Option<String>,
    memory: Vec<u8>,
}

pub(super) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("numbers and texts can always be written")
}

/// `None` for what is nothing of the kind, and for what has something behind it.
pub(super) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

impl From<Authorized> for CarriedAuthorized {
    fn from(authorized: Authorized) -> Self {
        let Authorized {
            client,
            redirect_uri,
            challenge,
            nonce,
            scopes,
            limit,
            resource,
            dpop_key,
            memory,
        } = authorized;
        Self {
            client: client.as_str().to_owned(),
            redirect_uri,
            challenge: challenge.map(|challenge| challenge.bytes()),
            nonce,
            scopes: scopes.to_string(),
            limit: limit.to_string(),
            resource: resource.map(|resource| resource.as_str().to_owned()),
            dpop_key: dpop_key.map(|key| key.as_str().to_owned()),
            memory: memory_to_bytes(&memory),
        }
    }
}

impl CarriedAuthorized {
    /// What was granted, in a session that lasts so long after its login.
    pub(super) fn read(self, lasts: Duration) -> Option<Authorized> {
        let Self {
            client,
            redirect_uri,
            challenge,
            nonce,
            scopes,
            limit,
            resource,
            dpop_key,
            memory,
        } = self;
        Some(Authorized {
            client: client.parse().ok()?,
            redirect_uri,
            challenge: challenge.map(Challenge::new),
            nonce,
            scopes: scopes_from(&scopes)?,
            limit: if limit.is_empty() { Default::default() } else { limit.parse().ok()? },
            resource: match resource {
                Some(resource) => Some(resource.parse().ok()?),
                None => None,
            },
            dpop_key: match dpop_key {
                Some(key) => Some(key.parse().ok()?),
                None => None,
            },
            memory: memory_from_bytes(&memory, lasts)?,
        })
    }
}

/// OAuth scopes, as they are written.
pub(super) fn scopes_from(text: &str) -> Option<crate::domain::authorization::OAuthScopes> {
    text.split_ascii_whitespace().map(|scope| scope.parse().ok()).collect()
}

/// A session as a question carries it.
pub(super) fn said_from(
    said: Option<Vec<u8>>,
    lasts: Duration,
    now: Timestamp,
) -> Option<Option<RefreshClaims>> {
    match said {
        None => Some(None),
        Some(bytes) => memory_from_bytes(&bytes, lasts)
            .filter(|memory| now < memory.token.expires_at)
            .map(Some),
    }
}

impl From<Polled> for Answer {
    fn from(polled: Polled) -> Self {
        match polled {
            Polled::Allowed(authorized) => Self::Authorized(Box::new((*authorized).into())),
            Polled::Unknown => Self::Unknown,
            Polled::Told(error) => {
                let code = match error.code() {
                    ErrorCode::AuthorizationPending => ToldCode::AuthorizationPending,
                    ErrorCode::SlowDown => ToldCode::SlowDown,
                    ErrorCode::AccessDenied => ToldCode::AccessDenied,
                    _ => ToldCode::InvalidGrant,
                };
                Self::Told { code, description: error.description().to_owned() }
            }
        }
    }
}

impl ToldCode {
    pub(super) fn error(self, description: String) -> OAuthError {
        let code = match self {
            Self::AuthorizationPending => ErrorCode::AuthorizationPending,
            Self::SlowDown => ErrorCode::SlowDown,
            Self::AccessDenied => ErrorCode::AccessDenied,
            Self::InvalidGrant => ErrorCode::InvalidGrant,
        };
        OAuthError::new(code, description)
    }
}

#[cfg(test)]
mod tests;
