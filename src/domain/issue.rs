//! From an admission to a pair of tokens: what each says, and how long it is good.
//!
//! Must not know how a token is written or signed.

use super::directory::Holding;
use super::policy::Admission;
use super::time::Timestamp;
use super::token::{AccessClaims, Lifetimes, RefreshClaims, Token, TokenId};

/// An access token and the refresh token that comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// Opens things, for minutes.
    pub access: AccessClaims,
    /// Opens nothing but a refresh, for days.
    pub refresh: RefreshClaims,
}

/// Makes the claims of a pair. The access token ends no later than the first membership that gave it a group, and
/// neither token outlives the session. A login that another replica's faster clock saw later than now counts as now: no
/// token says that it is older than its login.
#[must_use]
pub fn issue(
    admission: Admission,
    holdings: Vec<Holding>,
    lifetimes: Lifetimes,
    ids: [TokenId; 2],
    now: Timestamp,
) -> TokenPair {
    let Admission { user, scope, claims, evidence, authenticated_at, session_ends, .. } = admission;
    let [access_id, refresh_id] = ids;
    let within: Vec<Holding> =
        holdings.into_iter().filter(|holding| scope.covers(&holding.roster)).collect();
    let first_end =
        within.iter().filter_map(|holding| holding.expires_at).min().unwrap_or(Timestamp::MAX);
    let access = Token {
        subject: user,
        issued_at: now,
        expires_at: now.after(lifetimes.access).min(session_ends).min(first_end),
        authenticated_at: authenticated_at.min(now),
        id: access_id,
        scope,
    };
    let expires_at = now.after(lifetimes.refresh).min(session_ends);
    let token = Token { expires_at, id: refresh_id, ..access.clone() };
    let refresh = RefreshClaims { token, evidence, extra: claims.clone() };
    let groups = within.into_iter().map(|holding| holding.roster).collect();
    TokenPair { access: AccessClaims { token: access, groups, extra: claims }, refresh }
}

#[cfg(test)]
mod tests;
