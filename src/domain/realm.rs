//! The writing port: changes of the state, each with the permit that allows it.
//!
//! Must not know who may do what (that is [`policy`](super::policy)) nor where the state lives.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::directory::Directory;
use super::group::GroupName;
use super::invitation::GroupMark;
use super::membership::Roster;
use super::name::PersonName;
use super::policy::{Permit, Withdrawn};
use super::user::UserId;

/// A write under way.
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send + 'a>>;

/// A question under way, which takes as long as the store does: what is seldom asked is not kept in memory.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, WriteError>> + Send + 'a>>;

/// What users of a roster were called when they came onto it, as far as that is known.
pub type Names = BTreeMap<UserId, PersonName>;

/// A store: one set of groups.
pub trait Realm: Send + Sync {
    /// The state to read from.
    fn directory(&self) -> &dyn Directory;

    /// Carries out what the permit allows, judged again by what the state says when nothing can come in between any more. Success means stored for good, and shown by [`Realm::directory`].
    fn write(&self, permit: Permit) -> Writing<'_>;

    /// The mark of a group that people can be invited to.
    fn mark<'a>(&'a self, group: &'a GroupName) -> Asking<'a, Option<GroupMark>>;

    /// What these users were called when they came onto a roster.
    fn names<'a>(&'a self, roster: &'a Roster, users: &'a [UserId]) -> Asking<'a, Names>;

    /// Whether what [`Realm::directory`] shows is new enough to issue tokens by. A store that reads its own state always
    /// is.
    ///
    /// # Errors
    /// It is older than the operator allows, or was never read.
    fn fresh(&self) -> Result<(), Stale> {
        Ok(())
    }
}

/// The state in memory is nothing to issue tokens by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// It was read once, and cannot be read any more.
    #[error("what is known of users and groups is too old to issue tokens by; try again later")]
    TooOld,
    /// It was never read since the start.
    #[error("users and groups were not read yet; try again later")]
    NeverRead,
}

/// Why a change did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// It was permitted, and is not any more: whether or not what was named is there.
    #[error(transparent)]
    Withdrawn(#[from] Withdrawn),
    /// The group to create is there already.
    #[error("the group exists already")]
    GroupExists,
    /// Others have put people into the group to create before there was one, and nobody was asked about them.
    #[error(
        "{0} waited for a group of this name, and whoever is in there would be in it at once: have that deleted, or take it in, by \
         \"adopt\": true"
    )]
    Awaited(String),
    /// The parent of the group to create is not there.
    #[error("the parent group does not exist; create it first")]
    ParentMissing,
    /// The group is not there.
    #[error("the group does not exist")]
    GroupMissing,
    /// The user is on the roster already.
    #[error("the user is already there")]
    AlreadyMember,
    /// The user is not on the roster.
    #[error("the user is not there")]
    NotMember,
    /// The invitation names another group, or it was taken back.
    #[error(
        "this invitation was taken back, or the group that it was to is no more; ask for another one"
    )]
    InvitationVoid,
    /// Nobody but an operator takes the last of the root staff away.
    #[error(
        "this is the last of the root staff that can act; put another user into staff first, whom a provider of the settings knows \
         (a ServiceAccount may be gone, and counts for nobody)"
    )]
    LastRootStaff,
    /// Others say so too, in an object that only they change.
    #[error("this is said by {0}, which Pasee does not change; change it there")]
    ElsewhereOwned(String),
    /// There is more than whoever keeps the state lets it hold.
    #[error(
        "the realm is full: there are as many {0} as it may hold; delete some, or have its administrators allow more"
    )]
    Full(&'static str),
    /// Some of the change was made, and then it failed.
    #[error("{done}; the rest was not done: {source}")]
    Partly {
        /// What was.
        done: String,
        /// Why no more was.
        source: Box<WriteError>,
    },
    /// The change was sent, and nobody knows whether it was made.
    #[error("the change may have been made: {0}")]
    Unconfirmed(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The state cannot be written now; nothing was changed.
    #[error("the state cannot be written now: {0}")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}
