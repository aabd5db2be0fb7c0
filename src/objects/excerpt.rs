//! What a few objects of a realm mean for one user: of a realm that is not held in memory, those that decide were read.
//!
//! The answers are those that the whole realm would give, of the groups whose chain of parents is here, and of the rosters
//! whose Memberships are. Must not know how objects were read, nor a clock.

use std::collections::{BTreeMap, HashMap, HashSet};

use kube::ResourceExt;

use super::effect::{
    Container, GroupFacts, Objects, Soundness, has_ended, is_in_effect, strictest,
};
use super::enrolment::EnrolmentFacts;
use super::owner::Owners;
use crate::domain::directory::{Holding, Record, Standing};
use crate::domain::group::{GroupName, parent_of};
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::resources::labels_annotations::ENROLS;
use crate::resources::object_name::ObjectName;
use crate::resources::{Group, Membership, User, group, membership, user};

/// Objects of a realm, as far as they concern one user.
#[derive(Debug)]
pub struct Excerpt {
    user: UserId,
    groups: BTreeMap<String, DeclaredGroup>,
    memberships: HashMap<String, GrantedRoster>,
    statements: Vec<Standing>,
}

#[derive(Debug)]
struct DeclaredGroup {
    uid: String,
    owners: Owners,
    soundness: Soundness,
    creator: Option<UserId>,
    is_enrolled: bool,
}

/// A Membership; who else is on it is not kept.
#[derive(Debug)]
struct GrantedRoster {
    uid: String,
    /// As its object spells it.
    group: Option<String>,
    /// `None`: it is not right.
    roster: Option<Roster>,
    owners: Owners,
    soundness: Soundness,
    enrols: Option<String>,
    expires_at: Option<Timestamp>,
    is_on: bool,
}

impl Excerpt {
    /// Of nothing yet.
    #[must_use]
    pub fn of(user: UserId) -> Self {
        let (groups, memberships) = (BTreeMap::new(), HashMap::new());
        Self { user, groups, memberships, statements: Vec::new() }
    }

    /// Takes a Group in.
    pub fn add_group(&mut self, object: &Group) {
        let (name, content) = (object.name_any(), group::parse(object));
        let is_leaving = object.metadata.deletion_timestamp.is_some();
        let declared = DeclaredGroup {
            uid: object.uid().unwrap_or_default(),
            owners: Owners::of(object.owner_references(), parent_of(&name).unwrap_or_default()),
            soundness: Soundness::of(&content, is_leaving),
            creator: content.ok().and_then(|content| content.creator),
            is_enrolled: group::is_creator_enrolled(object),
        };
        self.groups.insert(name, declared);
    }

    /// Takes a Membership in.
    pub fn add_membership(&mut self, object: &Membership) {
        let content = membership::understand(object).map(|understood| understood.content);
        let is_leaving = object.metadata.deletion_timestamp.is_some();
        let group = object.spec.group.clone();
        let owners = Owners::of(object.owner_references(), group.as_deref().unwrap_or_default());
        let soundness = Soundness::of(&content, is_leaving);
        let enrols = object.annotations().get(ENROLS).cloned();
        let content = content.ok();
        let granted = GrantedRoster {
            uid: object.uid().unwrap_or_default(),
            group,
            owners,
            soundness,
            enrols,
            is_on: content.as_ref().is_some_and(|content| content.users.contains(&self.user)),
            expires_at: content.as_ref().and_then(|content| content.expires_at),
            roster: content.map(|content| content.roster),
        };
        self.memberships.insert(object.name_any(), granted);
    }

    /// Takes a User in. One about somebody else says nothing here.
    pub fn add_user(&mut self, object: &User) {
        let content = user::parse(object).ok().filter(|content| content.user == self.user);
        self.statements.extend(content.map(|content| content.standing));
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.groups.extend(other.groups);
        self.memberships.extend(other.memberships);
        self.statements.extend(other.statements);
        self
    }

    /// What all Users say of the user.
    #[must_use]
    pub fn standing(&self) -> Standing {
        strictest(self.statements.iter().copied())
    }

    /// What is said of the user, and on which of these rosters they are.
    #[must_use]
    pub fn record(&self, rosters: &[Roster], now: Timestamp) -> Record {
        self.record_without(&HashSet::new(), rosters, now)
    }

    /// The same, were the Memberships with these UIDs not there.
    #[must_use]
    pub fn record_without(
        &self,
        left_out: &HashSet<&str>,
        rosters: &[Roster],
        now: Timestamp,
    ) -> Record {
        let mut rosters = rosters.to_vec();
        rosters.sort();
        rosters.dedup();
        let holdings = rosters.into_iter().filter_map(|roster| {
            let expires_at = self.end_on(&roster, left_out, now)?;
            Some(Holding { roster, expires_at })
        });
        Record { standing: self.standing(), holdings: holdings.collect() }
    }

    /// How a group stands, for what is to be below it; none stands above the root.
    #[must_use]
    pub fn above(&self, group: Option<&GroupName>) -> Container<'_> {
        let Some(group) = group else { return Container::Nothing };
        self.container(Some(ObjectName::from(group).as_str()))
    }

    /// Until when the user is on a roster, if they are: the latest end, or none.
    fn end_on(
        &self,
        roster: &Roster,
        left_out: &HashSet<&str>,
        now: Timestamp,
    ) -> Option<Option<Timestamp>> {
        if self.is_creator(roster) {
            return Some(None);
        }
        let above = self.above(roster.group());
        let counts = |granted: &&GrantedRoster| {
            granted.is_on
                && !left_out.contains(&*granted.uid)
                && granted.roster.as_ref() == Some(roster)
                && is_in_effect(granted.soundness, above.above(&granted.owners))
                && !has_ended(granted.expires_at, now)
        };
        let ends = self.memberships.values().filter(counts).map(|granted| granted.expires_at);
        ends.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
    }

    /// Whether the user is staff of a group for having made it.
    fn is_creator(&self, roster: &Roster) -> bool {
        let Roster::Staff(group) = roster else { return false };
        let name = ObjectName::from(group);
        let name = name.as_str();
        let creator = self.groups.get(name).and_then(|declared| declared.creator.as_ref());
        creator == Some(&self.user) && self.is_in_effect(name) && !self.is_creator_enrolled(name)
    }
}

impl Objects for Excerpt {
    fn group_facts(&self, name: &str) -> Option<GroupFacts<'_>> {
        let DeclaredGroup { uid, owners, soundness, is_enrolled, creator: _ } =
            self.groups.get(name)?;
        Some(GroupFacts { uid, owners, soundness: *soundness, is_enrolled: *is_enrolled })
    }

    fn enrolment_facts(&self, name: &str) -> Option<EnrolmentFacts<'_>> {
        let granted = self.memberships.get(name)?;
        let roster =
            granted.roster.as_ref().map(|roster| (granted.group.as_deref(), roster.role()));
        Some(EnrolmentFacts { roster, enrols: granted.enrols.as_deref() })
    }
}
