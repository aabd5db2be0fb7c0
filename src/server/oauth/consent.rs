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
use crate::server::login::is_from_elsewhere;
use crate::server::page::{Page, filled};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Consented, SsoSession};

/// Most that is remembered; what was asked about longest ago goes first.
const MAX_REMEMBERED: usize = 20;
/// And in bytes, so that a browser keeps it when it is sealed: of a cookie it takes 4 KiB.
const MAX_BYTES: usize = 2500;

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

/// To what somebody has said yes, and in which session.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    session: String,
    consents: Vec<Consent>,
}

/// What a client asked for when somebody said yes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Consent {
    client: String,
    /// The resource that its tokens are for; the client itself if none is named.
    resource: Option<String>,
    scopes: String,
    /// Which groups at most; empty for all that reach the client.
    limit: String,
}

impl Consent {
    fn to(client: &Client, request: &AuthorizationRequest) -> Self {
        Self {
            client: client.id.as_str().to_owned(),
            resource: request.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            scopes: request.scopes.to_string(),
            limit: request.limit.to_string(),
        }
    }

    /// Whether whoever said yes to this has said so to all of the other.
    fn covers(&self, other: &Self) -> bool {
        let has = |scope: &str| self.scopes.split(' ').any(|one| one == scope);
        let reaches = |limit: &str| self.limit.split(' ').any(|one| one == limit);
        self.is_for_the_same(other)
            && other.scopes.split(' ').all(has)
            && (self.limit.is_empty() || other.limit.split(' ').all(reaches))
    }

    fn is_for_the_same(&self, other: &Self) -> bool {
        (&self.client, &self.resource) == (&other.client, &other.resource)
    }
}

impl Remembered {
    /// With this, too, in the place of what was said of the same. What was asked about longest ago goes where there is too much.
    fn with(&mut self, said: Consent) -> Option<Vec<u8>> {
        self.consents.retain(|known| !known.is_for_the_same(&said));
        self.consents.push(said);
        loop {
            let bytes = serde_json::to_vec(self).ok()?;
            if bytes.len() <= MAX_BYTES && self.consents.len() <= MAX_REMEMBERED {
                return Some(bytes);
            }
            if self.consents.is_empty() {
                return None;
            }
            self.consents.remove(0);
        }
    }
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
        // The groups are in every access token, for whom that is shown.
        let is_told =
            |scope: &OAuthScope| *scope == OAuthScope::Groups || request.scopes.has(*scope);
        let told = OAuthScope::ALL.into_iter().filter(is_told);
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
        let is_ours = session.form_token().is(form.get("form_token").unwrap_or_default());
        if !is_ours || is_from_elsewhere(&call.parts.headers) {
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
        let asked = Consent::to(client, request);
        let remembered = self.remembered_consents(call, session).consents;
        if remembered.iter().any(|known| known.covers(&asked)) {
            Consented::Before
        } else {
            Consented::No
        }
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
            .unwrap_or(Remembered { session, consents: Vec::new() })
    }

    fn remember_consent(
        &self,
        call: &Call<'_>,
        session: &SsoSession,
        begun: &Begun,
    ) -> Option<http::HeaderValue> {
        let said = Consent::to(&begun.client, &begun.request()?);
        let mut remembered = self.remembered_consents(call, session);
        let value = remembered.with(said)?;
        let (name, keys) = (self.cookies.consents(), self.service.keys().current());
        let sealed = keys.browser_sessions().seal(&name, &value).ok()?;
        self.cookies.set_for_session(&name, &sealed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(client: usize, resource: &str, scopes: &str, limit: &str) -> Consent {
        let [resource, scopes, limit] = [resource, scopes, limit].map(str::to_owned);
        Consent { client: format!("app-{client}"), resource: Some(resource), scopes, limit }
    }

    #[test]
    fn what_a_yes_is_to() {
        let yes = said(1, "https://a.example", "openid email", "a b");
        assert!(yes.covers(&said(1, "https://a.example", "openid", "b")));
        for more in [
            said(2, "https://a.example", "openid", "b"),
            said(1, "https://b.example", "openid", "b"),
            said(1, "https://a.example", "openid profile", "b"),
            said(1, "https://a.example", "openid", "c"),
            said(1, "https://a.example", "openid", ""),
        ] {
            assert!(!yes.covers(&more), "{} {}", more.scopes, more.limit);
        }
        assert!(said(1, "x", "openid", "").covers(&said(1, "x", "openid", "c")));
    }

    #[test]
    fn no_more_than_a_browser_carries() {
        for (length, kept) in [(1, MAX_REMEMBERED), (500, 4), (2300, 1), (2600, 0)] {
            let session = "0".repeat(32);
            let mut remembered = Remembered { session, consents: Vec::new() };
            for client in 0..30 {
                let bytes = remembered.with(said(client, &"r".repeat(length), "openid", ""));
                assert!(bytes.is_some_and(|bytes| bytes.len() <= MAX_BYTES), "{length}");
            }
            let clients: Vec<&str> =
                remembered.consents.iter().map(|one| one.client.as_str()).collect();
            let last: Vec<String> = (30 - kept..30).map(|client| format!("app-{client}")).collect();
            assert_eq!(clients, last, "{length}");
        }
    }
}
