//! The index against a model that is slow and plainly right.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::description::Description;
use crate::domain::directory::{Holding, Standing};
use crate::domain::membership::{Membership, Role};

/// Facts as they are said, and the definitions of the port word for word.
#[derive(Debug, Default)]
struct Model {
    groups: BTreeSet<GroupName>,
    memberships: BTreeMap<(Roster, UserId), Option<Timestamp>>,
    standings: BTreeMap<UserId, Standing>,
}

impl Model {
    fn apply(&mut self, update: &Update) {
        match update.clone() {
            Update::Created(group) => _ = self.groups.insert(group),
            Update::Deleted(group) => {
                self.groups.retain(|other| !group.covers(other));
                let gone = |roster: &Roster| roster.group().is_some_and(|g| group.covers(g));
                self.memberships.retain(|(roster, _), _| !gone(roster));
            }
            Update::Joined(m) => _ = self.memberships.insert((m.roster, m.user), m.expires_at),
            Update::Left { roster, user } => _ = self.memberships.remove(&(roster, user)),
            Update::Stands { user, standing } => {
                self.standings.insert(user, standing);
            }
            Update::Cleared(user) => self.memberships.retain(|(_, other), _| *other != user),
            Update::Described(..)
            | Update::Marked(_)
            | Update::Ended(..)
            | Update::Forgotten(_)
            | Update::Over(_) => {}
        }
    }

    fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains(group) && group.parent().is_none_or(|parent| self.has_group(&parent))
    }

    fn has_roster(&self, roster: &Roster) -> bool {
        roster.group().is_none_or(|group| self.has_group(group))
    }

    fn in_effect(&self, now: Timestamp) -> Vec<(&Roster, &UserId, Option<Timestamp>)> {
        let all = self.memberships.iter().map(|((roster, user), end)| (roster, user, *end));
        all.filter(|(roster, _, end)| self.has_roster(roster) && end.is_none_or(|end| now < end))
            .collect()
    }

    fn record(&self, user: &UserId, now: Timestamp) -> Record {
        let mine = self.in_effect(now).into_iter().filter(|(_, other, _)| *other == user);
        let holding = |(roster, _, expires_at): (&Roster, _, _)| Holding {
            roster: roster.clone(),
            expires_at,
        };
        Record {
            standing: self.standings.get(user).copied().unwrap_or_default(),
            holdings: mine.map(holding).collect(),
        }
    }

    fn rosters(&self) -> BTreeSet<Roster> {
        let groups = self.groups.iter().filter(|group| self.has_group(group));
        let rosters = groups
            .flat_map(|group| [Role::Member, Role::Staff].map(|r| Roster::of(group.clone(), r)));
        rosters.chain([Roster::RootStaff]).collect()
    }

    fn members(&self, roster: &Roster, now: Timestamp) -> Option<BTreeSet<UserId>> {
        let on = self.in_effect(now).into_iter().filter(|(other, ..)| *other == roster);
        self.has_roster(roster).then(|| on.map(|(_, user, _)| user.clone()).collect())
    }

    fn users(&self, now: Timestamp) -> BTreeSet<UserId> {
        let mine = self.in_effect(now).into_iter().map(|(_, user, _)| user.clone());
        let said = self.standings.iter().filter(|(_, s)| **s != Standing::default());
        mine.chain(said.map(|(user, _)| user.clone())).collect()
    }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

/// Names that share prefixes with and without a dot, four levels deep.
const GROUPS: [&str; 12] =
    ["a", "a-b", "a.b", "a.b-c", "a.b.c", "a.b.c.d", "a.c", "ab", "b", "b.a", "b.a.a", "c.d"];
const USERS: [&str; 8] =
    ["k-a", "k-a.b", "k-b", "k-é", "k-z", "l-a", "k8s-ci:deployer", "externals-internals-ada"];
const ENDS: [i64; 5] = [0, 5, 10, u32::MAX as i64 - 1, 253_402_300_799];

fn groups() -> impl Strategy<Value = GroupName> {
    prop::sample::select(&GROUPS).prop_map(|text| text.parse().unwrap())
}

fn users() -> impl Strategy<Value = UserId> {
    prop::sample::select(&USERS).prop_map(|text| text.parse().unwrap())
}

fn rosters() -> impl Strategy<Value = Roster> {
    prop_oneof![
        1 => Just(Roster::RootStaff),
        9 => (groups(), prop::sample::select(&[Role::Member, Role::Staff]))
            .prop_map(|(group, role)| Roster::of(group, role)),
    ]
}

fn ends() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of(prop::sample::select(&ENDS).prop_map(moment))
}

fn updates() -> impl Strategy<Value = Update> {
    prop_oneof![
        6 => groups().prop_map(Update::Created),
        2 => groups().prop_map(Update::Deleted),
        8 => (rosters(), users(), ends()).prop_map(|(roster, user, expires_at)| {
            Update::Joined(Membership { roster, user, expires_at })
        }),
        3 => (rosters(), users()).prop_map(|(roster, user)| Update::Left { roster, user }),
        2 => (users(), any::<bool>(), ends()).prop_map(|(user, banned, not_before)| {
            Update::Stands { user, standing: Standing { banned, not_before } }
        }),
        1 => users().prop_map(Update::Cleared),
    ]
}

/// An update, or so many steps of sweeping.
fn steps() -> impl Strategy<Value = Result<Update, usize>> {
    prop_oneof![6 => updates().prop_map(Ok), 1 => (1..4_usize).prop_map(Err)]
}

fn agree(index: &Index, model: &Model, now: Timestamp) -> Result<(), TestCaseError> {
    for text in GROUPS {
        let group: GroupName = text.parse().unwrap();
        prop_assert_eq!(index.has_group(&group), model.has_group(&group), "{}", group);
        for role in [Role::Member, Role::Staff] {
            members_agree(index, model, &Roster::of(group.clone(), role), now)?;
        }
    }
    members_agree(index, model, &Roster::RootStaff, now)?;
    for text in USERS {
        let user = text.parse().unwrap();
        prop_assert_eq!(index.record(&user, now), model.record(&user, now), "{}", user);
    }
    let all = Page { after: None, limit: usize::MAX };
    prop_assert_eq!(BTreeSet::from_iter(index.users(all, now)), model.users(now));
    for text in ["a-0", "k-a", "k-b", "zz-z", "k-é"] {
        let after = text.parse().unwrap();
        for limit in [0, 1, 3] {
            let page = Page { after: Some(&after), limit };
            let expected: Vec<UserId> =
                model.users(now).into_iter().filter(|u| *u > after).take(limit).collect();
            prop_assert_eq!(index.users(page, now), expected);
        }
    }
    for text in ["staff", "0", "a", "a.staff", "a.b", "c", "zz"] {
        let after: Roster = text.parse().unwrap();
        for limit in [0, 1, 2, 100] {
            let page = Page { after: Some(&after), limit };
            let expected: Vec<Roster> =
                model.rosters().into_iter().filter(|r| *r > after).take(limit).collect();
            prop_assert_eq!(index.rosters(page), expected);
            let first: Vec<Roster> = model.rosters().into_iter().take(limit).collect();
            prop_assert_eq!(index.rosters(Page { after: None, limit }), first);
        }
    }
    Ok(())
}

fn members_agree(
    index: &Index,
    model: &Model,
    roster: &Roster,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let expected = model.members(roster, now);
    let all = index.members(roster, Page { after: None, limit: usize::MAX }, now);
    prop_assert_eq!(&all, &expected.clone().map(Vec::from_iter), "{}", roster);
    for after in ["k-a", "k-aa", "l-a"] {
        let after = after.parse().unwrap();
        let page = Page { after: Some(&after), limit: 2 };
        let rest = |set: BTreeSet<UserId>| {
            set.into_iter().filter(|user| *user > after).take(2).collect::<Vec<_>>()
        };
        prop_assert_eq!(index.members(roster, page, now), expected.clone().map(rest));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// At every moment the index answers as the model does, and nothing is left of what is gone.
    #[test]
    fn as_the_model(steps in prop::collection::vec(steps(), 0..80)) {
        let (index, mut model) = (Index::default(), Model::default());
        for step in steps {
            match step {
                Ok(update) => {
                    index.apply(std::slice::from_ref(&update));
                    model.apply(&update);
                }
                Err(most) => _ = index.write().sweep(most),
            }
            agree(&index, &model, moment(5))?;
        }
        for now in [0, 4, 10, i64::from(u32::MAX) - 2, i64::from(u32::MAX), 253_402_300_799] {
            agree(&index, &model, moment(now))?;
        }
        let mut farewell: Vec<Update> = Vec::new();
        for user in USERS.map(|text| text.parse::<UserId>().unwrap()) {
            farewell.push(Update::Stands { user: user.clone(), standing: Standing::default() });
            farewell.push(Update::Cleared(user));
        }
        farewell.extend(GROUPS.map(|text| Update::Deleted(text.parse().unwrap())));
        index.apply(&farewell);
        while index.sweep() == Sweep::More {}
        prop_assert_eq!(index.read().numbers(), (0, 0));
    }

    /// A group below a missing or deleted parent gives nothing, whatever else is said.
    #[test]
    fn nothing_below_a_missing_parent(
        updates in prop::collection::vec(updates(), 0..60),
        missing in groups(),
    ) {
        let index = Index::default();
        index.apply(&updates);
        index.apply(&[Update::Deleted(missing.clone())]);
        let later = updates.iter().filter(|update| **update != Update::Created(missing.clone()));
        index.apply(&later.cloned().collect::<Vec<_>>());
        for text in GROUPS {
            let group: GroupName = text.parse().unwrap();
            if !missing.covers(&group) {
                continue;
            }
            prop_assert!(!index.has_group(&group));
            let listed = index.rosters(Page { after: None, limit: 100 });
            for role in [Role::Member, Role::Staff] {
                let roster = Roster::of(group.clone(), role);
                let page = Page { after: None, limit: 100 };
                prop_assert_eq!(index.members(&roster, page, moment(0)), None);
                prop_assert!(!listed.contains(&roster));
            }
        }
        for user in USERS.map(|text| text.parse::<UserId>().unwrap()) {
            let record = index.record(&user, moment(0));
            let below = |holding: &Holding| holding.roster.group().is_some_and(|g| missing.covers(g));
            prop_assert!(!record.holdings.iter().any(below));
        }
    }
}

fn join(roster: &str, user: &str) -> Update {
    Update::Joined(Membership {
        roster: roster.parse().unwrap(),
        user: user.parse().unwrap(),
        expires_at: None,
    })
}

fn created(group: &str) -> Update {
    Update::Created(group.parse().unwrap())
}

/// A new group of an old name has none of the old people, swept or not.
#[test]
fn a_recreated_group_starts_empty() {
    let index = Index::default();
    let everything = [created("a"), created("a.b"), join("a.b", "k-ada"), join("a", "k-ada")];
    index.apply(&everything);
    let ada = "k-ada".parse().unwrap();
    assert_eq!(index.record(&ada, moment(0)).holdings.len(), 2);
    index.apply(&[Update::Deleted("a".parse().unwrap()), created("a"), created("a.b")]);
    assert_eq!(index.record(&ada, moment(0)), Record::default());
    let page = Page { after: None, limit: 9 };
    assert_eq!(index.members(&"a.b".parse().unwrap(), page, moment(0)), Some(Vec::new()));
    assert_eq!(index.rosters(page_of_rosters()).len(), 5);
    index.apply(&[join("a.b", "k-ada")]);
    while index.sweep() == Sweep::More {}
    assert_eq!(index.record(&ada, moment(0)).holdings.len(), 1);
    assert_eq!(index.read().numbers(), (1, 2));
}

fn page_of_rosters() -> Page<'static, Roster> {
    Page { after: None, limit: 99 }
}

/// Numbers of what is gone go to what comes, so churn does not fill memory.
#[test]
fn churn_does_not_leak() {
    let index = Index::default();
    for round in 0..2000 {
        let group = format!("g{round}");
        let user = format!("k-{round}");
        index.apply(&[created(&group), created(&format!("{group}.x")), join(&group, &user)]);
        index.apply(&[join(&format!("{group}.x"), &user)]);
        index.apply(&[Update::Deleted(group.parse().unwrap())]);
        while index.sweep() == Sweep::More {}
    }
    let contents = index.read();
    assert_eq!(contents.numbers(), (0, 0));
    assert!(contents.room() <= (4, 4), "{:?}", contents.room());
}

/// Deleting a huge group takes no longer than deleting a small one; the rest happens in slices.
#[test]
fn a_huge_group_goes_in_slices() {
    let index = Index::default();
    let mut updates = vec![created("a"), created("b")];
    updates.extend((0..200_000).map(|n| join("a", &format!("k-{n:06}"))));
    updates.push(join("b", "k-000007"));
    index.apply(&updates);
    index.apply(&[Update::Deleted("a".parse().unwrap())]);
    assert_eq!(index.read().numbers(), (200_000, 2), "nothing is swept yet");
    assert!(!index.has_group(&"a".parse().unwrap()));
    let page = Page { after: None, limit: 10 };
    assert_eq!(index.users(page, moment(0)), ["k-000007".parse().unwrap()]);
    let mut slices = 0;
    while index.sweep() == Sweep::More {
        slices += 1;
    }
    assert!(slices >= 200_000 / SLICE, "{slices}");
    assert_eq!(index.read().numbers(), (1, 1));
}

#[test]
fn replacing_is_whole() {
    let index = Index::default();
    index.apply(&[created("old"), join("old", "k-ada")]);
    let mut contents = Contents::default();
    contents.apply(&created("new"));
    index.replace(contents);
    assert!(index.has_group(&"new".parse().unwrap()) && !index.has_group(&"old".parse().unwrap()));
    assert_eq!(index.record(&"k-ada".parse().unwrap(), moment(0)), Record::default());
}

/// Ended sessions are remembered until they would have ended anyway, and take no room after that.
#[test]
fn ended_sessions() {
    let index = Index::default();
    let session = |number: u16| {
        let [high, low] = number.to_be_bytes();
        SessionId::new([high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    };
    let at = |seconds: u16| Timestamp::from_unix(i64::from(seconds)).unwrap();
    let ended: Vec<Update> = (1..1000).map(|n| Update::Ended(session(n), at(n))).collect();
    index.apply(&ended);
    assert!(index.has_ended(session(1)) && !index.has_ended(session(1000)));
    index.apply(&[Update::Over(at(990))]);
    let left = (1..1000).filter(|number| index.has_ended(session(*number))).collect::<Vec<_>>();
    assert_eq!(left, (991..1000).collect::<Vec<_>>());
    assert!(index.read().remembered() < 64, "{}", index.read().remembered());
}

/// A description is shown with its group, and goes with it.
#[test]
fn descriptions_stand_and_fall_with_their_groups() {
    let group = |name: &str| name.parse::<GroupName>().unwrap();
    let described = |name: &str| Update::Described(group(name), Description::read(name).unwrap());
    let index = Index::default();
    let names = ["top", "top-x", "top.a", "top.a.b", "topmost", "top_x.a"];
    let shown = |index: &Index| {
        let is_shown = |name: &&str| index.description(&group(name)).is_some();
        names.into_iter().filter(is_shown).collect::<Vec<_>>()
    };
    index.apply(&names.map(described));
    assert_eq!(shown(&index), [""; 0], "no group is there");
    index.apply(&names.map(|name| Update::Created(group(name))));
    assert_eq!(shown(&index), ["top", "top-x", "top.a", "top.a.b", "topmost"]);
    index.apply(&[Update::Created(group("top_x"))]);
    assert_eq!(shown(&index), names);
    index.apply(&[Update::Deleted(group("top")), Update::Described(group("topmost"), None)]);
    index.apply(&["top", "top.a", "top.a.b"].map(|name| Update::Created(group(name))));
    assert_eq!(shown(&index), ["top-x", "top_x.a"], "groups of the same names are others");
}
