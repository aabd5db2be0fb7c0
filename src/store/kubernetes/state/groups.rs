//! Groups, and which of them are in effect.

use std::ops::Bound;

use super::{State, Telling};
use crate::domain::description::Description;
use crate::domain::group::{GroupName, parent_of};
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::user::UserId;
use crate::index::Update;
use crate::objects::effect::{Above, Objects, Soundness};
use crate::objects::owner::Owners;
use crate::resources::object_name::ObjectName;
use crate::store::kubernetes::object::{Declared, Maker, Name};

/// A group, or the name of one that only Memberships speak of.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) group: GroupName,
    pub(super) object: Option<GroupObject>,
    /// The Memberships of its members, in effect or not.
    pub(super) members: Vec<u32>,
    /// Those of its staff.
    pub(super) staff: Vec<u32>,
    /// Whether the index has been told of it.
    pub(super) in_effect: bool,
}

/// What the Group object says.
#[derive(Debug)]
pub(super) struct GroupObject {
    pub(super) uid: Name,
    pub(super) owners: Owners,
    pub(super) soundness: Soundness,
    pub(super) creator: Option<u32>,
    pub(super) maker: Maker,
}

/// How it stands with a group that somebody wants to make or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kubernetes) enum Presence {
    /// It is in effect.
    InEffect {
        /// The uid of its object.
        uid: Name,
    },
    /// There is an object, but it is leaving or belongs to an earlier parent.
    Remains {
        /// The uid of its object.
        uid: Name,
    },
    /// There is an object that would count, if its parents did.
    Waits,
    /// There is none.
    Absent,
}

impl State {
    /// How it stands with a group.
    pub(in crate::store::kubernetes) fn presence(&self, group: &GroupName) -> Presence {
        let Some(node) = self.groups.get(group.as_str()) else { return Presence::Absent };
        let Some(object) = &node.object else { return Presence::Absent };
        let uid = object.uid.clone();
        let above = self.container(parent_of(group.as_str())).above(&object.owners);
        if node.in_effect {
            Presence::InEffect { uid }
        } else if object.soundness == Soundness::Unsound || above == Above::Former {
            Presence::Remains { uid }
        } else {
            Presence::Waits
        }
    }

    /// What would take effect with a group that is made now, though nobody has tied it to one: the Memberships of others that
    /// were there before it, and the Groups right below it.
    pub(in crate::store::kubernetes) fn waiting_for(&self, group: &GroupName) -> Vec<String> {
        let memberships = self.untied_memberships(group).map(|name| format!("Membership {name}"));
        let is_untied = |node: &&Node| {
            let object = node.object.as_ref();
            parent_of(node.group.as_str()) == Some(group.as_str())
                && object.is_some_and(|object| {
                    object.soundness == Soundness::Sound && object.owners.is_empty()
                })
        };
        let below = self.range_below(group).filter(is_untied);
        let below = below.map(|node| format!("Group {}", node.group.as_str().replace('_', "--")));
        let mut waiting: Vec<String> = memberships.chain(below).collect();
        waiting.sort_unstable();
        waiting
    }

    /// An object of others that would go with a group: its own, or one of a group or of people on the way down from it.
    pub(in crate::store::kubernetes) fn others_within(&self, group: &GroupName) -> Option<String> {
        let top = group.as_str();
        let below = format!("{top}.");
        // Between the two may stand names such as `top-x`.
        let from = (Bound::Included(top), Bound::Unbounded);
        let within =
            self.groups.range::<str, _>(from).take_while(|(name, _)| name.starts_with(top));
        let mut within = within.filter(|(name, _)| &***name == top || name.starts_with(&below));
        within.find_map(|(name, node)| {
            let is_others = |maker: Maker, soundness: Soundness| {
                maker == Maker::Other && soundness == Soundness::Sound
            };
            let object = node.object.as_ref();
            if object.is_some_and(|object| is_others(object.maker, object.soundness)) {
                return Some(format!("Group {}", name.replace('_', "--")));
            }
            let held = node.members.iter().chain(&node.staff);
            let mut held = held.filter_map(|number| self.held.get(*number as usize)?.as_ref());
            let others = held.find(|held| is_others(held.maker, held.soundness))?;
            Some(format!("Membership {}", others.name))
        })
    }

    /// The groups whose staff a user is for having made them, and by nothing else yet.
    pub(in crate::store::kubernetes) fn created_by(&self, user: &UserId) -> Vec<GroupName> {
        let Some(person) = self.people.find(user) else { return Vec::new() };
        let by = |node: &&Node| self.creator(&Roster::Staff(node.group.clone())) == Some(person);
        self.groups.values().filter(by).map(|node| node.group.clone()).collect()
    }

    /// The object that declares a group, by the object's name.
    pub(super) fn group_object(&self, name: &str) -> Option<&GroupObject> {
        let name: ObjectName = name.parse().ok()?;
        self.groups.get(name.group().as_str())?.object.as_ref()
    }

    /// Whether an object of this name declares a group that is in effect.
    pub(in crate::store::kubernetes) fn has_group_in_effect(&self, name: &str) -> bool {
        let name = name.parse::<ObjectName>().ok();
        let node = name.and_then(|name| self.groups.get(name.group().as_str()));
        node.is_some_and(|node| node.in_effect && node.object.is_some())
    }

    pub(super) fn group_objects(&self) -> Vec<Name> {
        let there = self.groups.values().filter(|node| node.object.is_some());
        there.map(|node| node.group.as_str().replace('_', "--").into()).collect()
    }

    pub(super) fn node(&mut self, group: &GroupName) -> &mut Node {
        self.groups.entry(group.as_str().into()).or_insert_with(|| Node {
            group: group.clone(),
            object: None,
            members: Vec::new(),
            staff: Vec::new(),
            in_effect: false,
        })
    }

    /// Forgets a name that nothing speaks of any more.
    pub(super) fn tidy(&mut self, group: &str) {
        let unused =
            |node: &Node| node.object.is_none() && node.members.is_empty() && node.staff.is_empty();
        if self.groups.get(group).is_some_and(unused) {
            self.groups.remove(group);
        }
    }

    pub(super) fn put_group(&mut self, uid: Name, declared: Declared, out: &mut Vec<Update>) {
        let Declared { group, owners, soundness, creator, made_by: _, maker, description } =
            declared;
        let creator = creator.map(|creator| self.people.mention(&creator));
        let before = self.node(&group).object.take();
        let (was, old) = match before {
            Some(old) => (Some(old.uid), old.creator),
            None => (None, None),
        };
        if was.is_some_and(|was| was != uid) {
            self.settle(&group, out); // the earlier group has gone unseen
        }
        self.node(&group).object = Some(GroupObject { uid, owners, soundness, creator, maker });
        let is_described_anew = self.describe(&group, description);
        let told = self.node(&group).in_effect;
        self.settle(&group, out);
        if told && is_described_anew && self.telling == Telling::Now && self.node(&group).in_effect
        {
            out.push(Update::Described(group.clone(), self.descriptions.get(&group).cloned()));
        }
        if told && old != creator && self.node(&group).in_effect {
            let staff = Roster::Staff(group);
            for person in [old, creator].into_iter().flatten() {
                self.tell(&staff, person, out);
            }
        }
        if let Some(old) = old {
            self.people.forget(old);
        }
    }

    /// Takes in what a group is for; says whether that is something else than before.
    fn describe(&mut self, group: &GroupName, description: Option<Description>) -> bool {
        let before = match description.clone() {
            Some(new) => self.descriptions.insert(group.clone(), new),
            None => self.descriptions.remove(group),
        };
        before != description
    }

    pub(super) fn take_group(&mut self, name: &str, out: &mut Vec<Update>) {
        let Ok(name) = name.parse::<ObjectName>() else { return };
        let group = name.group();
        let Some(node) = self.groups.get_mut(group.as_str()) else { return };
        let Some(object) = node.object.take() else { return };
        self.descriptions.remove(&group);
        self.settle(&group, out);
        if let Some(creator) = object.creator {
            self.people.forget(creator);
        }
        self.tidy(group.as_str());
    }

    /// Brings a group, and what is below it, in or out of effect.
    fn settle(&mut self, group: &GroupName, out: &mut Vec<Update>) {
        let Some(node) = self.groups.get(group.as_str()) else { return };
        match (node.in_effect, self.ought_to_be_in_effect(group.as_str())) {
            (true, false) => {
                if self.telling == Telling::Now {
                    out.push(Update::Deleted(group.clone()));
                }
                let below: Vec<GroupName> = self.below(group);
                for name in std::iter::once(group).chain(&below) {
                    self.node(name).in_effect = false;
                }
            }
            (false, true) => {
                let below = self.below(group); // parents before what is below them
                for name in std::iter::once(group).chain(&below) {
                    if self.ought_to_be_in_effect(name.as_str()) {
                        self.node(name).in_effect = true;
                        if self.telling == Telling::Now {
                            self.tell_group(name, &mut |update| out.push(update));
                        }
                    }
                }
            }
            (true, true) | (false, false) => {}
        }
    }

    /// The groups below one, parents first.
    fn below(&self, group: &GroupName) -> Vec<GroupName> {
        self.range_below(group).map(|node| node.group.clone()).collect()
    }

    fn range_below(&self, group: &GroupName) -> impl Iterator<Item = &Node> {
        let (from, to) = (format!("{group}."), format!("{group}/")); // `/` comes after `.`
        let range = (Bound::Included(from.as_str()), Bound::Excluded(to.as_str()));
        self.groups.range::<str, _>(range).map(|(_, node)| node)
    }

    /// Tells of everything in effect on any roster.
    pub(super) fn tell_groups(&self, out: &mut impl FnMut(Update)) {
        self.tell_roster(&Roster::RootStaff, out);
        for node in self.groups.values().filter(|node| node.in_effect) {
            self.tell_group(&node.group, out);
        }
    }

    fn tell_group(&self, group: &GroupName, out: &mut impl FnMut(Update)) {
        out(Update::Created(group.clone()));
        if let Some(description) = self.descriptions.get(group) {
            out(Update::Described(group.clone(), Some(description.clone())));
        }
        for role in [Role::Member, Role::Staff] {
            self.tell_roster(&Roster::of(group.clone(), role), out);
        }
    }

    fn tell_roster(&self, roster: &Roster, out: &mut impl FnMut(Update)) {
        for (person, expires_at) in self.crowd(roster) {
            if let Some(user) = self.people.id(person).cloned() {
                out(Update::Joined(Membership { roster: roster.clone(), user, expires_at }));
            }
        }
    }
}
