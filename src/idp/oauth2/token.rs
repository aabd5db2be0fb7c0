//! From a code to an access token (RFC 6749 section 4.1.3).
//!
//! Must not know who the token is for.

use ::oauth2::{AuthorizationCode, PkceCodeVerifier, RequestTokenError, TokenResponse};
use serde_json::Value;

use super::super::error::ProviderError;
use super::super::oauth2_client::OAuth2HttpClient;
use super::super::token_answer::{TokenAnswer, needed};
use super::{OAuth2Client, graph};
use crate::outbound::{HttpClient, Response, SentSecrets};

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
    Ok(answer.access_token().secret().clone())
}

/// The token, or why there is none. Some providers say no with 200 (GitHub), others with an error of their own kind
/// (Facebook). X calls a wrong or used code an invalid request.
fn judge(answer: &Response, sent: &SentSecrets) -> Result<Vec<u8>, ProviderError> {
    let refusal = match TokenAnswer::read(answer, sent)? {
        TokenAnswer::Given(given) => return needed(&given),
        TokenAnswer::Refused(refusal) => refusal,
    };
    match &refusal.error {
        Value::String(_) => Err(refusal.into_error(ProviderError::NotConfirmed)),
        Value::Object(error) => Err(graph::refusal(error, sent)),
        _ => Err(ProviderError::InvalidResponse("a token answer with a strange error")),
    }
}
