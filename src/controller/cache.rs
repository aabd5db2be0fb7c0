//! What the controller knows of the realm: the facts that decide how Groups and Memberships stand to each other.
//!
//! Compact: of a user only a hash is kept, enough to count each once. Owns the questions that plans ask and which objects
//! a change concerns. Must not know where facts come from, nor read a clock.

mod facts;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::RandomState;
use std::ops::Bound;

use kube::ResourceExt;

use self::facts::is_within;
pub use self::facts::{Content, Counts, ENROLS, Enrolment, GroupFacts, MembershipFacts};
use super::owner::{Owner, Ownership, ownership};
use crate::domain::group::parent_of;
use crate::domain::membership::Role;
use crate::domain::time::Timestamp;
use crate::resources::user::UserContent;
use crate::resources::{Group, Invalid, Membership, User};

/// How the group stands that an object is below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Above {
    /// There is none to be below: a root group, the root staff.
    Nothing,
    /// The group does not exist.
    Missing,
    /// The object belongs to a deleted group of the same name, and goes with it.
    Former,
    /// The group exists and is not in effect.
    NotReady(Owner),
    /// The group is in effect.
    Ready(Owner),
}

impl Above {
    /// The group that an object with these owners is still to be tied to. That it is not in effect, or about to go, is no
    /// reason against it: what is below goes with it.
    #[must_use]
    pub fn to_own(&self, owners: &[Owner]) -> Option<Owner> {
        match self {
            Self::NotReady(owner) | Self::Ready(owner)
                if ownership(owners, &owner.name, &owner.uid) == Ownership::None =>
            {
                Some(owner.clone())
            }
            Self::Nothing | Self::Missing | Self::Former | Self::NotReady(_) | Self::Ready(_) => {
                None
            }
        }
    }
}

/// Objects to look at again, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Memberships.
    pub memberships: BTreeSet<String>,
}

/// The facts of one realm, by names of objects.
#[derive(Debug, Default)]
pub struct Cache {
    groups: BTreeMap<String, GroupFacts>,
    memberships: HashMap<String, MembershipFacts>,
    of_group: HashMap<String, BTreeSet<String>>,
    by_uid: HashMap<String, String>,
    /// The Users that cannot be read at all; of the others nothing depends on what is known here.
    unreadable_users: HashSet<String>,
    /// The last version of a Membership that was heard of.
    heard: u128,
    hasher: RandomState,
}

impl Cache {
    /// The facts of a Group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&GroupFacts> {
        self.groups.get(name)
    }

    /// The facts of a Membership.
    #[must_use]
    pub fn membership(&self, name: &str) -> Option<&MembershipFacts> {
        self.memberships.get(name)
    }

    /// What a Group says, as facts.
    #[must_use]
    pub fn read_group(&self, object: &Group) -> GroupFacts {
        GroupFacts::of(object)
    }

    /// What a Membership says, as facts. Users are told apart by a hash with a key of this cache.
    #[must_use]
    pub fn read_membership(&self, object: &Membership) -> MembershipFacts {
        MembershipFacts::of(object, &self.hasher)
    }

    /// What a User says.
    ///
    /// # Errors
    /// It is not right.
    pub fn read_user(&self, object: &User) -> Result<UserContent, Invalid> {
        let is_unreadable = self.unreadable_users.contains(&object.name_any());
        if is_unreadable { Err(Invalid::Spec) } else { crate::resources::user::parse(object) }
    }

    /// Notes whether a User can be read.
    pub fn put_user(&mut self, name: &str, readable: &Result<(), Invalid>) {
        if readable.is_ok() {
            self.unreadable_users.remove(name);
        } else {
            self.unreadable_users.insert(name.to_owned());
        }
    }

    /// Takes in a Group that was made or changed, or with `None` is gone.
    pub fn put_group(&mut self, name: &str, facts: Option<GroupFacts>) -> Concerned {
        let mut concerned = Concerned::default();
        concerned.groups.insert(name.to_owned());
        if self.groups.get(name) == facts.as_ref() {
            return concerned;
        }
        if let Some(old) = self.groups.remove(name) {
            self.by_uid.remove(&old.uid);
        }
        if let Some(facts) = facts {
            self.by_uid.insert(facts.uid.clone(), name.to_owned());
            self.groups.insert(name.to_owned(), facts);
        }
        concerned.groups.extend(parent_of(name).map(str::to_owned));
        concerned.groups.extend(self.below(name).map(|(below, _)| below.clone()));
        for group in concerned.groups.iter().filter(|group| is_within(group, name)) {
            concerned.memberships.extend(self.of_group.get(group).into_iter().flatten().cloned());
        }
        concerned
    }

    /// Takes in a Membership that was made or changed, or with `None` is gone.
    pub fn put_membership(&mut self, name: &str, facts: Option<MembershipFacts>) -> Concerned {
        let mut concerned = Concerned::default();
        concerned.memberships.insert(name.to_owned());
        if self.memberships.get(name) == facts.as_ref() {
            return concerned;
        }
        let enrolled = enrols(name).and_then(|uid| self.by_uid.get(uid));
        concerned.groups.extend(enrolled.cloned());
        if let Some(group) = self.memberships.remove(name).and_then(|old| old.group) {
            if let Some(names) = self.of_group.get_mut(&group) {
                names.remove(name);
                if names.is_empty() {
                    self.of_group.remove(&group);
                }
            }
            concerned.groups.insert(group);
        }
        if let Some(facts) = facts {
            if let Some(group) = &facts.group {
                self.of_group.entry(group.clone()).or_default().insert(name.to_owned());
                concerned.groups.insert(group.clone());
            }
            self.memberships.insert(name.to_owned(), facts);
        }
        concerned
    }

    /// Remembers that the watch has come to this version of some Membership.
    pub fn hear(&mut self, version: Option<&str>) {
        self.heard = self.heard.max(version_number(version));
    }

    /// Takes in a Membership that was just made, before the watch tells of it; does nothing where the watch has come
    /// further, and may have told of its end already.
    pub fn assume(&mut self, made: &Membership) {
        if version_number(made.metadata.resource_version.as_deref()) > self.heard {
            let facts = self.read_membership(made);
            self.put_membership(&made.name_any(), Some(facts));
        }
    }

    /// Takes in all Groups there are.
    pub fn replace_groups(&mut self, groups: BTreeMap<String, GroupFacts>) {
        let names = groups.iter().map(|(name, facts)| (facts.uid.clone(), name.clone()));
        self.by_uid = names.collect();
        self.groups = groups;
    }

    /// Takes in all Memberships there are.
    pub fn replace_memberships(&mut self, memberships: HashMap<String, MembershipFacts>) {
        self.of_group = HashMap::new();
        for (name, facts) in &memberships {
            if let Some(group) = &facts.group {
                self.of_group.entry(group.clone()).or_default().insert(name.clone());
            }
        }
        self.memberships = memberships;
    }

    /// All objects there are.
    #[must_use]
    pub fn everything(&self) -> Concerned {
        Concerned {
            groups: self.groups.keys().cloned().collect(),
            memberships: self.memberships.keys().cloned().collect(),
        }
    }

    /// How the group stands that a group is below.
    #[must_use]
    pub fn above_group(&self, name: &str, owners: &[Owner]) -> Above {
        parent_of(name).map_or(Above::Nothing, |parent| self.above(parent, owners))
    }

    /// How the group stands that a Membership is of.
    #[must_use]
    pub fn above_membership(&self, group: Option<&str>, owners: &[Owner]) -> Above {
        group.map_or(Above::Nothing, |group| self.above(group, owners))
    }

    fn above(&self, group: &str, owners: &[Owner]) -> Above {
        let Some(facts) = self.groups.get(group) else { return Above::Missing };
        let owner = Owner { name: group.to_owned(), uid: facts.uid.clone() };
        match ownership(owners, group, &facts.uid) {
            Ownership::Former => Above::Former,
            Ownership::None | Ownership::Owned if self.is_in_effect(group) => Above::Ready(owner),
            Ownership::None | Ownership::Owned => Above::NotReady(owner),
        }
    }

    /// Whether a group and its whole chain of parents are in effect.
    fn is_in_effect(&self, name: &str) -> bool {
        let mut name = name;
        loop {
            let Some(facts) = self.groups.get(name) else { return false };
            let Some(parent) = parent_of(name) else { return facts.could_be_in_effect() };
            let Some(above) = self.groups.get(parent) else { return false };
            if !facts.could_be_in_effect()
                || ownership(&facts.owners, parent, &above.uid) == Ownership::Former
            {
                return false;
            }
            name = parent;
        }
    }

    /// What is in effect in a group, and until when at most; nothing in one that is not in effect itself.
    #[must_use]
    pub fn counts(&self, name: &str, now: Timestamp) -> (Counts, Option<Timestamp>) {
        let Some(facts) = self.groups.get(name).filter(|_| self.is_in_effect(name)) else {
            return (Counts::default(), None);
        };
        let uid = &facts.uid;
        let (mut members, mut staff, mut until) = (Vec::new(), Vec::new(), None);
        for membership in self.of_group.get(name).into_iter().flatten() {
            let Some(facts) = self.memberships.get(membership) else { continue };
            let Ok(content) = &facts.content else { continue };
            let is_over = content.expires_at.is_some_and(|end| end <= now);
            if facts.is_deleting
                || is_over
                || ownership(&facts.owners, name, uid) == Ownership::Former
            {
                continue;
            }
            until = [until, content.expires_at].into_iter().flatten().min();
            match content.role {
                Role::Member => members.extend_from_slice(&content.people),
                Role::Staff => staff.extend_from_slice(&content.people),
            }
        }
        // Once the creator's Membership is there, it counts; that the status says so follows.
        let is_enrolled =
            facts.is_creator_enrolled || self.enrolment(name, &facts.uid) == Enrolment::Ours;
        if let (false, Ok(content)) = (is_enrolled, &facts.content) {
            staff.extend(content.creator.as_ref().map(|user| facts::hash(user, &self.hasher)));
        }
        // This group is in effect, so there is no need to look further up for each one below.
        let child = |(below, facts): &(&String, &GroupFacts)| {
            parent_of(below) == Some(name)
                && facts.could_be_in_effect()
                && ownership(&facts.owners, name, uid) != Ownership::Former
        };
        let subgroups = self.below(name).filter(child).count();
        let counts = Counts { members: distinct(members), staff: distinct(staff), subgroups };
        (counts, until)
    }

    /// What is at the place of the Membership that enrols a group's creator.
    #[must_use]
    pub fn enrolment(&self, group: &str, uid: &str) -> Enrolment {
        match self.memberships.get(&enrolment_name(uid)) {
            None => Enrolment::Free,
            Some(facts) => facts.enrolment(group, uid),
        }
    }

    /// The groups below a group, at every level.
    fn below(&self, name: &str) -> impl Iterator<Item = (&String, &GroupFacts)> {
        let stem = format!("{name}.");
        let from = (Bound::Included(stem.clone()), Bound::Unbounded);
        self.groups.range(from).take_while(move |(below, _)| below.starts_with(&stem))
    }
}

/// A resourceVersion as the number that it is (Kubernetes enhancement proposal 5504); 0 for none.
fn version_number(version: Option<&str>) -> u128 {
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn distinct(mut people: Vec<u64>) -> usize {
    people.sort_unstable();
    people.dedup();
    people.len()
}

/// What the names of Memberships that enrol creators begin with.
const ENROLMENT: &str = "creator-";

/// The name of the Membership that enrols the creator of the Group with this UID. Nobody knows it before the Group is
/// made.
#[must_use]
pub fn enrolment_name(uid: &str) -> String {
    format!("{ENROLMENT}{uid}")
}

/// The UID of the Group whose creator a Membership of this name enrols.
fn enrols(name: &str) -> Option<&str> {
    name.strip_prefix(ENROLMENT)
}

#[cfg(test)]
mod tests;
