//! The authorization code flow's two requests (RFC 6749 section 4.1), by the crate `oauth2` over our own calls.
//!
//! Must not judge what an ID token says.

use std::pin::Pin;

use http::StatusCode;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret,
    EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, StandardRevocableToken, StandardTokenResponse, TokenResponse,
    TokenUrl,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::super::ProviderError;
use super::super::call::{Caller, Repeat};
use super::metadata::Metadata;
use crate::jose::json::strict_object;
use crate::settings;

/// What stands in a token answer beside what OAuth 2 has.
#[derive(Debug, Serialize, Deserialize)]
pub struct Beside {
    id_token: Option<String>,
}

impl ExtraTokenFields for Beside {}

/// A client that knows where to send browsers and where to redeem codes.
pub type Client = oauth2::Client<
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
pub struct Given {
    /// For the UserInfo endpoint.
    pub access_token: AccessToken,
    /// Not believed yet.
    pub id_token: String,
}

/// The client that this Pasee is at a provider.
pub fn client(settings: &settings::Oidc, metadata: &Metadata, back: Url) -> Client {
    let client = oauth2::Client::new(ClientId::new(settings.client_id.clone()))
        .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token.clone()))
        .set_redirect_uri(RedirectUrl::from_url(back))
        .set_auth_type(metadata.authentication.clone());
    match &settings.client_secret {
        Some(secret) => {
            client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        }
        None => client,
    }
}

/// Redeems a code. It is sent once: a provider that sees one twice takes back what it gave for it.
pub async fn redeem(
    caller: &Caller,
    client: &Client,
    code: &str,
    verifier: String,
) -> Result<Given, ProviderError> {
    let answer = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier))
        .request_async(&Sender(caller))
        .await
        .map_err(classify)?;
    let id_token = answer.extra_fields().id_token.clone();
    let id_token = id_token.ok_or(ProviderError::Nonsense("a token answer without id_token"))?;
    Ok(Given { access_token: answer.access_token().clone(), id_token })
}

/// Our calls, as the crate makes them.
struct Sender<'a>(&'a Caller);

impl<'a> AsyncHttpClient<'a> for Sender<'_> {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'a>>;

    fn call(&'a self, request: HttpRequest) -> Self::Future {
        Box::pin(post(self.0, request))
    }
}

/// Sends what the crate has made ready, and gives it what is JSON with each key once.
async fn post(caller: &Caller, request: HttpRequest) -> Result<HttpResponse, ProviderError> {
    let (head, body) = request.into_parts();
    let place = head.uri.to_string();
    let request = caller.client().post(place).headers(head.headers).body(body);
    let answer = caller.send(request, Repeat::Never).await?;
    if super::is_away(answer.status) {
        return Err(ProviderError::Unreachable);
    }
    // Errors have these two (RFC 6749 section 5.2).
    let is_known = matches!(
        answer.status,
        StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED
    );
    if !is_known || !answer.is_json() || strict_object(&answer.body).is_err() {
        return Err(ProviderError::Nonsense("a malformed token answer"));
    }
    let mut response = HttpResponse::new(answer.body.to_vec());
    *response.status_mut() = answer.status;
    Ok(response)
}

/// A code that is not taken is the login's fault, all else the settings' or the provider's.
fn classify(error: RequestTokenError<ProviderError, BasicErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(response) => match response.error() {
            BasicErrorResponseType::InvalidGrant => ProviderError::NotConfirmed,
            BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
                ProviderError::Nonsense("it does not take our client_id and client_secret")
            }
            _ => ProviderError::Nonsense("it refuses to redeem a code"),
        },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::Nonsense("a malformed token answer")
        }
    }
}
