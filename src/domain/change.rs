//! What can be changed of the state.
//!
//! Must not know who may do what (that is [`policy`](super::policy)) nor how a change is carried out.

use super::bounds::Tally;
use super::description::Description;
use super::group::GroupName;
use super::invitation::Joining;
use super::membership::{Membership, Roster};
use super::time::Timestamp;
use super::token::SessionId;
use super::user::UserId;

/// What becomes of what others have put into a group before there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// There is to be none: whoever makes the group may not know of it.
    Forbids,
    /// It counts as soon as the group is there: whoever makes the group asks for that.
    IsAdopted,
}

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
    /// The same over what waits for a group of that name: what others have put into it before there was one counts at once.
    AdoptGroup {
        /// The new group's name.
        group: GroupName,
        /// Who becomes its staff.
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
    /// That people can be invited to a group from now on, if they could not be already: invitations name its mark, which is made
    /// when there is none.
    Invite(GroupName),
    /// That nobody can take up an invitation to a group any more that was made before.
    VoidInvitations(GroupName),
    /// A user onto a roster, by an invitation of whoever makes the change.
    Join(Box<Joining>),
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
            | Self::AdoptGroup { .. }
            | Self::DeleteGroup(_)
            | Self::Describe { .. }
            | Self::AddMember(_)
            | Self::RemoveMember { .. }
            | Self::SetExpiry(_)
            | Self::Leave { .. }
            | Self::Invite(_)
            | Self::VoidInvitations(_)
            | Self::Join(_)
            | Self::SetBanned { .. }
            | Self::Declare { .. }
            | Self::DeleteUser(_) => Urgency::Waits,
        }
    }

    /// What it adds to what its author has made.
    #[must_use]
    pub fn adds(&self) -> Tally {
        match self {
            Self::CreateGroup { .. } | Self::AdoptGroup { .. } => {
                Tally { groups: 1, memberships: 0 }
            }
            Self::AddMember(_) | Self::Join(_) => Tally { groups: 0, memberships: 1 },
            Self::DeleteGroup(_)
            | Self::Describe { .. }
            | Self::RemoveMember { .. }
            | Self::SetExpiry(_)
            | Self::Leave { .. }
            | Self::Invite(_)
            | Self::VoidInvitations(_)
            | Self::SetBanned { .. }
            | Self::Revoke(_)
            | Self::EndSession { .. }
            | Self::Declare { .. }
            | Self::DeleteUser(_) => Tally::default(),
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
            | Self::AdoptGroup { .. }
            | Self::DeleteGroup(_)
            | Self::Describe { .. }
            | Self::AddMember(_)
            | Self::RemoveMember { .. }
            | Self::SetExpiry(_)
            | Self::Leave { .. }
            | Self::Invite(_)
            | Self::VoidInvitations(_)
            | Self::Join(_)
            | Self::SetBanned { .. }
            | Self::Revoke(_)
            | Self::EndSession { .. }
            | Self::Declare { .. } => None,
        }
    }
}

/// How much a change can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes something away, or says something else of what is there, can always be done.
    #[test]
    fn what_counts_as_made() {
        let group = || "a".parse::<GroupName>().unwrap();
        let (ada, roster): (UserId, _) = ("kisee-ada".parse().unwrap(), Roster::Members(group()));
        let membership = Membership { roster: roster.clone(), user: ada.clone(), expires_at: None };
        for (change, groups, memberships) in [
            (Change::CreateGroup { group: group(), creator: Some(ada.clone()) }, 1, 0),
            (Change::AdoptGroup { group: group(), creator: Some(ada.clone()) }, 1, 0),
            (Change::AddMember(membership.clone()), 0, 1),
            (Change::SetExpiry(membership), 0, 0),
            (Change::RemoveMember { roster, user: ada }, 0, 0),
            (Change::DeleteGroup(group()), 0, 0),
        ] {
            assert_eq!(change.adds(), Tally { groups, memberships }, "{change:?}");
        }
    }

    /// Each kind: what it goes before when somebody else makes it, and whether it takes something from whoever may be root staff.
    #[test]
    fn what_goes_first_and_what_weakens_the_root_staff() {
        use Urgency::{EndsOwn, Stops, Waits};
        let ada: UserId = "kisee-ada".parse().unwrap();
        let user = || ada.clone();
        let group: GroupName = "a".parse().unwrap();
        let until = Timestamp::from_unix(100).unwrap();
        let session = SessionId::new([1; 16]);
        let declare = |banned| Change::Declare { user: user(), banned, not_before: Some(until) };
        let mut cases = vec![
            (Change::CreateGroup { group: group.clone(), creator: Some(user()) }, Waits, false),
            (Change::AdoptGroup { group: group.clone(), creator: Some(user()) }, Waits, false),
            (Change::DeleteGroup(group.clone()), Waits, false),
            (Change::Describe { group: group.clone(), description: None }, Waits, false),
            (Change::SetBanned { user: user(), banned: Ban::Impose }, Stops, true),
            (Change::SetBanned { user: user(), banned: Ban::Lift }, Waits, false),
            (Change::Revoke(user()), Stops, false),
            (Change::EndSession { user: user(), session, until }, Stops, false),
            (declare(Some(Ban::Impose)), Stops, true),
            (declare(Some(Ban::Lift)), Waits, false),
            (declare(None), Waits, false),
            (Change::DeleteUser(user()), Waits, true),
            (Change::Invite("a".parse().unwrap()), Waits, false),
            (Change::VoidInvitations("a".parse().unwrap()), Waits, false),
        ];
        for roster in [Roster::RootStaff, Roster::Members(group.clone()), Roster::Staff(group)] {
            let is_root = roster == Roster::RootStaff;
            let membership =
                |expires_at| Membership { roster: roster.clone(), user: user(), expires_at };
            let (from, left) = (roster.clone(), roster.clone());
            cases.extend([
                (Change::AddMember(membership(None)), Waits, false),
                (Change::AddMember(membership(Some(until))), Waits, false),
                (Change::SetExpiry(membership(None)), Waits, false),
                (Change::SetExpiry(membership(Some(until))), Waits, is_root),
                (Change::RemoveMember { roster: from, user: user() }, Waits, is_root),
                (Change::Leave { roster: left, user: user() }, Waits, is_root),
            ]);
        }
        let other: UserId = "kisee-other".parse().unwrap();
        for (change, urgency, weakens) in cases {
            for author in [None, Some(&other)] {
                assert_eq!(change.urgency(author), urgency, "{author:?}: {change:?}");
            }
            let ends = matches!(change, Change::Revoke(_) | Change::EndSession { .. });
            let by_themselves = if ends { EndsOwn } else { urgency };
            assert_eq!(change.urgency(Some(&ada)), by_themselves, "by themselves: {change:?}");
            assert_eq!(change.weakens_root_staff(), weakens.then_some(&ada), "{change:?}");
        }
    }
}
