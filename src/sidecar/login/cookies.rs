//! What a browser carries: its session, and a login that is under way; sealed, so that it can neither read nor make one.
//!
//! Must not know when one is set.

use aws_lc_rs::digest::{SHA256, digest};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;
use crate::jose::seal::Sealer;
use crate::jose::secret::{Purpose, Secret};
use crate::relying::{KeptAuthorization, Token};
use crate::settings::sidecar::LoginSettings;

/// Longest cookie, in characters: longer ones would be split, or dropped on the way.
const MAX_COOKIE: usize = 3_500;
/// How long a session is carried, in seconds: as long as refresh tokens usually last. When it ends is the issuer's to say.
const SESSION_AGE: u32 = 30 * 24 * 3_600;
/// How long a login may take, in seconds.
const LOGIN_AGE: i64 = 3_600;

/// Seals and opens cookies.
pub(super) struct Cookies {
    session: String,
    login: String,
    sealer: Sealer,
    attributes: String,
    login_attributes: String,
}

/// A login that is under way.
#[derive(Serialize, Deserialize)]
pub(super) struct UnderWay {
    pub(super) authorization: KeptAuthorization,
    /// Where the browser goes then.
    pub(super) back: String,
    begun: i64,
}

impl UnderWay {
    pub(super) fn new(authorization: KeptAuthorization, back: String, now: Timestamp) -> Self {
        Self { authorization, back, begun: now.as_unix() }
    }
}

impl Cookies {
    pub(super) fn new(settings: &LoginSettings) -> Self {
        let secret = |text: &secrecy::SecretString| {
            let mut key = [0; 32];
            key.copy_from_slice(digest(&SHA256, text.expose_secret().as_bytes()).as_ref());
            Secret::new(key)
        };
        let mut secrets = settings.cookie_secrets.iter().map(secret);
        let current = secrets.next().expect("the settings have one at least");
        let former: Vec<Secret> = secrets.collect();
        let is_https = settings.url.scheme() == "https";
        let prefix = match (&settings.cookie_domain, is_https) {
            (_, false) => "",
            (None, true) => "__Host-",
            (Some(_), true) => "__Secure-",
        };
        let secure = if is_https { "; Secure" } else { "" };
        let domain = settings.cookie_domain.as_ref();
        let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let login_prefix = if is_https { "__Host-" } else { "" };
        Self {
            session: format!("{prefix}pasee_session"),
            login: format!("{login_prefix}pasee_sign_in"),
            sealer: Sealer::new(Purpose::SidecarCookies, &current, &former),
            attributes: format!("; Path=/; HttpOnly; SameSite=Lax{secure}{domain}"),
            login_attributes: format!("; Path=/; HttpOnly; SameSite=Lax{secure}"),
        }
    }

    pub(super) fn names(&self) -> [&str; 2] {
        [&self.session, &self.login]
    }

    /// The refresh token of a session.
    pub(super) fn session(&self, headers: &HeaderMap) -> Option<Token> {
        let opened = self.values(headers, &self.session);
        let mut opened = opened.into_iter().filter_map(|value| self.sealer.open(SESSION, value));
        Token::read(&String::from_utf8(opened.next()?).ok()?)
    }

    /// A login that is under way, for as long as it may be.
    pub(super) fn login(&self, headers: &HeaderMap, now: Timestamp) -> Option<UnderWay> {
        let opened = self.values(headers, &self.login);
        let mut opened = opened.into_iter().filter_map(|value| self.sealer.open(LOGIN, value));
        let login: UnderWay = postcard::from_bytes(&opened.next()?).ok()?;
        let age = now.as_unix() - login.begun;
        (0..=LOGIN_AGE).contains(&age).then_some(login)
    }

    /// Has the browser carry a session; nothing where it would be too long.
    pub(super) fn keep_session(&self, refresh: &Token) -> Option<HeaderValue> {
        let sealed = self.sealer.seal(SESSION, refresh.expose().as_bytes()).ok()?;
        let age = format!("; Max-Age={SESSION_AGE}");
        self.set(&self.session, &sealed, &format!("{age}{}", self.attributes))
    }

    /// Has the browser carry a login; nothing where it would be too long.
    pub(super) fn keep_login(&self, login: &UnderWay) -> Option<HeaderValue> {
        let sealed = self.sealer.seal(LOGIN, &postcard::to_allocvec(login).ok()?).ok()?;
        let age = format!("; Max-Age={LOGIN_AGE}");
        self.set(&self.login, &sealed, &format!("{age}{}", self.login_attributes))
    }

    /// Has the browser forget them.
    pub(super) fn forget_session(&self) -> Option<HeaderValue> {
        self.set(&self.session, "", &format!("; Max-Age=0{}", self.attributes))
    }

    pub(super) fn forget_login(&self) -> Option<HeaderValue> {
        self.set(&self.login, "", &format!("; Max-Age=0{}", self.login_attributes))
    }

    fn set(&self, name: &str, value: &str, attributes: &str) -> Option<HeaderValue> {
        let is_short = name.len() + value.len() <= MAX_COOKIE;
        let cookie = is_short.then(|| format!("{name}={value}{attributes}"))?;
        HeaderValue::try_from(cookie).ok()
    }

    fn values<'h>(&self, headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).collect()
    }
}

/// What is sealed for one of them is nothing for the other.
const SESSION: &str = "session";
const LOGIN: &str = "login";
