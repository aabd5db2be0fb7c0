//! A token for another (RFC 8693): what a client was shown becomes what it may pass on.
//!
//! Whoever a token is of is judged as at a login; what comes of it reaches no further, and lasts no longer. Must not know how the
//! request came.

use std::sync::Arc;

use super::issue::{client_audience, demand_methods};
use super::prove::required_key;
use super::{ClientTokens, OAuthFailure, TokenType};
use crate::domain::authorization::{ClientGrant, KeyThumbprint, MAX_ACTORS, OAuthScopes};
use crate::domain::client::{BUILT_IN, Client, ClientId};
use crate::domain::evidence::Evidence;
use crate::domain::membership::Roster;
use crate::domain::policy::{Grant, Login};
use crate::domain::provider::CLIENTS;
use crate::domain::time::Timestamp;
use crate::domain::token::{AccessClaims, Audience, RefreshClaims, Scope, Token};
use crate::idp::{Credential, LoginMethod, MappedGroups};
use crate::jose::verify::{claimed_end, is_of_pasee};
use crate::oauth::error::ErrorCode;
use crate::oauth::exchange::ExchangeRequest;
use crate::oauth::id_token::{is_within, may_know};
use crate::oauth::scope::{granted, within};
use crate::service::{GrantError, Service};

impl Service {
    /// An access token for another token.
    ///
    /// # Errors
    /// [`OAuthFailure`].
    pub async fn exchange(
        &self,
        client: &Client,
        request: &ExchangeRequest,
        key: Option<KeyThumbprint>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let confirmation = required_key(client, key.clone())?;
        let keys = self.0.keys.current();
        let ours = keys.verifier().issued(&request.subject_token, now);
        match ours {
            Ok(subject) => {
                self.exchange_ours(client, request, (&subject, key.as_ref(), confirmation), now)
            }
            Err(_)
                if is_of_pasee(&request.subject_token)
                    && request.provider.is_none()
                    && client.exchange_providers.is_empty() =>
            {
                Err(invalid("the subject_token does not hold, or is no access token"))
            }
            Err(_) => self.exchange_theirs(client, request, confirmation, now).await,
        }
    }

    /// One of ours, which was granted to this client or is for it.
    fn exchange_ours(
        &self,
        client: &Client,
        request: &ExchangeRequest,
        (subject, key, confirmation): (
            &AccessClaims,
            Option<&KeyThumbprint>,
            Option<KeyThumbprint>,
        ),
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let token = &subject.token;
        let target = request.target.clone().unwrap_or_else(|| client_audience(client));
        let (scopes, actors) = self.granted_before(client, token, key, &target)?;
        let (scopes, limit) = narrowed(request, scopes, &token.scope)?;
        let limit = within(&client.groups, &limit)?;
        if self.0.providers.get(token.subject.split().0).is_none()
            && token.subject.split().0 != CLIENTS
        {
            return Err(GrantError::ProviderGone.into());
        }
        let mut memory = RefreshClaims {
            token: token.clone(),
            evidence: Evidence::default(),
            extra: subject.extra.clone(),
        };
        memory.extra.retain(|name| may_know(client, name));
        demand_methods(client, &memory.extra)?;
        let grant = Grant::Refresh(&memory, limit.clone());
        let until = Some(token.expires_at);
        let given = Given { target, scopes, limit: limit.clone(), confirmation, actors, until };
        let at_most = (&subject.groups[..], subject.groups_truncated);
        self.exchanged(client, (grant, &MappedGroups::default()), given, Some(at_most), now)
    }

    /// The scopes of a token that this client may exchange, and who acts with what comes of it.
    fn granted_before(
        &self,
        client: &Client,
        token: &Token,
        key: Option<&KeyThumbprint>,
        target: &Audience,
    ) -> Result<(OAuthScopes, Vec<ClientId>), OAuthFailure> {
        match token.client.as_deref() {
            Some(grant) => {
                let is_its = grant.client == client.id
                    || grant
                        .audiences
                        .iter()
                        .any(|audience| audience.as_str() == client.id.as_str());
                if !is_its {
                    return Err(invalid(
                        "the subject_token is neither for this client nor was granted to it",
                    ));
                }
                if self.client(grant.client.as_str()).is_none() {
                    return Err(invalid("the client of the subject_token is not served any more"));
                }
                if grant.confirmation.is_some() && grant.confirmation.as_ref() != key {
                    return Err(invalid(
                        "the subject_token is bound to a key, and takes a proof of that",
                    ));
                }
                if !self.is_in_its_hands(client, grant) && !grant.audiences.contains(target) {
                    return Err(invalid(
                        "the subject_token is for a resource that has seen it, and anybody can say that they are this client: it opens nothing else",
                    ));
                }
                Ok((grant.scopes.clone(), acting(client, &grant.actors)?))
            }
            // A person's own tool, with what that person has by a password: for what it is for already.
            None if client.id.as_str() == BUILT_IN && self.is_for_all(target) => {
                Ok((OAuthScopes::default(), vec![client.id.clone()]))
            }
            None => Err(invalid("the subject_token was not granted to this client")),
        }
    }

    /// Whether a token that this client shows was in nobody else's hands. A client with a secret has shown that it is itself, and whoever
    /// proves a key has that; as a client without one comes whoever likes, and so does a resource with the tokens that people showed it.
    fn is_in_its_hands(&self, client: &Client, grant: &ClientGrant) -> bool {
        let keys = self.0.keys.current();
        let issuer = keys.signer().issuer().as_str();
        let is_kept = |audience: &str| audience == client.id.as_str() || audience == issuer;
        !client.is_public()
            || grant.confirmation.is_some()
            || grant.audiences.iter().all(|audience| is_kept(audience.as_str()))
    }

    /// Whether what `POST /tokens/` hands out is for this.
    fn is_for_all(&self, target: &Audience) -> bool {
        self.0.keys.current().signer().is_for(target)
    }

    /// A ServiceAccount's, or another Pasee's, by way of an identity provider that the client may exchange from.
    async fn exchange_theirs(
        &self,
        client: &Client,
        request: &ExchangeRequest,
        confirmation: Option<KeyThumbprint>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let named = request.provider.as_deref();
        let mut allowed = client.exchange_providers.iter();
        let name = match named {
            Some(named) => allowed.find(|name| name.as_str() == named),
            None => allowed.next().filter(|_| client.exchange_providers.len() == 1),
        };
        let provider = name.and_then(|name| self.0.providers.get(name.as_str()));
        let provider = provider.filter(|it| it.login_methods().contains(&LoginMethod::Token));
        let provider = provider.ok_or_else(|| {
            invalid("the subject_token is none of ours, and of no identity provider in the client's exchange_providers (idp names one of several)")
        })?;
        let credential = Credential::Token(request.subject_token.as_str().into());
        let identified = provider.identify(credential, now).await;
        let keys = self.0.keys.current();
        let asked = request.scope.clone().unwrap_or_default();
        let limit = within(&client.groups, &asked.limit)?;
        let (login, mapped) = self.login(&keys, provider, identified, limit.clone())?;
        let mut claims = login.claims;
        claims.retain(|name| may_know(client, name));
        demand_methods(client, &claims)?;
        let grant = Grant::Login(Login { claims, ..login });
        let target = request.target.clone().unwrap_or_else(|| client_audience(client));
        let given = Given {
            target,
            scopes: asked.scopes,
            limit,
            confirmation,
            actors: vec![client.id.clone()],
            // The provider has believed it, and so is what it says of its end.
            until: claimed_end(&request.subject_token),
        };
        self.exchanged(client, (grant, &mapped), given, None, now)
    }

    fn exchanged(
        &self,
        client: &Client,
        judged: (Grant<'_>, &MappedGroups),
        given: Given,
        at_most: Option<(&[Roster], bool)>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let Given { target, scopes, limit, confirmation, actors, until } = given;
        let token_type = if confirmation.is_some() { TokenType::Dpop } else { TokenType::Bearer };
        let grant = ClientGrant {
            client: client.id.clone(),
            scopes: scopes.clone(),
            audiences: vec![target],
            confirmation,
            actors,
        };
        let mut access = self.pair_for(client, judged, Arc::new(grant), now)?.access;
        access.extra.retain(|name| is_within(&scopes, name));
        if let Some((groups, truncated)) = at_most {
            access.groups.retain(|held| groups.contains(held));
            access.groups_truncated |= truncated;
        }
        access.token.expires_at = until.unwrap_or(Timestamp::MAX).min(access.token.expires_at);
        let keys = self.0.keys.current();
        Ok(ClientTokens {
            access_token: keys.signer().access(&access).map_err(GrantError::from)?,
            token_type,
            expires_in: access.token.expires_at.as_unix() - now.as_unix(),
            refresh_token: None,
            id_token: None,
            scope: granted(&scopes, &limit),
        })
    }
}

/// The scope that is asked for, within that of the token.
fn narrowed(
    request: &ExchangeRequest,
    scopes: OAuthScopes,
    session: &Scope,
) -> Result<(OAuthScopes, Scope), OAuthFailure> {
    match &request.scope {
        None => Ok((scopes, session.clone())),
        Some(asked) if scopes.holds(&asked.scopes) || asked.scopes.is_empty() => {
            let limit = if asked.limit == Scope::Unlimited { session } else { &asked.limit };
            Ok((asked.scopes.clone(), limit.clone()))
        }
        Some(_) => Err(OAuthFailure::new(
            ErrorCode::InvalidScope,
            "an exchange can narrow the scope of the subject_token, and never widen it",
        )),
    }
}

/// What an exchange gives.
struct Given {
    target: Audience,
    scopes: OAuthScopes,
    limit: Scope,
    confirmation: Option<KeyThumbprint>,
    actors: Vec<ClientId>,
    /// The end of the token that it is for.
    until: Option<Timestamp>,
}

/// Who acts then: this client, for whoever acted before.
fn acting(client: &Client, before: &[ClientId]) -> Result<Vec<ClientId>, OAuthFailure> {
    if before.first() == Some(&client.id) {
        return Ok(before.to_vec());
    }
    if before.len() >= MAX_ACTORS {
        return Err(invalid(
            "the subject_token has passed through four clients, and goes no further",
        ));
    }
    Ok(std::iter::once(client.id.clone()).chain(before.iter().cloned()).collect())
}

fn invalid(reason: &'static str) -> OAuthFailure {
    OAuthFailure::new(ErrorCode::InvalidRequest, reason)
}
