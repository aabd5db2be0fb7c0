//! The core against a naive model: objects in, effective directory out, whatever the order of events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::directory::{Directory, Page};
use crate::domain::group::GroupName;
use crate::domain::membership::{Role, Roster};
use crate::domain::time::Timestamp;
use crate::index::{Index, Sweep};
use crate::objects::effect::Soundness;
use crate::objects::owner::{Owners, Ownership};
use crate::store::kubernetes::object::{Declared, Maker, Stated};

const GROUPS: [&str; 6] = ["a", "a-b", "a.b", "a.b.c", "a_b", "d"];
const USERS: [&str; 4] = ["k-ada", "k-alan", "k-bob", "k-é"];

/// All objects there are, by kind and name.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<(usize, String), Object>);

/// What a directory shows.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    rosters: Vec<String>,
    on: BTreeSet<(String, String, Option<i64>)>,
    standings: BTreeMap<String, Standing>,
}

impl Model {
    fn put(&mut self, object: Object) {
        let key = (object.says.kind().place(), object.name.to_string());
        match object.says {
            Says::Nothing(_) => _ = self.0.remove(&key),
            _ => _ = self.0.insert(key, object),
        }
    }

    fn group(&self, group: &str) -> Option<(&Name, &Declared)> {
        match self.0.get(&(0, group.replace('_', "--"))) {
            Some(Object { uid, says: Says::Group(declared), .. }) => Some((uid, declared)),
            _ => None,
        }
    }

    fn in_effect(&self, group: &str) -> bool {
        let Some((_, declared)) = self.group(group) else { return false };
        let parent = group.rsplit_once('.').map(|(parent, _)| parent);
        let above = parent.is_none_or(|parent| {
            let uid = self.group(parent).map(|(uid, _)| uid);
            let owned = uid.is_some_and(|uid| declared.owners.ownership(uid) == Ownership::Owned);
            self.in_effect(parent) && (declared.owners == Owners::default() || owned)
        });
        above && declared.soundness == Soundness::Sound
    }

    fn shown(&self) -> Shown {
        let mut ends: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut shown = Shown { rosters: vec!["staff".to_owned()], ..Shown::default() };
        let mut join = |roster: &Roster, user: &UserId, until: Option<Timestamp>| {
            let end = ends.entry((roster.to_string(), user.to_string())).or_insert(0);
            *end = (*end).max(until.map_or(i64::MAX, Timestamp::as_unix));
        };
        for object in self.0.values() {
            match &object.says {
                Says::Group(Declared { group, creator, .. }) if self.in_effect(group.as_str()) => {
                    let staff = Roster::Staff(group.clone());
                    creator.iter().for_each(|creator| join(&staff, creator, None));
                    shown.rosters.extend([group.to_string(), staff.to_string()]);
                }
                Says::Membership(Granted {
                    roster, owners, crowd: Crowd::Ids(ids), until, ..
                }) => {
                    let counts = roster.group().is_none_or(|group| {
                        let uid = self.group(group.as_str()).map(|(uid, _)| uid);
                        let owned =
                            uid.is_some_and(|uid| owners.ownership(uid) == Ownership::Owned);
                        self.in_effect(group.as_str()) && (*owners == Owners::default() || owned)
                    }) && (roster.group().is_some() || *owners == Owners::default());
                    ids.iter().filter(|_| counts).for_each(|user| join(roster, user, *until));
                }
                Says::User(Stated { user, standing, .. }) => {
                    let all = shown.standings.entry(user.to_string()).or_default();
                    all.banned |= standing.banned;
                    all.not_before = all.not_before.max(standing.not_before);
                }
                _ => {}
            }
        }
        shown.standings.retain(|_, standing| *standing != Standing::default());
        let end = |end| (end < i64::MAX).then_some(end);
        shown.on = ends.into_iter().map(|((roster, user), at)| (roster, user, end(at))).collect();
        shown.rosters.sort_by_key(|text| text.parse::<Roster>().unwrap());
        shown
    }
}

fn shown(index: &Index) -> Shown {
    let rosters = index.rosters(Page { after: None, limit: 100 });
    let mut shown =
        Shown { rosters: rosters.iter().map(ToString::to_string).collect(), ..Shown::default() };
    for user in USERS {
        let record = index.record(&user.parse().unwrap(), Timestamp::MIN);
        if record.standing != Standing::default() {
            shown.standings.insert(user.to_owned(), record.standing);
        }
        for holding in record.holdings {
            let end = holding.expires_at.map(Timestamp::as_unix);
            shown.on.insert((holding.roster.to_string(), user.to_owned(), end));
        }
    }
    let listed = rosters.iter().flat_map(|roster| {
        let page = Page { after: None, limit: 100 };
        let users = index.members(roster, page, Timestamp::MIN).unwrap();
        users.into_iter().map(|user| (roster.to_string(), user.to_string()))
    });
    let listed: BTreeSet<_> = listed.collect();
    let held: BTreeSet<_> = shown.on.iter().map(|(r, u, _)| (r.clone(), u.clone())).collect();
    assert_eq!(listed, held, "both ways of asking agree");
    shown
}

fn a_user() -> impl Strategy<Value = UserId> {
    prop::sample::select(&USERS[..]).prop_map(|user| user.parse().unwrap())
}

fn a_group() -> impl Strategy<Value = GroupName> {
    prop::sample::select(&GROUPS[..]).prop_map(|group| group.parse().unwrap())
}

fn a_uid() -> impl Strategy<Value = Name> {
    prop::sample::select(&["1", "2"][..]).prop_map(Name::from)
}

fn a_maker() -> impl Strategy<Value = Maker> {
    prop::sample::select(&[Maker::Pasee, Maker::Other][..])
}

fn a_moment() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((1..3_i64).prop_map(|at| Timestamp::from_unix(at).unwrap()))
}

fn a_soundness() -> impl Strategy<Value = Soundness> {
    prop_oneof![9 => Just(Soundness::Sound), 1 => Just(Soundness::Unsound)]
}

fn owners() -> impl Strategy<Value = Owners> {
    prop::collection::vec(a_uid(), 0..2).prop_map(Owners::from_iter)
}

fn an_object() -> impl Strategy<Value = Object> {
    let group = (a_group(), a_uid(), owners(), a_soundness(), prop::option::of(a_user())).prop_map(
        |(group, uid, owners, soundness, creator)| Object {
            name: group.as_str().replace('_', "--").into(),
            uid,
            says: Says::Group(Declared {
                group,
                owners,
                soundness,
                creator,
                made_by: None,
                maker: Maker::Other,
                description: None,
            }),
        },
    );
    let roster = prop_oneof![
        1 => Just(Roster::RootStaff),
        9 => (a_group(), any::<bool>()).prop_map(|(group, staff)| {
            Roster::of(group, if staff { Role::Staff } else { Role::Member })
        }),
    ];
    let crowd = prop::collection::vec(a_user(), 0..4);
    let membership = ("[m-p]", a_uid(), roster, owners(), crowd, a_moment(), a_maker()).prop_map(
        |(name, uid, roster, owners, ids, until, maker)| {
            let owners = if roster.group().is_none() { Owners::default() } else { owners };
            let crowd = Crowd::Ids(ids);
            let (soundness, enrols) = (Soundness::Sound, false);
            let (author, names) = (None, false);
            let says =
                Granted { roster, owners, crowd, until, maker, soundness, enrols, author, names };
            Object { name: name.into(), uid, says: Says::Membership(says) }
        },
    );
    let user = ("[u-w]", a_uid(), a_user(), any::<bool>(), a_moment(), a_maker()).prop_map(
        |(name, uid, user, banned, not_before, maker)| {
            let standing = Standing { banned, not_before };
            let says = Says::User(Stated { user, standing, maker });
            Object { name: name.into(), uid, says }
        },
    );
    let object = prop_oneof![5 => group, 6 => membership, 2 => user];
    (object, prop::bool::weighted(0.1)).prop_map(|(mut object, invalid)| {
        if invalid {
            object.says = Says::Nothing(object.says.kind());
        }
        object
    })
}

#[derive(Clone, Debug)]
enum Step {
    Put(Object),
    Drop(usize),
    /// Changes nobody was told of, then a list of everything.
    Missed(Vec<Object>, Vec<usize>),
}

fn a_step() -> impl Strategy<Value = Step> {
    let missed =
        (prop::collection::vec(an_object(), 0..6), prop::collection::vec(0..9_usize, 0..3));
    prop_oneof![
        10 => an_object().prop_map(Step::Put),
        3 => (0..9_usize).prop_map(Step::Drop),
        1 => missed.prop_map(|(new, gone)| Step::Missed(new, gone)),
    ]
}

fn nth(model: &Model, place: usize) -> Option<(usize, String)> {
    model.0.keys().nth(place % model.0.len().max(1)).cloned()
}

fn take(step: Step, model: &mut Model) -> Vec<Event> {
    match step {
        Step::Put(object) => {
            model.put(object.clone());
            vec![Event::Applied(object)]
        }
        Step::Drop(place) => {
            let Some(key) = nth(model, place) else { return Vec::new() };
            model.0.remove(&key);
            vec![Event::Gone(Kind::ALL[key.0], key.1.into())]
        }
        Step::Missed(new, gone) => {
            new.into_iter().for_each(|object| model.put(object));
            for place in gone {
                nth(model, place).map(|key| model.0.remove(&key));
            }
            let list = |kind: Kind| {
                let all = model.0.values().filter(|object| object.says.kind() == kind);
                Event::Listed(kind, all.cloned().collect())
            };
            Kind::ALL.map(list).into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// After every event the index shows what the objects say, whether it was told step by step or all at once.
    #[test]
    fn as_the_objects_say(steps in prop::collection::vec(a_step(), 1..40), quiet in 0..20_usize) {
        let (mut model, mut state) = (Model::default(), State::default());
        let index = Index::default();
        for (count, step) in steps.into_iter().enumerate() {
            if count == quiet {
                index.replace(state.contents());
            }
            let events = take(step, &mut model);
            let (last, all) = (events.len().saturating_sub(1), count >= quiet);
            for (at, mut event) in events.into_iter().enumerate() {
                if let Event::Listed(_, objects) = &mut event {
                    objects.iter_mut().for_each(|object| state.compact(object));
                }
                let updates = state.apply(event);
                prop_assert!(all || updates.is_empty());
                index.apply(&updates);
                if all && at == last {
                    prop_assert_eq!(shown(&index), model.shown());
                }
            }
            while index.sweep() == Sweep::More {}
        }
        let afresh = Index::new(state.contents());
        prop_assert_eq!(shown(&afresh), model.shown());
        // Nothing stays behind when all objects are gone.
        for kind in Kind::ALL {
            state.apply(Event::Listed(kind, Vec::new()));
        }
        prop_assert_eq!(state.people.len(), 0);
        prop_assert!(state.groups.is_empty() && state.memberships.is_empty());
        prop_assert!(state.about.is_empty() && state.root_staff.is_empty());
        prop_assert!(state.held.iter().all(Option::is_none));
    }
}

fn granted(roster: &str, users: &[&str], until: Option<i64>) -> Says {
    Says::Membership(Granted {
        roster: roster.parse().unwrap(),
        owners: Owners::default(),
        crowd: Crowd::Ids(users.iter().map(|user| user.parse().unwrap()).collect()),
        until: until.and_then(Timestamp::from_unix),
        maker: Maker::Other,
        soundness: Soundness::Sound,
        enrols: false,
        author: None,
        names: false,
    })
}

fn object(name: &str, says: Says) -> Object {
    Object { name: name.into(), uid: "1".into(), says }
}

#[test]
fn lists_that_change_nothing_tell_nothing() {
    let mut state = State::default();
    state.contents();
    let objects = vec![
        object("one", granted("staff", &["k-ada", "k-bob", "k-ada"], None)),
        object("two", granted("staff", &["k-ada"], Some(5))),
    ];
    assert_eq!(state.apply(Event::Listed(Kind::Membership, objects.clone())).len(), 3);
    assert_eq!(state.apply(Event::Listed(Kind::Membership, objects.clone())), []);
    let gone = state.apply(Event::Listed(Kind::Membership, objects[1..].to_vec()));
    let five = Timestamp::from_unix(5);
    assert!(
        matches!(&gone[..], [Update::Joined(ada), Update::Left { .. }] if ada.expires_at == five)
    );
}

/// What was made small and then not applied leaves nothing behind.
#[test]
fn what_is_discarded_is_forgotten() {
    let mut state = State::default();
    let mut waiting = object("one", granted("staff", &["k-ada", "k-bob", "k-ada"], None));
    state.compact(&mut waiting);
    assert_eq!(state.people.len(), 2);
    state.discard(vec![waiting]);
    assert_eq!(state.people.len(), 0);
}
