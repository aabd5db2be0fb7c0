//! Tokens for a code, for a refresh token, and for a client that acts for itself.
//!
//! Must not know how the request came.

use super::elsewhere::TakenCode;
use super::issue::{Asked, client_audience};
use super::prove::required_key;
use super::{ClientTokens, OAuthFailure, Spent};
use crate::domain::authorization::{ClientGrant, KeyThumbprint};
use crate::domain::client::{Client, Dpop};
use crate::domain::policy::{Grant, Login};
use crate::domain::provider::CLIENTS;
use crate::domain::time::Timestamp;
use crate::domain::token::{Audience, Scope};
use crate::domain::user::UserId;
use crate::idp::MappedGroups;
use crate::oauth::code::{Authorized, Redemption};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::scope::{AskedScope, granted, within};
use crate::service::{GrantError, Service};

use super::issue::TokenType;

impl Service {
    /// Tokens for a code, which is good once: whoever shows it a second time, or another's, ends the session that began with it.
    ///
    /// # Errors
    /// [`OAuthFailure`].
    pub async fn redeem_code(
        &self,
        client: &Client,
        code: &str,
        by: Redemption<'_>,
        resource: Option<Audience>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let authorized = match self.take_code(code, now).await? {
            TakenCode::First(authorized) => authorized,
            TakenCode::Again(spent) => {
                if let Some(spent) = spent {
                    self.end_spent(spent).await;
                }
                return Err(OAuthError::grant(
                    "this code was redeemed before: what was issued for it is void now (RFC 6749 section 4.1.2)",
                )
                .into());
            }
            TakenCode::Unknown => {
                return Err(OAuthError::grant(
                    "there is no such code: it is over after 60 seconds, and with the server that made it",
                )
                .into());
            }
        };
        let authorized = authorized.redeemed(by)?;
        self.issue_authorized(client, authorized, (resource, by.dpop_key.cloned()), now)
    }

    /// Tokens for what a client was granted.
    pub(super) fn issue_authorized(
        &self,
        client: &Client,
        authorized: Authorized,
        (resource, key): (Option<Audience>, Option<KeyThumbprint>),
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let Authorized { nonce, scopes, limit, resource: bound_to, memory, .. } = authorized;
        let asked = Asked {
            client,
            memory,
            scopes,
            limit,
            resource: within_bound(client, bound_to.as_ref(), resource)?,
            bound_to,
            nonce: nonce.as_deref(),
            key,
        };
        self.issue_to(asked, now)
    }

    pub(super) fn spent(&self, authorized: &Authorized) -> Spent {
        let token = &authorized.memory.token;
        let lasts = self.session_lifetime(token.subject.split().0);
        Spent {
            user: token.subject.clone(),
            session: token.session,
            until: token.authenticated_at.after(lasts),
        }
    }

    /// New tokens for a refresh token of this client.
    ///
    /// # Errors
    /// [`OAuthFailure`].
    pub fn refresh_for(
        &self,
        client: &Client,
        token: &str,
        (scope, resource): (Option<AskedScope>, Option<Audience>),
        key: Option<KeyThumbprint>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let keys = self.0.keys.current();
        let memory = keys.refresh_tokens().read(token, Some(&client.id), now);
        let memory = memory.map_err(GrantError::from)?;
        let grant = memory
            .token
            .client
            .clone()
            .ok_or(OAuthFailure::Inside("a client's token names one"))?;
        if grant.confirmation.is_some() && grant.confirmation != key {
            return Err(OAuthFailure::new(
                ErrorCode::InvalidDpopProof,
                "this refresh token is bound to a key: the request takes a proof by that key in the header DPoP (RFC 9449 section 5)",
            ));
        }
        let (scopes, limit) = match scope {
            None => (grant.scopes.clone(), Scope::Unlimited),
            // RFC 6749 section 6: nothing that was not granted before.
            Some(asked) if grant.scopes.holds(&asked.scopes) => (asked.scopes, asked.limit),
            Some(_) => {
                return Err(OAuthFailure::new(
                    ErrorCode::InvalidScope,
                    "a refresh can narrow the scope that was granted, and never widen it (RFC 6749 section 6)",
                ));
            }
        };
        let bound_to = grant.audiences.first().cloned();
        let user = memory.token.subject.clone();
        let asked = Asked {
            client,
            memory,
            scopes,
            limit,
            resource: within_bound(client, bound_to.as_ref(), resource)?,
            bound_to,
            nonce: None,
            key: key.filter(|_| grant.confirmation.is_some() || client.dpop == Dpop::Required),
        };
        let tokens = self.issue_to(asked, now)?;
        self.recheck(&user, now);
        Ok(tokens)
    }

    /// A token for a client that acts for itself: it is a user of its own, who can be in groups and be banned (RFC 6749 section 4.4).
    ///
    /// # Errors
    /// [`OAuthFailure`].
    pub fn client_credentials(
        &self,
        client: &Client,
        scope: &AskedScope,
        (resource, key): (Option<Audience>, Option<KeyThumbprint>),
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let confirmation = required_key(client, key)?;
        let limit = within(&client.groups, &scope.limit)?;
        let login = Login { scope: limit.clone(), ..Login::of(user_of(client)) };
        let token_type = if confirmation.is_some() { TokenType::Dpop } else { TokenType::Bearer };
        // There is nobody of whom anything could be told.
        let scopes = crate::domain::authorization::OAuthScopes::default();
        let grant = ClientGrant {
            client: client.id.clone(),
            scopes: scopes.clone(),
            audiences: vec![resource.unwrap_or_else(|| client_audience(client))],
            confirmation,
            actors: Vec::new(),
        };
        let given = (Grant::Login(login), &MappedGroups::default());
        let pair = self.pair_for(client, given, grant.into(), now)?;
        let access = &pair.access;
        let keys = self.0.keys.current();
        Ok(ClientTokens {
            access_token: keys.signer().access(access).map_err(GrantError::from)?,
            token_type,
            expires_in: access.token.expires_at.as_unix() - now.as_unix(),
            refresh_token: None,
            id_token: None,
            scope: granted(&scopes, &limit),
        })
    }
}

/// A client as a user.
pub(super) fn user_of(client: &Client) -> UserId {
    format!("{CLIENTS}-{}", client.id).parse().expect("a client id is a subject")
}

/// What was granted for one resource is for no other (RFC 8707 section 2.2), and for none that the client may not name any more.
fn within_bound(
    client: &Client,
    bound_to: Option<&Audience>,
    asked: Option<Audience>,
) -> Result<Option<Audience>, OAuthFailure> {
    match (bound_to, asked) {
        (Some(bound_to), Some(asked)) if *bound_to != asked => Err(OAuthFailure::new(
            ErrorCode::InvalidTarget,
            "what was granted is for another resource (RFC 8707 section 2.2)",
        )),
        (Some(bound_to), _) if !client.has_audience(bound_to.as_str()) => Err(OAuthFailure::new(
            ErrorCode::InvalidTarget,
            "what was granted is for a resource that is not in the audiences of this client any more",
        )),
        (bound_to, asked) => Ok(asked.or_else(|| bound_to.cloned())),
    }
}
