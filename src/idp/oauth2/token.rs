//! From a code to an access token (RFC 6749 section 4.1.3), and what providers say instead of one.
//!
//! Must not know who the token is for.

use ::oauth2::basic::BasicTokenType;
use ::oauth2::{AuthorizationCode, PkceCodeVerifier, RequestTokenError, TokenResponse};
use http::StatusCode;
use serde_json::{Map, Value};

use super::super::error::ProviderError;
use super::super::oauth2_client::OAuth2HttpClient;
use super::{OAuth2Client, graph};
use crate::jose::json::strict_object;
use crate::outbound::{HttpClient, Response};

/// Asks for the access token of a code.
pub(super) async fn exchange(
    client: &OAuth2Client,
    http: &HttpClient,
    verifier: Option<String>,
    code: &str,
) -> Result<String, ProviderError> {
    let mut request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    if let Some(verifier) = verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
    }
    let answer = request.request_async(&OAuth2HttpClient { http, judge }).await;
    let answer = answer.map_err(|error| match error {
        RequestTokenError::Request(error) => error,
        _ => ProviderError::InvalidResponse("a token answer without a token"),
    })?;
    match answer.token_type() {
        BasicTokenType::Bearer => Ok(answer.access_token().secret().clone()),
        _ => Err(ProviderError::InvalidResponse("a token that is no bearer token")),
    }
}

/// Whether the answer may hold a token. Some providers say no with 200 (GitHub), others with an error of their own kind
/// (Facebook).
fn judge(answer: &Response) -> Result<StatusCode, ProviderError> {
    if answer.is_away() {
        return Err(ProviderError::Unreachable);
    }
    let is_answer = answer.status.is_success() || answer.status.is_client_error();
    if !is_answer || !answer.is_json() {
        return Err(ProviderError::InvalidResponse("a token answer that is not JSON"));
    }
    let object = strict_object(&answer.body)
        .map_err(|_| ProviderError::InvalidResponse("a malformed token answer"))?;
    match object.get("error") {
        Some(Value::String(error)) => Err(refusal(error)),
        Some(Value::Object(error)) => Err(graph::refusal(error)),
        Some(_) => Err(ProviderError::InvalidResponse("a token answer with a strange error")),
        None if answer.status.is_success() => expect_token(&object).map(|()| StatusCode::OK),
        None => Err(ProviderError::InvalidResponse("an unexpected status for a token")),
    }
}

fn expect_token(object: &Map<String, Value>) -> Result<(), ProviderError> {
    match object.get("access_token") {
        Some(Value::String(_)) => Ok(()),
        _ => Err(ProviderError::InvalidResponse("a token answer without a token")),
    }
}

/// RFC 6749 section 5.2, and the names that GitHub has for the same. X calls a wrong or used code an invalid request.
fn refusal(error: &str) -> ProviderError {
    match error {
        "invalid_request" => {
            tracing::warn!("an identity provider called a token request invalid");
            ProviderError::NotConfirmed
        }
        "invalid_grant" | "bad_verification_code" | "access_denied" => ProviderError::NotConfirmed,
        "temporarily_unavailable" | "server_error" | "slow_down" => ProviderError::Unreachable,
        "invalid_client" | "incorrect_client_credentials" | "unauthorized_client" => {
            ProviderError::InvalidResponse(
                "it does not know this client or its secret: see client_id and client_secret",
            )
        }
        "redirect_uri_mismatch" => ProviderError::InvalidResponse(
            "it does not know the place to come back to: see hostname and callback_url",
        ),
        _ => ProviderError::InvalidResponse("a refusal that is not the user's"),
    }
}
