//! Authorization requests (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1): every parameter and its rule.
//!
//! What is not known is ignored. Must not know who is logged in.

use std::time::Duration;

use super::destination::MAX_STATE;
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use super::pkce::Challenge;
use super::requested::RequestedClaims;
use super::scope::{AskedScope, within};
use crate::domain::auth_time::Freshness;
use crate::domain::authorization::{KeyThumbprint, OAuthScope, OAuthScopes};
use crate::domain::client::{Client, GrantType};
use crate::domain::token::{Audience, Scope};

/// Longest hint, in bytes.
const MAX_HINT: usize = 255;
/// Longest ID token as a hint, in bytes.
const MAX_ID_TOKEN: usize = 8192;

/// What the client wants to be done with the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// `none`: nothing may be asked.
    pub none: bool,
    /// `login` or `select_account`: to log in again.
    pub freshness: Freshness,
    /// `consent`: to ask whether the client may be told.
    pub consent: bool,
}

/// A request whose parameters keep their rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The OAuth scopes.
    pub scopes: OAuthScopes,
    /// The limit of groups, within the client's.
    pub limit: Scope,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `code_challenge`.
    pub challenge: Option<Challenge>,
    /// `resource` (RFC 8707).
    pub resource: Option<Audience>,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age`.
    pub max_age: Option<Duration>,
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `claims`.
    pub claims: RequestedClaims,
    /// `id_token_hint`.
    pub id_token_hint: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `idp_hint`: through which identity provider.
    pub idp_hint: Option<String>,
    /// `dpop_jkt` (RFC 9449 section 10).
    pub dpop_key: Option<KeyThumbprint>,
}

impl AuthorizationRequest {
    /// Reads the request of a client.
    ///
    /// # Errors
    /// What the client is to be told.
    pub fn read(params: &Params, client: &Client) -> Result<Self, OAuthError> {
        params.once()?;
        of_kind(params, client)?;
        params.bounded("state", MAX_STATE)?;
        let nonce = params.bounded("nonce", MAX_STATE)?.map(str::to_owned);
        let asked = AskedScope::read(params.get("scope"))?;
        let challenge = Challenge::read(params)?;
        let is_openid = asked.scopes.has(OAuthScope::Openid);
        prove_code(client, challenge.is_some(), is_openid && nonce.is_none())?;
        let claims = RequestedClaims::read(params.get("claims"))?;
        let scopes = if is_openid { claims.added_to(&asked.scopes) } else { asked.scopes };
        let hint = |name| Ok(params.bounded(name, MAX_HINT)?.map(str::to_owned));
        Ok(Self {
            scopes,
            limit: within(&client.groups, &asked.limit)?,
            nonce,
            challenge,
            resource: resource(params, client)?,
            prompt: prompt(params.get("prompt"))?,
            max_age: max_age(params.get("max_age"))?,
            acr_values: hint("acr_values")?,
            claims,
            id_token_hint: params.bounded("id_token_hint", MAX_ID_TOKEN)?.map(str::to_owned),
            login_hint: hint("login_hint")?,
            idp_hint: hint("idp_hint")?,
            dpop_key: dpop_key(params.get("dpop_jkt"))?,
        })
    }
}

/// What the request is of: a code, in a way that is known, in parameters.
fn of_kind(params: &Params, client: &Client) -> Result<(), OAuthError> {
    // OpenID Connect Core 1.0 sections 6.1 and 6.2.
    if params.get("request").is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestNotSupported,
            "requests come in parameters, or pushed (RFC 9126), and not in the parameter request",
        ));
    }
    if params.get("request_uri").is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestUriNotSupported,
            "a request_uri is one that a request was pushed for (RFC 9126), and no other",
        ));
    }
    match params.needed("response_type")? {
        "code" => {}
        _ => {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedResponseType,
                "the response_type is code, and no other (RFC 9700 section 2.1.2)",
            ));
        }
    }
    if !matches!(params.get("response_mode"), None | Some("query" | "form_post")) {
        return Err(OAuthError::request("the response_mode is query or form_post"));
    }
    if !client.allows(GrantType::AuthorizationCode) {
        return Err(OAuthError::new(
            ErrorCode::UnauthorizedClient,
            "this client gets no codes: authorization_code is not in its grant_types",
        ));
    }
    Ok(())
}

/// That whoever gets the code cannot do anything with it in another's place (RFC 9700 section 2.1.1).
fn prove_code(client: &Client, has_challenge: bool, needs_nonce: bool) -> Result<(), OAuthError> {
    if has_challenge {
        return Ok(());
    }
    if client.is_public() {
        return Err(OAuthError::request(
            "the code_challenge is missing: a client without a secret uses PKCE with S256 (RFC 9700 section 2.1.1)",
        ));
    }
    if client.requires_pkce() {
        return Err(OAuthError::request(
            "the code_challenge is missing: this client has pkce = 'required' in its settings, where 'optional' would do without it",
        ));
    }
    if needs_nonce {
        return Err(OAuthError::request(
            "there is neither a code_challenge (S256) nor a nonce, of which openid needs one (RFC 9700 section 2.1.1): switch PKCE or the nonce on \
             in the application",
        ));
    }
    Ok(())
}

/// The one resource of a request (RFC 8707 section 2).
///
/// # Errors
/// `invalid_target`.
pub fn resource(params: &Params, client: &Client) -> Result<Option<Audience>, OAuthError> {
    let wrong = |description: &'static str| OAuthError::new(ErrorCode::InvalidTarget, description);
    if params.repeats("resource") {
        return Err(wrong("tokens are for one resource at a time"));
    }
    let Some(resource) = params.get("resource") else { return Ok(None) };
    if !client.has_audience(resource) {
        return Err(wrong("the resource is not in the audiences of this client"));
    }
    resource.parse().map(Some).map_err(|_| wrong("the resource has characters that none has"))
}

fn prompt(text: Option<&str>) -> Result<Prompt, OAuthError> {
    let mut prompt = Prompt::default();
    let words: Vec<&str> = text.unwrap_or_default().split_ascii_whitespace().collect();
    for word in &words {
        match *word {
            "none" => prompt.none = true,
            "login" => prompt.freshness = Freshness::Now,
            // Whoever shows who they are has chosen that too.
            "select_account" if prompt.freshness == Freshness::Any => {
                prompt.freshness = Freshness::Chosen;
            }
            "select_account" => {}
            "consent" => prompt.consent = true,
            _ => {
                return Err(OAuthError::request(
                    "the prompt is none, or some of login, consent and select_account",
                ));
            }
        }
    }
    if prompt.none && words.len() > 1 {
        return Err(OAuthError::request(
            "prompt=none stands alone (OpenID Connect Core section 3.1.2.1)",
        ));
    }
    Ok(prompt)
}

fn max_age(text: Option<&str>) -> Result<Option<Duration>, OAuthError> {
    let Some(text) = text else { return Ok(None) };
    let seconds = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = seconds.and_then(|text| text.parse().ok());
    let seconds = seconds.ok_or_else(|| OAuthError::request("max_age is a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds)))
}

fn dpop_key(text: Option<&str>) -> Result<Option<KeyThumbprint>, OAuthError> {
    let key = text.map(str::parse).transpose();
    key.map_err(|_| {
        OAuthError::request("dpop_jkt is the thumbprint of a key (RFC 9449 section 10)")
    })
}

#[cfg(test)]
mod tests;
