//! How much each user has made of what is there.
//!
//! Must not know what it means.

use std::collections::{HashMap, HashSet};

use super::object::{Event, Kind, Name, Object, Says};
use super::state::State;
use crate::domain::bounds::{Tally, weight_of};
use crate::domain::user::UserId;

/// The objects that users have made: Groups, and Memberships.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    authors: [HashMap<Name, UserId>; 2],
    objects: HashMap<UserId, [HashSet<Name>; 2]>,
}

impl Tallies {
    /// Takes in news.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Applied(object) => self.put(object),
            Event::Gone(kind, name) => self.take(*kind, name),
            Event::Listed(kind, objects) => {
                if let Some(place) = place(*kind) {
                    let names: Vec<Name> = self.authors[place].keys().cloned().collect();
                    names.iter().for_each(|name| self.take(*kind, name));
                    objects.iter().for_each(|object| self.put(object));
                }
            }
        }
    }

    /// What a user has made of what is in effect.
    pub(super) fn of(&self, user: &UserId, state: &State) -> Tally {
        let Some([groups, memberships]) = self.objects.get(user) else { return Tally::default() };
        let groups = groups.iter().filter(|name| state.has_group_in_effect(name)).count();
        let in_effect = memberships.iter().map(|name| state.puts(name)).filter(|users| *users > 0);
        let (users, objects) =
            in_effect.fold((0, 0), |(all, count), users| (all + users, count + 1));
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let memberships = weight_of(number(users), number(objects));
        Tally { groups: number(groups), memberships }
    }

    fn put(&mut self, object: &Object) {
        let kind = object.says.kind();
        self.take(kind, &object.name);
        let author = match &object.says {
            Says::Group(declared) => declared.made_by.as_ref(),
            Says::Membership(granted) => granted.author.as_ref(),
            Says::User(_)
            | Says::SessionRevocations(_)
            | Says::OAuthClient(_)
            | Says::Nothing(_) => None,
        };
        let (Some(author), Some(place)) = (author, place(kind)) else { return };
        self.authors[place].insert(object.name.clone(), author.clone());
        self.objects.entry(author.clone()).or_default()[place].insert(object.name.clone());
    }

    fn take(&mut self, kind: Kind, name: &Name) {
        let Some(place) = place(kind) else { return };
        let Some(author) = self.authors[place].remove(name) else { return };
        let Some(objects) = self.objects.get_mut(&author) else { return };
        objects[place].remove(name);
        if objects.iter().all(HashSet::is_empty) {
            self.objects.remove(&author);
        }
    }
}

fn place(kind: Kind) -> Option<usize> {
    match kind {
        Kind::Group => Some(0),
        Kind::Membership => Some(1),
        Kind::User | Kind::SessionRevocations | Kind::OAuthClient => None,
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
        let (metadata, spec) =
            (json!({ "name": name, "uid": name }), json!({ "creator": creator }));
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
        let (mut tallies, mut state) = (Tallies::default(), State::default());
        let mut tell = |event: Event| {
            tallies.apply(&event);
            state.apply(event);
            let of = |id: &str| {
                let Tally { groups, memberships } = tallies.of(&id.parse().unwrap(), &state);
                (groups, memberships)
            };
            (of("k-john"), of("k-ann"), tallies.objects.len())
        };
        let ours = |author: &str| {
            json!({
                "labels": { "app.kubernetes.io/managed-by": "pasee" },
                "annotations": { "pasee.meltylab.fr/author": author, "pasee.meltylab.fr/actor": "k-ann" },
            })
        };
        let theirs = json!({ "annotations": { "pasee.meltylab.fr/actor": "k-john" } });
        let mut last = Default::default();
        for object in [
            membership("early", theirs.clone(), &["k-x"]),
            group("a", "k-john"),
            group("a", "k-john"),
            group("b", "k-john"),
            group("c", "k-ann"),
            group("x.y", "k-john"),
            membership("one", ours("k-john"), &["k-x"]),
            membership("one", ours("k-john"), &["k-x", "k-y"]),
            membership("two", theirs.clone(), &["k-x", "k-y", "k-z"]),
            membership("nobody", theirs, &[]),
            membership("three", ours("operator"), &["k-x"]),
            membership("four", json!({}), &["k-x"]),
        ] {
            last = tell(Event::Applied(object));
        }
        assert_eq!(last, ((2, 7), (1, 0), 2), "a group without its parent is none");
        // Many of one user weigh more than their users.
        let anns = json!({ "annotations": { "pasee.meltylab.fr/actor": "k-ann" } });
        let small = |number| membership(&format!("m{number}"), anns.clone(), &["k-x"]);
        for number in 0..110 {
            last = tell(Event::Applied(small(number)));
        }
        assert_eq!(last, ((2, 7), (1, 110), 2));
        for number in 110..120 {
            last = tell(Event::Applied(small(number)));
        }
        assert_eq!(last, ((2, 7), (1, 200), 2));
        for number in 0..120 {
            tell(Event::Gone(Kind::Membership, format!("m{number}").as_str().into()));
        }
        tell(Event::Gone(Kind::Membership, "two".into()));
        tell(Event::Gone(Kind::Membership, "two".into()));
        last = tell(Event::Gone(Kind::Group, "four".into()));
        assert_eq!(last, ((2, 4), (1, 0), 2));
        last = tell(Event::Gone(Kind::Group, "a".into()));
        assert_eq!(last, ((1, 0), (1, 0), 2), "what was in there waits to be collected");
        last = tell(Event::Listed(Kind::Group, vec![group("b", "k-john")]));
        assert_eq!(last, ((1, 0), (0, 0), 1));
        tell(Event::Listed(Kind::Membership, Vec::new()));
        last = tell(Event::Listed(Kind::Group, Vec::new()));
        assert_eq!(last, ((0, 0), (0, 0), 0), "nothing is left of what is gone");
    }
}
