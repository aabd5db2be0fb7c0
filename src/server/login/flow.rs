//! The two requests of a login in a browser: the one that sends it to a provider, and the one it comes back with.
//!
//! A login that was begun on a page ends in a session, and on a page; one that a program began ends in tokens. Must not know how
//! cookies are made or read.

use http::header::LOCATION;
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::choices::Shown;
use super::cookie::{Ending, LoginCookie, Target, scope};
use super::cookies::LoginId;
use super::malformed_answer;
use super::under_way::Arrival;
use crate::domain::token::Scope;
use crate::idp::browser::{CallbackParams, PendingLogin};
use crate::idp::{LoginMethod, Provider, ProviderError};
use crate::server::Api;
use crate::server::document::Document;
use crate::server::error::ApiError;
use crate::server::page::is_for_a_person;
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
        if is_for_a_person(&call.parts.headers)
            && let Some(elsewhere) = self.by_our_name(call.parts)
        {
            return Ok(elsewhere);
        }
        let (id, login) = self.login_to_begin(call)?;
        self.visit_for(call, provider, id, login).await
    }

    /// Sends the browser to a provider for a login.
    pub(super) async fn visit_for(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        id: LoginId,
        login: LoginCookie,
    ) -> Result<Reply, ApiError> {
        let (url, cookies) = self.send_away(call, provider, id, login).await?;
        let location = HeaderValue::from_str(url.as_str());
        let location = location
            .map_err(|_| ProviderError::InvalidResponse("a place that cannot be called"))?;
        Ok(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).setting(cookies).unstored())
    }

    /// The login that a link of our page names; without one a new login, of a person or of a program.
    fn login_to_begin(&self, call: &Call<'_>) -> Result<(LoginId, LoginCookie), ApiError> {
        if let Some(id) = call.query("login")? {
            return self.login_of_page(call, &id);
        }
        let ending = if is_for_a_person(&call.parts.headers) {
            Ending::Session(Target::Home)
        } else {
            Ending::tokens(&call.scope()?)
        };
        self.new_login(ending, None, call)
    }

    /// POST: where to send the browser, for a client that does so itself.
    pub(in crate::server) async fn begin_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        scope: &Scope,
    ) -> Result<Reply, ApiError> {
        let (id, login) = self.new_login(Ending::tokens(scope), None, call)?;
        let (url, cookies) = self.send_away(call, provider, id, login).await?;
        let document = Document::new(&self.url("/tokens/"), "Log in at the identity provider")
            .with("authorize_url", url.as_str());
        Ok(Reply::document(StatusCode::CREATED, &document).setting(cookies))
    }

    /// Where the browser goes, and what it carries.
    async fn send_away(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        id: LoginId,
        login: LoginCookie,
    ) -> Result<(Url, Vec<HeaderValue>), ApiError> {
        self.attempt(call)?.counts();
        let callback_url = self.callback_url(provider)?;
        let demand = self.demand(&login);
        let request = self.service.begin_login(provider, &callback_url, &demand, call.now).await?;
        let keys = self.service.keys().current();
        let login = login.sent_to(provider.name(), request.pending, call.now);
        Ok((request.authorize_url, self.logins(call, keys.login_cookies()).set(id, &login)?))
    }

    async fn end_login(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        params: &CallbackParams,
    ) -> Result<Reply, ApiError> {
        let attempt = self.attempt(call)?;
        let (id, login, pending) =
            self.answered(call, provider, params).ok_or(ApiError::LoginUnknown)?;
        if !self.replays.is_first(provider.name().as_str(), pending.state(), call.now) {
            return Err(ApiError::LoginUnknown);
        }
        let callback_url = self.callback_url(provider)?;
        let Ending::Tokens(limits) = login.ending() else {
            let session =
                self.service.finish_sign_in(provider, &callback_url, pending, params, call.now);
            let login = login.returned();
            return match session.await {
                Ok(session) => {
                    attempt.was_right();
                    self.signed_in(call, id, login, &session, Arrival::Link)
                }
                Err(error) => {
                    let shown = Shown { refused: Some(error.into()), ..Shown::default() };
                    let keys = self.service.keys().current();
                    let cookies = self.logins(call, keys.login_cookies()).set(id, &login)?;
                    Ok(self.show_login_page(call, id, &login, shown).setting(cookies))
                }
            };
        };
        let pending = (pending, scope(limits)?);
        let pair = self.service.finish_login(provider, &callback_url, pending, params, call.now);
        let reply = match pair.await {
            Ok(pair) => {
                attempt.was_right();
                self.tokens(&pair, StatusCode::OK)
            }
            Err(error) => self.refusal(call.parts, &error.into()),
        };
        Ok(reply.setting([self.cookies.unset(&self.cookies.login(id))?]))
    }

    /// The login that an answer belongs to, of those that the browser carries. What belongs to none leaves all as they are: a link
    /// from elsewhere cannot end what goes on here.
    fn answered(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        params: &CallbackParams,
    ) -> Option<(LoginId, LoginCookie, PendingLogin)> {
        let keys = self.service.keys().current();
        self.logins(call, keys.login_cookies()).all().find_map(|(id, login)| {
            let pending = login.pending(provider.name(), params, call.now)?.clone();
            Some((id, login, pending))
        })
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
