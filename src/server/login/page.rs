//! The page on which people choose how to log in, and give their password where that is taken.
//!
//! It is shown where a login is needed, be that for a client's request, and each that is shown is a login of its own. Must not know
//! what a login is for beyond where it goes on.

use askama::Template;
use http::{HeaderMap, StatusCode};
use url::form_urlencoded;

use super::choices::Shown;
use super::cookie::{Continuation, Ending, MAX_TARGET, Target};
use super::cookies::LoginId;
use super::under_way::Arrival;
use crate::domain::auth_time::Freshness;
use crate::idp::{Credential, LoginMethod, PasswordCredential, Provider, ProviderError};
use crate::server::Api;
use crate::server::api::person;
use crate::server::error::ApiError;
use crate::server::page::Page;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{GrantError, SsoSession};
use crate::web::peer::network;

/// What a client's request wants of the login.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::server) struct LoginWishes<'a> {
    /// What people call who asks.
    pub application: Option<&'a str>,
    /// Through which provider: to one that logs in by redirect the browser is sent at once.
    pub provider: Option<&'a str>,
    /// By which name.
    pub name: Option<&'a str>,
    /// How fresh it is to be.
    pub freshness: Freshness,
    /// Where the page is shown.
    pub place: PlaceOfPage,
}

/// Where a page is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) enum PlaceOfPage {
    /// At the address that was asked for, where loading it again shows the same.
    #[default]
    Here,
    /// At one of its own, as that address is good once.
    ItsOwn,
}

#[derive(Template)]
#[template(path = "going_on.html")]
struct GoingOn<'a> {
    page: &'a Page,
    href: String,
}

impl Api {
    /// The page for a login, and the login that it is.
    ///
    /// # Errors
    /// What it is for is too long, or a provider that was wished for cannot be visited.
    pub(in crate::server) async fn login_page(
        &self,
        call: &Call<'_>,
        target: Target,
        wishes: LoginWishes<'_>,
    ) -> Result<Reply, ApiError> {
        if let Target::Authorize(text) | Target::Device(text) | Target::Invitation(text) = &target
            && text.len() > MAX_TARGET
        {
            return Err(ApiError::Malformed(format!(
                "the request is longer than {MAX_TARGET} bytes, which is more than a browser can carry through a login"
            )));
        }
        let (id, login) = self.new_login(Ending::Session(target), wishes.application, call)?;
        let login = login.with_freshness(wishes.freshness);
        let wished = wishes.provider.and_then(|name| self.service.providers().get(name));
        if let Some(provider) = wished
            && provider.login_methods().contains(&LoginMethod::Redirect)
        {
            return self.visit_for(call, provider, id, login).await;
        }
        let shown = Shown { provider: wishes.provider, name: wishes.name, refused: None };
        let keys = self.service.keys().current();
        let cookies = self.logins(call, keys.login_cookies()).set(id, &login)?;
        Ok(match wishes.place {
            PlaceOfPage::Here => self.show_login_page(call, id, &login, shown),
            PlaceOfPage::ItsOwn => self.on_to(&page_of_login(id, shown.provider)),
        }
        .setting(cookies))
    }

    /// On to where this goes on, at an address that can be loaded again.
    ///
    /// # Errors
    /// When the browser cannot carry it.
    pub(in crate::server) fn reloadable(
        &self,
        call: &Call<'_>,
        target: Target,
        application: &str,
    ) -> Result<Reply, ApiError> {
        let (id, login) =
            self.new_login(Ending::Session(target.clone()), Some(application), call)?;
        let keys = self.service.keys().current();
        let cookies = self.logins(call, keys.login_cookies()).set(id, &login)?;
        Ok(self.on_to(&target.path(id)).setting(cookies))
    }

    /// The login of this id as it went on, for what it was for.
    pub(in crate::server) fn continuation(
        &self,
        call: &Call<'_>,
        id: &str,
    ) -> Option<Continuation> {
        let (_, login) = self.login_of_page(call, id).ok()?;
        login.continuation()
    }

    /// An answer that ends what the login of this id was for.
    pub(in crate::server) fn without_login(&self, id: &str, reply: Reply) -> Reply {
        let cookie =
            id.parse().ok().and_then(|id| self.cookies.unset(&self.cookies.login(id)).ok());
        reply.setting(cookie)
    }

    /// GET `/login`: the page of a login that is under way, or on from one that has ended.
    pub(in crate::server) fn show_login(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        let Some(id) = call.query("login")? else { return Ok(self.on_to("/")) };
        let (id, login) = self.login_of_page(call, &id)?;
        if let Some(continuation) = login.continuation()
            && let Some(session) = self.sso_session(call)
            && continuation.is_answered_by(&session)
        {
            let page = self.page_of(call, &login);
            let href = page.path(&continuation.target.path(id));
            let going_on = GoingOn { page: &page, href };
            return Ok(self.kept(call, &session, Reply::page(StatusCode::OK, &page, &going_on)));
        }
        let provider = call.query("idp")?;
        let shown = Shown { provider: provider.as_deref(), ..Shown::default() };
        Ok(self.show_login_page(call, id, &login, shown))
    }

    /// POST `/login`: a name and a password.
    pub(in crate::server) async fn log_in_by_form(
        &self,
        mut call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        let id = call.query("login")?.ok_or(ApiError::LoginUnknown)?;
        let form = call.form().await?;
        let (id, login) = self.login_of_page(&call, &id)?;
        let is_ours = login.form_token().is(form.get("form_token").unwrap_or_default());
        if !is_ours || is_from_elsewhere(&call.parts.headers) {
            return Err(ApiError::FormUnknown);
        }
        let text = |name| form.get(name).unwrap_or_default();
        let (name, username) = (text("idp"), text("username"));
        let provider = self.provider(name)?;
        if !provider.login_methods().contains(&LoginMethod::Password) {
            return Err(ProviderError::NotOffered.into());
        }
        match self.check_password(&call, provider, username, text("password")).await {
            Ok(session) => {
                let known = self.device_cookie(&call, &person(name, username))?;
                let reply = self.signed_in(&call, id, login, &session, Arrival::Form)?;
                Ok(reply.setting([known]))
            }
            Err(error) => {
                let shown =
                    Shown { provider: Some(name), name: Some(username), refused: Some(error) };
                Ok(self.show_login_page(&call, id, &login, shown))
            }
        }
    }

    async fn check_password(
        &self,
        call: &Call<'_>,
        provider: &Provider,
        username: &str,
        password: &str,
    ) -> Result<SsoSession, ApiError> {
        let (attempts, name) = (&self.config.attempts, person(provider.name().as_str(), username));
        let attempt = match self.device_of(call, &name) {
            Some(device) => attempts.guess_on(device, call.client, &name),
            None => attempts.guess(call.client, &[name]),
        };
        let attempt = attempt.map_err(ApiError::TooMany)?;
        let credential = PasswordCredential {
            login: username.to_owned(),
            password: password.into(),
            client: network(call.client.address),
        };
        let credential = Credential::Password(credential);
        let session = self.service.sign_in_with(provider, credential, call.now).await;
        // What came too much at once was not looked at.
        if let Ok(_) | Err(GrantError::Provider(ProviderError::Busy)) = &session {
            attempt.was_right();
        }
        Ok(session?)
    }
}

/// The address of the page of a login, with the form of this provider.
fn page_of_login(id: LoginId, provider: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("login", &id.to_string());
    query.extend_pairs(provider.map(|provider| ("idp", provider)));
    format!("/login?{}", query.finish())
}

/// Whether the browser says that a page of another site sent the form (Fetch Metadata): below a path and without https nothing
/// else keeps a sibling host from sending one with cookies that it has set itself.
pub(in crate::server) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}
