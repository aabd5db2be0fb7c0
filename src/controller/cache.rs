//! What the controller knows of the realm: the facts that decide how Groups and Memberships stand to each other.
//!
//! Compact (`facts`): of a user only a hash is kept, enough to count each once. Owns the questions that plans ask and which objects
//! a change concerns. Must not know where facts come from, nor read a clock.

mod facts;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::RandomState;
use std::ops::Bound;

use kube::ResourceExt;

pub use self::facts::{CachedGroup, CachedMembership, Content, Counts, ENROLS, made_at};
use self::facts::{is_program, is_within};
use super::status::Verdict;
use super::strangers::Strangers;
use super::sweep::Difference;
use crate::domain::group::parent_of;
use crate::domain::membership::Role;
use crate::domain::provider::ProviderNames;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::client::{Beside, outcome};
use crate::objects::effect::{GroupFacts, Objects, has_ended, is_in_effect};
use crate::objects::enrolment::{EnrolmentFacts, enrolled_uid};
use crate::objects::owner::{Owner, Owners};
use crate::resources::user::UserContent;
use crate::resources::{Group, Invalid, Membership, OAuthClient, User, membership};

/// Objects to look at again, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Groups, by their objects' names.
    pub groups: BTreeSet<String>,
    /// Memberships, by their objects' names.
    pub memberships: BTreeSet<String>,
}

/// The facts of one realm, by names of objects.
#[derive(Debug, Default)]
pub struct Cache {
    groups: BTreeMap<String, CachedGroup>,
    memberships: HashMap<String, CachedMembership>,
    of_group: HashMap<String, BTreeSet<String>>,
    by_uid: HashMap<String, String>,
    /// The Users that cannot be read at all; of the others nothing depends on what is known here.
    unreadable_users: HashSet<String>,
    /// The last version of a Membership that was heard of.
    heard: u128,
    hasher: RandomState,
    /// Why each OAuthClient is served or not.
    clients: HashMap<String, Verdict>,
    /// Whether those are all there are.
    knows_clients: bool,
    /// What the settings of servers say, where that is known.
    beside: Option<Beside>,
}

impl Cache {
    /// A cache that judges users and clients by what servers have said.
    #[must_use]
    pub fn knowing(beside: Option<Beside>) -> Self {
        Self { beside, ..Self::default() }
    }

    fn providers(&self) -> Option<&ProviderNames> {
        self.beside.as_ref().map(|beside| &beside.providers)
    }

    /// The user, if no identity provider could ever prove them.
    #[must_use]
    pub fn stranger(&self, user: &UserId) -> Option<Strangers> {
        if is_program(user) {
            self.missing([user])
        } else {
            Strangers::among(self.providers(), [user])
        }
    }

    /// Those of a Membership whom nobody could ever prove.
    #[must_use]
    pub fn strangers(&self, content: &Content) -> Option<Strangers> {
        Strangers::and(content.strangers.clone(), self.missing(&content.programs))
    }

    /// Clients that there are not, where it is known which there are.
    fn missing<'u>(&self, programs: impl IntoIterator<Item = &'u UserId>) -> Option<Strangers> {
        let beside = self.beside.as_ref().filter(|_| self.knows_clients)?;
        let has_client = |id: &str| beside.clients.contains(id) || self.clients.contains_key(id);
        let check = |user: &UserId| beside.providers.check_with_clients(user, has_client).err();
        Strangers::of(programs.into_iter().filter_map(check))
    }

    /// The Memberships that name one of some clients, or any.
    #[must_use]
    pub fn naming(&self, client: Option<&str>) -> Vec<String> {
        let is_it = |user: &UserId| client.is_none_or(|id| user.split().1 == id);
        let names = |held: &CachedMembership| {
            held.content.as_ref().is_ok_and(|content| content.programs.iter().any(is_it))
        };
        let naming = self.memberships.iter().filter(|(_, held)| names(held));
        naming.map(|(name, _)| name.clone()).collect()
    }

    /// The facts of a Group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&CachedGroup> {
        self.groups.get(name)
    }

    /// The facts of a Membership.
    #[must_use]
    pub fn membership(&self, name: &str) -> Option<&CachedMembership> {
        self.memberships.get(name)
    }

    /// What a Group says, as facts.
    #[must_use]
    pub fn read_group(&self, object: &Group) -> CachedGroup {
        CachedGroup::of(object)
    }

    /// What a Membership says, as facts. Users are told apart by a hash with a key of this cache.
    #[must_use]
    pub fn read_membership(&self, object: &Membership) -> CachedMembership {
        CachedMembership::of(object, &self.hasher, self.providers())
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

    /// Why an OAuthClient is served or not.
    #[must_use]
    pub fn client(&self, name: &str) -> Option<&Verdict> {
        self.clients.get(name)
    }

    /// Takes in an OAuthClient that was made or changed, and can be read or not.
    pub fn put_client(&mut self, object: &OAuthClient, readable: &Result<(), Invalid>) {
        let (reason, message) = match (readable, &self.beside) {
            (Err(invalid), _) => (invalid.reason(), invalid.to_string()),
            (Ok(()), Some(beside)) => outcome(object, beside),
            (Ok(()), None) => outcome(object, &Beside::default()),
        };
        self.clients.insert(object.name_any(), Verdict::new(reason, message));
    }

    /// Takes in that these are all OAuthClients there are.
    pub fn keep_clients(&mut self, names: &BTreeSet<String>) {
        self.clients.retain(|name, _| names.contains(name));
        self.knows_clients = true;
    }

    /// Takes in that an OAuthClient is gone.
    pub fn drop_client(&mut self, name: &str) {
        self.clients.remove(name);
    }

    /// How a Membership that is known differs from what is known of it.
    #[must_use]
    pub fn difference(&self, object: &Membership) -> Option<Difference> {
        let old = self.membership(&object.name_any())?;
        let new = self.read_membership(object);
        let is_on =
            |people: &[u64], user: &UserId| people.contains(&facts::hash(user, &self.hasher));
        let old_people = old.content.as_ref().map(|content| &*content.people).unwrap_or_default();
        let users = membership::understand(object).map(|understood| understood.content.users);
        let newcomers = users.unwrap_or_default().into_iter();
        let newcomers = newcomers.filter(|user| !is_on(old_people, user)).collect();
        let takes_away = match (&old.content, &new.content) {
            (Ok(old), Ok(new)) => {
                old.expires_at != new.expires_at
                    || old.people.iter().any(|person| !new.people.contains(person))
            }
            (Ok(_), Err(_)) => true,
            (Err(_), _) => false,
        };
        let takes_away =
            takes_away || old.is_deleting != new.is_deleting || old.owners != new.owners;
        Some(Difference { newcomers, takes_away })
    }

    /// Takes in a Group that was made or changed, or with `None` is gone.
    pub fn put_group(&mut self, name: &str, facts: Option<CachedGroup>) -> Concerned {
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
    pub fn put_membership(&mut self, name: &str, facts: Option<CachedMembership>) -> Concerned {
        let mut concerned = Concerned::default();
        concerned.memberships.insert(name.to_owned());
        if self.memberships.get(name) == facts.as_ref() {
            return concerned;
        }
        let enrolled = enrolled_uid(name).and_then(|uid| self.by_uid.get(uid));
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
    pub fn replace_groups(&mut self, groups: BTreeMap<String, CachedGroup>) {
        let names = groups.iter().map(|(name, facts)| (facts.uid.clone(), name.clone()));
        self.by_uid = names.collect();
        self.groups = groups;
    }

    /// Takes in all Memberships there are.
    pub fn replace_memberships(&mut self, memberships: HashMap<String, CachedMembership>) {
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

    /// The Group that an object with these owners, below this group, is still to be given to.
    #[must_use]
    pub fn owner_to_be(&self, group: Option<&str>, owners: &Owners) -> Option<Owner> {
        let uid = self.container(group).owner_to_be(owners)?;
        Some(Owner { name: group?.to_owned(), uid: uid.to_owned() })
    }

    /// What is in effect in a group, and until when at most; nothing in one that is not in effect itself.
    #[must_use]
    pub fn counts(&self, name: &str, now: Timestamp) -> (Counts, Option<Timestamp>) {
        let Some(group) = self.groups.get(name).filter(|_| self.is_in_effect(name)) else {
            return (Counts::default(), None);
        };
        let container = self.container(Some(name));
        let (mut members, mut staff, mut until) = (Vec::new(), Vec::new(), None);
        for membership in self.of_group.get(name).into_iter().flatten() {
            let Some(membership) = self.memberships.get(membership) else { continue };
            let above = container.above(&membership.owners);
            let Ok(content) = &membership.content else { continue };
            if has_ended(content.expires_at, now) || !is_in_effect(membership.soundness(), above) {
                continue;
            }
            until = [until, content.expires_at].into_iter().flatten().min();
            match content.role {
                Role::Member => members.extend_from_slice(&content.people),
                Role::Staff => staff.extend_from_slice(&content.people),
            }
        }
        if let (false, Ok(content)) = (self.is_creator_enrolled(name), &group.content) {
            staff.extend(content.creator.as_ref().map(|user| facts::hash(user, &self.hasher)));
        }
        let is_child = |below: &&String| parent_of(below) == Some(name) && self.is_in_effect(below);
        let subgroups = self.below(name).map(|(below, _)| below).filter(is_child).count();
        let counts = Counts { members: distinct(members), staff: distinct(staff), subgroups };
        (counts, until)
    }

    /// The groups below a group, at every level.
    fn below(&self, name: &str) -> impl Iterator<Item = (&String, &CachedGroup)> {
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

impl Objects for Cache {
    fn group_facts(&self, name: &str) -> Option<GroupFacts<'_>> {
        let group = self.groups.get(name)?;
        let (uid, owners, is_enrolled) = (&group.uid, &group.owners, group.is_creator_enrolled);
        Some(GroupFacts { uid, owners, soundness: group.soundness(), is_enrolled })
    }

    fn enrolment_facts(&self, name: &str) -> Option<EnrolmentFacts<'_>> {
        let membership = self.memberships.get(name)?;
        let content = membership.content.as_ref().ok();
        let roster = content.map(|content| (membership.group.as_deref(), content.role));
        Some(EnrolmentFacts { roster, enrols: membership.enrols.as_deref() })
    }
}

#[cfg(test)]
mod tests;
