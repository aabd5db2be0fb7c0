//! The realm as its objects say, compact, and what follows from it: a pure function from events to updates of the
//! index.
//!
//! Several Memberships add up, so what an object says is kept, in numbers, for as long as it is there. What is in effect
//! is judged by [`objects`](crate::objects), remembered for each group, and only that is told to the index.
//!
//! What names no owner counts for whichever group has the name. Moments cannot tell a Membership that was applied before
//! its Group from one that a deleted Group has left behind: both are older than the Group there is. Nothing is left behind
//! by the controller, which ties whatever it sees, nor by this program's own writes, which are tied from the start; only
//! what somebody else wrote and no controller saw before its Group was deleted is, and counts again as a RoleBinding would.
//!
//! One file for each kind, `groups`, `memberships`, `users` and `sessions`, and `people`, who are numbers here. OAuthClients say nothing of
//! those: the index has them as they are. Must not know a client,
//! a clock or a lock.

mod groups;
mod memberships;
mod people;
mod sessions;
mod users;

use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) use self::groups::Presence;
pub(super) use self::memberships::Place;

use super::object::{Crowd, Event, Granted, Kind, Name, Object, Says};
use crate::domain::description::Description;
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::user::UserId;
use crate::index::{Contents, Update};
use crate::objects::effect::{GroupFacts, Objects};
use crate::objects::enrolment::EnrolmentFacts;
use groups::{GroupObject, Node};
use memberships::Held;
use people::People;
use sessions::Sessions;
use users::Statement;

/// Everything that the objects of the realm say.
#[derive(Debug, Default)]
pub(super) struct State {
    people: People,
    /// By the groups' names, so that what is below a group is found as a range.
    groups: BTreeMap<Box<str>, Node>,
    /// What groups are for, of which something is said: few, and not worth room in every group.
    descriptions: HashMap<GroupName, Description>,
    /// The numbers of the Memberships by name.
    memberships: HashMap<Name, u32>,
    held: Vec<Option<Held>>,
    free: Vec<u32>,
    /// The Memberships of the root staff.
    root_staff: Vec<u32>,
    statements: HashMap<Name, Statement>,
    /// The Users about each user.
    about: HashMap<UserId, Vec<Name>>,
    sessions: Sessions,
    telling: Telling,
}

/// Whether updates are told: not before everything was listed once, when [`State::contents`] tells all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Telling {
    #[default]
    NotYet,
    Now,
}

impl State {
    /// Takes in news, of whatever is the case however often it is told; what comes out tells the index what has changed by it. It is to be applied in one go.
    pub(super) fn apply(&mut self, event: Event) -> Vec<Update> {
        let mut out = Vec::new();
        match event {
            Event::Applied(object) => self.put(object, &mut out),
            Event::Gone(kind, name) => self.take(kind, &name, &mut out),
            Event::Listed(kind, objects) => {
                let listed: HashSet<Name> =
                    objects.iter().map(|object| object.name.clone()).collect();
                for name in self.names(kind).into_iter().filter(|name| !listed.contains(name)) {
                    self.take(kind, &name, &mut out);
                }
                drop(listed);
                objects.into_iter().for_each(|object| self.put(object, &mut out));
            }
        }
        out
    }

    /// Everything that is in effect. From now on [`State::apply`] tells of changes; before the first call it does not.
    pub(super) fn contents(&mut self) -> Contents {
        self.telling = Telling::Now;
        let mut contents = Contents::default();
        self.tell_groups(&mut |update| contents.apply(&update));
        for user in self.about.keys() {
            let standing = self.standing(user);
            if standing != Standing::default() {
                contents.apply(&Update::Stands { user: user.clone(), standing });
            }
        }
        self.sessions.tell(&mut |update| contents.apply(&update));
        contents
    }

    /// Makes an object small that is to wait before it is applied. Either that or [`State::discard`] must follow.
    pub(super) fn compact(&mut self, object: &mut Object) {
        if let Says::Membership(Granted { crowd, .. }) = &mut object.says {
            let numbers = self.number(std::mem::replace(crowd, Crowd::Ids(Vec::new())));
            *crowd = Crowd::Numbers(numbers);
        }
    }

    /// Gives back what [`State::compact`] took.
    pub(super) fn discard(&mut self, objects: Vec<Object>) {
        for object in objects {
            if let Says::Membership(Granted { crowd: Crowd::Numbers(numbers), .. }) = object.says {
                numbers.iter().for_each(|number| self.people.forget(*number));
            }
        }
    }

    /// Whether the object of this name is still the one with this uid.
    pub(super) fn has(&self, kind: Kind, name: &str, uid: &str) -> bool {
        let there = match kind {
            Kind::Group => self.group_object(name).map(|object| &object.uid),
            Kind::Membership => self.sound_membership(name).map(|held| &held.uid),
            Kind::User => self.statements.get(name).map(|statement| &statement.uid),
            Kind::SessionRevocations => self.sessions.uid(name),
            Kind::OAuthClient => None,
        };
        there.is_some_and(|there| &**there == uid)
    }

    fn put(&mut self, object: Object, out: &mut Vec<Update>) {
        let Object { name, uid, says } = object;
        match says {
            Says::Group(declared) => self.put_group(uid, declared, out),
            Says::Membership(granted) => self.put_membership(name, uid, granted, out),
            Says::User(stated) => self.put_statement(name, uid, stated, out),
            Says::SessionRevocations(ended) => self.sessions.put(name, uid, ended, out),
            Says::OAuthClient(_) => {}
            Says::Nothing(kind) => self.take(kind, &name, out),
        }
    }

    fn take(&mut self, kind: Kind, name: &str, out: &mut Vec<Update>) {
        match kind {
            Kind::Group => self.take_group(name, out),
            Kind::Membership => self.take_membership(name, out),
            Kind::User => self.take_statement(name, out),
            Kind::SessionRevocations => self.sessions.take(name, out),
            Kind::OAuthClient => {}
        }
    }

    fn names(&self, kind: Kind) -> Vec<Name> {
        match kind {
            Kind::Group => self.group_objects(),
            Kind::Membership => self.memberships.keys().cloned().collect(),
            Kind::User => self.statements.keys().cloned().collect(),
            Kind::SessionRevocations => self.sessions.names(),
            Kind::OAuthClient => Vec::new(),
        }
    }

    fn number(&mut self, crowd: Crowd) -> Box<[u32]> {
        let ids = match crowd {
            Crowd::Numbers(numbers) => return numbers,
            Crowd::Ids(ids) => ids,
        };
        let mut numbers: Vec<u32> = ids.iter().map(|id| self.people.mention(id)).collect();
        numbers.sort_unstable();
        let mut last = None;
        numbers.retain(|number| {
            let new = last.replace(*number) != Some(*number);
            if !new {
                self.people.forget(*number);
            }
            new
        });
        numbers.into_boxed_slice()
    }
}

impl Objects for State {
    fn group_facts(&self, name: &str) -> Option<GroupFacts<'_>> {
        let GroupObject { uid, owners, soundness, creator, .. } =
            self.groups.get(name)?.object.as_ref()?;
        let (soundness, is_enrolled) = (*soundness, creator.is_none());
        Some(GroupFacts { uid, owners, soundness, is_enrolled })
    }

    fn enrolment_facts(&self, name: &str) -> Option<EnrolmentFacts<'_>> {
        self.enrolment_of(name)
    }

    fn is_in_effect(&self, name: &str) -> bool {
        self.groups.get(name).is_some_and(|node| node.in_effect)
    }
}

#[cfg(test)]
mod tests;
