//! Pairs of tokens: for a credential that logs in, for a login in a browser, and for a refresh token.
//!
//! Every pair, and every session in a browser, passes [`Service::admitted`]. Nothing here waits for a disk; a login waits for its identity provider only.

use super::Service;
use crate::domain::directory::Holding;
use crate::domain::issue::{Ids, issue};
use crate::domain::policy::{Admission, Grant, Login, Refusal, admit};
use crate::domain::realm::Stale;
use crate::domain::time::Timestamp;
use crate::domain::token::{RefreshClaims, Scope, SessionId};
use crate::domain::user::UserId;
use crate::idp::{Credential, Identity, MappedGroups, Provider, ProviderError};
use crate::jose::error::VerifyError;
use crate::jose::sign::{SignError, token_id};
use crate::keys::Keys;

/// A pair, ready to be handed out.
pub struct SignedPair {
    /// The access token.
    pub access_token: String,
    /// The refresh token that comes with it.
    pub refresh_token: String,
    /// For how long the access token is good, in seconds.
    pub expires_in: i64,
}

/// Why nobody gets tokens.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The identity provider says no, or nothing that helps.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The refresh token does not hold.
    #[error("this token does not hold: {0}")]
    Token(#[from] VerifyError),
    /// The provider that proved the session's login is not offered any more.
    #[error(
        "the identity provider of this session is not offered any more; log in again through another"
    )]
    ProviderGone,
    /// The settings do not let this user in any more, or ask for more than the session's login proved.
    #[error("the settings do not let this session go on; log in again")]
    NotAllowedAnyMore,
    /// The policy says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state is too old to issue tokens by.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// No token could be signed.
    #[error("a token could not be signed")]
    Sign(#[from] SignError),
    /// No token could be named.
    #[error("the system gives no random numbers")]
    Randomness,
}

impl Service {
    /// A pair for whom a provider knows by this credential.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn log_in(
        &self,
        provider: &Provider,
        credential: Credential,
        scope: Scope,
        now: Timestamp,
    ) -> Result<SignedPair, GrantError> {
        let identified = provider.identify(credential, now).await;
        self.grant_login(provider, identified, scope)
    }

    /// A new pair for a refresh token, of the scope asked for within the token's.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn refresh(
        &self,
        token: &str,
        scope: Scope,
        now: Timestamp,
    ) -> Result<SignedPair, GrantError> {
        let keys = self.0.keys.current();
        let mut claims = keys.refresh_tokens().read(token, None, now)?;
        let user = claims.token.subject.clone();
        let (provider, mut mapped) = self.judged_again(&mut claims)?;
        // A scope is narrower, and longer as a text.
        if let (Scope::Limited(_), Some(narrowed)) =
            (&scope, claims.token.scope.narrow(scope.clone()))
        {
            let room = keys.refresh_tokens().room(&user, &narrowed, None)?;
            let RefreshClaims { extra, evidence, .. } = &mut claims;
            if !room.holds(evidence.rules().len(), extra) {
                mapped = provider.fit(&user, (extra, evidence), &narrowed, room)?;
            }
        }
        let pair = self.grant(&keys, &user, Grant::Refresh(&claims, scope), &mapped, now)?;
        self.recheck(&user, now);
        Ok(pair)
    }

    /// A pair for whom a provider has just proved. It took its time: what the state says of the user is read now, not
    /// before.
    pub(super) fn grant_login(
        &self,
        provider: &Provider,
        identified: Result<Identity, ProviderError>,
        scope: Scope,
    ) -> Result<SignedPair, GrantError> {
        let (keys, now) = (self.0.keys.current(), self.now());
        let (login, mapped) = self.login(&keys, provider, identified, scope)?;
        let user = login.user.clone();
        self.grant(&keys, &user, Grant::Login(login), &mapped, now)
    }

    /// What a provider has just proved, as far as there is room to remember it.
    pub(super) fn login(
        &self,
        keys: &Keys,
        provider: &Provider,
        identified: Result<Identity, ProviderError>,
        scope: Scope,
    ) -> Result<(Login, MappedGroups), GrantError> {
        self.0.metrics.login(provider.name().as_str(), outcome(&identified));
        let Identity { user, mut claims, mut evidence, authenticated_at, auth_time, .. } =
            identified?;
        let room = keys.refresh_tokens().room(&user, &scope, None)?;
        let mapped = provider.fit(&user, (&mut claims, &mut evidence), &scope, room)?;
        Ok((Login { user, claims, evidence, scope, authenticated_at, auth_time }, mapped))
    }

    /// Judges what is remembered of a login by the settings of today, and forgets what they let pass no more.
    pub(super) fn judged_again(
        &self,
        claims: &mut RefreshClaims,
    ) -> Result<(&Provider, MappedGroups), GrantError> {
        let user = &claims.token.subject;
        let provider = self.0.providers.get(user.split().0).ok_or(GrantError::ProviderGone)?;
        let mapped =
            provider.recheck(user, &claims.evidence).map_err(|_| GrantError::NotAllowedAnyMore)?;
        claims.extra.retain(|name| provider.passes(name));
        Ok((provider, mapped))
    }

    /// The gate: whom the policy admits now, and what they are in.
    pub(super) fn admitted(
        &self,
        user: &UserId,
        grant: Grant<'_>,
        mapped: &MappedGroups,
        now: Timestamp,
    ) -> Result<(Admission, Vec<Holding>), GrantError> {
        self.0.realm.fresh()?;
        let directory = self.directory();
        let mut record = directory.record(user, now);
        let session = self.session_lifetime(user.split().0);
        let admission = admit(grant, record.standing, session, now)?
            .unless_ended(|session| directory.has_ended(session))?;
        let until = admission.authenticated_at().after(mapped.lifetime);
        record.add_mapped(&mapped.groups, until, directory, now);
        Ok((admission, record.holdings))
    }

    /// A new pair, if the policy admits it.
    fn grant(
        &self,
        keys: &Keys,
        user: &UserId,
        grant: Grant<'_>,
        mapped: &MappedGroups,
        now: Timestamp,
    ) -> Result<SignedPair, GrantError> {
        let (admission, holdings) = self.admitted(user, grant, mapped, now)?;
        let draft = issue(admission, holdings, self.0.lifetimes, fresh_ids()?, now);
        let room = keys.signer().room(draft.bare(), self.0.max_token_length)?;
        let pair = draft.fit(room);
        self.0.metrics.token_pair();
        Ok(SignedPair {
            access_token: keys.signer().access(&pair.access)?,
            refresh_token: keys.refresh_tokens().write(&pair.refresh)?,
            expires_in: pair.access.token.expires_at.as_unix() - now.as_unix(),
        })
    }
}

/// The ids of a pair, from one call for random numbers.
pub(super) fn fresh_ids() -> Result<Ids, GrantError> {
    let mut random = [[0; 16]; 3];
    getrandom::fill(random.as_flattened_mut()).map_err(|_| GrantError::Randomness)?;
    let [access, refresh, session] = random;
    let (access, refresh) = (token_id(access), token_id(refresh));
    Ok(Ids { access, refresh, session: SessionId::new(session) })
}

/// How a login went, for metrics.
fn outcome(identified: &Result<Identity, ProviderError>) -> &'static str {
    match identified {
        Ok(_) => "proved",
        Err(ProviderError::Refused) => "refused",
        Err(ProviderError::NotConfirmed) => "not_confirmed",
        Err(ProviderError::Token(_)) => "token_refused",
        Err(ProviderError::Account(_)) => "account_closed",
        Err(ProviderError::NotAllowed) => "not_allowed",
        Err(ProviderError::Subject(_)) => "subject_refused",
        Err(ProviderError::Unreachable | ProviderError::Limited(_) | ProviderError::Proxy(_)) => {
            "unreachable"
        }
        Err(ProviderError::Busy) => "busy",
        Err(ProviderError::InvalidResponse(_) | ProviderError::Misconfigured(_)) => {
            "invalid_response"
        }
        Err(ProviderError::NotOffered) => "not_offered",
    }
}
