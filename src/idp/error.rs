//! Why a provider did not say who somebody is.
//!
//! Must not know which status code that comes to.

use std::time::Duration;

use crate::domain::user::UserIdError;
use crate::jose::error::VerifyError;
use crate::outbound::{CallError, ProxyFault, Response};

/// Why a provider did not say who somebody is, or did not take what was forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Unknown user or wrong password: nobody learns which.
    #[error("the identity provider does not know this login and password")]
    Refused,
    /// The provider did not confirm who somebody is: they said no there, or what they brought back does not hold.
    #[error(
        "the identity provider did not confirm this login: you or it said no, or what you brought is used up or too old; begin again"
    )]
    NotConfirmed,
    /// The token is not believed.
    #[error("this token is no login here: {0}")]
    Token(VerifyError),
    /// The user has proved who they are, and their account there takes no logins.
    #[error("the identity provider knows this login and password, and lets nobody in by them: {0}")]
    Account(AccountState),
    /// The user is known, and the settings do not let them in.
    #[error(
        "this user may not log in here: the identity provider knows you, and the settings of this Pasee do not let you in"
    )]
    NotAllowed,
    /// The user is known there, by a name that nobody can have here.
    #[error(
        "the identity provider knows this user by a name that cannot be one here: {0}; it has to be changed there"
    )]
    Subject(UserIdError),
    /// No connection, or no answer in time.
    #[error("the identity provider cannot be reached now; that is not your fault, try again later")]
    Unreachable,
    /// The proxy on the way did not lead there.
    #[error("the identity provider cannot be reached now: {0}")]
    Proxy(ProxyFault),
    /// It is there and answers no more for now: it said for how long.
    #[error(
        "the identity provider takes no more requests for now; that is not your fault, try again when Retry-After says"
    )]
    Limited(Duration),
    /// More logins are under way than this provider is allowed at once.
    #[error("too many logins through this identity provider at once")]
    Busy,
    /// An answer that is invalid; says where.
    #[error("the identity provider's answer is invalid: {0}")]
    InvalidResponse(&'static str),
    /// The provider and this Pasee are not set up for each other, which no user can mend; says what is to be looked at.
    #[error("this Pasee and the identity provider are not set up for each other: {0}")]
    Misconfigured(&'static str),
    /// The protocol has no such thing.
    #[error("this identity provider does not offer that")]
    NotOffered,
}

/// Why an account takes no logins, as its provider says to whoever knows its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountState {
    /// It is switched off.
    #[error("the account is disabled there")]
    Disabled,
    /// Its time is over.
    #[error("the account has expired there")]
    Expired,
    /// Its password is too old.
    #[error("the password has expired, and has to be changed there")]
    PasswordExpired,
    /// Its password was given to be changed.
    #[error("the password has to be changed there first")]
    PasswordToChange,
    /// It takes logins at other hours or from other places.
    #[error("the account may not log in there at this hour, or from this place")]
    NotNow,
}

impl ProviderError {
    /// Says in the log what is for whoever runs this Pasee to see.
    pub(super) fn say(&self) {
        match self {
            Self::InvalidResponse(reason) => {
                tracing::warn!(%reason, "an identity provider's answer is invalid");
            }
            Self::Misconfigured(reason) => tracing::error!(
                %reason,
                "an identity provider and this Pasee are not set up for each other"
            ),
            Self::Subject(reason) => {
                tracing::warn!(%reason, "a user of an identity provider is refused");
            }
            Self::Token(reason) => tracing::info!(%reason, "a token is no login here"),
            Self::NotConfirmed => {
                tracing::info!("a login was not confirmed by its identity provider");
            }
            Self::Account(state) => {
                tracing::info!(%state, "an identity provider knows a user, and lets them in nowhere");
            }
            // Whoever called has said how that went; whom the settings do not let in, the rules.
            Self::Unreachable
            | Self::Proxy(_)
            | Self::Limited(_)
            | Self::Busy
            | Self::NotAllowed => {}
            // What anybody can cause by the thousand is for the metrics.
            Self::Refused | Self::NotOffered => {}
        }
    }

    /// What an answer comes to that says its server is not there now.
    pub(super) fn of_away(answer: &Response) -> Self {
        answer.retry_after().map_or(Self::Unreachable, Self::Limited)
    }

    /// What it comes to when a token that the provider answered with is not believed: its answer is invalid, unless the
    /// token holds and only its user's name cannot be one here.
    pub(super) fn of_token(error: VerifyError, what: &'static str) -> Self {
        match error {
            VerifyError::Subject(error) => error.into(),
            _ => Self::InvalidResponse(what),
        }
    }
}

/// A user without a name is the provider's mistake; a name that cannot be one here is nobody's.
impl From<UserIdError> for ProviderError {
    fn from(error: UserIdError) -> Self {
        match error {
            UserIdError::SubjectEmpty => Self::InvalidResponse("a user without an id"),
            error => Self::Subject(error),
        }
    }
}

impl From<CallError> for ProviderError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable | CallError::Untrusted => Self::Unreachable,
            CallError::Busy => Self::Busy,
            CallError::Proxy(fault) => Self::Proxy(fault),
            CallError::InvalidResponse(place) => Self::InvalidResponse(place),
        }
    }
}
