//! GET and POST `/oauth2/logout`: a client sends the browser here to end the session (OpenID Connect RP-Initiated Logout 1.0).
//!
//! Without a hint that is of this very session the person is asked: any page can send a browser here. Must not know what else ends
//! with a session.

use askama::Template;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use url::form_urlencoded;

use super::deliver::{Arrival, going_on};
use crate::oauth::destination::MAX_STATE;
use crate::oauth::error::OAuthError;
use crate::oauth::metadata::LOGOUT;
use crate::oauth::params::Params;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::login::is_from_elsewhere;
use crate::server::page::Page;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Hint, SsoSession};

#[derive(Template)]
#[template(path = "end_session.html")]
struct EndSession<'a> {
    page: &'a Page,
    token: String,
    request: &'a str,
}

/// What a client asks for.
struct Asked {
    hint: Option<Hint>,
    /// Where the browser goes then, with the state in it.
    onward: Option<String>,
}

impl Api {
    /// GET: the end of the session, or the question.
    pub(in crate::server) async fn end_session_for(
        &self,
        call: &Call<'_>,
    ) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let query = call.parts.uri.query().unwrap_or_default();
        let asked = self.asked_to_end(query)?;
        let session = self.sso_session(call);
        let is_meant = |session: &SsoSession, hint: &Hint| hint.session == session.id();
        match (&session, &asked.hint) {
            (Some(session), Some(hint)) if is_meant(session, hint) => {
                self.end_sso_session(call, session).await?;
            }
            (Some(session), _) => {
                let page = self.page(call.parts);
                let token = session.form_token().to_string();
                let question = EndSession { page: &page, token, request: query };
                return Ok(self.kept(call, session, Reply::page(StatusCode::OK, &page, &question)));
            }
            (None, Some(hint)) => self.end_hinted(call, hint).await?,
            (None, None) => {}
        }
        self.ended(call, asked.onward, Arrival::Link)
    }

    /// POST: what the person says, or a client's request in a form, which the browser fetches by GET as it brings no cookies.
    pub(in crate::server) async fn end_session_by_form(
        &self,
        mut call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let form = call.form().await?;
        let Some(token) = form.get("form_token") else {
            let mut query = form_urlencoded::Serializer::new(String::new());
            for name in
                ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"]
            {
                if let Some(value) = form.get(name) {
                    query.append_pair(name, value);
                }
            }
            let place = self.config.base.link(&format!("{LOGOUT}?{}", query.finish()));
            let location = HeaderValue::try_from(place).map_err(|_| ApiError::LoginUnknown)?;
            return Ok(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).unstored());
        };
        let asked = self.asked_to_end(form.get("request").unwrap_or_default())?;
        if let Some(session) = self.sso_session(&call) {
            if !session.form_token().is(token) || is_from_elsewhere(&call.parts.headers) {
                return Err(ApiError::FormUnknown);
            }
            self.end_sso_session(&call, &session).await?;
        }
        self.ended(&call, asked.onward, Arrival::Form)
    }

    fn asked_to_end(&self, query: &str) -> Result<Asked, ApiError> {
        let malformed = |error: OAuthError| ApiError::Malformed(error.description().to_owned());
        let wrong = |text: &'static str| ApiError::Malformed(text.to_owned());
        let params = Params::parse(query).map_err(malformed)?;
        params.once().map_err(malformed)?;
        let hint = match params.get("id_token_hint") {
            None => None,
            Some(hint) => Some(
                self.service
                    .hinted(hint)
                    .ok_or_else(|| wrong("the id_token_hint is no ID token of ours"))?,
            ),
        };
        let named = params.get("client_id");
        if let (Some(hint), Some(named)) = (&hint, named)
            && hint.client != named
        {
            return Err(wrong("the id_token_hint is another client's than client_id"));
        }
        let client = named.or(hint.as_ref().map(|hint| hint.client.as_str()));
        let client = client.and_then(|id| self.service.client(id));
        let Some(place) = params.get("post_logout_redirect_uri") else {
            return Ok(Asked { hint, onward: None });
        };
        if client.is_none_or(|client| client.post_logout_redirect(place).is_none()) {
            return Err(wrong(
                "the post_logout_redirect_uri is none of those that the client has in post_logout_redirect_uris, or no client is named by \
                 client_id or id_token_hint",
            ));
        }
        let state = params.bounded("state", MAX_STATE).map_err(malformed)?;
        let onward = match state {
            None => place.to_owned(),
            Some(state) => {
                let state: String = form_urlencoded::Serializer::new(String::new())
                    .append_pair("state", state)
                    .finish();
                format!("{place}{}{state}", if place.contains('?') { "&" } else { "?" })
            }
        };
        Ok(Asked { hint, onward: Some(onward) })
    }

    async fn end_sso_session(&self, call: &Call<'_>, session: &SsoSession) -> Result<(), ApiError> {
        let caller = self.service.caller_in(session, call.now)?;
        Ok(self.service.end_session(&caller, session.user().clone(), session.id()).await?)
    }

    /// The browser has no session any more; what the client's tokens are of ends all the same.
    async fn end_hinted(&self, call: &Call<'_>, hint: &Hint) -> Result<(), ApiError> {
        let Ok(user) = hint.subject.parse() else { return Ok(()) };
        let ended = self.service.end_hinted(user, hint.session, call.now).await;
        ended.map_err(|_| {
            ApiError::NotFound("the session cannot be ended now; try again in a few seconds")
        })
    }

    /// To where the client wants the browser, or to the page that says that there is no session.
    fn ended(
        &self,
        call: &Call<'_>,
        onward: Option<String>,
        arrival: Arrival,
    ) -> Result<Reply, ApiError> {
        let forget = self.no_session()?;
        let reply = match onward {
            None => self.on_to("/logout"),
            Some(href) if arrival == Arrival::Form => going_on(&self.page(call.parts), href),
            Some(href) => {
                let location = HeaderValue::try_from(href).map_err(|_| ApiError::LoginUnknown)?;
                Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).unstored()
            }
        };
        Ok(reply.setting([forget]))
    }
}
