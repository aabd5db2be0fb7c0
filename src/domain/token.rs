//! What tokens say: the claims of access and refresh tokens, how long they live, how far they reach.
//!
//! Must not know how a token is written or signed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::auth_time::AuthTime;
use super::authorization::ClientGrant;
use super::claim::ExtraClaims;
use super::evidence::Evidence;
use super::membership::Roster;
use super::time::Timestamp;
use super::user::UserId;

pub use super::party::{Audience, Issuer, PartyError};
pub use super::scope::{MAX_SCOPE, Scope, ScopeError};

/// The unique id of a token (`jti`): 128 random bits in base64url, or what an equally careful writer put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenId(String);

impl TokenId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = PartyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if printable && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PartyError)
        }
    }
}

/// Which session a token is of (`sid`): 128 random bits, made at the login and kept for as long as the session goes on. As text,
/// 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A session's id from its random bits.
    #[must_use]
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(SessionIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| SessionIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// Why a text is no session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is 32 hexadecimal digits in small letters, as the claim sid of a token")]
pub struct SessionIdError;

/// What access and refresh tokens have in common. `idp` is the provider part of the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `sub`.
    pub subject: UserId,
    /// `iat`, and `nbf` too.
    pub issued_at: Timestamp,
    /// `exp`: the first second the token is worth nothing.
    pub expires_at: Timestamp,
    /// When the user logged in here, from which the session counts: `auth_time`, or `logged_in_at` where those differ.
    pub authenticated_at: Timestamp,
    /// When they showed who they are: `auth_time`, left out of the token when nobody says.
    pub auth_time: AuthTime,
    /// `jti`.
    pub id: TokenId,
    /// `scope`, left out of the token when unlimited.
    pub scope: Scope,
    /// `rev`: the user's revocation that was in force when the session began; left out when there was none.
    pub revocation: Option<Timestamp>,
    /// `sid`.
    pub session: SessionId,
    /// What a client was granted with it; `None` for what `POST /tokens/` hands out.
    pub client: Option<Arc<ClientGrant>>,
}

impl Token {
    /// When the user showed who they are; `None` when nobody says.
    #[must_use]
    pub fn proved_at(&self) -> Option<Timestamp> {
        match self.auth_time {
            AuthTime::AtLogin => Some(self.authenticated_at),
            AuthTime::Before(moment) => Some(moment),
            AuthTime::Unproved => None,
        }
    }
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The common part.
    pub token: Token,
    /// `groups`, in order.
    pub groups: Vec<Roster>,
    /// `groups_truncated`: that there is no room in the token for all of them; left out while there is.
    pub groups_truncated: bool,
    /// What the settings let pass of what the identity provider said at login.
    pub extra: ExtraClaims,
}

/// What a refresh token says: `refresh_token: true`, no groups, and what a refresh must know again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The common part.
    pub token: Token,
    /// `evidence`: which rules of the settings held at login, so that they decide again at each refresh; left out when there
    /// is none.
    pub evidence: Evidence,
    /// `claims`: what the settings let pass of what the identity provider said at login, for the access tokens to come; left
    /// out when there is none.
    pub extra: ExtraClaims,
}

/// How long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: Duration,
    /// A refresh token.
    pub refresh: Duration,
    /// From a login to the end of the last token of its session.
    pub session: Duration,
    /// From a login in a browser to where that browser has to log in again, if the session is not over before.
    pub browser: Duration,
}

impl Default for Lifetimes {
    /// 15 minutes, 30 days, 90 days, and 12 hours in a browser.
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            access: Duration::from_secs(15 * 60),
            refresh: Duration::from_secs(30 * DAY),
            session: Duration::from_secs(90 * DAY),
            browser: Duration::from_secs(DAY / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tokens() {
        let longest = "x".repeat(255);
        for text in ["x", "https://pasee.example.com/#refresh", &longest] {
            assert_eq!(text.parse::<TokenId>().unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "a\n", "é", &format!("{longest}x")] {
            assert_eq!(text.parse::<TokenId>(), Err(PartyError), "{text:?}");
        }
    }

    #[test]
    fn session_ids_as_text() {
        let id = SessionId::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "0", &"g".repeat(32), &"0".repeat(33), &"A".repeat(32), &"+".repeat(32)] {
            assert_eq!(wrong.parse::<SessionId>(), Err(SessionIdError), "{wrong}");
        }
    }
}
