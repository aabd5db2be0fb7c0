//! The tokens of a client: an access token, perhaps a refresh token, perhaps an ID token.
//!
//! All of them pass the gate of `tokens` first. Must not know what was shown for them.

use std::sync::Arc;
use std::time::Duration;

use super::OAuthFailure;
use super::prove::required_key;
use crate::domain::authorization::{ClientGrant, KeyThumbprint, OAuthScope, OAuthScopes};
use crate::domain::claim::{ClaimName, ClaimValue, ExtraClaims};
use crate::domain::client::{Client, GrantType, IdTokenAlg};
use crate::domain::issue::{TokenPair, issue};
use crate::domain::policy::Grant;
use crate::domain::time::Timestamp;
use crate::domain::token::{Audience, RefreshClaims, Scope};
use crate::idp::MappedGroups;
use crate::jose::key::Algorithm;
use crate::jose::sign::Signer;
use crate::keys::Keys;
use crate::oauth::error::ErrorCode;
use crate::oauth::id_token::{id_token, is_within, may_know};
use crate::oauth::scope::{granted, within};
use crate::service::tokens::fresh_ids;
use crate::service::{GrantError, Service};

/// How long after its login a refresh token ends that anybody can use who has it: of a public client, without a key.
const UNBOUND: Duration = Duration::from_secs(12 * 60 * 60);

/// How an access token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// Alone (RFC 6750).
    Bearer,
    /// With a proof of a key (RFC 9449 section 7.1).
    Dpop,
}

impl TokenType {
    /// `token_type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What a client gets (RFC 6749 section 5.1).
pub struct ClientTokens {
    /// The access token.
    pub access_token: String,
    /// How it is shown.
    pub token_type: TokenType,
    /// For how long it is good, in seconds.
    pub expires_in: i64,
    /// What gets new ones, for a client that has that in its grant types.
    pub refresh_token: Option<String>,
    /// Who the person is, for a client that asked with `openid`.
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: String,
}

/// What a client is to get tokens of.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub client: &'a Client,
    /// The session, with the limit that it was granted within.
    pub memory: RefreshClaims,
    pub scopes: OAuthScopes,
    /// The limit asked for now.
    pub limit: Scope,
    /// What the session was granted for, which its refresh token keeps.
    pub bound_to: Option<Audience>,
    /// What the access token is for; the client itself if nothing is named.
    pub resource: Option<Audience>,
    pub nonce: Option<&'a str>,
    /// The key that a proof came with.
    pub key: Option<KeyThumbprint>,
}

impl Asked<'_> {
    /// Bound to a key where the client's settings say so (RFC 9449): the refresh token of a public client always, an access token
    /// where nothing goes without.
    fn keys(&self) -> Result<(Option<KeyThumbprint>, Option<KeyThumbprint>), OAuthFailure> {
        let of_access = required_key(self.client, self.key.clone())?;
        let is_bound = of_access.is_some() || self.client.is_public();
        let of_refresh = self.key.clone().filter(|_| is_bound);
        Ok((of_access, of_refresh))
    }

    fn grant(
        &self,
        audience: Option<&Audience>,
        confirmation: Option<KeyThumbprint>,
    ) -> Arc<ClientGrant> {
        Arc::new(ClientGrant {
            client: self.client.id.clone(),
            scopes: self.scopes.clone(),
            audiences: audience.into_iter().cloned().collect(),
            confirmation,
            actors: Vec::new(),
        })
    }
}

impl Service {
    /// Tokens of a session for a client, if everything still allows that: the person's provider, the policy, the client's own
    /// conditions.
    pub(super) fn issue_to(
        &self,
        mut asked: Asked<'_>,
        now: Timestamp,
    ) -> Result<ClientTokens, OAuthFailure> {
        let keys = self.0.keys.current();
        let (key_of_access, key_of_refresh) = asked.keys()?;
        let client = asked.client;
        let limit = within(&client.groups, narrowed(&asked.memory.token.scope, &asked.limit))?;
        let user = asked.memory.token.subject.clone();
        let (provider, mut mapped) = self.judged_again(&mut asked.memory)?;
        asked.memory.extra.retain(|name| may_know(client, name));
        demand_methods(client, &asked.memory.extra)?;
        let of_refresh = asked.grant(asked.bound_to.as_ref(), key_of_refresh.clone());
        let room = keys
            .refresh_tokens()
            .room(&user, &limit, Some(&of_refresh))
            .map_err(GrantError::from)?;
        let RefreshClaims { extra, evidence, .. } = &mut asked.memory;
        if !room.holds(evidence.rules().len(), extra) {
            mapped =
                provider.fit(&user, (extra, evidence), &limit, room).map_err(GrantError::from)?;
        }
        let own = client_audience(client);
        let of_access = asked.grant(Some(asked.resource.as_ref().unwrap_or(&own)), key_of_access);
        let token_type =
            if of_access.confirmation.is_some() { TokenType::Dpop } else { TokenType::Bearer };
        let grant = Grant::Refresh(&asked.memory, limit.clone());
        let mut pair = self.pair_for(client, (grant, &mapped), of_access, now)?;
        pair.refresh.token.client = Some(of_refresh);
        pair.access.extra.retain(|name| is_within(&asked.scopes, name));
        if client.is_public() && key_of_refresh.is_none() {
            let refresh = &mut pair.refresh.token;
            refresh.expires_at = refresh.expires_at.min(refresh.authenticated_at.after(UNBOUND));
        }
        let signed = self.signed(&keys, client, &pair, asked.nonce)?;
        Ok(ClientTokens { token_type, scope: granted(&asked.scopes, &limit), ..signed })
    }

    /// The claims of a pair for a client, through the gate.
    pub(super) fn pair_for(
        &self,
        client: &Client,
        (grant, mapped): (Grant<'_>, &MappedGroups),
        granted: Arc<ClientGrant>,
        now: Timestamp,
    ) -> Result<TokenPair, OAuthFailure> {
        let user = match &grant {
            Grant::Login(login) => login.user.clone(),
            Grant::Refresh(claims, _) => claims.token.subject.clone(),
            Grant::Access(claims) => claims.token.subject.clone(),
            Grant::Vouched(vouched) => vouched.user.clone(),
            // Whoever has made an invitation is not here.
            Grant::Invitation(_) => return Err(outside()),
        };
        let (admission, holdings) = self.admitted(&user, grant, mapped, now)?;
        if !client.admits(holdings.iter().map(|holding| &holding.roster)) {
            return Err(outside());
        }
        let admission = admission.granted_to(granted);
        let draft = issue(admission, holdings, self.0.lifetimes, fresh_ids()?, now);
        let signer = self.0.keys.current();
        let room = signer.signer().room(draft.bare(), self.0.max_token_length);
        self.0.metrics.token_pair();
        Ok(draft.fit(room.map_err(GrantError::from)?))
    }

    /// A pair as text, with the ID token that belongs to it.
    fn signed(
        &self,
        keys: &Keys,
        client: &Client,
        pair: &TokenPair,
        nonce: Option<&str>,
    ) -> Result<ClientTokens, OAuthFailure> {
        let TokenPair { access, refresh } = pair;
        let access_token = keys.signer().access(access).map_err(GrantError::from)?;
        let refresh_token = match client.allows(GrantType::RefreshToken) {
            true => Some(keys.refresh_tokens().write(refresh).map_err(GrantError::from)?),
            false => None,
        };
        let is_openid =
            access.token.client.as_ref().is_some_and(|it| it.scopes.has(OAuthScope::Openid));
        let id_token = match is_openid {
            true => {
                let issuer = keys.signer().issuer().as_str();
                let claims = id_token(issuer, (access, &access_token), client, nonce);
                let signer = id_token_signer(keys, client)?;
                Some(signer.id_token(&claims).map_err(GrantError::from)?)
            }
            false => None,
        };
        let now = access.token.issued_at.as_unix();
        Ok(ClientTokens {
            access_token,
            token_type: TokenType::Bearer,
            expires_in: access.token.expires_at.as_unix() - now,
            refresh_token,
            id_token,
            scope: String::new(),
        })
    }
}

/// Of two limits the one that was asked for now, if one was.
fn narrowed<'a>(session: &'a Scope, asked: &'a Scope) -> &'a Scope {
    if *asked == Scope::Unlimited { session } else { asked }
}

/// A client is an audience by its own id.
pub(super) fn client_audience(client: &Client) -> Audience {
    client.id.as_str().parse().expect("a client id is printable ASCII")
}

/// What signs the ID tokens of a client: what it wants, or what there is. Those that cannot take ES256 are told so by the metadata.
fn id_token_signer<'a>(keys: &'a Keys, client: &Client) -> Result<&'a Signer, OAuthFailure> {
    let (first, second) = match client.id_token_alg {
        IdTokenAlg::Rs256 => (Algorithm::Rs256, Algorithm::Es256),
        IdTokenAlg::Es256 => (Algorithm::Es256, Algorithm::Rs256),
    };
    let signer = keys.signer_of(first).or_else(|| keys.signer_of(second));
    signer.ok_or(OAuthFailure::Inside("there is no key to sign ID tokens with"))
}

/// Whether the login used the methods that the client demands.
pub(super) fn satisfies(client: &Client, claims: &ExtraClaims) -> bool {
    let amr: Option<ClaimName> = "amr".parse().ok();
    let used: Vec<&str> = match amr.and_then(|amr| claims.get(&amr)) {
        Some(ClaimValue::Texts(methods)) => methods.iter().map(String::as_str).collect(),
        Some(ClaimValue::Text(method)) => vec![method],
        _ => Vec::new(),
    };
    client.is_satisfied_by(&used)
}

/// That the login used the methods that the client demands.
pub(super) fn demand_methods(client: &Client, claims: &ExtraClaims) -> Result<(), OAuthFailure> {
    if satisfies(client, claims) {
        return Ok(());
    }
    Err(OAuthFailure::new(
        ErrorCode::InvalidGrant,
        "the login of this session did not use the methods in require_amr of the client; log in again",
    ))
}

/// The person is not in what the client demands.
fn outside() -> OAuthFailure {
    OAuthFailure::new(
        ErrorCode::AccessDenied,
        "this user is in none of the groups that the client has in require_groups",
    )
}
