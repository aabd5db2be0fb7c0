//! GET and POST `/oauth2/authorize`: the way through a browser to a code (RFC 6749 section 4.1).
//!
//! Must not know whether a session is enough for a client.

use std::sync::Arc;

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::answer::told;
use super::deliver::Arrival;
use crate::domain::client::Client;
use crate::oauth::destination::Destination;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::metadata::AUTHORIZE;
use crate::oauth::params::Params;
use crate::oauth::request::AuthorizationRequest;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::login::{Continuation, LoginWishes, MAX_TARGET, PlaceOfPage, Target};
use crate::server::reply::Reply;
use crate::server::request::{Call, FORM};
use crate::service::{Authorization, Consented, Interaction, LoginAge, OAuthFailure, SsoSession};

/// A client's request, and where its answer goes.
pub(super) struct Begun {
    pub client: Arc<Client>,
    pub destination: Destination,
    /// All parameters, so that it can be begun once more.
    pub query: String,
    pub origin: Origin,
    params: Params,
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the address of the page: that can be loaded again.
    Query,
    /// Pushed (RFC 9126), by a name that is good once.
    Pushed,
}

impl Begun {
    /// What is asked for, if it can be read.
    pub(super) fn request(&self) -> Option<AuthorizationRequest> {
        AuthorizationRequest::read(&self.params, &self.client).ok()
    }
}

/// What a browser brings back with a request.
#[derive(Clone, Copy)]
pub(super) struct Returned<'a> {
    /// The login that the request asked for.
    pub login: Option<&'a str>,
    pub consented: Consented,
    pub arrival: Arrival,
}

impl Api {
    /// GET: a client's request, or one that goes on after a login.
    pub(in crate::server) async fn authorize(&self, call: &Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let query = call.parts.uri.query().unwrap_or_default();
        let (query, login) = match call.query("login")? {
            // Only the browser that began it has it.
            Some(id) => {
                match self.continuation(call, &id).map(|continuation| continuation.target) {
                    Some(Target::Authorize(query)) => (query, Some(id)),
                    _ => return Err(ApiError::LoginUnknown),
                }
            }
            None => (query.to_owned(), None),
        };
        let begun = self.begun(&query, call).await?;
        let returned =
            Returned { login: login.as_deref(), consented: Consented::No, arrival: Arrival::Link };
        self.go_on(call, begun, returned).await
    }

    /// POST: the same in a form. It comes from the client's site, and brings no cookies; the browser fetches the same by GET.
    pub(in crate::server) async fn authorize_by_form(
        &self,
        call: Call<'_>,
    ) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        if !call.is_of_type(&[FORM]) {
            return Err(ApiError::MediaType);
        }
        let body = call.bytes().await?;
        let body = str::from_utf8(&body)
            .map_err(|_| malformed(&OAuthError::request("the form is no text")))?;
        let query =
            Params::parse(body).map_err(|error| malformed(&error))?.to_query_without(&["login"]);
        let place = self.config.base.link(&format!("{AUTHORIZE}?{query}"));
        let location = HeaderValue::try_from(place).map_err(|_| ApiError::LoginUnknown)?;
        Ok(Reply::empty(StatusCode::SEE_OTHER).with(LOCATION, location).unstored())
    }

    /// Whose request it is, and where it is answered. What is wrong before that is known is shown to the person.
    pub(super) async fn begun(&self, query: &str, call: &Call<'_>) -> Result<Begun, ApiError> {
        let mut params = Params::parse(query).map_err(|error| malformed(&error))?;
        if params.repeats("client_id") {
            return Err(malformed(&OAuthError::request(
                "the parameter client_id is there more than once",
            )));
        }
        let id = params.needed("client_id").map_err(|error| malformed(&error))?.to_owned();
        let unknown = || {
            ApiError::Malformed(
                "no client of this client_id is known here: [[clients]] of the settings names those that are, or an OAuthClient".to_owned(),
            )
        };
        let client = self.service.client(&id).ok_or_else(unknown)?;
        let (mut query, mut origin) = (query.to_owned(), Origin::Query);
        if let Some(request_uri) = params.get("request_uri")
            && request_uri.starts_with("urn:")
        {
            let pushed = self.service.pushed(&client, request_uri, call.now).await;
            query = pushed.map_err(|failure| match told(&failure) {
                error if error.code() == ErrorCode::TemporarilyUnavailable => ApiError::Elsewhere,
                error => malformed(&error),
            })?;
            params = Params::parse(&query).map_err(|error| malformed(&error))?;
            origin = Origin::Pushed;
        }
        let destination = Destination::read(&params, &client).map_err(|error| malformed(&error))?;
        Ok(Begun { client, destination, query, origin, params })
    }

    /// On with a request: to a login, to a question, or to the client.
    pub(super) async fn go_on(
        &self,
        call: &Call<'_>,
        begun: Begun,
        returned: Returned<'_>,
    ) -> Result<Reply, ApiError> {
        let Begun { client, destination, query, origin, params } = &begun;
        let request = match AuthorizationRequest::read(params, client) {
            Ok(request) => request,
            Err(error) => return self.refuse(call, &begun, &error.into(), returned),
        };
        let session = self.sso_session(call);
        let who = Interaction {
            session: session.as_ref(),
            login: self.login_age(call, returned.login, session.as_ref()),
            consented: match returned.consented {
                Consented::No => self.has_consented(call, session.as_ref(), client, &request),
                consented => consented,
            },
        };
        match (self.service.authorize(client, &request, destination, who, call.now), &session) {
            (Ok(Authorization::Code(code)), Some(session)) => {
                let answer = destination.answer(self.provider_issuer()?, vec![("code", code)]);
                let reply = self.deliver(call, &answer, returned.arrival)?;
                let reply = match returned.login {
                    Some(login) => self.without_login(login, reply),
                    None => reply,
                };
                Ok(self.kept(call, session, reply))
            }
            (Ok(Authorization::Ask), Some(_))
                if *origin == Origin::Pushed && query.len() <= MAX_TARGET =>
            {
                self.reloadable(call, Target::Authorize(query.clone()), &client.name)
            }
            (Ok(Authorization::Ask), Some(session)) => {
                Ok(self.consent_page(call, &begun, &request, session, returned.login))
            }
            (Ok(Authorization::LogIn(freshness)), session) => {
                // On to a provider without a word, which may know the person without a word too: not for whoever listens there.
                let is_anybody = client.is_anybody_at(destination.redirect_uri());
                let hinted = request.idp_hint.as_deref().filter(|_| !is_anybody);
                // One that has just sent the person back is asked for more by itself.
                let again = session.as_ref().filter(|_| who.login != LoginAge::Before);
                let wishes = LoginWishes {
                    application: Some(&client.name),
                    provider: again.map(|session| session.user().split().0).or(hinted),
                    name: request.login_hint.as_deref(),
                    freshness,
                    place: match origin {
                        Origin::Query => PlaceOfPage::Here,
                        Origin::Pushed => PlaceOfPage::ItsOwn,
                    },
                };
                let reply = self.login_page(call, Target::Authorize(query.clone()), wishes).await?;
                Ok(match returned.login {
                    Some(login) => self.without_login(login, reply),
                    None => reply,
                })
            }
            (Ok(_), None) => Err(ApiError::LoginUnknown),
            (Err(failure), _) => self.refuse(call, &begun, &failure, returned),
        }
    }

    /// Whether a login that a request asked for has ended in this session.
    fn login_age(
        &self,
        call: &Call<'_>,
        login: Option<&str>,
        session: Option<&SsoSession>,
    ) -> LoginAge {
        let continuation = login.and_then(|id| self.continuation(call, id));
        match (continuation, session) {
            (Some(continuation), Some(session)) if continuation.is_answered_by(session) => {
                let Continuation { begun_at, freshness: asked, .. } = continuation;
                LoginAge::OfThisRequest { begun_at, asked }
            }
            _ => LoginAge::Before,
        }
    }

    /// Tells the client why it gets nothing.
    pub(super) fn refuse(
        &self,
        call: &Call<'_>,
        begun: &Begun,
        failure: &OAuthFailure,
        returned: Returned<'_>,
    ) -> Result<Reply, ApiError> {
        let error = told(failure);
        tracing::info!(client = %begun.client.id, %error, "a client's request was refused");
        let answer = begun.destination.error(self.provider_issuer()?, &error);
        let reply = self.deliver(call, &answer, returned.arrival)?;
        Ok(match returned.login {
            Some(login) => self.without_login(login, reply),
            None => reply,
        })
    }
}

/// What the person is shown whom nobody can be told for.
fn malformed(error: &OAuthError) -> ApiError {
    ApiError::Malformed(error.description().to_owned())
}
