//! Why the policy says no.
//!
//! Must not know when.

/// The policy says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// By the table.
    #[error("not allowed: this takes the staff of the group, or root staff")]
    NotEntitled,
    /// One's own time on a staff is not one's own to prolong.
    #[error(
        "not allowed: you are on this staff for a time, and only others, of the root staff, can give you more"
    )]
    OwnTime,
    /// Enough is enough.
    #[error(
        "not allowed: you have made {0} groups, as many as one user may; delete some, or ask root staff, whom no such bound holds"
    )]
    TooManyGroups(u64),
    /// The same of members.
    #[error(
        "not allowed: you have put users into groups {0} times, as often as one user may (in Kubernetes each of your Memberships past a \
         hundred counts as ten); remove some, or ask root staff, whom no such bound holds"
    )]
    TooManyMemberships(u64),
}

/// Why a change that was permitted is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withdrawn {
    /// Its author has lost what entitled them.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Its author may not act at all.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Why a user gets no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Root staff has banned the user.
    #[error("this user is banned")]
    Banned,
    /// The user's tokens were revoked since the session began.
    #[error("this user's tokens were revoked; log in again")]
    Revoked,
    /// This session was ended, and no other.
    #[error("this session was ended; log in again")]
    SessionEnded,
    /// The login is too long ago.
    #[error("the session is over; log in again")]
    SessionOver,
    /// The token has ended since it was verified.
    #[error("this token has expired; refresh it")]
    TokenOver,
    /// More was asked for than the refresh token holds.
    #[error("a refresh can narrow the scope, never widen it")]
    ScopeWidened,
}
