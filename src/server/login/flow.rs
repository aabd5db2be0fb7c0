//! The two requests of a login in a browser: the one that sends it to a provider, and the one it comes back with.
//!
//! Must not know how the cookie is made or read.

use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::{LoginCookie, malformed_answer};
use crate::domain::token::Scope;
use crate::idp::browser::CallbackParams;
use crate::idp::{LoginMethod, Provider, ProviderError};
use crate::server::Api;
use crate::server::document::Document;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::web::limits::{Attempt, Purpose};

/// The parameters of which a provider's answer has at least one: RFC 6749 section 4.1.2, RFC 5849 section 2.2 and Twitter's
/// refusal.
const ANSWERS: [&str; 6] = ["code", "error", "state", "oauth_token", "oauth_verifier", "denied"];

impl Api {
    /// GET with `idp`: see [`Api::visit`].
    pub(in crate::server) async fn visit_tokens(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let provider = self.provider(name)?;
        let is_by_redirect = provider.login_methods().contains(&LoginMethod::Redirect);
        if !is_by_redirect || call.parts.method == Method::HEAD {
            let allow = if is_by_redirect { "GET, POST" } else { "POST" };
            return Err(ApiError::MethodNotAllowed(allow));
        }
        self.visit(call, provider).await
    }

    /// GET of a provider's own place: see [`Api::visit`].
    pub(in crate::server) async fn visit_provider(
        &self,
        call: &Call<'_>,
        name: &str,
    ) -> Result<Reply, ApiError> {
        let (provider, allow) = self.provider_of_place(name)?;
        if call.parts.method == Method::HEAD {
            return Err(ApiError::MethodNotAllowed(allow));
        }
        self.visit(call, provider).await
    }

    /// Without an answer of the provider, sends the browser there; with one, ends the login.
    async fn visit(&self, call: &Call<'_>, provider: &Provider) -> Result<Reply, ApiError> {
        let params = CallbackParams::parse(call.parts.uri.query().unwrap_or_default());
        let params = params.map_err(|_| malformed_answer("query"))?;
        if ANSWERS.iter().any(|name| params.get(name).is_some()) {
            return self.end_login(call, provider, &params).await;
        }
        let scope = call.scope()?;
        let (url, cookie) = self.send_away(call, provider, &scope).await?;
        let location = HeaderValue::from_str(url.as_str());
        let location = location
            .map_err(|_| ProviderError::InvalidResponse("a place that cannot be called"))?;
        Ok(Reply::empty(StatusCode::SEE_OTHER)
            .with(LOCATION, location)
            .with(SET_COOKIE, cookie)
            .unstored())
    }

    /// POST: where to send the browser, for a client that does so itself.
    pub(in crate::server) async fn begin_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        scope: &Scope,
    ) -> Result<Reply, ApiError> {
        let (url, cookie) = self.send_away(call, provider, scope).await?;
        let document = Document::new(&self.url("/tokens/"), "Log in at the identity provider")
            .with("authorize_url", url.as_str());
        Ok(Reply::document(StatusCode::CREATED, &document).with(SET_COOKIE, cookie))
    }

    /// Where the browser goes, and what it carries.
    async fn send_away(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        scope: &Scope,
    ) -> Result<(Url, HeaderValue), ApiError> {
        self.attempt(call)?.counts();
        let callback_url = self.callback_url(provider)?;
        let request = self.service.begin_login(provider, &callback_url, call.now).await?;
        let keys = self.service.keys().current();
        let cookie = LoginCookie::new(request.pending, scope, call.now);
        let cookie = cookie.set(provider.name(), self.scheme, keys.login_cookies())?;
        Ok((request.authorize_url, cookie))
    }

    async fn end_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        params: &CallbackParams,
    ) -> Result<Reply, ApiError> {
        let attempt = self.attempt(call)?;
        let (name, scheme) = (provider.name(), self.scheme);
        let keys = self.service.keys().current();
        let cookie = LoginCookie::read(&call.parts.headers, name, scheme, keys.login_cookies());
        let cookie = cookie.ok_or(ApiError::LoginUnknown)?;
        // What does not belong to the login leaves it as it is: a link from elsewhere cannot end what goes on here.
        let is_under_way = !cookie.is_over(call.now) && params.belongs_to(&cookie.pending);
        let state = cookie.pending.state();
        if !is_under_way || !self.replays.is_first(name.as_str(), state, call.now) {
            return Err(ApiError::LoginUnknown);
        }
        let reply = match self.finish_login(call, provider, cookie, params).await {
            Ok(reply) => {
                attempt.was_right();
                reply
            }
            Err(error) => Reply::from(error.answer_to(call.parts.extensions.get())),
        };
        Ok(reply.with(SET_COOKIE, LoginCookie::unset(name, scheme)?))
    }

    async fn finish_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        cookie: LoginCookie,
        params: &CallbackParams,
    ) -> Result<Reply, ApiError> {
        let scope = cookie.scope()?;
        let callback_url = self.callback_url(provider)?;
        let login = (cookie.pending, scope);
        let pair =
            self.service.finish_login(provider, &callback_url, login, params, call.now).await?;
        Ok(self.tokens(&pair, StatusCode::OK))
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Attempt<'_>, ApiError> {
        self.config.attempts.ask(call.client, Purpose::Browser).map_err(ApiError::TooMany)
    }

    /// Where a provider sends browsers back to: one place for each, so that no answer of one is taken for another's.
    fn callback_url(&self, provider: &Provider) -> Result<Url, ApiError> {
        let place = provider.callback().map(|callback| callback.place).unwrap_or_default();
        Url::parse(&self.url(&place.of(provider.name())))
            .map_err(|_| ApiError::NotFound("this Pasee has no place to come back to"))
    }
}
