//! What can be wrong with an object, and the reason that its condition then gives.
//!
//! Must not know how an object is read.

use super::condition::Reason;
use super::crd_schema::{MAX_DESCRIPTION, MAX_USERS};
use super::rfc3339::DateTimeError;
use super::service_account::{MAX_SERVICE_ACCOUNTS, ServiceAccountError};
use crate::domain::group::GroupNameError;
use crate::domain::user::UserIdError;

/// Why an object says nothing that Pasee can take: the field, and what a right value looks like. The values themselves
/// are left out: they may be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The definition in the cluster let something through that is no object of the kind.
    #[error(
        "spec does not have the form of its kind: some field has another type or is missing; apply the definitions that \
         pasee crd prints, then correct the object"
    )]
    Spec,
    /// The name of a Group.
    #[error("metadata.name is no group's name, with _ written as --: {0}")]
    Name(GroupNameError),
    /// The group of a Membership.
    #[error("spec.group is no name of a Group, with _ written as --: {0}")]
    Group(GroupNameError),
    /// A Membership of members without a group.
    #[error("spec.group is missing: only the root staff (role Staff) has no group")]
    NoGroup,
    /// The creator of a Group.
    #[error("spec.creator: {0}")]
    Creator(UserIdError),
    /// The description of a Group is too long.
    #[error("spec.description has at most {MAX_DESCRIPTION} characters")]
    Description,
    /// The user that a User is about.
    #[error("spec.username: {0}")]
    Username(UserIdError),
    /// One of the users of a Membership.
    #[error("spec.users[{place}]: {error}")]
    User {
        /// Which, from 0.
        place: usize,
        /// What is wrong.
        error: UserIdError,
    },
    /// One of the service accounts of a Membership.
    #[error("spec.serviceAccounts[{place}]: {error}")]
    ServiceAccount {
        /// Which, from 0.
        place: usize,
        /// What is wrong.
        error: ServiceAccountError,
    },
    /// More users than one Membership may have.
    #[error(
        "spec.users has at most {MAX_USERS} users; put more in another Membership of the same group"
    )]
    TooManyUsers,
    /// More service accounts than one Membership may have.
    #[error(
        "spec.serviceAccounts has at most {MAX_SERVICE_ACCOUNTS}; put more in another Membership of the same group"
    )]
    TooManyServiceAccounts,
    /// The end of a Membership.
    #[error("spec.expiresAt: {0}")]
    ExpiresAt(DateTimeError),
    /// The end of SessionRevocations.
    #[error("spec.until: {0}")]
    Until(DateTimeError),
    /// The revocation of a User.
    #[error("spec.notBefore: {0}")]
    NotBefore(DateTimeError),
}

impl Invalid {
    /// The reason for the condition `Ready`.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Spec => Reason::InvalidSpec,
            Self::Name(_) | Self::Group(_) => Reason::InvalidName,
            Self::NoGroup => Reason::InvalidRole,
            Self::Creator(_) | Self::Username(_) | Self::User { .. } => Reason::InvalidUser,
            Self::ServiceAccount { .. } => Reason::InvalidServiceAccount,
            Self::Description | Self::TooManyUsers | Self::TooManyServiceAccounts => {
                Reason::TooMuch
            }
            Self::ExpiresAt(_) | Self::Until(_) | Self::NotBefore(_) => Reason::InvalidTime,
        }
    }
}
