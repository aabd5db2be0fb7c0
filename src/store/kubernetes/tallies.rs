//! How much each user has made of what is there.
//!
//! Must not know what it means.

use std::collections::HashMap;

use super::object::{Event, Kind, Name, Object, Says};
use crate::domain::bounds::Tally;
use crate::domain::user::UserId;

/// Counts, object by object.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// Of objects that a user has made: Groups, and Memberships.
    by_object: [HashMap<Name, (UserId, Tally)>; 2],
    by_user: HashMap<UserId, Tally>,
}

impl Tallies {
    /// Takes in news.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Applied(object) => self.put(object),
            Event::Gone(kind, name) => self.take(*kind, name),
            Event::Listed(kind, objects) => {
                if let Some(place) = place(*kind) {
                    let names: Vec<Name> = self.by_object[place].keys().cloned().collect();
                    names.iter().for_each(|name| self.take(*kind, name));
                    objects.iter().for_each(|object| self.put(object));
                }
            }
        }
    }

    /// What a user has made.
    pub(super) fn of(&self, user: &UserId) -> Tally {
        self.by_user.get(user).copied().unwrap_or_default()
    }

    fn put(&mut self, object: &Object) {
        let kind = object.says.kind();
        self.take(kind, &object.name);
        let (author, tally) = match &object.says {
            Says::Group(declared) => {
                (declared.made_by.as_ref(), Tally { groups: 1, memberships: 0 })
            }
            Says::Membership(granted) => {
                let memberships = u64::try_from(granted.crowd.len()).unwrap_or(u64::MAX);
                (granted.author.as_ref(), Tally { groups: 0, memberships })
            }
            Says::User(_) | Says::Nothing(_) => return,
        };
        let (Some(author), Some(place)) = (author, place(kind)) else { return };
        let sum = self.by_user.entry(author.clone()).or_default();
        *sum = *sum + tally;
        self.by_object[place].insert(object.name.clone(), (author.clone(), tally));
    }

    fn take(&mut self, kind: Kind, name: &Name) {
        let Some(place) = place(kind) else { return };
        let Some((author, tally)) = self.by_object[place].remove(name) else { return };
        let Some(sum) = self.by_user.get_mut(&author) else { return };
        sum.groups = sum.groups.saturating_sub(tally.groups);
        sum.memberships = sum.memberships.saturating_sub(tally.memberships);
        if *sum == Tally::default() {
            self.by_user.remove(&author);
        }
    }
}

fn place(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Group => Some(0),
        Kind::Membership => Some(1),
        Kind::User => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::kubernetes::wire::read;

    fn object(kind: Kind, object: Value) -> Object {
        read(kind, serde_json::from_value(object).unwrap())
    }

    fn group(name: &str, creator: &str) -> Object {
        let (metadata, spec) = (json!({ "name": name, "uid": name }), json!({ "creator": creator }));
        object(Kind::Group, json!({ "metadata": metadata, "spec": spec }))
    }

    fn membership(name: &str, marks: Value, users: &[&str]) -> Object {
        let mut metadata = json!({ "name": name, "uid": name });
        metadata.as_object_mut().unwrap().extend(marks.as_object().unwrap().clone());
        let spec = json!({ "group": "a", "users": users });
        object(Kind::Membership, json!({ "metadata": metadata, "spec": spec }))
    }

    #[test]
    fn each_object_counts_once_for_whoever_has_made_it() {
        let mut tallies = Tallies::default();
        let john: UserId = "k-john".parse().unwrap();
        let ours = |author: &str| {
            json!({
                "labels": { "app.kubernetes.io/managed-by": "pasee" },
                "annotations": { "pasee.meltylab.fr/author": author, "pasee.meltylab.fr/actor": "k-ann" },
            })
        };
        let theirs = json!({ "annotations": { "pasee.meltylab.fr/actor": "k-john" } });
        for object in [
            group("a", "k-john"),
            group("a", "k-john"),
            group("b", "k-john"),
            group("c", "k-ann"),
            membership("one", ours("k-john"), &["k-x"]),
            membership("one", ours("k-john"), &["k-x", "k-y"]),
            membership("two", theirs, &["k-x", "k-y", "k-z"]),
            membership("three", ours("operator"), &["k-x"]),
            membership("four", json!({}), &["k-x"]),
        ] {
            tallies.apply(&Event::Applied(object));
        }
        assert_eq!(tallies.of(&john), Tally { groups: 2, memberships: 5 });
        tallies.apply(&Event::Gone(Kind::Membership, "two".into()));
        tallies.apply(&Event::Gone(Kind::Membership, "two".into()));
        tallies.apply(&Event::Gone(Kind::Group, "four".into()));
        assert_eq!(tallies.of(&john), Tally { groups: 2, memberships: 2 });
        tallies.apply(&Event::Listed(Kind::Group, vec![group("b", "k-john")]));
        assert_eq!(tallies.of(&john), Tally { groups: 1, memberships: 2 });
        tallies.apply(&Event::Listed(Kind::Membership, Vec::new()));
        tallies.apply(&Event::Listed(Kind::Group, Vec::new()));
        assert_eq!(tallies.of(&"k-ann".parse().unwrap()), Tally::default());
        assert!(tallies.by_user.is_empty(), "nothing is left of what is gone");
    }
}
