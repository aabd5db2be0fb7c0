//! In which order the changes of this replica are judged and written: none that was judged before a withdrawal is written
//! after the withdrawal was answered.
//!
//! Each change passes the gates of what decides about it, together with others, and holds them from its judgement until it
//! is written; a change that takes from somebody what decides passes that gate alone. Must not know who may do what.

use std::hash::{BuildHasher, Hash};

use hashbrown::DefaultHashBuilder;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::domain::change::Change;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::policy::Permit;
use crate::domain::user::UserId;

/// One for the root staff, which decides about everything, and one for all others whose hash is the same.
const GATES: usize = 256;

/// Something that decides about changes.
#[derive(Hash)]
enum Deciding<'a> {
    Group(&'a GroupName),
    Roster(&'a Roster),
    Standing(&'a UserId),
}

/// The gates of one replica.
pub(super) struct Gates {
    gates: [RwLock<()>; GATES],
    hasher: DefaultHashBuilder,
}

/// The gates that a change is in, until it is dropped.
pub(super) struct Passage<'a> {
    _together: Vec<RwLockReadGuard<'a, ()>>,
    _alone: Option<RwLockWriteGuard<'a, ()>>,
}

impl Default for Gates {
    fn default() -> Self {
        let gates = std::array::from_fn(|_| RwLock::default());
        Self { gates, hasher: DefaultHashBuilder::default() }
    }
}

impl Gates {
    /// Waits until nothing is under way that this change could come in between of, nor that in between of it. All pass the
    /// gates in the same order, so that no two wait for each other.
    pub(super) async fn pass(&self, permit: &Permit) -> Passage<'_> {
        let alone = withdrawn_from(permit.change()).map(|thing| self.place(&thing));
        let mut places = self.deciding_about(permit);
        places.extend(alone);
        places.sort_unstable();
        places.dedup();
        let mut passage = Passage { _together: Vec::with_capacity(places.len()), _alone: None };
        for place in places {
            if Some(place) == alone {
                passage._alone = Some(self.gates[place].write().await);
            } else {
                passage._together.push(self.gates[place].read().await);
            }
        }
        passage
    }

    /// The author's standing, the rosters they may be on, and the groups that those are of. Nothing decides about an operator.
    fn deciding_about(&self, permit: &Permit) -> Vec<usize> {
        let Some(author) = permit.actor() else { return Vec::new() };
        let mut places = vec![self.place(&Deciding::Standing(author))];
        for roster in permit.deciding() {
            places.push(self.place(&Deciding::Roster(&roster)));
            let chain = std::iter::successors(roster.group().cloned(), GroupName::parent);
            places.extend(chain.map(|group| self.place(&Deciding::Group(&group))));
        }
        places
    }

    fn place(&self, thing: &Deciding<'_>) -> usize {
        if matches!(thing, Deciding::Roster(Roster::RootStaff)) {
            return 0;
        }
        let hash = self.hasher.hash_one(thing) % (GATES as u64 - 1);
        usize::try_from(hash).unwrap_or_default() + 1
    }
}

/// What somebody may lose by a change.
fn withdrawn_from(change: &Change) -> Option<Deciding<'_>> {
    match change {
        Change::CreateGroup { .. }
        | Change::AdoptGroup { .. }
        | Change::Describe { .. }
        | Change::AddMember(_)
        | Change::Invite(_)
        | Change::Join(_) => None,
        // Whoever is about to come by an invitation is there before it is taken back.
        Change::DeleteGroup(group) | Change::VoidInvitations(group) => Some(Deciding::Group(group)),
        Change::RemoveMember { roster, .. } | Change::Leave { roster, .. } => {
            Some(Deciding::Roster(roster))
        }
        Change::SetExpiry(membership) => Some(Deciding::Roster(&membership.roster)),
        // Whoever is off every roster is the author of nothing under way.
        Change::SetBanned { user, .. }
        | Change::Revoke(user)
        | Change::EndSession { user, .. }
        | Change::Declare { user, .. }
        | Change::DeleteUser(user) => Some(Deciding::Standing(user)),
    }
}
