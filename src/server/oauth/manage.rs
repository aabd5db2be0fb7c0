//! What clients say and ask of requests and tokens: pushed requests (RFC 9126), revocation (RFC 7009), introspection (RFC 7662).
//!
//! Must not know what a token says.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{failed, json_reply};
use super::asked::Asked;
use crate::domain::authorization::KeyThumbprint;
use crate::oauth::destination::Destination;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::metadata::PAR;
use crate::oauth::request::AuthorizationRequest;
use crate::server::Api;
use crate::server::error::ApiError;
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::service::{Introspection, OAuthFailure};
use crate::web::peer::network;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Longest request that is kept, in bytes: an ID token as a hint has room in it.
const MAX_PUSHED: usize = 12 * 1024;
/// What shows who a client is stands in the request that pushes, and in no other.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

impl Api {
    /// POST `/oauth2/par`: an authorization request, kept until the browser comes with its name.
    pub(in crate::server) async fn push_request(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let address = network(call.client.address).to_string();
        let asked = match self.asked(call).await? {
            Ok(asked) => asked,
            Err(reply) => return Ok(reply),
        };
        let pushed = self.pushed(&asked, &address);
        // Whoever proves a key there proves it again for the tokens.
        let reply = self.with_nonce(&asked, pushed.unwrap_or_else(|failure| failed(&failure)));
        Ok(asked.shared(reply))
    }

    /// The key that the request was pushed with (RFC 9449 section 10.1), which is then the one that the code is for.
    fn pushed_with(&self, asked: &Asked<'_>) -> Result<Option<KeyThumbprint>, OAuthFailure> {
        let key = self.proved(asked, PAR)?;
        let named = asked.params.get("dpop_jkt");
        match &key {
            Some(key) if named.is_some_and(|named| named != key.as_str()) => Err(OAuthError::new(
                ErrorCode::InvalidDpopProof,
                "dpop_jkt is another key than that of the proof in the header DPoP (RFC 9449 section 10.1)",
            )
            .into()),
            _ => Ok(key.filter(|_| named.is_none())),
        }
    }

    fn pushed(&self, asked: &Asked<'_>, address: &str) -> Result<Reply, OAuthFailure> {
        let Asked { client, params, now, .. } = asked;
        params.once()?;
        if params.get("request_uri").is_some() {
            return Err(OAuthError::request(
                "a request that is pushed has no request_uri (RFC 9126 section 2.1)",
            )
            .into());
        }
        // Whatever the browser would be told later, the client is told now.
        Destination::read(params, client)?;
        AuthorizationRequest::read(params, client)?;
        let mut query = params.to_query_without(&CREDENTIALS);
        if params.get("client_id").is_none() {
            // It came in the header.
            query = format!("client_id={}&{query}", client.id);
        }
        if let Some(key) = self.pushed_with(asked)? {
            query = format!("{query}&dpop_jkt={}", key.as_str());
        }
        if query.len() > MAX_PUSHED {
            return Err(OAuthError::request(format!(
                "a request that is pushed has at most {MAX_PUSHED} bytes"
            ))
            .into());
        }
        let (request_uri, expires_in) = self.service.push(client, query, address, *now)?;
        let members = json!({ "request_uri": request_uri, "expires_in": expires_in });
        Ok(json_reply(StatusCode::CREATED, &members))
    }

    /// POST `/oauth2/revoke`: the end of a refresh token, and of its session.
    pub(in crate::server) async fn revoke_token(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let asked = match self.asked(call).await? {
            Ok(asked) => asked,
            Err(reply) => return Ok(reply),
        };
        let revoked = match token(&asked) {
            Ok(token) => self.service.revoke_token(&asked.client, token, asked.now).await,
            Err(error) => Err(error.into()),
        };
        Ok(asked.answered(revoked.map(|()| Reply::empty(StatusCode::OK).unstored())))
    }

    /// POST `/oauth2/introspect`: whether a token is good, and what it says, for whom it is for.
    pub(in crate::server) async fn introspect(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        self.provider_issuer()?;
        let asked = match self.asked(call).await? {
            Ok(asked) => asked,
            Err(reply) => return Ok(reply),
        };
        Ok(asked.answered(self.introspected(&asked)))
    }

    fn introspected(&self, asked: &Asked<'_>) -> Result<Reply, OAuthFailure> {
        if asked.client.is_public() {
            // RFC 7662 section 2.1: whoever asks has to show who they are.
            let public = "a client without a secret learns nothing of tokens here";
            return Err(OAuthError::new(ErrorCode::InvalidClient, public).into());
        }
        let said = match self.service.introspect(&asked.client, token(asked)?, asked.now) {
            Introspection::Active(said) => Value::Object(said),
            Introspection::Inactive => json!({ "active": false }),
        };
        Ok(json_reply(StatusCode::OK, &said))
    }
}

/// The token that is asked about. What kind it is, it says itself: `token_type_hint` is not needed (RFC 7009 section 2.1).
fn token<'a>(asked: &'a Asked<'_>) -> Result<&'a str, OAuthError> {
    asked.params.once()?;
    asked.params.bounded("token", MAX_TOKEN)?;
    asked.params.needed("token")
}
