//! What a client asks at an endpoint that it calls itself: a form, and which client it is.
//!
//! Must not know which endpoint.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::answer::failed;
use crate::domain::client::Client;
use crate::domain::time::Timestamp;
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::params::Params;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, FORM};
use crate::service::OAuthFailure;
use crate::web;
use crate::web::limits::Purpose;

/// A client's request.
pub(super) struct Asked<'a> {
    pub client: Arc<Client>,
    pub params: Params,
    pub headers: &'a HeaderMap,
    pub now: Timestamp,
}

impl Api {
    /// Reads a client's request and has the client show who it is; what is answered to it is for pages of the client's origins, too.
    ///
    /// # Errors
    /// Too many wrong secrets, or a body that cannot be read; what the client itself is told is the reply.
    pub(super) async fn asked<'a>(
        &self,
        call: Call<'a>,
    ) -> Result<Result<Asked<'a>, Reply>, ApiError> {
        let (headers, now, client) = (&call.parts.headers, call.now, call.client);
        let params = match form(call).await? {
            Ok(params) => params,
            Err(error) => return Ok(Err(failed(&error.into()))),
        };
        let credentials = match credentials(headers, &params) {
            Ok(credentials) => credentials,
            Err(error) => return Ok(Err(failed(&error.into()))),
        };
        let shown = self.shown(&credentials, client).await?;
        Ok(shown.map(|client| Asked { client, params, headers, now }))
    }

    /// The client that says by the header alone who it is, as there is no form.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn asked_by_header(
        &self,
        call: &Call<'_>,
    ) -> Result<Result<Arc<Client>, Reply>, ApiError> {
        match credentials(&call.parts.headers, &Params::default()) {
            Ok(credentials) => self.shown(&credentials, call.client).await,
            Err(error) => Ok(Err(failed(&error.into()))),
        }
    }

    /// The client, if it shows that it is this one.
    async fn shown(
        &self,
        credentials: &ClientCredentials,
        client: web::peer::Client,
    ) -> Result<Result<Arc<Client>, Reply>, ApiError> {
        // By address alone: nobody who guesses from elsewhere keeps a client out, nor one that has it wrong the people beside it.
        let attempt = match credentials.secret() {
            Some(_) => {
                let asked = self.config.attempts.ask(client, Purpose::ClientSecret);
                Some(asked.map_err(ApiError::TooMany)?)
            }
            None => None,
        };
        match self.service.authenticate(credentials).await {
            Ok(authenticated) => {
                if let Some(attempt) = attempt {
                    attempt.was_right();
                }
                Ok(Ok(Arc::clone(authenticated.client())))
            }
            Err(failure) => {
                tracing::info!(
                    client = credentials.id(),
                    "a client did not show that it is this one"
                );
                Ok(Err(failed(&failure)))
            }
        }
    }
}

impl Asked<'_> {
    /// The proof of a key that came with it, if one did.
    pub(super) fn proof(&self) -> Result<Option<&str>, OAuthError> {
        proof(self.headers)
    }

    /// An answer that pages of the client's origins may read.
    pub(super) fn shared(&self, reply: Reply) -> Reply {
        reply.shared_with(&self.client.allowed_origins)
    }

    /// The same, where it may have gone wrong.
    pub(super) fn answered(&self, reply: Result<Reply, OAuthFailure>) -> Reply {
        self.shared(reply.unwrap_or_else(|failure| failed(&failure)))
    }
}

/// The proof in the header DPoP, if there is one.
pub(super) fn proof(headers: &HeaderMap) -> Result<Option<&str>, OAuthError> {
    let mut proofs = headers.get_all("dpop").iter();
    let Some(proof) = proofs.next() else { return Ok(None) };
    let wrong = |text| OAuthError::new(ErrorCode::InvalidDpopProof, text);
    if proofs.next().is_some() {
        return Err(wrong("there are several headers DPoP (RFC 9449 section 4.3)"));
    }
    proof.to_str().map(Some).map_err(|_| wrong("the header DPoP holds no proof"))
}

/// The parameters of a form. They stand in the body, and in no query (RFC 6749 section 2.3.1).
pub(super) async fn form(call: Call<'_>) -> Result<Result<Params, OAuthError>, ApiError> {
    if !call.is_of_type(&[FORM]) {
        return Ok(Err(OAuthError::request(
            "the request is a form: Content-Type: application/x-www-form-urlencoded",
        )));
    }
    let body = call.bytes().await?;
    Ok(match str::from_utf8(&body) {
        Ok(text) => Params::parse(text),
        Err(_) => Err(OAuthError::request("the form is no text in UTF-8")),
    })
}

fn credentials(headers: &HeaderMap, params: &Params) -> Result<ClientCredentials, OAuthError> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let header = shown.next().map(|value| value.to_str().unwrap_or_default());
    if shown.next().is_some() {
        return Err(OAuthError::request("there are several headers Authorization"));
    }
    for name in ["client_id", "client_secret"] {
        if params.repeats(name) {
            return Err(OAuthError::request(format!(
                "the parameter {name} is there more than once"
            )));
        }
    }
    ClientCredentials::read(header, params)
}
