//! What clients are told of tokens: of whom one is (UserInfo), and whether it is good (introspection, RFC 7662).
//!
//! Must not know how the request came.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::OAuthFailure;
use super::issue::satisfies;
use crate::domain::authorization::{ClientGrant, KeyThumbprint, OAuthScope};
use crate::domain::client::{Client, GrantType};
use crate::domain::policy::{Grant, admit};
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, RefreshClaims, Scope, Token};
use crate::jose::claims::HTTP_CLIENT;
use crate::jose::error::VerifyError;
use crate::jose::verify::is_shown_right;
use crate::oauth::error::ErrorCode;
use crate::oauth::id_token::told;
use crate::oauth::scope::granted;
use crate::service::{AccessError, Service};

/// What introspection says.
#[derive(Clone, Debug, PartialEq)]
pub enum Introspection {
    /// Nothing, whatever the reason is (RFC 7662 section 2.2).
    Inactive,
    /// What a good token says.
    Active(Map<String, Value>),
}

impl Service {
    /// Who the person is whose access token a client shows (OpenID Connect Core 1.0 section 5.3), with the key that a proof came
    /// with.
    ///
    /// # Errors
    /// `invalid_token`, or `insufficient_scope` for one without `openid`.
    pub fn user_info(
        &self,
        token: &str,
        key: Option<&KeyThumbprint>,
        now: Timestamp,
    ) -> Result<(Map<String, Value>, Arc<Client>), OAuthFailure> {
        let keys = self.0.keys.current();
        let invalid = |reason: String| OAuthFailure::new(ErrorCode::InvalidToken, reason);
        let of_token = |error: VerifyError| invalid(format!("this token does not hold: {error}"));
        let claims = keys.verifier().issued(token, now).map_err(of_token)?;
        let Some(grant) = claims.token.client.clone() else {
            return Err(OAuthFailure::new(
                ErrorCode::InsufficientScope,
                "this token was not granted to a client with the scope openid",
            ));
        };
        is_shown_right(&claims, key).map_err(of_token)?;
        // One for another resource is that resource's, and opens nothing here (RFC 8707 section 3).
        let issuer = keys.signer().issuer().as_str();
        let is_here = |audience: &str| audience == grant.client.as_str() || audience == issuer;
        if !grant.audiences.iter().any(|audience| is_here(audience.as_str())) {
            return Err(of_token(VerifyError::Audience));
        }
        if !grant.scopes.has(OAuthScope::Openid) {
            return Err(OAuthFailure::new(
                ErrorCode::InsufficientScope,
                "UserInfo takes a token with the scope openid",
            ));
        }
        let client = self
            .client(grant.client.as_str())
            .ok_or_else(|| invalid("the client of this token is not served any more".to_owned()))?;
        self.goes_on(&claims, now).map_err(|error| invalid(error.to_string()))?;
        Ok((told(&claims, &client), client))
    }

    /// That the user of a token may still use it: no ban, no revocation, and its session not ended.
    fn goes_on(&self, claims: &AccessClaims, now: Timestamp) -> Result<(), AccessError> {
        let token = &claims.token;
        self.is_admitted(Grant::Access(claims), token, now)
    }

    fn is_admitted(
        &self,
        grant: Grant<'_>,
        token: &Token,
        now: Timestamp,
    ) -> Result<(), AccessError> {
        let record = self.directory().record(&token.subject, now);
        let session = self.session_lifetime(token.subject.split().0);
        admit(grant, record.standing, session, now)?
            .unless_ended(|session| self.directory().has_ended(session))?;
        Ok(())
    }

    /// What a client may know of a token: of those that are for it or were granted to it, and nothing of any other.
    #[must_use]
    pub fn introspect(&self, client: &Client, token: &str, now: Timestamp) -> Introspection {
        let keys = self.0.keys.current();
        let issuer = keys.signer().issuer().as_str();
        if let Ok(claims) = keys.verifier().issued(token, now) {
            let audiences: Vec<&str> = match claims.token.client.as_deref() {
                // What a client has that is not served any more is worth nothing.
                Some(grant) if self.client(grant.client.as_str()).is_none() => {
                    return Introspection::Inactive;
                }
                Some(grant) => grant.audiences.iter().map(|audience| audience.as_str()).collect(),
                // Those of the HTTP API are for nobody who is a client here.
                None => return Introspection::Inactive,
            };
            let is_theirs =
                is_granted(&claims.token, client) || audiences.contains(&client.id.as_str());
            if !is_theirs || self.goes_on(&claims, now).is_err() {
                return Introspection::Inactive;
            }
            let mut said = common(issuer, &claims.token);
            said.insert("aud".to_owned(), json!(audiences));
            let groups: Vec<String> = claims.groups.iter().map(ToString::to_string).collect();
            said.insert("groups".to_owned(), json!(groups));
            if claims.groups_truncated {
                said.insert("groups_truncated".to_owned(), json!(true));
            }
            return Introspection::Active(said);
        }
        let Ok(mut claims) = keys.refresh_tokens().issued(token, now) else {
            return Introspection::Inactive;
        };
        let is_theirs = is_granted(&claims.token, client);
        if !is_theirs || !self.would_refresh(client, &mut claims, now) {
            return Introspection::Inactive;
        }
        let mut said = common(issuer, &claims.token);
        said.remove("token_type");
        Introspection::Active(said)
    }
}

impl Service {
    /// Whether a refresh token of this client would bring new tokens now: what the policy, the person's provider and the client's
    /// own conditions say.
    fn would_refresh(&self, client: &Client, claims: &mut RefreshClaims, now: Timestamp) -> bool {
        let Ok((_, mapped)) = self.judged_again(claims) else { return false };
        let grant = Grant::Refresh(claims, Scope::Unlimited);
        let admitted = self.admitted(&claims.token.subject, grant, &mapped, now);
        let is_let_in = admitted.is_ok_and(|(_, holdings)| {
            client.admits(holdings.iter().map(|holding| &holding.roster))
        });
        is_let_in && client.allows(GrantType::RefreshToken) && satisfies(client, &claims.extra)
    }
}

fn is_granted(token: &Token, client: &Client) -> bool {
    token.client.as_ref().is_some_and(|grant| grant.client == client.id)
}

/// What is said of every token (RFC 7662 section 2.2).
fn common(issuer: &str, token: &Token) -> Map<String, Value> {
    let grant: Option<&ClientGrant> = token.client.as_deref();
    let key = grant.and_then(|grant| grant.confirmation.as_ref());
    let mut said = Map::new();
    for (name, value) in [
        ("active", json!(true)),
        ("iss", json!(issuer)),
        ("sub", json!(token.subject.as_str())),
        ("username", json!(token.subject.as_str())),
        ("client_id", json!(grant.map_or(HTTP_CLIENT, |grant| grant.client.as_str()))),
        ("iat", json!(token.issued_at.as_unix())),
        ("nbf", json!(token.issued_at.as_unix())),
        ("exp", json!(token.expires_at.as_unix())),
        ("jti", json!(token.id.as_str())),
        ("sid", json!(token.session.to_string())),
        ("token_type", json!(if key.is_some() { "DPoP" } else { "Bearer" })),
    ] {
        said.insert(name.to_owned(), value);
    }
    if let Some(proved_at) = token.proved_at() {
        said.insert("auth_time".to_owned(), json!(proved_at.as_unix()));
    }
    if let Some(key) = key {
        said.insert("cnf".to_owned(), json!({ "jkt": key.as_str() }));
    }
    let scope = grant.map(|grant| granted(&grant.scopes, &token.scope)).unwrap_or_default();
    if !scope.is_empty() {
        said.insert("scope".to_owned(), json!(scope));
    }
    said
}
