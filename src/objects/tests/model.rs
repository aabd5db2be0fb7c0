//! What objects mean, as simply as it can be said, whatever it costs: every question goes through all of them.
//!
//! Must not know the code it is a model of: texts are told apart by lists of those that [`random`](super::random) makes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Beliefs;
use super::random::{Content, Kind, Object, Reference, USERS};

/// All objects there are.
#[derive(Debug, Default)]
pub struct Model(BTreeMap<(Kind, &'static str), Object>);

impl Model {
    pub fn put(&mut self, object: Object) {
        self.0.insert((object.kind, object.name), object);
    }

    /// Takes one away.
    pub fn drop(&mut self, place: usize) -> Option<Object> {
        let key = *self.0.keys().nth(place % self.0.len().max(1))?;
        self.0.remove(&key)
    }

    pub fn all(&self, kind: Kind) -> Vec<Value> {
        self.of(kind).map(Object::json).collect()
    }

    pub fn json(&self, kind: Kind, name: &str) -> Value {
        self.of(kind).find(|object| object.name == name).unwrap().json()
    }

    pub fn beliefs(&self, now: i64) -> Beliefs {
        let (mut beliefs, mut groups) = (Beliefs::default(), BTreeSet::new());
        for object in self.of(Kind::Group).filter(|object| self.in_effect(object.name)) {
            let group = object.name.replace("--", "_");
            if let (false, Some(Content::Group { creator: Some(creator), .. })) =
                (self.is_enrolled(object), &object.content)
            {
                beliefs.join(&format!("{group}.staff"), creator, None);
            }
            groups.insert(group);
        }
        for object in self.of(Kind::Membership).filter(|object| self.counts(object)) {
            let Some(Content::Membership { group, role, users, end }) = &object.content else {
                continue;
            };
            let until = end.map(second);
            if until.is_some_and(|end| end <= now) {
                continue;
            }
            let roster = match (group, *role) {
                (None, _) => "staff".to_owned(),
                (Some(group), "Staff") => format!("{}.staff", group.replace("--", "_")),
                (Some(group), _) => group.replace("--", "_"),
            };
            let users = users.iter().filter(|user| USERS.contains(user));
            users.for_each(|user| beliefs.join(&roster, user, until));
        }
        for object in self.of(Kind::User).filter(|object| is_valid(object)) {
            let Some(Content::User { username, banned, not_before }) = object.content else {
                continue;
            };
            beliefs.stand(
                username,
                banned,
                not_before.map(|at| second(at) + i64::from(at.contains('.'))),
            );
        }
        beliefs.count(&groups);
        beliefs
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.0.values().filter(move |object| object.kind == kind)
    }

    fn group(&self, name: &str) -> Option<&Object> {
        self.of(Kind::Group).find(|object| object.name == name)
    }

    /// A group is in effect while it is right, is not being deleted, does not belong to a former parent, and its parent
    /// is in effect.
    fn in_effect(&self, name: &str) -> bool {
        let Some(object) = self.group(name) else { return false };
        let parent = name.rsplit_once('.').map(|(parent, _)| parent);
        is_valid(object)
            && !object.is_leaving
            && parent.is_none_or(|parent| self.in_effect(parent) && self.belongs(object, parent))
    }

    /// A Membership counts while it is right, is not being deleted, and its group is in effect and no other than the one
    /// it was made for.
    fn counts(&self, object: &Object) -> bool {
        let Some(Content::Membership { group, .. }) = object.content else { return false };
        is_valid(object)
            && !object.is_leaving
            && group.is_none_or(|group| self.in_effect(group) && self.belongs(object, group))
    }

    /// Whether an object has no owner that is called so, or that very Group.
    fn belongs(&self, object: &Object, group: &str) -> bool {
        let is_group = |owner: &&Reference| {
            owner.kind == "Group"
                && owner.api.starts_with("pasee.meltylab.fr/")
                && owner.name == group
        };
        let mut owners = object.owners.iter().filter(is_group).peekable();
        let uid = self.group(group).map(Object::uid);
        owners.peek().is_none() || owners.any(|owner| Some(&owner.uid) == uid.as_ref())
    }

    /// A creator was enrolled when the status or the annotation says so, or when the Membership that enrols them is there, whatever has
    /// become of it.
    fn is_enrolled(&self, group: &Object) -> bool {
        let Some(Content::Group { is_enrolled, annotated, .. }) = group.content else {
            return false;
        };
        let is_enrolment = |object: &Object| {
            let of = match object.content {
                Some(Content::Membership { group, role: "Staff", .. }) => group,
                _ => None,
            };
            is_valid(object)
                && object.name.strip_prefix("creator-") == Some(group.uid().as_str())
                && object.enrols == Some(group.uid())
                && of == Some(group.name)
        };
        is_enrolled == Some(true)
            || annotated == Some("true")
            || self.of(Kind::Membership).any(is_enrolment)
    }
}

fn is_valid(object: &Object) -> bool {
    let is_user = |user: &&str| USERS.contains(user);
    let is_group = |name: &str| !name.split('.').any(|segment| segment == "staff");
    match &object.content {
        None => false,
        Some(Content::Group { creator, .. }) => {
            is_group(object.name) && creator.as_ref().is_none_or(is_user)
        }
        // A user that is none is left out, and the others stay.
        Some(Content::Membership { group, role, end, .. }) => {
            group.map_or(*role == "Staff", is_group) && *end != Some("?")
        }
        Some(Content::User { username, not_before, .. }) => {
            is_user(username) && *not_before != Some("soon")
        }
    }
}

/// The whole second of a moment.
fn second(text: &str) -> i64 {
    match text {
        "1970-01-01T00:00:01Z" => 1,
        "1970-01-01T00:00:05Z" | "1970-01-01T00:00:05.5Z" => 5,
        "1970-01-01T00:16:40.5Z" => 1_000,
        "1970-01-01T00:16:41Z" => 1_001,
        "1971-01-01T00:00:00Z" => 31_536_000,
        _ => panic!("{text}"),
    }
}
