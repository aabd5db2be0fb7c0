//! The writing port: changes of the state, each with the permit that allows it.
//!
//! Must not know who may do what (that is [`policy`](super::policy)) nor where the state lives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::directory::Directory;
use super::policy::{Permit, Withdrawn};

/// A write under way.
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send + 'a>>;

/// A store: one set of groups.
pub trait Realm: Send + Sync {
    /// The state to read from.
    fn directory(&self) -> &dyn Directory;

    /// Carries out what the permit allows, judged again by what the state says when nothing can come in between any more. Success means stored for good, and shown by [`Realm::directory`].
    fn write(&self, permit: Permit) -> Writing<'_>;

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
