//! GET and POST `/oauth2/userinfo`: who an access token is of (OpenID Connect Core 1.0 section 5.3).
//!
//! Must not know what is told of whom.

use http::{HeaderMap, Method, StatusCode};

use super::answer::{json_reply, token_failed, told};
use super::asked::{form, proof};
use crate::domain::authorization::KeyThumbprint;
use crate::domain::time::Timestamp;
use crate::jose::dpop::ProvedRequest;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::metadata::USERINFO;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::{Call, FORM};
use crate::web::bearer::{Scheme, shown};

impl Api {
    /// The key that a token is shown with, by this method (first) at this place (second).
    pub(in crate::server) fn proved_with(
        &self,
        headers: &HeaderMap,
        (method, url): (&str, String),
        token: &str,
        now: Timestamp,
    ) -> Result<KeyThumbprint, OAuthError> {
        let missing = || {
            OAuthError::new(
                ErrorCode::InvalidDpopProof,
                "the header DPoP with a proof is missing (RFC 9449 section 7.1)",
            )
        };
        let proof = proof(headers)?.ok_or_else(missing)?;
        let request = ProvedRequest { method, url: &url, access_token: Some(token) };
        self.service.prove(proof, request, now).map_err(|failure| told(&failure))
    }

    /// The claims of the person whose token this is, as a client may know them.
    pub(in crate::server) async fn user_info(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let (headers, now, method) = (&call.parts.headers, call.now, call.parts.method.clone());
        let in_header = shown(headers)?.map(|(scheme, token)| (scheme, token.to_owned()));
        // RFC 6750 section 2.2; in a query tokens end in logs, so that they are not looked at there (section 2.3).
        let is_form = call.parts.method == Method::POST && call.is_of_type(&[FORM]);
        let in_form = match is_form {
            true => match form(call).await? {
                Ok(params) if params.repeats("access_token") => {
                    return Ok(token_failed(
                        &OAuthError::request("there are several tokens").into(),
                    ));
                }
                Ok(params) => params.get("access_token").map(str::to_owned),
                Err(error) => return Ok(token_failed(&error.into())),
            },
            false => None,
        };
        let token = match (in_header, in_form) {
            (Some(_), Some(_)) => {
                let twice =
                    OAuthError::request("there is a token in the header and another in the form");
                return Ok(token_failed(&twice.into()));
            }
            (None, None) => return Err(ApiError::TokenMissing),
            (Some((scheme, token)), None) => (scheme, token),
            (None, Some(token)) => (Scheme::Bearer, token),
        };
        let (scheme, token) = token;
        let key = match scheme {
            Scheme::Bearer => None,
            Scheme::Dpop => {
                let place = (method.as_str(), self.url(USERINFO));
                match self.proved_with(headers, place, &token, now) {
                    Ok(key) => Some(key),
                    Err(error) => return Ok(self.nonced(token_failed(&error.into()), now)),
                }
            }
        };
        Ok(match self.service.user_info(&token, key.as_ref(), now) {
            Ok((told, client)) => {
                json_reply(StatusCode::OK, &told.into()).shared_with(&client.allowed_origins)
            }
            Err(failure) => token_failed(&failure),
        })
    }
}
