//! Where errors meet HTTP status codes: the only place.
//!
//! What went wrong inside is logged here, never sent.

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Map;

use crate::domain::claim::ClaimNameError;
use crate::domain::group::GroupNameError;
use crate::domain::policy::{Denied, Refusal, Withdrawn};
use crate::domain::realm::{Stale, WriteError};
use crate::domain::token::{ScopeError, SessionIdError};
use crate::domain::user::UserIdError;
use crate::idp::ProviderError;
use crate::jose::error::VerifyError;
use crate::jose::seal::SealError;
use crate::jose::sign::SignError;
use crate::oauth::error::OAuthError;
use crate::server::document::ErrorDocument;
use crate::service::{AccessError, ChangeError, GrantError, InviteError, JoinError, LookError};
use crate::web::bearer::{BearerError, challenge, dpop_challenge};
use crate::web::limits::{BodyError, RetryAfter};
use crate::web::request_id::RequestId;

/// Why a request is not granted.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No such path, or nothing by that name that the caller may see.
    #[error("{0}")]
    NotFound(&'static str),
    /// The path is there, the method is not.
    #[error("this method is not allowed here; Allow says which are")]
    MethodNotAllowed(&'static str),
    /// The request makes no sense; the text says what would.
    #[error("{0}")]
    Malformed(String),
    /// The body is of the wrong kind.
    #[error("the body must be JSON in UTF-8, with the header Content-Type: application/json")]
    MediaType,
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A token is needed and there is none.
    #[error("log in first: this takes an access token in the header Authorization: Bearer …")]
    TokenMissing,
    /// A refresh needs a refresh token and there is none.
    #[error("a refresh takes the refresh token in the header Authorization: Bearer …")]
    RefreshTokenMissing,
    /// Anything but a proof of the provider's own, such as a token of ours.
    #[error(
        "a new password takes what the identity provider itself gives: Basic with the old one, or its reset token"
    )]
    OwnToken,
    /// The header with the token is malformed.
    #[error(transparent)]
    Bearer(#[from] BearerError),
    /// The token does not hold.
    #[error("this token does not hold: {0}")]
    Token(#[from] VerifyError),
    /// The proof of the key that a token is shown with does not hold.
    #[error(transparent)]
    Proof(#[from] OAuthError),
    /// The policy says no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No token for this user, or no use of this one.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The identity provider says no, or nothing that helps.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A browser came back with an answer to a login that it did not begin, that is over, or that took too long.
    #[error("this browser has no such login under way; begin it again at /tokens/")]
    LoginUnknown,
    /// A form was sent that no page of ours made for this browser, or too long ago.
    #[error("this form was not made for this browser, or is too old; open the page again")]
    FormUnknown,
    /// A text is no invitation of this Pasee, or one that is over.
    #[error("this invitation is over, or none of this Pasee; ask for another one")]
    InvitationUnknown,
    /// Whoever has made the invitation may not let anybody in any more.
    #[error(
        "whoever has made this invitation may not let anybody into the group any more; ask the staff of the group"
    )]
    InvitationWithdrawn,
    /// The login cookie could not be sealed.
    #[error("a login could not be begun")]
    Seal(#[from] SealError),
    /// The provider that proved the session's login is not offered any more.
    #[error(
        "the identity provider of this session is not offered any more; log in again through another"
    )]
    ProviderGone,
    /// The settings do not let this user in any more, or ask for more than the session's login proved.
    #[error("the settings do not let this session go on; log in again")]
    NotAllowedAnyMore,
    /// The state was not changed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The state is too old to issue tokens by.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// What another process of this realm keeps, which does not answer now.
    #[error("the server that keeps this is not reached at the moment; try again in a few seconds")]
    Elsewhere,
    /// Too many attempts.
    #[error("too many attempts; wait as long as Retry-After says")]
    TooMany(RetryAfter),
    /// Too many changes.
    #[error("you have changed too much within a minute; wait as long as Retry-After says")]
    TooManyChanges(RetryAfter),
    /// No token could be signed.
    #[error("a token could not be signed")]
    Sign(#[from] SignError),
    /// No token could be named.
    #[error("the system gives no random numbers")]
    Randomness,
}

macro_rules! malformed {
    ($($kind:ty),*) => {$(
        impl From<$kind> for ApiError {
            fn from(error: $kind) -> Self {
                Self::Malformed(error.to_string())
            }
        }
    )*};
}
malformed!(GroupNameError, UserIdError, ScopeError, SessionIdError, ClaimNameError);

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Token(error) => error.into(),
            AccessError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Provider(error) => error.into(),
            GrantError::Token(error) => error.into(),
            GrantError::ProviderGone => Self::ProviderGone,
            GrantError::NotAllowedAnyMore => Self::NotAllowedAnyMore,
            GrantError::Refused(refusal) => refusal.into(),
            GrantError::Stale(stale) => stale.into(),
            GrantError::Sign(error) => error.into(),
            GrantError::Randomness => Self::Randomness,
        }
    }
}

impl From<LookError> for ApiError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::Denied(denied) => denied.into(),
            LookError::UnknownProvider(_) => Self::Malformed(error.to_string()),
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Denied(denied) => denied.into(),
            ChangeError::Write(error) => error.into(),
            ChangeError::TooMany(wait) => Self::TooManyChanges(RetryAfter(wait)),
            ChangeError::UnknownProvider(_) => Self::Malformed(error.to_string()),
        }
    }
}

impl From<InviteError> for ApiError {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::Change(error) => error.into(),
            InviteError::Seal(error) => error.into(),
        }
    }
}

impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Withdrawn => Self::InvitationWithdrawn,
            JoinError::Caller(error) => error.into(),
            JoinError::Change(error) => error.into(),
        }
    }
}

/// The status that a provider's word has.
fn status_of(error: &ProviderError) -> StatusCode {
    match error {
        ProviderError::NotOffered => StatusCode::NOT_FOUND,
        ProviderError::Refused
        | ProviderError::NotConfirmed
        | ProviderError::Token(_)
        | ProviderError::Account(_)
        | ProviderError::NotAllowed
        | ProviderError::Subject(_) => StatusCode::FORBIDDEN,
        ProviderError::Unreachable
        | ProviderError::Limited(_)
        | ProviderError::Busy
        | ProviderError::Proxy(_) => StatusCode::SERVICE_UNAVAILABLE,
        ProviderError::InvalidResponse(_) | ProviderError::Misconfigured(_) => {
            StatusCode::BAD_GATEWAY
        }
    }
}

/// An error as it is sent.
#[derive(Debug)]
pub struct ErrorReply {
    /// What HTTP says of it.
    pub status: StatusCode,
    /// `Allow`, `Retry-After` or `WWW-Authenticate`.
    pub header: Option<(HeaderName, HeaderValue)>,
    /// What it says.
    pub document: ErrorDocument,
}

impl ApiError {
    /// The status this error has.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_)
            | Self::InvitationUnknown
            | Self::Write(
                WriteError::GroupMissing | WriteError::ParentMissing | WriteError::NotMember,
            ) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::LoginUnknown
            | Self::Malformed(_)
            | Self::Sign(SignError::TooLong | SignError::NoRoom) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(BodyError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Slow) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::Broken) => StatusCode::BAD_REQUEST,
            Self::TokenMissing
            | Self::RefreshTokenMissing
            | Self::OwnToken
            | Self::Bearer(_)
            | Self::Token(_)
            | Self::Proof(_)
            | Self::ProviderGone
            | Self::NotAllowedAnyMore => StatusCode::UNAUTHORIZED,
            Self::Refused(refusal)
            | Self::Write(WriteError::Withdrawn(Withdrawn::Refused(refusal))) => match refusal {
                Refusal::Revoked
                | Refusal::SessionEnded
                | Refusal::SessionOver
                | Refusal::TokenOver => StatusCode::UNAUTHORIZED,
                Refusal::Banned | Refusal::ScopeWidened => StatusCode::FORBIDDEN,
            },
            Self::Write(WriteError::InvitationVoid) => StatusCode::GONE,
            Self::FormUnknown
            | Self::InvitationWithdrawn
            | Self::Denied(_)
            | Self::Write(WriteError::Withdrawn(Withdrawn::Denied(_))) => StatusCode::FORBIDDEN,
            Self::Stale(_)
            | Self::Elsewhere
            | Self::Write(
                WriteError::Unavailable(_) | WriteError::Unconfirmed(_) | WriteError::Partly { .. },
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Provider(error) => status_of(error),
            Self::Write(
                WriteError::Awaited(_)
                | WriteError::GroupExists
                | WriteError::AlreadyMember
                | WriteError::LastRootStaff
                | WriteError::ElsewhereOwned(_),
            ) => StatusCode::CONFLICT,
            Self::Write(WriteError::Full(_)) => StatusCode::INSUFFICIENT_STORAGE,
            Self::TooMany(_) | Self::TooManyChanges(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Sign(_) | Self::Seal(_) | Self::Randomness => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The error as it is sent: what the caller can act on, nothing of the inside.
    #[must_use]
    pub fn answer(&self) -> ErrorReply {
        let status = self.status();
        let document = ErrorDocument::new(status, &self.title());
        ErrorReply { status, header: self.header(status), document }
    }

    /// The same, with what the request is called where the log has more to say of it, under that name.
    #[must_use]
    pub fn answer_to(&self, request: Option<&RequestId>) -> ErrorReply {
        let mut answer = self.answer();
        if let (true, Some(id)) = (self.is_explained_in_log(), request) {
            let name = Map::from_iter([("request_id".to_owned(), id.as_str().into())]);
            answer.document = answer.document.with(name);
        }
        answer
    }

    /// Whether the log says why. Never of what must look the same whatever the reason is, such as a wrong password.
    fn is_explained_in_log(&self) -> bool {
        match self {
            Self::Provider(error) => match error {
                ProviderError::NotConfirmed
                | ProviderError::Token(_)
                | ProviderError::Account(_)
                | ProviderError::NotAllowed
                | ProviderError::Subject(_)
                | ProviderError::Unreachable
                | ProviderError::Proxy(_)
                | ProviderError::Limited(_)
                | ProviderError::InvalidResponse(_)
                | ProviderError::Misconfigured(_) => true,
                ProviderError::Refused | ProviderError::Busy | ProviderError::NotOffered => false,
            },
            Self::Write(error) => matches!(
                error,
                WriteError::Unavailable(_) | WriteError::Unconfirmed(_) | WriteError::Partly { .. }
            ),
            Self::NotAllowedAnyMore | Self::Seal(_) | Self::Randomness => true,
            Self::Sign(error) => !matches!(error, SignError::TooLong | SignError::NoRoom),
            _ => false,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Write(WriteError::Unavailable(reason)) => {
                let error: &dyn std::error::Error = &**reason;
                tracing::error!(error, "the state cannot be written");
                "the state cannot be written now; nothing was changed, try again later".to_owned()
            }
            Self::Write(WriteError::Unconfirmed(reason)) => {
                let error: &dyn std::error::Error = &**reason;
                tracing::error!(error, "a change is not confirmed");
                "the change may have been made; look before you try again".to_owned()
            }
            Self::Write(WriteError::Partly { done, source }) => {
                tracing::error!(%done, reason = %source, "only part of a change was made");
                format!("{done}; the rest could not be done now: look, and try again later")
            }
            // The log has said why, under the provider's name.
            Self::Provider(ProviderError::InvalidResponse(_)) => {
                "the identity provider's answer is invalid: that is not your fault, and only whoever runs it or this Pasee can mend it"
                    .to_owned()
            }
            Self::Provider(ProviderError::Proxy(fault)) => {
                format!("the identity provider cannot be reached now, and neither you nor it are to blame: {fault}")
            }
            Self::Provider(ProviderError::Misconfigured(_)) => {
                "this Pasee and the identity provider are not set up for each other: that is not your fault, and only whoever runs \
                 this Pasee can mend it"
                    .to_owned()
            }
            Self::Sign(reason @ (SignError::TooLong | SignError::NoRoom)) => reason.to_string(),
            Self::Sign(_) | Self::Seal(_) | Self::Randomness => {
                tracing::error!(reason = %self, "a token could not be issued");
                "something is wrong inside; its log says what".to_owned()
            }
            shown => shown.to_string(),
        }
    }

    fn header(&self, status: StatusCode) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed(allow) => Some((header::ALLOW, HeaderValue::from_static(allow))),
            Self::TooMany(wait) | Self::TooManyChanges(wait) => {
                Some((header::RETRY_AFTER, wait.header()))
            }
            Self::Provider(ProviderError::Limited(wait)) => {
                Some((header::RETRY_AFTER, RetryAfter(*wait).header()))
            }
            Self::TokenMissing | Self::RefreshTokenMissing => {
                Some((header::WWW_AUTHENTICATE, challenge(None)))
            }
            Self::Bearer(error) => {
                let description = error.to_string();
                Some((header::WWW_AUTHENTICATE, challenge(Some(("invalid_request", &description)))))
            }
            Self::Proof(error) => {
                let said = (error.code().as_str(), error.description());
                Some((header::WWW_AUTHENTICATE, dpop_challenge(said)))
            }
            Self::Token(error @ VerifyError::Bound) => {
                let said = ("invalid_token", &*error.to_string());
                Some((header::WWW_AUTHENTICATE, dpop_challenge(said)))
            }
            Self::Denied(_) | Self::Write(WriteError::Withdrawn(Withdrawn::Denied(_))) => {
                let description = "the token's user is not allowed to do this";
                Some((
                    header::WWW_AUTHENTICATE,
                    challenge(Some(("insufficient_scope", description))),
                ))
            }
            _ if status == StatusCode::UNAUTHORIZED => {
                let description = self.to_string();
                Some((header::WWW_AUTHENTICATE, challenge(Some(("invalid_token", &description)))))
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("5")))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_a_store_refuses() {
        let inside = || Arc::new(std::io::Error::other("10.0.0.1 is away"));
        for (error, status, says) in [
            (
                WriteError::ElsewhereOwned("Membership devs".to_owned()).into(),
                409,
                "this is said by Membership devs",
            ),
            (WriteError::Unavailable(inside()).into(), 503, "nothing was changed"),
            (WriteError::Unconfirmed(inside()).into(), 503, "may have been made"),
            (ApiError::from(Stale::TooOld), 503, "too old to issue tokens by"),
            (ApiError::from(Stale::NeverRead), 503, "were not read yet"),
            (
                WriteError::Partly {
                    done: "k-ada was taken off a".to_owned(),
                    source: Box::new(WriteError::Unavailable(inside())),
                }
                .into(),
                503,
                "k-ada was taken off a; the rest could not",
            ),
        ] {
            let answer = error.answer();
            let body = String::from_utf8(answer.document.core_json()).unwrap();
            assert_eq!(answer.status, status);
            assert!(body.contains(says) && !body.contains("10.0.0.1"), "{body}");
            assert_eq!(answer.header.is_some(), status == 503, "when to come back");
        }
    }
}
