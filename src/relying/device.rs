//! The device flow (RFC 8628): a code that is typed in a browser elsewhere, and asking whether it was.
//!
//! Must not know where the code is shown.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::authorization::Login;
use super::error::{RelyingError, shown};
use super::metadata::Metadata;
use super::party::{RelyingParty, Wish};
use super::token::{Token, Tokens};
use crate::outbound::CallError;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How often is asked when the issuer does not say, and what is added when that is too often (sections 3.2 and 3.5), in seconds.
const INTERVAL: u64 = 5;
/// The bounds of how often is asked, in seconds.
const INTERVALS: (u64, u64) = (1, 60);
/// The longest that somebody is waited for, in seconds.
const MAX_WAIT: u64 = 1800;

/// A login that somebody is to confirm elsewhere.
pub struct DeviceLogin {
    /// Where they go.
    pub verification_uri: Url,
    /// The same with the code in it, where the issuer has that.
    pub complete_uri: Option<Url>,
    /// What they type there.
    pub user_code: String,
    code: Token,
    patience: Patience,
    /// What is asked for with the code once more.
    resource: Option<String>,
}

/// Shows nothing by which it could be ended.
impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceLogin(at {})", self.verification_uri)
    }
}

/// How often is asked, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    interval: u64,
    /// Seconds since 1970.
    until: i64,
}

impl Patience {
    /// How long to wait before the next question.
    #[must_use]
    pub fn pause(&self) -> Duration {
        Duration::from_secs(self.interval)
    }

    fn slower(&mut self) {
        self.interval = (self.interval + INTERVAL).min(INTERVALS.1);
    }
}

impl DeviceLogin {
    fn read(
        answer: &Map<String, Value>,
        party: &RelyingParty<'_>,
        resource: Option<&str>,
    ) -> Result<Self, RelyingError> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let url = |name: &str| {
            let url: Option<Url> = text(name).and_then(|text| text.parse().ok());
            url.filter(|url| party.issuer.may_name(url))
        };
        let seconds = |name: &str| answer.get(name).and_then(Value::as_u64);
        let wrong = RelyingError::Answer;
        let user_code = text("user_code").map(shown).filter(|code| !code.is_empty());
        let wait = seconds("expires_in").ok_or(wrong("it does not say for how long"))?;
        Ok(Self {
            verification_uri: url("verification_uri")
                .ok_or(wrong("it has no good verification_uri"))?,
            complete_uri: url("verification_uri_complete"),
            user_code: user_code.ok_or(wrong("it has no user_code"))?,
            code: text("device_code")
                .and_then(Token::read)
                .ok_or(wrong("it has no device_code"))?,
            patience: Patience {
                interval: seconds("interval").unwrap_or(INTERVAL).clamp(INTERVALS.0, INTERVALS.1),
                until: (party.clock)().after(Duration::from_secs(wait.min(MAX_WAIT))).as_unix(),
            },
            resource: resource.map(str::to_owned),
        })
    }
}

impl RelyingParty<'_> {
    /// Begins a login elsewhere.
    ///
    /// # Errors
    /// [`RelyingError`].
    pub async fn begin_device(&self, wish: Wish<'_>) -> Result<DeviceLogin, RelyingError> {
        let what = "login by a code (device_authorization_endpoint)";
        let place = Metadata::needed(self.metadata.device.as_ref(), what)?;
        let scope = wish.scopes.join(" ");
        let mut form = vec![("client_id", self.client_id.as_str()), ("scope", &scope)];
        form.extend(wish.resource.map(|resource| ("resource", resource)));
        DeviceLogin::read(&self.post(place, &form).await?, self, wish.resource)
    }

    /// Waits until somebody has confirmed it, and ends it. Nothing is asked more often than the issuer wants; one that is not
    /// reached for a while is asked again.
    ///
    /// # Errors
    /// [`RelyingError`]; `invalid_grant` when the issuer does not know the login any more.
    pub async fn finish_device(&self, login: DeviceLogin) -> Result<Login, RelyingError> {
        let place = Metadata::needed(self.metadata.token.as_ref(), "tokens (token_endpoint)")?;
        let mut form = vec![
            ("grant_type", GRANT),
            ("device_code", login.code.expose()),
            ("client_id", &self.client_id),
        ];
        form.extend(login.resource.as_deref().map(|resource| ("resource", resource)));
        let mut patience = login.patience;
        loop {
            tokio::time::sleep(patience.pause()).await;
            if (self.clock)().as_unix() >= patience.until {
                return Err(RelyingError::TimedOut);
            }
            match self.post(place, &form).await {
                Ok(given) => {
                    return self.proved(Tokens::read(&given, (self.clock)())?, None).await;
                }
                Err(error) => next(error, &mut patience)?,
            }
        }
    }
}

/// What an error says of the next question; some say that there is none.
fn next(error: RelyingError, patience: &mut Patience) -> Result<(), RelyingError> {
    match &error {
        RelyingError::Refused(refusal) => match refusal.code.as_str() {
            "authorization_pending" => {}
            "slow_down" => patience.slower(),
            "expired_token" => return Err(RelyingError::TimedOut),
            _ => return Err(error),
        },
        RelyingError::Away | RelyingError::Call(CallError::Unreachable | CallError::Busy) => {
            patience.slower();
        }
        _ => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    #[test]
    fn what_comes_next() {
        let refused = |code: &str| RelyingError::Refused(Refusal::new(code, None));
        let mut patience = Patience { interval: 5, until: 0 };
        assert!(next(refused("authorization_pending"), &mut patience).is_ok());
        assert_eq!(patience.pause(), Duration::from_secs(5));
        assert!(next(refused("slow_down"), &mut patience).is_ok());
        assert_eq!(patience.pause(), Duration::from_secs(10));
        assert!(next(RelyingError::Away, &mut patience).is_ok());
        assert!(next(CallError::Unreachable.into(), &mut patience).is_ok());
        assert_eq!(patience.pause(), Duration::from_secs(20));
        for _ in 0..20 {
            assert!(next(refused("slow_down"), &mut patience).is_ok());
        }
        assert_eq!(patience.pause(), Duration::from_secs(60), "asked at least once a minute");
        assert!(matches!(
            next(refused("expired_token"), &mut patience),
            Err(RelyingError::TimedOut)
        ));
        for code in ["access_denied", "invalid_grant", "unauthorized_client"] {
            assert!(next(refused(code), &mut patience).unwrap_err().is_refusal(code));
        }
    }
}
