//! What every home of the state does. Cases start from an empty realm.

use std::time::Duration;

use pasee::domain::directory::{Directory, Page, Record, Standing};
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{self, Actor, Denied, Grant, Login, Permit};
use pasee::domain::realm::{Ban, Change, Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::domain::user::UserId;

/// Every case of the suite against one home.
macro_rules! conforms {
    ($store:ident, $with:path) => {
        conforms!($store, $with:
            groups_are_created_below_their_parents, groups_are_created_once,
            the_creator_is_staff, deleting_takes_everything_below, recreated_groups_are_empty,
            members_come_and_go, rosters_are_apart, root_staff, missing_groups_have_no_rosters,
            memberships_end, an_expired_membership_is_none, far_ends_are_kept, bans,
            revocations_never_move_back, standing_outlives_membership,
            deleted_users_are_off_every_roster, users_act_within_the_law, rosters_in_pages,
            members_in_pages, users_in_pages, refused_changes_change_nothing,
            writes_at_the_same_time);
    };
    ($store:ident, $with:path: $($case:ident),*) => {
        mod $store {
            $(#[test] fn $case() { $with($crate::suite::$case); })*
        }
    };
}

/// A home under test, what time it thinks it is, and something to wait with.
pub struct Home<'a> {
    realm: &'a dyn Realm,
    now: Timestamp,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Home<'a> {
    pub fn new(realm: &'a dyn Realm, now: Timestamp) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { realm, now, runtime }
    }

    fn write(&self, change: Change) -> Result<(), WriteError> {
        self.runtime.block_on(self.realm.write(permit(change)))
    }

    /// Writes what must succeed.
    fn done(&self, change: Change) {
        let text = format!("{change:?}");
        self.write(change).unwrap_or_else(|error| panic!("{text}: {error}"));
    }

    fn create(&self, groups: &[&str]) {
        for name in groups {
            self.done(Change::CreateGroup { group: group(name), creator: None });
        }
    }

    fn directory(&self) -> &dyn Directory {
        self.realm.directory()
    }

    fn record(&self, id: &str) -> Record {
        self.directory().record(&user(id), self.now)
    }

    /// The rosters a user is on, as tokens would say.
    fn groups_of(&self, id: &str) -> Vec<String> {
        self.record(id).holdings.iter().map(|holding| holding.roster.to_string()).collect()
    }

    fn members(&self, name: &str) -> Option<Vec<String>> {
        let page = Page { after: None, limit: 1000 };
        let members = self.directory().members(&roster(name), page, self.now)?;
        Some(members.iter().map(ToString::to_string).collect())
    }

    fn rosters(&self) -> Vec<String> {
        let page = Page { after: None, limit: 1000 };
        self.directory().rosters(page).iter().map(ToString::to_string).collect()
    }

    fn users(&self) -> Vec<String> {
        let page = Page { after: None, limit: 1000 };
        self.directory().users(page, self.now).iter().map(ToString::to_string).collect()
    }

    fn in_seconds(&self, seconds: i64) -> Timestamp {
        Timestamp::from_unix(self.now.as_unix() + seconds).unwrap()
    }
}

fn permit(change: Change) -> Permit {
    policy::permit(&Actor::operator(), change).unwrap()
}

fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

fn group(text: &str) -> GroupName {
    text.parse().unwrap()
}

fn roster(text: &str) -> Roster {
    text.parse().unwrap()
}

fn add(name: &str, id: &str) -> Change {
    until(name, id, None)
}

fn until(name: &str, id: &str, expires_at: Option<Timestamp>) -> Change {
    Change::AddMember(Membership { roster: roster(name), user: user(id), expires_at })
}

fn remove(name: &str, id: &str) -> Change {
    Change::RemoveMember { roster: roster(name), user: user(id) }
}

fn ban(id: &str, banned: Ban) -> Change {
    Change::SetBanned { user: user(id), banned }
}

fn revoke(id: &str, not_before: Timestamp) -> Change {
    Change::Revoke { user: user(id), not_before }
}

/// Whether it was refused for the reason named.
macro_rules! refused {
    ($result:expr, $reason:ident) => {
        let result = $result;
        assert!(matches!(result, Err(WriteError::$reason)), "{result:?}");
    };
}

pub fn groups_are_created_below_their_parents(home: &Home<'_>) {
    let create = |name| Change::CreateGroup { group: group(name), creator: Some(user("k-ada")) };
    refused!(home.write(create("a.b")), ParentMissing);
    assert!(!home.directory().has_group(&group("a.b")));
    home.done(create("a"));
    assert!(home.directory().has_group(&group("a")));
    home.done(create("a.b"));
    refused!(home.write(create("a.c.d")), ParentMissing);
    home.done(create("a.c"));
    home.done(create("a.c.d"));
    let all = ["staff", "a", "a.staff", "a.b", "a.b.staff", "a.c", "a.c.staff"];
    assert_eq!(home.rosters(), [&all[..], &["a.c.d", "a.c.d.staff"]].concat());
}

pub fn groups_are_created_once(home: &Home<'_>) {
    home.create(&["a", "a.b"]);
    home.done(add("a", "k-ada"));
    for name in ["a", "a.b"] {
        let again = Change::CreateGroup { group: group(name), creator: Some(user("k-mallory")) };
        refused!(home.write(again), GroupExists);
    }
    assert_eq!(home.members("a"), Some(vec!["k-ada".to_owned()]));
    assert_eq!(home.groups_of("k-mallory"), [""; 0]);
}

pub fn the_creator_is_staff(home: &Home<'_>) {
    home.done(Change::CreateGroup { group: group("a"), creator: Some(user("k-ada")) });
    assert_eq!(home.groups_of("k-ada"), ["a.staff"]);
    assert_eq!(home.members("a"), Some(vec![]));
    home.done(remove("a.staff", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), [""; 0]);
    assert!(home.directory().has_group(&group("a")));
}

pub fn deleting_takes_everything_below(home: &Home<'_>) {
    home.create(&["a", "a.b", "a.b.c", "ab", "a-b", "b"]);
    for name in ["staff", "a", "a.b.staff", "a.b.c", "ab", "a-b", "b.staff"] {
        home.done(add(name, "k-ada"));
    }
    home.done(add("a.b.c", "k-bob"));
    home.done(Change::DeleteGroup(group("a")));
    assert_eq!(home.groups_of("k-ada"), ["staff", "a-b", "ab", "b.staff"]);
    assert_eq!(home.groups_of("k-bob"), [""; 0]);
    assert_eq!(home.users(), ["k-ada"]);
    for name in ["a", "a.b", "a.b.c"] {
        assert!(!home.directory().has_group(&group(name)), "{name}");
        assert_eq!(home.members(name), None);
        refused!(home.write(Change::DeleteGroup(group(name))), GroupMissing);
        refused!(home.write(add(name, "k-bob")), GroupMissing);
    }
    let left = ["staff", "a-b", "a-b.staff", "ab", "ab.staff", "b", "b.staff"];
    assert_eq!(home.rosters(), left);
}

pub fn recreated_groups_are_empty(home: &Home<'_>) {
    home.create(&["a", "a.b"]);
    home.done(add("a", "k-ada"));
    home.done(add("a.b", "k-ada"));
    home.done(Change::DeleteGroup(group("a")));
    home.create(&["a", "a.b"]);
    assert_eq!(home.groups_of("k-ada"), [""; 0]);
    assert_eq!(home.members("a.b"), Some(vec![]));
    refused!(home.write(remove("a", "k-ada")), NotMember);
    home.done(add("a.b", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), ["a.b"]);
}

pub fn members_come_and_go(home: &Home<'_>) {
    home.create(&["a"]);
    refused!(home.write(remove("a", "k-ada")), NotMember);
    home.done(add("a", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), ["a"]);
    refused!(home.write(add("a", "k-ada")), AlreadyMember);
    let later = until("a", "k-ada", Some(home.in_seconds(60)));
    refused!(home.write(later), AlreadyMember);
    home.done(remove("a", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), [""; 0]);
    assert_eq!(home.users(), [""; 0]);
    refused!(home.write(remove("a", "k-ada")), NotMember);
    home.done(add("a", "k-ada"));
    assert_eq!(home.members("a"), Some(vec!["k-ada".to_owned()]));
}

pub fn rosters_are_apart(home: &Home<'_>) {
    home.create(&["a", "a.b"]);
    home.done(add("a", "k-ada"));
    home.done(add("a.staff", "k-ada"));
    home.done(add("a.staff", "k-bob"));
    assert_eq!(home.groups_of("k-ada"), ["a", "a.staff"]);
    assert_eq!(home.groups_of("k-bob"), ["a.staff"]);
    refused!(home.write(remove("a", "k-bob")), NotMember);
    assert_eq!(home.members("a.b"), Some(vec![]));
    assert_eq!(home.members("a.b.staff"), Some(vec![]));
    home.done(remove("a.staff", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), ["a"]);
}

pub fn root_staff(home: &Home<'_>) {
    assert_eq!(home.rosters(), ["staff"]);
    assert_eq!(home.members("staff"), Some(vec![]));
    home.done(add("staff", "k-ada"));
    refused!(home.write(add("staff", "k-ada")), AlreadyMember);
    assert_eq!(home.groups_of("k-ada"), ["staff"]);
    assert_eq!(home.members("staff"), Some(vec!["k-ada".to_owned()]));
    home.done(remove("staff", "k-ada"));
    refused!(home.write(remove("staff", "k-ada")), NotMember);
}

pub fn missing_groups_have_no_rosters(home: &Home<'_>) {
    home.create(&["a"]);
    for name in ["b", "b.staff", "a.b", "a.b.staff"] {
        refused!(home.write(add(name, "k-ada")), GroupMissing);
        refused!(home.write(remove(name, "k-ada")), GroupMissing);
        assert_eq!(home.members(name), None);
    }
    refused!(home.write(Change::DeleteGroup(group("b"))), GroupMissing);
    assert_eq!(home.record("k-ada"), Record::default());
    home.create(&["b"]);
    assert_eq!(home.members("b"), Some(vec![]));
}

pub fn memberships_end(home: &Home<'_>) {
    home.create(&["a", "b"]);
    let end = home.in_seconds(60);
    home.done(until("a", "k-ada", Some(end)));
    home.done(add("b", "k-bob"));
    assert_eq!(home.record("k-ada").holdings[0].expires_at, Some(end));
    assert_eq!(home.record("k-bob").holdings[0].expires_at, None);
    let ada = user("k-ada");
    let page = || Page { after: None, limit: 9 };
    let directory = home.directory();
    for (now, on) in [(home.in_seconds(59), 1), (end, 0), (home.in_seconds(61), 0)] {
        assert_eq!(directory.record(&ada, now).holdings.len(), on);
        assert_eq!(directory.members(&roster("a"), page(), now).unwrap().len(), on);
        assert_eq!(directory.users(page(), now).len(), on + 1);
    }
}

pub fn an_expired_membership_is_none(home: &Home<'_>) {
    home.create(&["a"]);
    for end in [home.now, home.in_seconds(-60)] {
        home.done(until("a", "k-ada", Some(end)));
        assert_eq!(home.groups_of("k-ada"), [""; 0]);
        refused!(home.write(remove("a", "k-ada")), NotMember);
    }
    home.done(until("a", "k-ada", Some(home.in_seconds(1))));
    refused!(home.write(add("a", "k-ada")), AlreadyMember);
    home.done(remove("a", "k-ada"));
    home.done(add("a", "k-ada"));
    assert_eq!(home.record("k-ada").holdings[0].expires_at, None, "the old end is forgotten");
}

pub fn far_ends_are_kept(home: &Home<'_>) {
    home.create(&["a"]);
    for seconds in [i64::from(u32::MAX) - 1, i64::from(u32::MAX), Timestamp::MAX.as_unix()] {
        let end = Timestamp::from_unix(seconds);
        home.done(until("a", "k-ada", end));
        assert_eq!(home.record("k-ada").holdings[0].expires_at, end);
        home.done(remove("a", "k-ada"));
    }
}

pub fn bans(home: &Home<'_>) {
    home.done(ban("k-ada", Ban::Impose));
    home.done(ban("k-ada", Ban::Impose));
    assert_eq!(home.record("k-ada").standing, Standing { banned: true, not_before: None });
    assert_eq!(home.users(), ["k-ada"]);
    home.done(ban("k-ada", Ban::Lift));
    home.done(ban("k-bob", Ban::Lift));
    assert_eq!(home.record("k-ada"), Record::default());
    assert_eq!(home.users(), [""; 0]);
}

pub fn revocations_never_move_back(home: &Home<'_>) {
    let (early, late) = (home.in_seconds(-60), home.in_seconds(60));
    for (at, expected) in [(early, early), (late, late), (early, late), (late, late)] {
        home.done(revoke("k-ada", at));
        assert_eq!(home.record("k-ada").standing.not_before, Some(expected));
    }
    home.done(ban("k-ada", Ban::Impose));
    home.done(revoke("k-ada", early));
    let both = Standing { banned: true, not_before: Some(late) };
    assert_eq!(home.record("k-ada").standing, both);
    home.done(ban("k-ada", Ban::Lift));
    assert_eq!(
        home.record("k-ada").standing.not_before,
        Some(late),
        "a lifted ban revives nothing"
    );
    assert_eq!(home.users(), ["k-ada"]);
}

pub fn standing_outlives_membership(home: &Home<'_>) {
    home.create(&["a"]);
    home.done(add("a", "k-ada"));
    home.done(ban("k-ada", Ban::Impose));
    assert_eq!(home.groups_of("k-ada"), ["a"], "a ban is not a removal");
    home.done(Change::DeleteGroup(group("a")));
    home.done(Change::DeleteUser(user("k-ada")));
    assert_eq!(home.record("k-ada").standing, Standing { banned: true, not_before: None });
    assert_eq!(home.users(), ["k-ada"]);
}

pub fn deleted_users_are_off_every_roster(home: &Home<'_>) {
    home.create(&["a", "a.b"]);
    for name in ["staff", "a", "a.staff", "a.b"] {
        home.done(add(name, "k-ada"));
        home.done(add(name, "k-ada-b"));
    }
    home.done(Change::DeleteUser(user("k-ada")));
    assert_eq!(home.groups_of("k-ada"), [""; 0]);
    assert_eq!(home.users(), ["k-ada-b"]);
    assert_eq!(home.groups_of("k-ada-b").len(), 4);
    home.done(Change::DeleteUser(user("k-ada")));
    home.done(Change::DeleteUser(user("k-nobody")));
    home.done(add("a", "k-ada"));
    assert_eq!(home.groups_of("k-ada"), ["a"]);
}

/// What staff may do, they can do: the home takes permits of users as well as an operator's.
pub fn users_act_within_the_law(home: &Home<'_>) {
    home.done(add("staff", "k-root"));
    let ask = |id: &str, change: Change| {
        let grant = Grant::Login(Login::of(user(id)));
        let record = home.record(id);
        let day = Duration::from_secs(86_400);
        let admission = policy::admit(grant, record.standing, day, home.now).unwrap();
        let actor = Actor::user(&admission, home.directory(), home.now);
        policy::permit(&actor, change)
    };
    let create =
        |name: &str, id: &str| Change::CreateGroup { group: group(name), creator: Some(user(id)) };
    let carry_out = |id: &str, change: Change| {
        let permit = ask(id, change).unwrap();
        home.runtime.block_on(home.realm.write(permit)).unwrap();
    };
    carry_out("k-root", create("admin", "k-root"));
    carry_out("k-root", create("admin.developers", "k-root"));
    carry_out("k-root", add("admin.developers.staff", "k-john"));
    for id in ["k-alan", "k-ada", "k-donald"] {
        carry_out("k-john", add("admin.developers", id));
    }
    assert_eq!(ask("k-john", add("admin", "k-ada")).err(), Some(Denied));
    assert_eq!(ask("k-ada", add("admin.developers", "k-eve")).err(), Some(Denied));
    carry_out("k-john", remove("admin.developers", "k-donald"));
    assert_eq!(home.members("admin.developers").unwrap(), ["k-ada", "k-alan"]);
    carry_out("k-root", Change::DeleteGroup(group("admin")));
    assert_eq!(ask("k-john", add("admin.developers", "k-ada")).err(), Some(Denied));
}

pub fn rosters_in_pages(home: &Home<'_>) {
    home.create(&["b", "a", "a.b", "a-b", "ab", "a.b.c", "a0"]);
    let all = home.rosters();
    let mut sorted: Vec<Roster> = all.iter().map(|text| roster(text)).collect();
    sorted.sort();
    assert_eq!(all, sorted.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!((all.len(), &*all[0]), (15, "staff"));
    for limit in [1, 2, 3, 4, 50] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = home.directory().rosters(Page { after: after.as_ref(), limit });
            assert!(page.len() <= limit);
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page.iter().map(ToString::to_string));
            after = Some(last);
        }
        assert_eq!(walked, all);
    }
    let after = roster("a.a"); // not there
    let page = home.directory().rosters(Page { after: Some(&after), limit: 1 });
    assert_eq!(page, [roster("a.b")]);
    assert_eq!(home.directory().rosters(Page { after: None, limit: 0 }), []);
}

pub fn members_in_pages(home: &Home<'_>) {
    home.create(&["a"]);
    let mut expected: Vec<UserId> = (0..130).map(|n| user(&format!("k-{}", n * 7 % 130))).collect();
    expected.push(user("k-é"));
    for id in &expected {
        home.done(add("a", id.as_str()));
    }
    home.done(until("a", "k-5x-expired", Some(home.now)));
    expected.sort();
    for limit in [1, 50, 1000] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after: after.as_ref(), limit };
            let page = home.directory().members(&roster("a"), page, home.now).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page);
            after = Some(last);
        }
        assert_eq!(walked, expected);
    }
    let nobody = user("k-5zzz");
    let page = Page { after: Some(&nobody), limit: 1 };
    assert_eq!(home.directory().members(&roster("a"), page, home.now).unwrap(), [user("k-6")]);
}

pub fn users_in_pages(home: &Home<'_>) {
    home.create(&["a", "b"]);
    for id in ["k-c", "k-a", "j-z"] {
        home.done(add("a", id));
    }
    home.done(add("b", "k-a"));
    home.done(ban("k-b", Ban::Impose));
    home.done(revoke("l-a", home.now));
    home.done(until("b", "k-expired", Some(home.now)));
    assert_eq!(home.users(), ["j-z", "k-a", "k-b", "k-c", "l-a"]);
    let after = user("k-a");
    let page = home.directory().users(Page { after: Some(&after), limit: 2 }, home.now);
    assert_eq!(page, [user("k-b"), user("k-c")]);
    let after = user("k-aa");
    let page = home.directory().users(Page { after: Some(&after), limit: 1 }, home.now);
    assert_eq!(page, [user("k-b")]);
}

pub fn refused_changes_change_nothing(home: &Home<'_>) {
    home.create(&["a"]);
    home.done(add("a", "k-ada"));
    let before = (home.rosters(), home.users(), home.record("k-ada"));
    let creator = || Some(user("k-eve"));
    assert!(home.write(Change::CreateGroup { group: group("a"), creator: creator() }).is_err());
    assert!(home.write(Change::CreateGroup { group: group("x.y"), creator: creator() }).is_err());
    assert!(home.write(until("a", "k-ada", Some(home.in_seconds(9)))).is_err());
    assert!(home.write(add("x", "k-eve")).is_err());
    assert!(home.write(remove("a", "k-eve")).is_err());
    assert!(home.write(Change::DeleteGroup(group("x"))).is_err());
    assert_eq!(before, (home.rosters(), home.users(), home.record("k-ada")));
}

/// Of writes that contradict each other one wins, and those that do not all succeed.
pub fn writes_at_the_same_time(home: &Home<'_>) {
    home.create(&["a"]);
    let mut writes = Vec::new();
    for n in 0..100 {
        writes.push(home.realm.write(permit(add("a", &format!("k-{n}")))));
        writes.push(home.realm.write(permit(add("a", "k-contested"))));
        let creator = Some(user(&format!("k-creator-{n}")));
        let create = Change::CreateGroup { group: group("contested"), creator };
        writes.push(home.realm.write(permit(create)));
    }
    let mut won = [0; 3];
    for (n, write) in writes.into_iter().enumerate() {
        match (n % 3, home.runtime.block_on(write)) {
            (kind, Ok(())) => won[kind] += 1,
            (1, Err(WriteError::AlreadyMember)) | (2, Err(WriteError::GroupExists)) => {}
            (_, Err(error)) => panic!("{n}: {error}"),
        }
    }
    assert_eq!(won, [100, 1, 1]);
    assert_eq!(home.members("a").unwrap().len(), 101);
    assert_eq!(home.members("contested.staff").unwrap().len(), 1);
}
