//! What is in effect: which groups, which Memberships, which creators, and what all Users together say of one user.
//!
//! Must not know how objects are held: a holder tells the few facts that decide, and gets the answers. The time comes in
//! as a parameter.

use super::enrolment::{Enrolment, EnrolmentFacts, enrolment_name};
use super::owner::{Owners, Ownership};
use crate::domain::directory::Standing;
use crate::domain::group::parent_of;
use crate::domain::time::Timestamp;

/// The facts of a Group that decide.
#[derive(Clone, Copy, Debug)]
pub struct GroupFacts<'a> {
    /// Its UID.
    pub uid: &'a str,
    /// Whom it belongs to, by the name of its parent.
    pub owners: &'a Owners,
    /// Whether nothing about the object itself speaks against it.
    pub soundness: Soundness,
    /// Whether its creator is staff by a Membership, or nobody, as its status says.
    pub is_enrolled: bool,
}

/// Whether an object by itself could be in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// It is right, and is to stay.
    Sound,
    /// It is wrong, or is being deleted.
    Unsound,
}

impl Soundness {
    /// Of an object that says this, or nothing right, and whose deletion has begun, or not.
    #[must_use]
    pub fn of<T, E>(content: &Result<T, E>, is_leaving: bool) -> Self {
        if content.is_ok() && !is_leaving { Self::Sound } else { Self::Unsound }
    }
}

/// The group that an object is below: the parent of a group, the group of a Membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container<'a> {
    /// There is none to be below: a root group, the root staff.
    Nothing,
    /// It does not exist.
    Missing,
    /// It exists, with this UID, and is not in effect.
    NotReady(&'a str),
    /// It is in effect, and has this UID.
    Ready(&'a str),
}

impl<'a> Container<'a> {
    /// How it stands for an object with these owners.
    #[must_use]
    pub fn above(self, owners: &Owners) -> Above {
        match self {
            Self::Nothing => Above::Nothing,
            Self::Missing => Above::Missing,
            Self::NotReady(uid) | Self::Ready(uid)
                if owners.ownership(uid) == Ownership::Former =>
            {
                Above::Former
            }
            Self::NotReady(_) => Above::NotReady,
            Self::Ready(_) => Above::Ready,
        }
    }

    /// The UID of the Group that an object with these owners is still to be given to. That the Group is not in effect, or
    /// about to go, is no reason against it: what is below goes with it.
    #[must_use]
    pub fn owner_to_be(self, owners: &Owners) -> Option<&'a str> {
        match self {
            Self::NotReady(uid) | Self::Ready(uid) => {
                Some(uid).filter(|uid| owners.ownership(uid) == Ownership::None)
            }
            Self::Nothing | Self::Missing => None,
        }
    }
}

/// How the group stands, for an object that is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above {
    /// There is none to be below.
    Nothing,
    /// It does not exist.
    Missing,
    /// The object belongs to a deleted group of the same name, and goes with it.
    Former,
    /// It exists and is not in effect.
    NotReady,
    /// It is in effect.
    Ready,
}

impl Above {
    /// Whether what is below can be in effect.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Nothing | Self::Ready)
    }
}

/// Whether an object is in effect, as far as the time does not decide.
#[must_use]
pub fn is_in_effect(soundness: Soundness, above: Above) -> bool {
    soundness == Soundness::Sound && above.is_ready()
}

/// Whether the end of a Membership has come: at that second it counts no more.
#[must_use]
pub fn has_ended(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_some_and(|end| end <= now)
}

/// What several Users say of one user: banned if one says so, and the latest revocation.
#[must_use]
pub fn strictest(statements: impl Iterator<Item = Standing>) -> Standing {
    statements.fold(Standing::default(), |all, one| Standing {
        banned: all.banned || one.banned,
        not_before: all.not_before.max(one.not_before),
    })
}

/// The objects of a realm, however they are held. Groups go by their names, as the holder spells them.
pub trait Objects {
    /// What decides about it; `None` where there is none.
    fn group_facts(&self, name: &str) -> Option<GroupFacts<'_>>;

    /// The Membership of this name.
    fn enrolment_facts(&self, name: &str) -> Option<EnrolmentFacts<'_>>;

    /// Whether a group and its whole chain of parents are in effect. A holder that remembers may answer from that.
    fn is_in_effect(&self, name: &str) -> bool {
        self.ought_to_be_in_effect(name)
    }

    /// The same, found out from the group and from how its parent stands.
    fn ought_to_be_in_effect(&self, name: &str) -> bool {
        self.group_facts(name).is_some_and(|group| {
            let above = self.container(parent_of(name)).above(group.owners);
            is_in_effect(group.soundness, above)
        })
    }

    /// The group that an object is below; `None` when it is below none.
    fn container(&self, group: Option<&str>) -> Container<'_> {
        let Some(name) = group else { return Container::Nothing };
        match self.group_facts(name) {
            None => Container::Missing,
            Some(group) if self.is_in_effect(name) => Container::Ready(group.uid),
            Some(group) => Container::NotReady(group.uid),
        }
    }

    /// What is at the place of the Membership that enrols the creator of the Group with this name and UID.
    fn enrolment(&self, name: &str, uid: &str) -> Enrolment {
        Enrolment::of(self.enrolment_facts(&enrolment_name(uid)), name, uid)
    }

    /// Whether the creator of a group counts by a Membership, not by `spec.creator`: from the moment that it is there;
    /// that the status says so follows.
    fn is_creator_enrolled(&self, name: &str) -> bool {
        self.group_facts(name).is_some_and(|group| {
            group.is_enrolled || self.enrolment(name, group.uid) == Enrolment::Ours
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(uids: &[&str]) -> Owners {
        uids.iter().map(|uid| std::sync::Arc::from(*uid)).collect()
    }

    /// What belongs to nobody is given to the Group that is there, be it in effect or not; what belongs to a former one never is.
    #[test]
    fn how_a_group_stands_for_what_is_below_it() {
        let (none, ours, former) = (owners(&[]), owners(&["0", "1"]), owners(&["0"]));
        for (container, below, above, owner) in [
            (Container::Nothing, &none, Above::Nothing, None),
            (Container::Nothing, &ours, Above::Nothing, None),
            (Container::Missing, &none, Above::Missing, None),
            (Container::Missing, &former, Above::Missing, None),
            (Container::NotReady("1"), &none, Above::NotReady, Some("1")),
            (Container::NotReady("1"), &ours, Above::NotReady, None),
            (Container::NotReady("1"), &former, Above::Former, None),
            (Container::Ready("1"), &none, Above::Ready, Some("1")),
            (Container::Ready("1"), &ours, Above::Ready, None),
            (Container::Ready("1"), &former, Above::Former, None),
        ] {
            assert_eq!(container.above(below), above, "{container:?} {below:?}");
            assert_eq!(container.owner_to_be(below), owner, "{container:?} {below:?}");
            let is_ready = matches!(above, Above::Nothing | Above::Ready);
            assert_eq!(is_in_effect(Soundness::Sound, above), is_ready, "{above:?}");
            assert!(!is_in_effect(Soundness::Unsound, above), "{above:?}");
        }
    }

    #[test]
    fn a_membership_ends_at_its_second() {
        let moment = |second| Timestamp::from_unix(second).unwrap();
        for (end, has_come) in [(None, false), (Some(9), true), (Some(10), true), (Some(11), false)]
        {
            assert_eq!(has_ended(end.map(moment), moment(10)), has_come, "{end:?}");
        }
    }

    #[test]
    fn the_strictest_counts() {
        let said = |banned, not_before: Option<i64>| Standing {
            banned,
            not_before: not_before.and_then(Timestamp::from_unix),
        };
        for (statements, together) in [
            (vec![], Standing::default()),
            (vec![said(false, Some(7)), said(true, None)], said(true, Some(7))),
            (vec![said(true, Some(7)), said(false, Some(8))], said(true, Some(8))),
            (vec![said(false, Some(8)), said(false, Some(7))], said(false, Some(8))),
        ] {
            assert_eq!(strictest(statements.iter().copied()), together, "{statements:?}");
        }
    }
}
