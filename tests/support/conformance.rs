//! What every store does. Cases start from an empty realm.

mod bounds;
mod descriptions;
mod ends;
mod invitations;
mod withdrawn;

use std::time::Duration;

use pasee::domain::bounds::MAX_ENDED_OF_ONE;
use pasee::domain::change::{Ban, Change};
use pasee::domain::directory::{Directory, Page, Record, Standing};
use pasee::domain::group::GroupName;
use pasee::domain::issue::{Ids, TokenPair, issue};
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{self, Actor, Denied, Grant, Login, Permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::domain::token::{AccessClaims, Lifetimes, SessionId};
use pasee::domain::user::UserId;

#[allow(unused_imports, reason = "for whoever has a store")]
pub use bounds::{authors_are_bounded, authors_are_bounded_at_once};
#[allow(unused_imports, reason = "for whoever has a store")]
pub use descriptions::groups_are_described;
#[allow(unused_imports, reason = "for whoever has a store")]
pub use ends::{
    an_end_takes_a_membership, anybody_leaves, creators_are_given_ends, ends_are_changed_both_ways,
    own_time_is_judged_again, root_staff_who_remove_each_other, the_last_root_staff_stays,
    who_cannot_log_in_keeps_no_root_staff,
};
#[allow(unused_imports, reason = "for whoever has a store")]
pub use invitations::{
    invitations_are_void, makers_are_judged_again, names_stay_with_their_members,
    whoever_is_invited_joins,
};
#[allow(unused_imports, reason = "for whoever has a store")]
pub use withdrawn::{
    another_entitlement_will_do, former_root_staff_changes_nothing,
    staff_of_a_former_group_changes_nothing, whoever_is_off_every_roster_changes_nothing,
    whoever_was_banned_changes_nothing, whoever_was_revoked_changes_nothing,
    whoever_was_taken_off_a_staff_changes_nothing,
};

/// Every case of the suite against one store.
#[allow(unused_macros, reason = "for whoever has a store")]
macro_rules! conforms {
    ($store:ident, $with:path) => {
        conforms!($store, $with:
            groups_are_created_below_their_parents, groups_are_created_once,
            the_creator_is_staff, groups_are_described, deleting_takes_everything_below, recreated_groups_are_empty,
            members_come_and_go, rosters_are_apart, root_staff, missing_groups_have_no_rosters,
            memberships_end, an_expired_membership_is_none, an_ended_membership_is_taken_away, ends_are_shown_one_by_one, far_ends_are_kept, bans,
            each_revocation_is_another, only_what_is_to_come_is_lowered, a_ban_ends_sessions_for_good,
            an_ended_session_is_over, ended_sessions_are_shared_out, standing_outlives_membership,
            deleted_users_are_off_every_roster, users_act_within_the_policy, rosters_in_pages,
            members_in_pages, users_in_pages, refused_changes_change_nothing,
            writes_at_the_same_time, whoever_was_taken_off_a_staff_changes_nothing,
            whoever_is_off_every_roster_changes_nothing, whoever_was_banned_changes_nothing,
            whoever_was_revoked_changes_nothing, staff_of_a_former_group_changes_nothing,
            former_root_staff_changes_nothing, another_entitlement_will_do,
            ends_are_changed_both_ways, an_end_takes_a_membership, creators_are_given_ends,
            anybody_leaves, the_last_root_staff_stays, root_staff_who_remove_each_other,
            who_cannot_log_in_keeps_no_root_staff, own_time_is_judged_again, authors_are_bounded, authors_are_bounded_at_once,
            whoever_is_invited_joins, names_stay_with_their_members, invitations_are_void, makers_are_judged_again);
    };
    ($store:ident, $with:path: $($case:ident),*) => {
        mod $store {
            $(#[test] fn $case() { $with($crate::support::conformance::$case); })*
        }
    };
}
#[allow(unused_imports, reason = "for whoever has a store")]
pub(crate) use conforms;

/// Has a store remember so many ended sessions of a user, where one after the other takes long.
pub type EndMany<'a> = dyn Fn(&str, u64) + 'a;

/// A store under test, what time it thinks it is, and something to wait with.
pub struct Subject<'a> {
    realm: &'a dyn Realm,
    now: Timestamp,
    end_many: Option<&'a EndMany<'a>>,
    runtime: tokio::runtime::Runtime,
}

impl<'a> Subject<'a> {
    pub fn new(realm: &'a dyn Realm, now: Timestamp) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { realm, now, end_many: None, runtime }
    }

    /// The same with a way to end many sessions.
    pub fn ending_many(self, end_many: &'a EndMany<'a>) -> Self {
        Self { end_many: Some(end_many), ..self }
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

fn revoke(id: &str) -> Change {
    Change::Revoke(user(id))
}

fn declare(id: &str, banned: Option<Ban>, not_before: impl Into<Option<Timestamp>>) -> Change {
    Change::Declare { user: user(id), banned, not_before: not_before.into() }
}

/// Whether it was refused for the reason named.
macro_rules! refused {
    ($result:expr, $reason:ident) => {
        let result = $result;
        assert!(matches!(result, Err(WriteError::$reason { .. })), "{result:?}");
    };
}
use refused;

pub fn groups_are_created_below_their_parents(store: &Subject<'_>) {
    let create = |name| Change::CreateGroup { group: group(name), creator: Some(user("k-ada")) };
    refused!(store.write(create("a.b")), ParentMissing);
    assert!(!store.directory().has_group(&group("a.b")));
    store.done(create("a"));
    assert!(store.directory().has_group(&group("a")));
    store.done(create("a.b"));
    refused!(store.write(create("a.c.d")), ParentMissing);
    store.done(create("a.c"));
    store.done(create("a.c.d"));
    let all = ["staff", "a", "a.staff", "a.b", "a.b.staff", "a.c", "a.c.staff"];
    assert_eq!(store.rosters(), [&all[..], &["a.c.d", "a.c.d.staff"]].concat());
}

pub fn groups_are_created_once(store: &Subject<'_>) {
    store.create(&["a", "a.b"]);
    store.done(add("a", "k-ada"));
    for name in ["a", "a.b"] {
        let again = Change::CreateGroup { group: group(name), creator: Some(user("k-mallory")) };
        refused!(store.write(again), GroupExists);
    }
    assert_eq!(store.members("a"), Some(vec!["k-ada".to_owned()]));
    assert_eq!(store.groups_of("k-mallory"), [""; 0]);
}

pub fn the_creator_is_staff(store: &Subject<'_>) {
    store.done(Change::CreateGroup { group: group("a"), creator: Some(user("k-ada")) });
    assert_eq!(store.groups_of("k-ada"), ["a.staff"]);
    assert_eq!(store.members("a"), Some(vec![]));
    store.done(remove("a.staff", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), [""; 0]);
    assert!(store.directory().has_group(&group("a")));
}

pub fn deleting_takes_everything_below(store: &Subject<'_>) {
    store.create(&["a", "a.b", "a.b.c", "ab", "a-b", "b"]);
    for name in ["staff", "a", "a.b.staff", "a.b.c", "ab", "a-b", "b.staff"] {
        store.done(add(name, "k-ada"));
    }
    store.done(add("a.b.c", "k-bob"));
    store.done(Change::DeleteGroup(group("a")));
    assert_eq!(store.groups_of("k-ada"), ["staff", "a-b", "ab", "b.staff"]);
    assert_eq!(store.groups_of("k-bob"), [""; 0]);
    assert_eq!(store.users(), ["k-ada"]);
    for name in ["a", "a.b", "a.b.c"] {
        assert!(!store.directory().has_group(&group(name)), "{name}");
        assert_eq!(store.members(name), None);
        refused!(store.write(Change::DeleteGroup(group(name))), GroupMissing);
        refused!(store.write(add(name, "k-bob")), GroupMissing);
    }
    let left = ["staff", "a-b", "a-b.staff", "ab", "ab.staff", "b", "b.staff"];
    assert_eq!(store.rosters(), left);
}

pub fn recreated_groups_are_empty(store: &Subject<'_>) {
    store.create(&["a", "a.b"]);
    store.done(add("a", "k-ada"));
    store.done(add("a.b", "k-ada"));
    store.done(Change::DeleteGroup(group("a")));
    store.create(&["a", "a.b"]);
    assert_eq!(store.groups_of("k-ada"), [""; 0]);
    assert_eq!(store.members("a.b"), Some(vec![]));
    refused!(store.write(remove("a", "k-ada")), NotMember);
    store.done(add("a.b", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), ["a.b"]);
}

pub fn members_come_and_go(store: &Subject<'_>) {
    store.create(&["a"]);
    refused!(store.write(remove("a", "k-ada")), NotMember);
    store.done(add("a", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), ["a"]);
    refused!(store.write(add("a", "k-ada")), AlreadyMember);
    let later = until("a", "k-ada", Some(store.in_seconds(60)));
    refused!(store.write(later), AlreadyMember);
    store.done(remove("a", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), [""; 0]);
    assert_eq!(store.users(), [""; 0]);
    refused!(store.write(remove("a", "k-ada")), NotMember);
    store.done(add("a", "k-ada"));
    assert_eq!(store.members("a"), Some(vec!["k-ada".to_owned()]));
}

pub fn rosters_are_apart(store: &Subject<'_>) {
    store.create(&["a", "a.b"]);
    store.done(add("a", "k-ada"));
    store.done(add("a.staff", "k-ada"));
    store.done(add("a.staff", "k-bob"));
    assert_eq!(store.groups_of("k-ada"), ["a", "a.staff"]);
    assert_eq!(store.groups_of("k-bob"), ["a.staff"]);
    refused!(store.write(remove("a", "k-bob")), NotMember);
    assert_eq!(store.members("a.b"), Some(vec![]));
    assert_eq!(store.members("a.b.staff"), Some(vec![]));
    store.done(remove("a.staff", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), ["a"]);
}

pub fn root_staff(store: &Subject<'_>) {
    assert_eq!(store.rosters(), ["staff"]);
    assert_eq!(store.members("staff"), Some(vec![]));
    store.done(add("staff", "k-ada"));
    refused!(store.write(add("staff", "k-ada")), AlreadyMember);
    assert_eq!(store.groups_of("k-ada"), ["staff"]);
    assert_eq!(store.members("staff"), Some(vec!["k-ada".to_owned()]));
    store.done(remove("staff", "k-ada"));
    refused!(store.write(remove("staff", "k-ada")), NotMember);
}

pub fn missing_groups_have_no_rosters(store: &Subject<'_>) {
    store.create(&["a"]);
    for name in ["b", "b.staff", "a.b", "a.b.staff"] {
        refused!(store.write(add(name, "k-ada")), GroupMissing);
        refused!(store.write(remove(name, "k-ada")), GroupMissing);
        assert_eq!(store.members(name), None);
    }
    refused!(store.write(Change::DeleteGroup(group("b"))), GroupMissing);
    assert_eq!(store.record("k-ada"), Record::default());
    store.create(&["b"]);
    assert_eq!(store.members("b"), Some(vec![]));
}

pub fn memberships_end(store: &Subject<'_>) {
    store.create(&["a", "b"]);
    let end = store.in_seconds(60);
    store.done(until("a", "k-ada", Some(end)));
    store.done(add("b", "k-bob"));
    assert_eq!(store.record("k-ada").holdings[0].expires_at, Some(end));
    assert_eq!(store.record("k-bob").holdings[0].expires_at, None);
    let ada = user("k-ada");
    let page = || Page { after: None, limit: 9 };
    let directory = store.directory();
    for (now, on) in [(store.in_seconds(59), 1), (end, 0), (store.in_seconds(61), 0)] {
        assert_eq!(directory.record(&ada, now).holdings.len(), on);
        assert_eq!(directory.members(&roster("a"), page(), now).unwrap().len(), on);
        assert_eq!(directory.users(page(), now).len(), on + 1);
    }
}

pub fn an_expired_membership_is_none(store: &Subject<'_>) {
    store.create(&["a"]);
    for end in [store.now, store.in_seconds(-60)] {
        store.done(until("a", "k-ada", Some(end)));
        assert_eq!(store.groups_of("k-ada"), [""; 0]);
    }
    store.done(until("a", "k-ada", Some(store.in_seconds(1))));
    refused!(store.write(add("a", "k-ada")), AlreadyMember);
    store.done(remove("a", "k-ada"));
    store.done(add("a", "k-ada"));
    assert_eq!(store.record("k-ada").holdings[0].expires_at, None, "the old end is forgotten");
}

pub fn an_ended_membership_is_taken_away(store: &Subject<'_>) {
    store.create(&["a"]);
    // Somebody stays on the root staff by whatever clock: the API server's may be another than the store's.
    store.done(add("staff", "k-eve"));
    for name in ["a", "a.staff", "staff"] {
        store.done(until(name, "k-ada", Some(store.in_seconds(-60))));
        store.done(until(name, "k-bob", Some(store.in_seconds(-60))));
        store.done(remove(name, "k-ada"));
        refused!(store.write(remove(name, "k-ada")), NotMember);
        let left =
            store.permitted("k-bob", Change::Leave { roster: roster(name), user: user("k-bob") });
        store.carry_out(left).unwrap();
        refused!(store.write(remove(name, "k-bob")), NotMember);
    }
}

/// What lists of members show of each.
pub fn ends_are_shown_one_by_one(store: &Subject<'_>) {
    store.create(&["a"]);
    let end = Some(store.in_seconds(60));
    store.done(until("a", "k-ada", end));
    store.done(add("a", "k-bob"));
    store.done(until("a", "k-eve", Some(store.in_seconds(-60))));
    let until = |id: &str, name: &str| store.directory().until(&user(id), &roster(name), store.now);
    assert_eq!(until("k-ada", "a"), Some(end));
    assert_eq!(until("k-bob", "a"), Some(None));
    for (id, name) in [("k-eve", "a"), ("k-ada", "a.staff"), ("k-none", "a"), ("k-ada", "x")] {
        assert_eq!(until(id, name), None, "{id} {name}");
    }
}

pub fn far_ends_are_kept(store: &Subject<'_>) {
    store.create(&["a"]);
    for seconds in [i64::from(u32::MAX) - 1, i64::from(u32::MAX), Timestamp::MAX.as_unix()] {
        let end = Timestamp::from_unix(seconds);
        store.done(until("a", "k-ada", end));
        assert_eq!(store.record("k-ada").holdings[0].expires_at, end);
        store.done(remove("a", "k-ada"));
    }
}

pub fn bans(store: &Subject<'_>) {
    store.done(ban("k-ada", Ban::Impose));
    let banned = Standing { banned: true, not_before: Some(store.now) };
    assert_eq!(store.record("k-ada").standing, banned, "a ban is a revocation too");
    store.done(ban("k-ada", Ban::Impose));
    assert_eq!(store.record("k-ada").standing, banned);
    assert_eq!(store.users(), ["k-ada"]);
    store.done(ban("k-ada", Ban::Lift));
    store.done(ban("k-bob", Ban::Lift));
    assert_eq!(store.record("k-ada").standing, Standing { banned: false, ..banned });
    assert_eq!(store.record("k-bob"), Record::default());
    assert_eq!(store.users(), ["k-ada"]);
    store.done(ban("k-ada", Ban::Impose));
    let again = Standing { banned: true, not_before: Some(store.in_seconds(1)) };
    assert_eq!(store.record("k-ada").standing, again, "each ban is one more");
}

pub fn each_revocation_is_another(store: &Subject<'_>) {
    for number in 0..4 {
        store.done(revoke("k-ada"));
        let expected = Some(store.in_seconds(number));
        assert_eq!(store.record("k-ada").standing.not_before, expected);
    }
    store.done(declare("k-ada", None, store.in_seconds(3600)));
    store.done(revoke("k-ada"));
    assert_eq!(store.record("k-ada").standing.not_before, Some(store.in_seconds(3601)));
    store.done(ban("k-ada", Ban::Impose));
    store.done(revoke("k-ada"));
    let both = Standing { banned: true, not_before: Some(store.in_seconds(3603)) };
    assert_eq!(store.record("k-ada").standing, both);
    store.done(declare("k-far", None, Timestamp::MAX));
    store.done(revoke("k-far"));
    assert_ne!(store.record("k-far").standing.not_before, Some(Timestamp::MAX));
}

pub fn only_what_is_to_come_is_lowered(store: &Subject<'_>) {
    let (early, late, later) =
        (store.in_seconds(-60), store.in_seconds(3600), store.in_seconds(7200));
    for (at, expected) in [
        (early, early),
        (store.in_seconds(-90), early),
        (later, later),
        (late, late),
        (early, store.now),
        (early, store.now),
    ] {
        store.done(declare("k-ada", None, at));
        assert_eq!(store.record("k-ada").standing.not_before, Some(expected));
    }
    store.done(declare("k-ada", Some(Ban::Impose), None));
    let banned = Standing { banned: true, not_before: Some(store.in_seconds(1)) };
    assert_eq!(store.record("k-ada").standing, banned);
    store.done(declare("k-ada", Some(Ban::Lift), None));
    assert_eq!(store.record("k-ada").standing, Standing { banned: false, ..banned });
}

/// A session is good while the user's revocation is what it was when the session began: the token has it, and no clock decides.
pub fn a_ban_ends_sessions_for_good(store: &Subject<'_>) {
    let session = |id: &str| {
        let grant = Grant::Login(Login::of(user(id)));
        let day = Duration::from_secs(86_400);
        let admission =
            policy::admit(grant, store.record(id).standing, day, store.now).map_err(drop)?;
        let [access, refresh] = ["a", "b"].map(|id| id.parse().unwrap());
        let ids = Ids { access, refresh, session: SessionId::new([1; 16]) };
        let draft = issue(admission, Vec::new(), Lifetimes::default(), ids, store.now);
        Ok::<_, ()>(draft.fit(0))
    };
    let goes_on = |pair: &TokenPair| {
        let (id, day) = (&pair.access.token.subject, Duration::from_secs(86_400));
        let standing = store.directory().record(id, store.now).standing;
        let grants = [
            Grant::Access(&pair.access),
            Grant::Refresh(&pair.refresh, pair.refresh.token.scope.clone()),
        ];
        let [access, refresh] =
            grants.map(|grant| policy::admit(grant, standing, day, store.now).is_ok());
        assert_eq!(access, refresh);
        access
    };
    let mut sessions = Vec::new();
    let deeds = [
        ban("k-ada", Ban::Impose),
        ban("k-ada", Ban::Lift),
        revoke("k-ada"),
        declare("k-ada", None, store.in_seconds(86_400 * 36_500)),
        revoke("k-ada"),
        declare("k-ada", None, store.in_seconds(86_400)),
        declare("k-ada", None, store.in_seconds(43_200)),
        declare("k-ada", Some(Ban::Impose), None),
        declare("k-ada", Some(Ban::Lift), None),
    ];
    for deed in deeds {
        sessions.extend(session("k-ada"));
        let text = format!("{deed:?}");
        let ended = store.record("k-ada").standing.not_before;
        store.done(deed);
        let changed = store.record("k-ada").standing.not_before != ended;
        assert!(changed || text.contains("Lift"), "{text}");
        let going = sessions.iter().filter(|pair| goes_on(pair)).count();
        assert_eq!(going, 0, "after {text}");
        if let Ok(new) = session("k-ada") {
            assert!(goes_on(&new), "a login right after {text} passes");
        } else {
            assert!(text.contains("Impose"), "{text}");
        }
    }
    let untouched = session("k-bob").unwrap();
    store.done(ban("k-bob", Ban::Lift));
    assert!(goes_on(&untouched), "nothing was lifted");
}

/// A session that its user ends is over at once, and a login passes at once. Whoever acts in another session, or is somebody
/// else, ends nothing.
pub fn an_ended_session_is_over(store: &Subject<'_>) {
    let day = Duration::from_secs(86_400);
    let begun = |number: u8| {
        let standing = store.record("k-ada").standing;
        let grant = Grant::Login(Login::of(user("k-ada")));
        let admission = policy::admit(grant, standing, day, store.now).unwrap();
        let [access, refresh] = ["a", "b"].map(|id| id.parse().unwrap());
        let ids = Ids { access, refresh, session: SessionId::new([number; 16]) };
        issue(admission, Vec::new(), Lifetimes::default(), ids, store.now).fit(0).access
    };
    let admitted = |claims: &AccessClaims| {
        let standing = store.record("k-ada").standing;
        policy::admit(Grant::Access(claims), standing, day, store.now)?
            .unless_ended(|session| store.directory().has_ended(session))
    };
    let end = |of: &AccessClaims, until| Change::EndSession {
        user: user("k-ada"),
        session: of.token.session,
        until,
    };
    let (one, two) = (begun(1), begun(2));
    let until = store.in_seconds(86_400);
    let acting = Actor::user(&admitted(&one).unwrap(), Vec::new());
    assert!(policy::permit(&acting, end(&two, until)).is_err(), "another session");
    let stranger = Login::of(user("k-eve"));
    let stranger = policy::admit(Grant::Login(stranger), Standing::default(), day, store.now);
    let stranger = Actor::user(&stranger.unwrap(), Vec::new());
    assert!(policy::permit(&stranger, end(&one, until)).is_err(), "another's session");
    let waiting = policy::permit(&acting, end(&one, until)).unwrap();
    store.carry_out(policy::permit(&acting, end(&one, until)).unwrap()).unwrap();
    assert!(admitted(&one).is_err());
    let refused = store.carry_out(waiting);
    assert!(matches!(refused, Err(WriteError::Withdrawn(_))), "nothing is done in it: {refused:?}");
    assert!(admitted(&begun(3)).is_ok(), "a login right after");
    assert!(admitted(&two).is_ok(), "the user's other sessions go on");
    assert_eq!(store.record("k-ada").standing, Standing::default(), "and nothing was revoked");
    // Root staff ends anybody's.
    store.done(add("staff", "k-root"));
    let admission =
        policy::admit(Grant::Login(Login::of(user("k-root"))), Standing::default(), day, store.now);
    let root = Actor::user(&admission.unwrap(), store.record("k-root").holdings);
    store.carry_out(policy::permit(&root, end(&two, until)).unwrap()).unwrap();
    assert!(admitted(&two).is_err());
    assert!(admitted(&begun(3)).is_ok());
}

/// Who has ended as many sessions as one may has all of theirs ended with one more, and nobody else's go with them.
pub fn ended_sessions_are_shared_out(store: &Subject<'_>) {
    let end = |id: &str, number: u64| {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        let (session, until) = (SessionId::new(bytes), store.in_seconds(86_400));
        Change::EndSession { user: user(id), session, until }
    };
    let not_before = |id: &str| store.record(id).standing.not_before;
    let all = MAX_ENDED_OF_ONE;
    if let Some(end_many) = store.end_many {
        end_many("k-ada", all - 2);
    } else {
        let writes = (0..all - 2).map(|number| store.realm.write(permit(end("k-ada", number))));
        let answers = store.runtime.block_on(futures::future::join_all(writes.collect::<Vec<_>>()));
        assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|it| it.is_err()));
    }
    store.done(end("k-ada", all - 2));
    store.done(end("k-ada", all - 1));
    assert_eq!(not_before("k-ada"), None);
    store.done(end("k-ada", all - 1));
    assert_eq!(not_before("k-ada"), None, "it had ended already");
    store.done(end("k-ada", all));
    let moved = not_before("k-ada");
    assert_eq!(moved, Some(store.now));
    store.done(end("k-bob", all + 1));
    assert_eq!(not_before("k-bob"), None, "others have room");
    store.done(end("k-ada", all + 2));
    assert!(not_before("k-ada") > moved);
}

pub fn standing_outlives_membership(store: &Subject<'_>) {
    store.create(&["a"]);
    store.done(add("a", "k-ada"));
    store.done(ban("k-ada", Ban::Impose));
    assert_eq!(store.groups_of("k-ada"), ["a"], "a ban is not a removal");
    store.done(Change::DeleteGroup(group("a")));
    store.done(Change::DeleteUser(user("k-ada")));
    let banned = Standing { banned: true, not_before: Some(store.now) };
    assert_eq!(store.record("k-ada").standing, banned);
    assert_eq!(store.users(), ["k-ada"]);
}

pub fn deleted_users_are_off_every_roster(store: &Subject<'_>) {
    store.create(&["a", "a.b"]);
    for name in ["staff", "a", "a.staff", "a.b"] {
        store.done(add(name, "k-ada"));
        store.done(add(name, "k-ada-b"));
    }
    store.done(Change::DeleteUser(user("k-ada")));
    assert_eq!(store.groups_of("k-ada"), [""; 0]);
    assert_eq!(store.users(), ["k-ada-b"]);
    assert_eq!(store.groups_of("k-ada-b").len(), 4);
    store.done(Change::DeleteUser(user("k-ada")));
    store.done(Change::DeleteUser(user("k-nobody")));
    store.done(add("a", "k-ada"));
    assert_eq!(store.groups_of("k-ada"), ["a"]);
}

/// What staff may do, they can do: the store takes permits of users as well as an operator's.
pub fn users_act_within_the_policy(store: &Subject<'_>) {
    store.done(add("staff", "k-root"));
    let ask = |id: &str, change: Change| {
        let grant = Grant::Login(Login::of(user(id)));
        let record = store.record(id);
        let day = Duration::from_secs(86_400);
        let admission = policy::admit(grant, record.standing, day, store.now).unwrap();
        let actor = Actor::user(&admission, record.holdings);
        policy::permit(&actor, change)
    };
    let create =
        |name: &str, id: &str| Change::CreateGroup { group: group(name), creator: Some(user(id)) };
    let carry_out = |id: &str, change: Change| {
        let permit = ask(id, change).unwrap();
        store.runtime.block_on(store.realm.write(permit)).unwrap();
    };
    carry_out("k-root", create("admin", "k-root"));
    carry_out("k-root", create("admin.developers", "k-root"));
    carry_out("k-root", add("admin.developers.staff", "k-john"));
    for id in ["k-alan", "k-ada", "k-donald"] {
        carry_out("k-john", add("admin.developers", id));
    }
    assert_eq!(ask("k-john", add("admin", "k-ada")).err(), Some(Denied::NotEntitled));
    assert_eq!(ask("k-ada", add("admin.developers", "k-eve")).err(), Some(Denied::NotEntitled));
    carry_out("k-john", remove("admin.developers", "k-donald"));
    assert_eq!(store.members("admin.developers").unwrap(), ["k-ada", "k-alan"]);
    carry_out("k-root", Change::DeleteGroup(group("admin")));
    assert_eq!(ask("k-john", add("admin.developers", "k-ada")).err(), Some(Denied::NotEntitled));
}

pub fn rosters_in_pages(store: &Subject<'_>) {
    store.create(&["b", "a", "a.b", "a-b", "ab", "a.b.c", "a0"]);
    let all = store.rosters();
    let mut sorted: Vec<Roster> = all.iter().map(|text| roster(text)).collect();
    sorted.sort();
    assert_eq!(all, sorted.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!((all.len(), &*all[0]), (15, "staff"));
    for limit in [1, 2, 3, 4, 50] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = store.directory().rosters(Page { after: after.as_ref(), limit });
            assert!(page.len() <= limit);
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page.iter().map(ToString::to_string));
            after = Some(last);
        }
        assert_eq!(walked, all);
    }
    let after = roster("a.a"); // not there
    let page = store.directory().rosters(Page { after: Some(&after), limit: 1 });
    assert_eq!(page, [roster("a.b")]);
    assert_eq!(store.directory().rosters(Page { after: None, limit: 0 }), []);
}

pub fn members_in_pages(store: &Subject<'_>) {
    store.create(&["a"]);
    let mut expected: Vec<UserId> = (0..130).map(|n| user(&format!("k-{}", n * 7 % 130))).collect();
    expected.push(user("k-é"));
    for id in &expected {
        store.done(add("a", id.as_str()));
    }
    store.done(until("a", "k-5x-expired", Some(store.now)));
    expected.sort();
    for limit in [1, 50, 1000] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after: after.as_ref(), limit };
            let page = store.directory().members(&roster("a"), page, store.now).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page);
            after = Some(last);
        }
        assert_eq!(walked, expected);
    }
    let nobody = user("k-5zzz");
    let page = Page { after: Some(&nobody), limit: 1 };
    assert_eq!(store.directory().members(&roster("a"), page, store.now).unwrap(), [user("k-6")]);
}

pub fn users_in_pages(store: &Subject<'_>) {
    store.create(&["a", "b"]);
    for id in ["k-c", "k-a", "j-z"] {
        store.done(add("a", id));
    }
    store.done(add("b", "k-a"));
    store.done(ban("k-b", Ban::Impose));
    store.done(revoke("l-a"));
    store.done(until("b", "k-expired", Some(store.now)));
    assert_eq!(store.users(), ["j-z", "k-a", "k-b", "k-c", "l-a"]);
    let after = user("k-a");
    let page = store.directory().users(Page { after: Some(&after), limit: 2 }, store.now);
    assert_eq!(page, [user("k-b"), user("k-c")]);
    let after = user("k-aa");
    let page = store.directory().users(Page { after: Some(&after), limit: 1 }, store.now);
    assert_eq!(page, [user("k-b")]);
}

pub fn refused_changes_change_nothing(store: &Subject<'_>) {
    store.create(&["a"]);
    store.done(add("a", "k-ada"));
    let before = (store.rosters(), store.users(), store.record("k-ada"));
    let creator = || Some(user("k-eve"));
    assert!(store.write(Change::CreateGroup { group: group("a"), creator: creator() }).is_err());
    assert!(store.write(Change::CreateGroup { group: group("x.y"), creator: creator() }).is_err());
    assert!(store.write(until("a", "k-ada", Some(store.in_seconds(9)))).is_err());
    assert!(store.write(add("x", "k-eve")).is_err());
    assert!(store.write(remove("a", "k-eve")).is_err());
    assert!(store.write(Change::DeleteGroup(group("x"))).is_err());
    assert_eq!(before, (store.rosters(), store.users(), store.record("k-ada")));
}

/// Of writes that contradict each other one wins, and those that do not all succeed.
pub fn writes_at_the_same_time(store: &Subject<'_>) {
    store.create(&["a"]);
    let mut writes = Vec::new();
    for n in 0..100 {
        writes.push(store.realm.write(permit(add("a", &format!("k-{n}")))));
        writes.push(store.realm.write(permit(add("a", "k-contested"))));
        let creator = Some(user(&format!("k-creator-{n}")));
        let create = Change::CreateGroup { group: group("contested"), creator };
        writes.push(store.realm.write(permit(create)));
    }
    let mut won = [0; 3];
    for (n, write) in writes.into_iter().enumerate() {
        match (n % 3, store.runtime.block_on(write)) {
            (kind, Ok(())) => won[kind] += 1,
            (1, Err(WriteError::AlreadyMember)) | (2, Err(WriteError::GroupExists)) => {}
            (_, Err(error)) => panic!("{n}: {error}"),
        }
    }
    assert_eq!(won, [100, 1, 1]);
    assert_eq!(store.members("a").unwrap().len(), 101);
    assert_eq!(store.members("contested.staff").unwrap().len(), 1);
}
