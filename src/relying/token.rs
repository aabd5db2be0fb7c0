//! What a token endpoint gives (RFC 6749 section 5.1, OpenID Connect Core 1.0 section 3.1.3.3), read strictly.
//!
//! Must not ask for it, nor believe an ID token.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::error::RelyingError;
use crate::domain::time::Timestamp;

/// Longest token, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// How long an access token is taken to be good when the issuer does not say, in seconds.
const UNSAID: u64 = 300;
/// The longest that is believed, in seconds: a day.
const MAX_LIFETIME: u64 = 86_400;

/// A token, which is shown to nobody but whom it is for.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// Reads a token: printable ASCII without a space, as a header takes it (RFC 6750 section 2.1, and what else there is).
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_one = (1..=MAX_TOKEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Self(text.to_owned().into()))
    }

    /// The token, for whom it is for.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Shows nothing of it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// How an access token is shown (`token_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScheme {
    /// By itself (RFC 6750).
    Bearer,
    /// With a proof of possession (RFC 9449 section 7.1).
    Dpop,
}

impl TokenScheme {
    /// As a header has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }

    /// Reads it, in any case (RFC 6749 section 5.1).
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        [Self::Bearer, Self::Dpop].into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text))
    }
}

/// An access token, with what is known of it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The token.
    pub token: Token,
    /// How it is shown.
    pub scheme: TokenScheme,
    /// When it is over.
    pub expires_at: Timestamp,
    /// How long it was good from the beginning, in seconds.
    pub lifetime: i64,
}

impl AccessToken {
    /// One that begins now.
    #[must_use]
    pub fn new(token: Token, scheme: TokenScheme, seconds: u64, now: Timestamp) -> Self {
        let seconds = seconds.clamp(1, MAX_LIFETIME);
        let expires_at = now.after(Duration::from_secs(seconds));
        Self { token, scheme, expires_at, lifetime: expires_at.as_unix() - now.as_unix() }
    }

    /// The moment from which it counts as over: a tenth of its life early, a minute at most, so that it outlives its way.
    #[must_use]
    pub fn stale_at(&self) -> i64 {
        self.expires_at.as_unix() - (self.lifetime / 10).clamp(1, 60)
    }

    /// Whether it is worth showing to anybody. One that is good for longer than it ever was belongs to a clock that was set back.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let left = self.expires_at.as_unix() - now.as_unix();
        now.as_unix() < self.stale_at() && left <= self.lifetime
    }
}

/// What a token endpoint gives.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For whatever it is for.
    pub access: AccessToken,
    /// For newer ones.
    pub refresh: Option<Token>,
    /// What it says of a login. Not believed yet.
    pub id_token: Option<Token>,
}

impl Tokens {
    pub(super) fn read(answer: &Map<String, Value>, now: Timestamp) -> Result<Self, RelyingError> {
        let token = |name: &str, wrong| match answer.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let token = value.as_str().and_then(Token::read);
                token.map(Some).ok_or(RelyingError::Answer(wrong))
            }
        };
        let access = token("access_token", "its access_token is none")?;
        let access = access.ok_or(RelyingError::Answer("it has no access_token"))?;
        let scheme = answer.get("token_type").and_then(Value::as_str).and_then(TokenScheme::read);
        let scheme = scheme.ok_or(RelyingError::Answer("its token_type is not known here"))?;
        let seconds = match answer.get("expires_in") {
            None | Some(Value::Null) => UNSAID,
            Some(seconds) => seconds
                .as_u64()
                .filter(|seconds| *seconds > 0)
                .ok_or(RelyingError::Answer("its expires_in is no number of seconds"))?,
        };
        Ok(Self {
            access: AccessToken::new(access, scheme, seconds, now),
            refresh: token("refresh_token", "its refresh_token is none")?,
            id_token: token("id_token", "its id_token is none")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    fn read(change: Value) -> Result<Tokens, RelyingError> {
        let mut answer = json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 900 });
        for (name, value) in change.as_object().unwrap() {
            answer[name] = value.clone();
        }
        Tokens::read(answer.as_object().unwrap(), at(1000))
    }

    #[test]
    fn answers() {
        let tokens = read(json!({ "refresh_token": "r", "id_token": null })).unwrap();
        assert_eq!(tokens.access.token.expose(), "a");
        assert_eq!(tokens.access.expires_at, at(1900));
        assert_eq!(tokens.refresh.unwrap().expose(), "r");
        assert!(tokens.id_token.is_none());
        assert_eq!(read(json!({ "token_type": "dpop" })).unwrap().access.scheme, TokenScheme::Dpop);
        assert_eq!(read(json!({ "expires_in": null })).unwrap().access.lifetime, 300);
        assert_eq!(read(json!({ "expires_in": u64::MAX })).unwrap().access.lifetime, 86_400);
        for wrong in [
            json!({ "access_token": null }),
            json!({ "access_token": "" }),
            json!({ "access_token": "a b" }),
            json!({ "access_token": "a\r\nx: y" }),
            json!({ "access_token": "\u{e4}" }),
            json!({ "access_token": "a".repeat(MAX_TOKEN + 1) }),
            json!({ "access_token": ["a"] }),
            json!({ "token_type": null }),
            json!({ "token_type": "mac" }),
            json!({ "expires_in": 0 }),
            json!({ "expires_in": -1 }),
            json!({ "expires_in": "900" }),
            json!({ "refresh_token": 1 }),
            json!({ "id_token": "a\n" }),
        ] {
            assert!(matches!(read(wrong.clone()), Err(RelyingError::Answer(_))), "{wrong}");
        }
    }

    #[test]
    fn early_enough() {
        for (lifetime, last) in [(900, 839), (300, 269), (100, 89), (10, 8), (2, 0)] {
            let token = Token::read("a").unwrap();
            let access = AccessToken::new(token, TokenScheme::Bearer, lifetime, at(1000));
            assert!(access.is_fresh(at(1000 + last)), "{lifetime}");
            assert!(!access.is_fresh(at(1000 + last + 1)), "{lifetime}");
            assert!(!access.is_fresh(at(999)), "a clock that was set back");
        }
    }

    #[test]
    fn nothing_of_a_token_is_shown() {
        let tokens = read(json!({ "access_token": "geheim", "refresh_token": "geheim" })).unwrap();
        assert!(!format!("{tokens:?}").contains("geheim"));
    }
}
