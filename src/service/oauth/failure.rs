//! Why a client gets nothing.
//!
//! Must not know status codes.

use crate::domain::policy::Refusal;
use crate::idp::ProviderError;
use crate::jose::sign::SignError;
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::service::GrantError;

/// Why a client gets nothing: by the protocol's names, or because of us.
#[derive(Debug, thiserror::Error)]
pub enum OAuthFailure {
    /// What the client is told.
    #[error(transparent)]
    Protocol(#[from] OAuthError),
    /// Nothing can be said now, and can be soon.
    #[error("the state is too old to issue tokens by")]
    Later,
    /// Something is wrong here, which the log tells.
    #[error("{0}")]
    Inside(&'static str),
}

impl OAuthFailure {
    pub(super) fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        OAuthError::new(code, description.into()).into()
    }
}

/// What the gate says no to: `invalid_grant` is what a client starts a login anew for.
impl From<GrantError> for OAuthFailure {
    fn from(error: GrantError) -> Self {
        let told = |code| Self::new(code, error.to_string());
        match &error {
            GrantError::Refused(Refusal::ScopeWidened) => told(ErrorCode::InvalidScope),
            GrantError::Sign(SignError::NoRoom | SignError::TooLong) => {
                told(ErrorCode::InvalidScope)
            }
            GrantError::Provider(
                ProviderError::Unreachable | ProviderError::Busy | ProviderError::Limited(_),
            )
            | GrantError::Stale(_) => Self::Later,
            GrantError::Token(_)
            | GrantError::ProviderGone
            | GrantError::NotAllowedAnyMore
            | GrantError::Refused(_)
            | GrantError::Provider(_) => told(ErrorCode::InvalidGrant),
            GrantError::Sign(error) => {
                tracing::error!(%error, "a token could not be issued");
                Self::Inside("a token could not be signed")
            }
            GrantError::Randomness => Self::Inside("the system gives no random numbers"),
        }
    }
}
