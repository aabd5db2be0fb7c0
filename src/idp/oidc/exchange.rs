//! The authorization code flow's two requests (RFC 6749 section 4.1), by the crate `oauth2` over our own calls.
//!
//! Must not judge what an ID token says.

use http::StatusCode;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AccessToken, AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::super::error::ProviderError;
use super::super::oauth2_client::OAuth2HttpClient;
use super::super::token_answer::{TokenAnswer, needed};
use super::metadata::Metadata;
use super::proof::ClientAuthentication;
use crate::outbound::{HttpClient, Response, SentSecrets};
use crate::settings;

/// `client_assertion_type` (RFC 7523 section 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What stands in a token answer beside what OAuth 2 has.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beside {
    id_token: Option<String>,
}

impl ExtraTokenFields for Beside {}

/// A client that knows where to send browsers and where to redeem codes.
pub(super) type OidcClient = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<Beside, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What a code was redeemed for.
pub(super) struct Given {
    /// For the UserInfo endpoint.
    pub access_token: AccessToken,
    /// Not believed yet.
    pub id_token: String,
}

/// The client that this Pasee is at a provider.
pub(super) fn client(
    settings: &settings::Oidc,
    metadata: &Metadata,
    callback_url: Url,
) -> OidcClient {
    oauth2::Client::new(ClientId::new(settings.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token.clone()))
        .set_redirect_uri(RedirectUrl::from_url(callback_url))
}

/// Redeems a code, as the client that shows this.
pub(super) async fn redeem(
    http: &HttpClient,
    client: OidcClient,
    shown: ClientAuthentication,
    code: &str,
    verifier: String,
) -> Result<Given, ProviderError> {
    let client = client.set_auth_type(shown.auth);
    let client = match &shown.secret {
        Some(secret) => {
            client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        }
        None => client,
    };
    let mut request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier));
    if let Some(assertion) = shown.assertion {
        request = request
            .add_extra_param("client_assertion_type", ASSERTION)
            .add_extra_param("client_assertion", assertion);
    }
    let answer =
        request.request_async(&OAuth2HttpClient { http, judge }).await.map_err(classify)?;
    let id_token = answer.extra_fields().id_token.clone();
    let id_token =
        id_token.ok_or(ProviderError::InvalidResponse("a token answer without id_token"))?;
    Ok(Given { access_token: answer.access_token().clone(), id_token })
}

/// What the crate may read, or why there is nothing for it. OpenID Connect Core 1.0 section 3.1.3.3 has 200 for tokens.
fn judge(answer: &Response, sent: &SentSecrets) -> Result<Vec<u8>, ProviderError> {
    if answer.status.is_success() && answer.status != StatusCode::OK {
        return Err(ProviderError::InvalidResponse("an unexpected status for a token"));
    }
    let given = match TokenAnswer::read(answer, sent)? {
        TokenAnswer::Given(given) => given,
        TokenAnswer::Refused(refusal) => {
            let nobodys = "it refuses to redeem a code, by an error that is not the user's";
            return Err(refusal.into_error(ProviderError::InvalidResponse(nobodys)));
        }
    };
    if !given.get("id_token").is_some_and(Value::is_string) {
        return Err(ProviderError::InvalidResponse(
            "a token answer whose id_token is missing or no text",
        ));
    }
    needed(&given)
}

/// What is known before the crate reads anything stands; what it cannot read is nobody's answer.
fn classify(error: RequestTokenError<ProviderError, BasicErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::Request(error) => error,
        _ => ProviderError::InvalidResponse("a malformed token answer"),
    }
}
