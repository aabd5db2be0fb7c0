//! Logins in a browser: out to a provider, and back with an answer.
//!
//! What is remembered between the two travels in a cookie that only this realm's replicas can read and that only the
//! browser which began holds, so that any replica ends what another began. Must not know any protocol.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Mutex;
use std::time::Duration;

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::document::Document;
use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::tokens::outcome;
use super::{Api, Method};
use crate::domain::time::Timestamp;
use crate::domain::token::Scope;
use crate::idp::browser::{CallbackParams, PendingLogin};
use crate::idp::{LoginMethod, Provider, ProviderError};

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);
/// Most logins whose end is remembered in each of two halves; a few MiB in all.
const MAX_ENDED: usize = 100_000;
/// Longest cookie that every browser keeps, with its name and attributes (RFC 6265 section 6.1).
const MAX_COOKIE: usize = 4096;
/// The parameters of which a provider's answer has at least one: RFC 6749 section 4.1.2, RFC 5849 section 2.2 and Twitter's
/// refusal.
const ANSWERS: [&str; 6] = ["code", "error", "state", "oauth_token", "oauth_verifier", "denied"];

/// What the cookie holds, sealed.
#[derive(Serialize, Deserialize)]
struct Note {
    pending: PendingLogin,
    scope: String,
    until: i64,
}

/// The logins that have ended here and could otherwise end once more, as keyed hashes.
///
/// Whoever wants to fill this has to begin and end logins of their own, within the limit on attempts. A flood from many
/// addresses makes it forget early rather than refuse: nobody's login waits for it, and a code is good once at the
/// provider anyway.
#[derive(Debug)]
pub(super) struct Ended {
    hasher: RandomState,
    halves: Mutex<Halves>,
}

/// What has ended in this while, and in the one before.
#[derive(Debug, Default)]
struct Halves {
    since: i64,
    new: HashSet<u64>,
    old: HashSet<u64>,
}

impl Default for Ended {
    fn default() -> Self {
        Self { hasher: RandomState::new(), halves: Mutex::default() }
    }
}

impl Ended {
    /// Takes note of an end; false when it had ended before.
    fn is_first(&self, provider: &str, state: &str, now: Timestamp) -> bool {
        let login = self.hasher.hash_one((provider, state));
        let Ok(mut halves) = self.halves.lock() else { return false };
        let is_over = now.as_unix() - halves.since >= PATIENCE.as_secs().cast_signed();
        if is_over || halves.new.len() >= MAX_ENDED {
            halves.since = now.as_unix();
            halves.old = mem::take(&mut halves.new);
        }
        !halves.old.contains(&login) && halves.new.insert(login)
    }
}

impl Api {
    /// GET with `idp`: without an answer of the provider, sends the browser there; with one, ends the login.
    pub(super) async fn visit_tokens(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let provider = self.provider(name)?;
        if !provider.login_methods().contains(&LoginMethod::Redirect)
            || call.parts.method == Method::HEAD
        {
            let allow = if provider.login_methods().contains(&LoginMethod::Redirect) {
                "GET, POST"
            } else {
                "POST"
            };
            return Err(ApiError::MethodNotAllowed(allow));
        }
        let params = CallbackParams::parse(call.parts.uri.query().unwrap_or_default());
        let params = params.map_err(|_| {
            ApiError::Malformed(
                "the query has a parameter twice, or more than 32 of them".to_owned(),
            )
        })?;
        if ANSWERS.iter().any(|name| params.get(name).is_some()) {
            return self.end_login(call, provider, &params).await;
        }
        let scope = call.parsed_query::<Scope>("scope")?.unwrap_or_default();
        let (url, cookie) = self.begin(call, provider, &scope).await?;
        let location = HeaderValue::from_str(url.as_str());
        let location = location
            .map_err(|_| ProviderError::InvalidResponse("a place that cannot be called"))?;
        Ok(Reply::empty(StatusCode::SEE_OTHER)
            .with(LOCATION, location)
            .with(SET_COOKIE, cookie)
            .unstored())
    }

    /// POST: where to send the browser, for a client that does so itself.
    pub(super) async fn begin_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        scope: &Scope,
    ) -> Result<Reply, ApiError> {
        let (url, cookie) = self.begin(call, provider, scope).await?;
        let document = Document::new(&self.url("/tokens/"), "Log in at the identity provider")
            .with("authorize_url", url.as_str());
        Ok(Reply::document(StatusCode::CREATED, &document).with(SET_COOKIE, cookie))
    }

    async fn begin(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        scope: &Scope,
    ) -> Result<(Url, HeaderValue), ApiError> {
        self.config.attempts.check_address(call.client).map_err(ApiError::TooMany)?;
        let request = provider.begin(&self.callback_url(provider)?, call.now).await?;
        let until = call.now.after(PATIENCE);
        let note =
            Note { pending: request.pending, scope: scope.to_string(), until: until.as_unix() };
        let note = serde_json::to_vec(&note).map_err(|_| ApiError::Randomness)?;
        let sealed =
            self.config.keys.current().login_cookies().seal(provider.name().as_str(), &note)?;
        let cookie = self.cookie(provider, &sealed, PATIENCE)?;
        if cookie.len() > MAX_COOKIE {
            return Err(ApiError::Malformed(
                "the scope is too long for a login in a browser".to_owned(),
            ));
        }
        Ok((request.authorize_url, cookie))
    }

    async fn end_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        params: &CallbackParams,
    ) -> Result<Reply, ApiError> {
        self.config.attempts.check_address(call.client).map_err(ApiError::TooMany)?;
        let note = self.remembered(&call.parts.headers, provider).ok_or(ApiError::LoginUnknown)?;
        let name = provider.name().as_str();
        // What does not belong to the login leaves it as it is: a link from elsewhere cannot end what goes on here.
        let is_under_way = call.now.as_unix() < note.until && params.belongs_to(&note.pending);
        if !is_under_way || !self.ended.is_first(name, note.pending.state(), call.now) {
            return Err(ApiError::LoginUnknown);
        }
        let reply = match self.prove(call, provider, note, params).await {
            Ok(reply) => reply,
            Err(error) => Reply::from(error.answer()),
        };
        Ok(reply.with(SET_COOKIE, self.cookie(provider, "", Duration::ZERO)?))
    }

    async fn prove(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        note: Note,
        params: &CallbackParams,
    ) -> Result<Reply, ApiError> {
        let scope = if note.scope.is_empty() { Scope::Unlimited } else { note.scope.parse()? };
        let callback_url = self.callback_url(provider)?;
        let identified = provider.finish(&callback_url, note.pending, params, call.now).await;
        self.config.metrics.login(provider.name().as_str(), outcome(&identified));
        self.admit_login(provider, identified?, scope, StatusCode::OK)
    }

    /// Where a provider sends browsers back to: one place for each, so that no answer of one is taken for another's.
    fn callback_url(&self, provider: &Provider) -> Result<Url, ApiError> {
        let url = self.url(&format!("/tokens/?idp={}", provider.name()));
        Url::parse(&url).map_err(|_| ApiError::NotFound("this Pasee has no place to come back to"))
    }

    /// The note in the cookie of a login through this provider; a second cookie of that name makes both worth nothing.
    fn remembered(&self, headers: &HeaderMap, provider: &Provider) -> Option<Note> {
        let name = self.cookie_name(provider);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut values = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value);
        let (value, None) = (values.next()?, values.next()) else { return None };
        let note =
            self.config.keys.current().login_cookies().open(provider.name().as_str(), value)?;
        serde_json::from_slice(&note).ok()
    }

    /// RFC 6265bis section 4.1.3.2: such a name keeps other hosts below the domain from setting the cookie. It takes https.
    fn cookie_name(&self, provider: &Provider) -> String {
        let prefix = if self.is_https() { "__Host-" } else { "" };
        format!("{prefix}pasee-login-{}", provider.name())
    }

    /// Lax: the browser comes back by a link from another site.
    fn cookie(
        &self,
        provider: &Provider,
        value: &str,
        lasts: Duration,
    ) -> Result<HeaderValue, ApiError> {
        let (name, secure) =
            (self.cookie_name(provider), if self.is_https() { "; Secure" } else { "" });
        let age = lasts.as_secs();
        let cookie =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
        let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| ApiError::Randomness)?;
        cookie.set_sensitive(true);
        Ok(cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A login ends once for as long as its cookie holds, and a flood of others does not keep anybody from ending theirs.
    #[test]
    fn a_login_ends_once() {
        let (ended, start) = (Ended::default(), 1_800_000_000);
        let at = |seconds: i64| Timestamp::from_unix(start + seconds).unwrap();
        assert!(ended.is_first("github", "state", at(0)));
        assert!(ended.is_first("twitter", "state", at(0)), "another provider's is another");
        for seconds in [0, 1, 300, 599, 600, 601, 900] {
            assert!(!ended.is_first("github", "state", at(seconds)), "{seconds}");
        }
        for flood in 0..300_000 {
            assert!(ended.is_first("github", &format!("flood {flood}"), at(901)));
        }
        let halves = ended.halves.lock().unwrap();
        assert!(halves.new.len() <= MAX_ENDED && halves.old.len() <= MAX_ENDED);
    }
}
