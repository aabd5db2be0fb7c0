//! What the store, the controller and an excerpt believe of random objects, each by its own front door, against a simple
//! model.

mod model;
mod random;

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use kube::runtime::watcher::Event;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::model::Model;
use self::random::{KINDS, Kind, News, USERS, some_news};
use crate::controller::object_watch::tests::Reader as ControllerReader;
use crate::controller::plan::Step;
use crate::domain::directory::{Directory, Page, Standing};
use crate::domain::group::parent_of;
use crate::domain::membership::{Role, Roster};
use crate::domain::time::Timestamp;
use crate::objects::excerpt::Excerpt;
use crate::resources::condition::{IN_EFFECT, READY, Reason};
use crate::resources::{Membership, Received, membership};
use crate::store::kubernetes::tests::Reader as StoreReader;

const NOW: i64 = 1_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

/// What is believed to be in effect.
#[derive(Clone, Debug, Default, PartialEq)]
struct Beliefs {
    /// The groups, each with the numbers of its members, its staff, and the groups one level below.
    groups: BTreeMap<String, [i64; 3]>,
    /// Who is on which roster, and until when.
    holdings: BTreeMap<(String, String), Option<i64>>,
    /// What is said of users.
    standings: BTreeMap<String, (bool, Option<i64>)>,
}

impl Beliefs {
    /// Somebody is on a roster; of several ends the latest counts.
    fn join(&mut self, roster: &str, user: &str, until: Option<i64>) {
        let end = self.holdings.entry((roster.to_owned(), user.to_owned())).or_insert(until);
        *end = end.zip(until).map(|(one, two)| one.max(two));
    }

    /// Something is said of somebody; the strictest counts.
    fn stand(&mut self, user: &str, banned: bool, not_before: Option<i64>) {
        let standing = self.standings.entry(user.to_owned()).or_default();
        *standing = (standing.0 || banned, standing.1.max(not_before));
    }

    fn on(&self, roster: &str) -> i64 {
        let on = self.holdings.keys().filter(|(other, _)| other == roster).count();
        i64::try_from(on).unwrap()
    }

    /// The groups named, with their numbers as they follow from who is on which roster.
    fn count(&mut self, groups: &BTreeSet<String>) {
        for group in groups {
            let below = groups.iter().filter(|below| parent_of(below) == Some(group)).count();
            let (members, staff) = (self.on(group), self.on(&format!("{group}.staff")));
            self.groups.insert(group.clone(), [members, staff, i64::try_from(below).unwrap()]);
        }
        self.standings.retain(|_, standing| *standing != (false, None));
    }
}

fn of_the_store(reader: &StoreReader) -> Beliefs {
    let index = &reader.index;
    let (mut beliefs, mut groups) = (Beliefs::default(), BTreeSet::new());
    for roster in index.rosters(Page { after: None, limit: 100 }) {
        groups.extend(roster.group().map(ToString::to_string));
    }
    for id in USERS {
        let record = index.record(&id.parse().unwrap(), now());
        for holding in record.holdings {
            let until = holding.expires_at.map(Timestamp::as_unix);
            beliefs.join(&holding.roster.to_string(), id, until);
        }
        let Standing { banned, not_before } = record.standing;
        beliefs.stand(id, banned, not_before.map(Timestamp::as_unix));
    }
    beliefs.count(&groups);
    beliefs
}

/// What the statuses say that the controller would write.
fn of_the_controller(reader: &ControllerReader, model: &Model) -> Beliefs {
    let (mut beliefs, mut counts) = (Beliefs::default(), BTreeMap::new());
    let in_effect = Reason::InEffect.to_string();
    for (object, plan) in reader.groups(now()) {
        let is_enrolled_now = plan.steps.iter().any(|step| matches!(step, Step::Enrol(_)));
        let Some(status) = status(plan.steps) else { continue };
        let ready = status.conditions.iter().find(|one| one.type_ == READY).unwrap();
        let numbers = [status.members, status.staff, status.subgroups].map(Option::unwrap);
        if ready.reason != in_effect {
            assert_eq!(numbers, [0; 3], "nobody is in what is not in effect: {object:?}");
            continue;
        }
        let group = object.name_any().replace("--", "_");
        let is_by_spec = is_enrolled_now || status.creator_enrolled != Some(true);
        if let (true, Some(creator)) = (is_by_spec, &object.spec.creator) {
            beliefs.join(&format!("{group}.staff"), creator, None);
        }
        counts.insert(group, numbers);
    }
    for (object, plan) in reader.memberships(now()) {
        let Some(status) = status(plan.steps) else { continue };
        let effect = status.conditions.iter().find(|one| one.type_ == IN_EFFECT).unwrap();
        if effect.status != "True" {
            continue;
        }
        // The controller keeps no users.
        let object: Membership =
            serde_json::from_value(model.json(Kind::Membership, &object.name_any())).unwrap();
        let content = membership::understand(&object).unwrap().content;
        for user in content.users {
            let until = content.expires_at.map(Timestamp::as_unix);
            beliefs.join(&content.roster.to_string(), user.as_str(), until);
        }
    }
    for content in reader.users() {
        let Ok(content) = content else { continue };
        let Standing { banned, not_before } = content.standing;
        beliefs.stand(content.user.as_str(), banned, not_before.map(Timestamp::as_unix));
    }
    beliefs.count(&counts.keys().cloned().collect());
    assert_eq!(beliefs.groups, counts, "the numbers in statuses are those of who is there");
    beliefs
}

/// What excerpts of all objects say, one for each user.
fn of_excerpts(model: &Model) -> Beliefs {
    fn each<K: DeserializeOwned>(model: &Model, kind: Kind, take: impl FnMut(K)) {
        let received =
            model.all(kind).into_iter().map(|object| serde_json::from_value(object).unwrap());
        let readable = received.filter_map(|received| match received {
            Received::Readable(object) => Some(object),
            Received::Unreadable { .. } => None,
        });
        readable.for_each(take);
    }
    let groups = ["a", "a.b", "a.b.c", "a.d", "a-b", "my_a", "my_a.b", "x"];
    let rosters = groups.iter().flat_map(|group| [(*group).to_owned(), format!("{group}.staff")]);
    let rosters: Vec<Roster> =
        rosters.chain(["staff".to_owned()]).map(|roster| roster.parse().unwrap()).collect();
    let mut beliefs = Beliefs::default();
    for id in USERS {
        let mut excerpt = Excerpt::of(id.parse().unwrap());
        each(model, Kind::Group, |object| excerpt.add_group(&object));
        each(model, Kind::Membership, |object| excerpt.add_membership(&object));
        each(model, Kind::User, |object| excerpt.add_user(&object));
        let record = excerpt.record(&rosters, now());
        for holding in record.holdings {
            let until = holding.expires_at.map(Timestamp::as_unix);
            beliefs.join(&holding.roster.to_string(), id, until);
        }
        let Standing { banned, not_before } = record.standing;
        beliefs.stand(id, banned, not_before.map(Timestamp::as_unix));
    }
    beliefs.standings.retain(|_, standing| *standing != (false, None));
    beliefs
}

fn status<S>(steps: Vec<Step<S>>) -> Option<S> {
    steps.into_iter().find_map(|step| match step {
        Step::Status(status) => Some(status),
        Step::Own(_)
        | Step::Enrol(_)
        | Step::Annotate(_)
        | Step::Revoke(..)
        | Step::Delete
        | Step::Record(_) => None,
    })
}

/// Both readers, told the same.
#[derive(Default)]
struct Readers {
    store: StoreReader,
    controller: ControllerReader,
}

impl Readers {
    fn apply(&mut self, kind: Kind, object: &Value) {
        self.store.apply(kind.name(), object.clone());
        self.controller.hear(kind.name(), Event::Apply(object.clone()));
    }

    fn forget(&mut self, kind: Kind, object: &Value) {
        self.store.forget(kind.name(), object.clone());
        self.controller.hear(kind.name(), Event::Delete(object.clone()));
    }

    fn list(&mut self, kind: Kind, objects: &[Value]) {
        self.store.list(kind.name(), objects.to_vec());
        self.controller.hear(kind.name(), Event::Init);
        for object in objects {
            self.controller.hear(kind.name(), Event::InitApply(object.clone()));
        }
        self.controller.hear(kind.name(), Event::InitDone);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// After all news the store and the controller believe what the objects mean, however they came to hear of them.
    #[test]
    fn both_readers_believe_what_the_objects_mean(
        news in prop::collection::vec(some_news(), 1..30),
        order in Just((0..64).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let (mut model, mut readers) = (Model::default(), Readers::default());
        for news in news {
            match news {
                News::Put(object) => {
                    readers.apply(object.kind, &object.json());
                    model.put(object);
                }
                News::Dropped(place) => {
                    let Some(object) = model.drop(place) else { continue };
                    readers.forget(object.kind, &object.json());
                }
                News::Missed(new, gone) => {
                    new.into_iter().for_each(|object| model.put(object));
                    gone.into_iter().for_each(|place| _ = model.drop(place));
                    KINDS.into_iter().for_each(|kind| readers.list(kind, &model.all(kind)));
                }
            }
            let meant = model.beliefs(NOW);
            prop_assert_eq!(of_the_store(&readers.store), meant.clone(), "the store, of {:?}", model);
            prop_assert_eq!(of_the_controller(&readers.controller, &model), meant.clone(), "the controller, of {:?}", model);
            let uncounted = Beliefs { groups: BTreeMap::new(), ..meant };
            prop_assert_eq!(of_excerpts(&model), uncounted, "excerpts, of {:?}", model);
        }
        // Whoever hears of the last state alone, in any order, believes the same.
        let mut afresh = Readers::default();
        let objects: Vec<(Kind, Value)> = KINDS
            .into_iter()
            .flat_map(|kind| model.all(kind).into_iter().map(move |object| (kind, object)))
            .collect();
        for place in order {
            if let Some((kind, object)) = objects.get(place) {
                afresh.apply(*kind, object);
            }
        }
        let meant = model.beliefs(NOW);
        prop_assert_eq!(of_the_store(&afresh.store), meant.clone(), "the store, of {:?}", model);
        prop_assert_eq!(of_the_controller(&afresh.controller, &model), meant, "the controller, of {:?}", model);
    }
}

#[test]
fn rosters_are_called_the_same() {
    let staff = Roster::of("a.my_b".parse().unwrap(), Role::Staff);
    assert_eq!(staff.to_string(), "a.my_b.staff");
}
