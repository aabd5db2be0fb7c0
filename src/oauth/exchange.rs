//! Requests to exchange a token for another (RFC 8693 section 2.1).
//!
//! Must not know whether the token is worth anything.

use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use super::request::resource;
use super::scope::AskedScope;
use crate::domain::client::Client;
use crate::domain::token::Audience;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// An access token (section 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// A JWT that says itself of what kind it is (section 3).
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is to become what.
#[derive(Debug)]
pub struct ExchangeRequest {
    /// `subject_token`.
    pub subject_token: String,
    /// Whose: of an identity provider by this name, or ours.
    pub provider: Option<String>,
    /// `resource`, or `audience`.
    pub target: Option<Audience>,
    /// `scope`; `None` asks for what there was.
    pub scope: Option<AskedScope>,
}

impl ExchangeRequest {
    pub(super) fn read(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        let subject_token = params.needed("subject_token")?;
        params.bounded("subject_token", MAX_TOKEN)?;
        if !matches!(params.needed("subject_token_type")?, ACCESS_TOKEN | JWT) {
            return Err(OAuthError::request(
                "the subject_token_type is that of an access token, or of a JWT: ID tokens and refresh tokens are exchanged for nothing",
            ));
        }
        if params.get("actor_token").is_some() || params.get("actor_token_type").is_some() {
            return Err(OAuthError::request(
                "who acts is the client that asks; there is no actor_token here",
            ));
        }
        if !matches!(params.get("requested_token_type"), None | Some(ACCESS_TOKEN | JWT)) {
            return Err(OAuthError::request("an exchange gives an access token, and no other"));
        }
        let scope = params.get("scope").map(|scope| AskedScope::read(Some(scope)));
        Ok(Self {
            subject_token: subject_token.to_owned(),
            provider: params.bounded("idp", 32)?.map(str::to_owned),
            target: target(params, client)?,
            scope: scope.transpose()?,
        })
    }
}

/// `audience` names by a name what `resource` names by an address; both at once name one thing here.
fn target(params: &Params, client: &Client) -> Result<Option<Audience>, OAuthError> {
    let wrong = |description| OAuthError::new(ErrorCode::InvalidTarget, description);
    let named = resource(params, client)?;
    let Some(audience) = params.get("audience") else { return Ok(named) };
    if !client.has_audience(audience) {
        return Err(wrong("the audience is not among those of this client"));
    }
    let audience: Audience =
        audience.parse().map_err(|_| wrong("the audience has characters that none has"))?;
    if named.is_some_and(|named| named != audience) {
        return Err(wrong(
            "tokens are for one audience at a time, and resource names another than audience",
        ));
    }
    Ok(Some(audience))
}
