//! What can be changed of the state.
//!
//! Must not know who may do what (that is [`policy`](super::policy)) nor how a change is carried out.

use super::description::Description;
use super::group::GroupName;
use super::membership::{Membership, Roster};
use super::time::Timestamp;
use super::token::SessionId;
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
    /// What a group is for, in place of what was said of that before.
    Describe {
        /// Which group.
        group: GroupName,
        /// In a few words; `None` = nothing is said.
        description: Option<Description>,
    },
    /// A user onto a roster.
    AddMember(Membership),
    /// A user off a roster.
    RemoveMember {
        /// Which list.
        roster: Roster,
        /// Who.
        user: UserId,
    },
    /// When a membership ends that there is: the moment said and no other.
    SetExpiry(Membership),
    /// A user off a roster, by their own will.
    Leave {
        /// Which list.
        roster: Roster,
        /// Who goes.
        user: UserId,
    },
    /// Whether a user gets tokens at all. A ban ends all sessions.
    SetBanned {
        /// Who.
        user: UserId,
        /// No more tokens, or tokens again.
        banned: Ban,
    },
    /// All sessions of a user end.
    Revoke(UserId),
    /// One session of a user ends, and no other.
    EndSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// When it would have ended anyway: the first second it need not be remembered any more.
        until: Timestamp,
    },
    /// What somebody has written down of a user, at once; `None` = nothing of that. A revocation that has been never moves back in
    /// time; one that is still to come can.
    Declare {
        /// Who.
        user: UserId,
        /// No more tokens, or tokens again.
        banned: Option<Ban>,
        /// When all sessions ended that had begun.
        not_before: Option<Timestamp>,
    },
    /// A user off every roster. What root staff has said of them stays said.
    DeleteUser(UserId),
}

impl Change {
    /// What it goes before, when this user makes it, or the operator: nobody who is being stopped gets anything done meanwhile
    /// by asking for much, and whoever ends their own sessions keeps nobody from stopping somebody.
    #[must_use]
    pub fn urgency(&self, author: Option<&UserId>) -> Urgency {
        match self {
            Self::Revoke(user) | Self::EndSession { user, .. } if Some(user) == author => {
                Urgency::EndsOwn
            }
            Self::SetBanned { banned: Ban::Impose, .. }
            | Self::Revoke(_)
            | Self::EndSession { .. }
            | Self::Declare { banned: Some(Ban::Impose), .. } => Urgency::Stops,
            Self::CreateGroup { .. }
            | Self::DeleteGroup(_)
            | Self::Describe { .. }
            | Self::AddMember(_)
            | Self::RemoveMember { .. }
            | Self::SetExpiry(_)
            | Self::Leave { .. }
            | Self::SetBanned { .. }
            | Self::Declare { .. }
            | Self::DeleteUser(_) => Urgency::Waits,
        }
    }

    /// Who can act as root staff less long after this than before, if they are root staff at all.
    #[must_use]
    pub fn weakens_root_staff(&self) -> Option<&UserId> {
        match self {
            Self::RemoveMember { roster: Roster::RootStaff, user }
            | Self::Leave { roster: Roster::RootStaff, user }
            | Self::SetExpiry(Membership {
                roster: Roster::RootStaff,
                user,
                expires_at: Some(_),
            })
            | Self::SetBanned { user, banned: Ban::Impose }
            | Self::Declare { user, banned: Some(Ban::Impose), .. }
            | Self::DeleteUser(user) => Some(user),
            Self::CreateGroup { .. }
            | Self::DeleteGroup(_)
            | Self::Describe { .. }
            | Self::AddMember(_)
            | Self::RemoveMember { .. }
            | Self::SetExpiry(_)
            | Self::Leave { .. }
            | Self::SetBanned { .. }
            | Self::Revoke(_)
            | Self::EndSession { .. }
            | Self::Declare { .. } => None,
        }
    }
}

/// How much a change can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Not at all: it stops somebody.
    Stops,
    /// For that only: its author ends sessions of their own.
    EndsOwn,
    /// For all that is urgent.
    Waits,
}

/// Which way a ban goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// Gets no token any more.
    Impose,
    /// Gets tokens again.
    Lift,
}
