//! From an admission to a pair of tokens: what each says, and how long it is good.
//!
//! Which groups there is room for is decided in `fit`. Must not know how a token is written or signed.

mod fit;

use std::time::Duration;

use super::directory::Holding;
use super::policy::Admission;
use super::time::Timestamp;
use super::token::{AccessClaims, Lifetimes, RefreshClaims, SessionId, Token, TokenId};

/// What is over sooner than this gives no group: a token that ended with it would be refreshed over and over.
const TOO_SHORT: Duration = Duration::from_secs(60);

/// An access token and the refresh token that comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPair {
    /// Opens things, for minutes.
    pub access: AccessClaims,
    /// Opens nothing but a refresh, for days.
    pub refresh: RefreshClaims,
}

/// The ids that new tokens get.
#[derive(Clone, Debug)]
pub struct Ids {
    /// The access token's.
    pub access: TokenId,
    /// The refresh token's.
    pub refresh: TokenId,
    /// The session's, if it begins with them; one that goes on keeps its own.
    pub session: SessionId,
}

/// A pair whose access token names no group yet.
#[derive(Clone, Debug)]
pub struct Draft {
    pair: TokenPair,
    holdings: Vec<Holding>,
}

/// Makes the claims of a pair. Neither token outlives the session. A login that another replica's faster clock saw later than
/// now counts as now: no token says that it is older than its login.
#[must_use]
pub fn issue(
    admission: Admission,
    holdings: Vec<Holding>,
    lifetimes: Lifetimes,
    ids: Ids,
    now: Timestamp,
) -> Draft {
    let soon = now.after(TOO_SHORT);
    let lasts = |holding: &Holding| holding.expires_at.is_none_or(|end| soon <= end);
    let is_covered = |holding: &Holding| admission.scope.covers(&holding.roster);
    let holdings = holdings.into_iter();
    let holdings = holdings.filter(|holding| is_covered(holding) && lasts(holding)).collect();
    let expires_at = now.after(lifetimes.access).min(admission.session_ends);
    let refresh =
        remembered(admission, now.after(lifetimes.refresh), (ids.refresh, ids.session), now);
    let access = Token { expires_at, id: ids.access, ..refresh.token.clone() };
    let extra = refresh.extra.clone();
    let access = AccessClaims { token: access, groups: Vec::new(), groups_truncated: false, extra };
    Draft { pair: TokenPair { access, refresh }, holdings }
}

/// What is remembered of a session without a token for it, as a refresh token would: who was admitted, and by what. It is over
/// after this time from the login, and with the session at the latest.
#[must_use]
pub fn remember(admission: Admission, lasts: Duration, ids: Ids, now: Timestamp) -> RefreshClaims {
    let until = admission.authenticated_at.min(now).after(lasts);
    remembered(admission, until, (ids.refresh, ids.session), now)
}

/// The same until a moment, by these ids; the session's counts if it begins with them.
fn remembered(
    admission: Admission,
    until: Timestamp,
    (id, begun): (TokenId, SessionId),
    now: Timestamp,
) -> RefreshClaims {
    let Admission {
        user,
        scope,
        claims,
        evidence,
        authenticated_at,
        auth_time,
        session_ends,
        revocation,
        session,
        client,
        ..
    } = admission;
    let token = Token {
        subject: user,
        issued_at: now,
        expires_at: until.min(session_ends),
        authenticated_at: authenticated_at.min(now),
        auth_time: auth_time.of_login_at(authenticated_at.min(now)),
        id,
        scope,
        revocation,
        session: session.unwrap_or(begun),
        client,
    };
    RefreshClaims { token, evidence, extra: claims }
}

impl Draft {
    /// The access token's claims without groups.
    #[must_use]
    pub fn bare(&self) -> &AccessClaims {
        &self.pair.access
    }

    /// The pair, with as many groups as there is room for, in bytes of a JSON array. A login never fails for its groups. The
    /// access token ends no later than the first membership that gave it a group.
    #[must_use]
    pub fn fit(self, room: usize) -> TokenPair {
        let Self { mut pair, holdings } = self;
        let all = holdings.len();
        let named = fit::fit(holdings, room);
        let access = &mut pair.access;
        access.groups_truncated = named.len() < all;
        let first_end = named.iter().filter_map(|holding| holding.expires_at).min();
        access.token.expires_at = access.token.expires_at.min(first_end.unwrap_or(Timestamp::MAX));
        access.groups = named.into_iter().map(|holding| holding.roster).collect();
        pair
    }
}

#[cfg(test)]
mod tests;
