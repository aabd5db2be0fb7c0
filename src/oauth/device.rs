//! Logins on another device (RFC 8628): a code that a person types in, and how often the device may ask.
//!
//! Must not know where a login is kept, nor who logs in.

use std::fmt;

use super::code::Authorized;
use super::error::{ErrorCode, OAuthError};
use crate::domain::authorization::OAuthScopes;
use crate::domain::client::ClientId;
use crate::domain::time::Timestamp;
use crate::domain::token::{Audience, Scope};

/// Letters that are not taken for others and make no words (section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a user code: 34.5 bits.
const LENGTH: usize = 8;
/// How long a device waits between two questions, in seconds, unless it is told to slow down (section 3.2).
pub const INTERVAL: i64 = 5;

/// What a person types in: 8 letters, shown as `BCDF-GHJK`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode([u8; LENGTH]);

impl UserCode {
    /// A code from random bits: of 32 for each letter, so that each of the 20 is as likely as any other but for one in 2^27.
    #[must_use]
    pub fn new(random: [u8; 4 * LENGTH]) -> Self {
        let mut letters = [0; LENGTH];
        let (chunks, _) = random.as_chunks::<4>();
        for (letter, bits) in letters.iter_mut().zip(chunks) {
            let place = u32::from_be_bytes(*bits) as usize % LETTERS.len();
            *letter = LETTERS[place];
        }
        Self(letters)
    }

    /// What somebody typed: in any case, with dashes and spaces wherever they like (section 6.1).
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > 4 * LENGTH {
            return None;
        }
        let letters = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let letters: Vec<u8> = letters.map(|byte| byte.to_ascii_uppercase()).collect();
        let letters: [u8; LENGTH] = letters.try_into().ok()?;
        letters.iter().all(|letter| LETTERS.contains(letter)).then_some(Self(letters))
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (front, back) = self.0.split_at(LENGTH / 2);
        let text = |letters: &[u8]| String::from_utf8_lossy(letters).into_owned();
        write!(f, "{}-{}", text(front), text(back))
    }
}

/// Whoever reads it may log in with it.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode")
    }
}

/// A login that a device waits for.
#[derive(Debug)]
pub struct DeviceLogin {
    /// Of which client.
    pub client: ClientId,
    /// What the person types in.
    pub user_code: UserCode,
    /// What is asked for.
    pub scopes: OAuthScopes,
    /// Which groups at most.
    pub limit: Scope,
    /// For which resource.
    pub resource: Option<Audience>,
    /// What the person said.
    pub answer: DeviceAnswer,
    asked_at: Option<Timestamp>,
    interval: i64,
}

/// What the person said.
#[derive(Debug)]
pub enum DeviceAnswer {
    /// Nothing yet.
    Pending,
    /// No.
    Denied,
    /// Yes.
    Allowed(Box<Authorized>),
}

impl DeviceLogin {
    /// One that begins.
    #[must_use]
    pub fn new(
        client: ClientId,
        user_code: UserCode,
        (scopes, limit): (OAuthScopes, Scope),
        resource: Option<Audience>,
    ) -> Self {
        let answer = DeviceAnswer::Pending;
        Self {
            client,
            user_code,
            scopes,
            limit,
            resource,
            answer,
            asked_at: None,
            interval: INTERVAL,
        }
    }

    /// What the device is told that asks for the tokens (section 3.5); nothing wrong when they are there.
    ///
    /// # Errors
    /// `authorization_pending`, `slow_down`, `access_denied`; `invalid_grant` where another client asks.
    pub fn poll(&mut self, client: &ClientId, now: Timestamp) -> Result<(), OAuthError> {
        if self.client != *client {
            return Err(OAuthError::grant("this device_code is another client's"));
        }
        let since = self.asked_at.map(|asked_at| now.as_unix() - asked_at.as_unix());
        self.asked_at = Some(now);
        if since.is_some_and(|since| since < self.interval) {
            // For this request and all that follow.
            self.interval += INTERVAL;
            return Err(OAuthError::new(
                ErrorCode::SlowDown,
                format!("ask again {} seconds after the last time", self.interval),
            ));
        }
        match self.answer {
            DeviceAnswer::Allowed(_) => Ok(()),
            DeviceAnswer::Denied => {
                Err(OAuthError::new(ErrorCode::AccessDenied, "the person said no"))
            }
            DeviceAnswer::Pending => Err(OAuthError::new(
                ErrorCode::AuthorizationPending,
                "the person has not typed in the user code yet",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn codes_that_people_type() {
        let code = UserCode::new([0; 32]);
        assert_eq!(code.to_string(), "BBBB-BBBB");
        assert_eq!(format!("{code:?}"), "UserCode");
        let code = UserCode::typed("wdjb-mjht").map(|code| code.to_string());
        assert_eq!(code.as_deref(), Some("WDJB-MJHT"));
        for same in ["WDJBMJHT", " w d j b - m j h t ", "WDJB--MJHT"] {
            assert_eq!(UserCode::typed(same), UserCode::typed("WDJB-MJHT"), "{same}");
        }
        for wrong in
            ["", "WDJB-MJH", "WDJB-MJHTX", "ADJB-MJHT", "WDJB_MJHT", "WDJB-MJH1", &"-".repeat(100)]
        {
            assert_eq!(UserCode::typed(wrong), None, "{wrong}");
        }
    }

    /// Every letter comes, and 10,000 codes are 10,000.
    #[test]
    fn codes_are_random() {
        let mut codes = std::collections::HashSet::new();
        for number in 0..10_000_u32 {
            let mut random = [0; 32];
            getrandom::fill(&mut random).unwrap();
            random[..4].copy_from_slice(&number.to_be_bytes());
            codes.insert(UserCode::new(random));
        }
        assert!(codes.len() > 9_990, "{}", codes.len());
        let seen: std::collections::HashSet<u8> = codes.iter().flat_map(|code| code.0).collect();
        assert_eq!(seen.len(), LETTERS.len());
    }

    #[test]
    fn how_often_a_device_asks() {
        let (app, other) = ("app".parse().unwrap(), "other".parse().unwrap());
        let code = UserCode::new([0; 32]);
        let mut login = DeviceLogin::new("app".parse().unwrap(), code, Default::default(), None);
        let told = |login: &mut DeviceLogin, client: &ClientId, seconds| {
            login.poll(client, at(seconds)).map_err(|error| error.code())
        };
        use ErrorCode::{AccessDenied, AuthorizationPending, InvalidGrant, SlowDown};
        assert_eq!(told(&mut login, &app, 0), Err(AuthorizationPending));
        assert_eq!(told(&mut login, &other, 1), Err(InvalidGrant), "and that does not count");
        assert_eq!(told(&mut login, &app, 4), Err(SlowDown));
        assert_eq!(told(&mut login, &app, 13), Err(SlowDown), "it is 10 seconds now");
        assert_eq!(told(&mut login, &app, 28), Err(AuthorizationPending), "and 15 now");
        login.answer = DeviceAnswer::Denied;
        assert_eq!(told(&mut login, &app, 29), Err(SlowDown));
        assert_eq!(told(&mut login, &app, 60), Err(AccessDenied));
    }
}
