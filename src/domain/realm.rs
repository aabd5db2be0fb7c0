//! The writing port: changes of the state, each with the permit that allows it.
//!
//! Must not know who may do what (that is [`policy`](super::policy)) nor where the state lives.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::directory::Directory;
use super::group::GroupName;
use super::membership::{Membership, Roster};
use super::policy::Permit;
use super::time::Timestamp;
use super::user::UserId;

/// A change of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new group; its creator, if any, becomes its staff.
    CreateGroup {
        /// The new group's name.
        group: GroupName,
        /// Who becomes its staff; `None` when an operator makes the group from the command line.
        creator: Option<UserId>,
    },
    /// The group, everything under it, and all their memberships.
    DeleteGroup(GroupName),
    /// A user onto a roster.
    AddMember(Membership),
    /// A user off a roster.
    RemoveMember {
        /// Which list.
        roster: Roster,
        /// Who.
        user: UserId,
    },
    /// Whether a user gets tokens at all.
    SetBanned {
        /// Who.
        user: UserId,
        /// No more tokens, or tokens again.
        banned: Ban,
    },
    /// Tokens of a user issued before a moment are worth nothing any more. Never moves back in time.
    Revoke {
        /// Whose tokens.
        user: UserId,
        /// The first second whose tokens count.
        not_before: Timestamp,
    },
    /// A user off every roster. What root staff has said of them stays said.
    DeleteUser(UserId),
}

/// Which way a ban goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// Gets no token any more.
    Impose,
    /// Gets tokens again.
    Lift,
}

/// A write under way.
pub type Writing<'a> = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send + 'a>>;

/// A store: one set of groups.
pub trait Realm: Send + Sync {
    /// The state to read from.
    fn directory(&self) -> &dyn Directory;

    /// Carries out what the permit allows. Success means stored for good, and shown by [`Realm::directory`].
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

/// The state in memory is too old to issue tokens by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is known of users and groups is too old to issue tokens by; try again later")]
pub struct Stale;

/// Why a change did not happen.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The group to create is there already.
    #[error("the group exists already")]
    GroupExists,
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
    /// Others say so too, in an object that only they change.
    #[error("this is said by {0}, which Pasee does not change; change it there")]
    ElsewhereOwned(String),
    /// The change was sent, and nobody knows whether it was made.
    #[error("the change may have been made: {0}")]
    Unconfirmed(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The state cannot be written now; nothing was changed.
    #[error("the state cannot be written now: {0}")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}
