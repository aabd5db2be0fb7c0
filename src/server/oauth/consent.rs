//! The page that asks somebody whether a client may know of them, and to which clients they have said so in this session.
//!
//! What they have said is in a cookie of their browser, sealed, for as long as the session is. Must not know what a client is told.

use askama::Template;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::authorize::{Begun, Returned};
use super::deliver::Arrival;
use crate::domain::authorization::OAuthScope;
use crate::domain::client::Client;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::request::AuthorizationRequest;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::page::{Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Consented, SsoSession};

/// Most clients that are remembered; the one asked about longest ago goes first.
const MAX_REMEMBERED: usize = 20;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    page: &'a Page,
    heading: String,
    user: &'a str,
    told: Vec<&'static str>,
    token: String,
    request: &'a str,
    login: Option<&'a str>,
}

/// To what somebody has said yes, in which session: clients, each with the scopes.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    session: String,
    clients: Vec<(String, String)>,
}

impl Api {
    /// The page.
    pub(super) fn consent_page(
        &self,
        call: &Call<'_>,
        begun: &Begun,
        request: &AuthorizationRequest,
        session: &SsoSession,
        login: Option<&str>,
    ) -> Reply {
        let page = self.page(call.parts);
        let texts = page.texts();
        let told = OAuthScope::ALL.into_iter().filter(|scope| request.scopes.has(*scope));
        let consent = ConsentPage {
            page: &page,
            heading: filled(texts.consent, &begun.client.name),
            user: session.user().as_str(),
            told: told
                .map(|scope| match scope {
                    OAuthScope::Openid => texts.consent_id,
                    OAuthScope::Profile => texts.consent_names,
                    OAuthScope::Email => texts.consent_email,
                    OAuthScope::Groups => texts.consent_groups,
                })
                .collect(),
            token: session.form_token().to_string(),
            request: &begun.query,
            login,
        };
        self.kept(call, session, Reply::page(StatusCode::OK, &page, &consent))
    }

    /// POST `/oauth2/consent`: what they say.
    pub(in crate::server) async fn consent(&self, mut call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let form = call.form().await?;
        let session = self.sso_session(&call).ok_or(ApiError::LoginUnknown)?;
        if !session.form_token().is(form.get("form_token").unwrap_or_default()) {
            return Err(ApiError::FormUnknown);
        }
        let begun = self.begun(form.get("request").unwrap_or_default(), &call).await?;
        let login = form.get("login");
        let returned = Returned { login, consented: Consented::Now, arrival: Arrival::Form };
        if form.get("answer") != Some("yes") {
            let no = OAuthError::new(ErrorCode::AccessDenied, "the person said no");
            return self.refuse(&call, &begun, &no.into(), returned);
        }
        let cookie = self.remember_consent(&call, &session, &begun);
        let reply = self.go_on(&call, begun, returned).await?;
        Ok(reply.setting(cookie))
    }

    /// Whether they have said so to this client, for all that it asks.
    pub(super) fn has_consented(
        &self,
        call: &Call<'_>,
        session: Option<&SsoSession>,
        client: &Client,
        request: &AuthorizationRequest,
    ) -> Consented {
        let Some(session) = session else { return Consented::No };
        let scopes = request.scopes.to_string();
        let remembered = self.remembered_consents(call, session).clients;
        let is_said = remembered.iter().any(|(known, told)| {
            known == client.id.as_str()
                && scopes.split(' ').all(|scope| told.split(' ').any(|one| one == scope))
        });
        if is_said { Consented::Before } else { Consented::No }
    }

    fn remembered_consents(&self, call: &Call<'_>, session: &SsoSession) -> Remembered {
        let name = self.cookies.consents();
        let keys = self.service.keys().current();
        let opened = self
            .cookies
            .value_of(&call.parts.headers, &name)
            .and_then(|value| keys.browser_sessions().open(&name, value));
        let remembered: Option<Remembered> =
            opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let session = session.id().to_string();
        remembered
            .filter(|it| it.session == session)
            .unwrap_or(Remembered { session, clients: Vec::new() })
    }

    fn remember_consent(
        &self,
        call: &Call<'_>,
        session: &SsoSession,
        begun: &Begun,
    ) -> Option<http::HeaderValue> {
        let scopes = begun.scopes();
        let mut remembered = self.remembered_consents(call, session);
        let id = begun.client.id.as_str();
        remembered.clients.retain(|(known, _)| known != id);
        remembered.clients.push((id.to_owned(), scopes));
        if remembered.clients.len() > MAX_REMEMBERED {
            remembered.clients.remove(0);
        }
        let (name, keys) = (self.cookies.consents(), self.service.keys().current());
        let value = serde_json::to_vec(&remembered).ok()?;
        let sealed = keys.browser_sessions().seal(&name, &value).ok()?;
        self.cookies.set_for_session(&name, &sealed).ok()
    }
}
