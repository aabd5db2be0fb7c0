//! What becomes of a change that was permitted, when its author loses what entitled them before it is carried out.

use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::policy::{self, Actor, Grant, Login, Permit, Refusal, Withdrawn};
use pasee::domain::realm::WriteError;

use super::{Subject, add, ban, group, remove, revoke, user};

impl Subject<'_> {
    /// The policy's word, by what the state says now.
    pub(super) fn permitted(&self, id: &str, change: Change) -> Permit {
        let record = self.record(id);
        let grant = Grant::Login(Login::of(user(id)));
        let day = Duration::from_secs(86_400);
        let admission = policy::admit(grant, record.standing, day, self.now).unwrap();
        let text = format!("{id}: {change:?}");
        policy::permit(&Actor::user(&admission, record.holdings), change).expect(&text)
    }

    /// Carries out what was permitted.
    pub(super) fn carry_out(&self, permit: Permit) -> Result<(), WriteError> {
        self.runtime.block_on(self.realm.write(permit))
    }
}

fn create(name: &str, id: &str) -> Change {
    Change::CreateGroup { group: group(name), creator: Some(user(id)) }
}

/// `k-john` runs `a`, `k-root` everything.
fn staffed(store: &Subject<'_>) {
    store.create(&["a", "a.old"]);
    for (roster, id) in [("staff", "k-root"), ("a.staff", "k-john"), ("a", "k-ada")] {
        store.done(add(roster, id));
    }
}

/// All that the staff of `a` may do.
fn deeds(store: &Subject<'_>) -> Vec<Permit> {
    let deeds = [
        add("a", "k-eve"),
        add("a.staff", "k-eve"),
        remove("a", "k-ada"),
        remove("a.staff", "k-john"),
        create("a.new", "k-john"),
        Change::DeleteGroup(group("a.old")),
    ];
    deeds.map(|change| store.permitted("k-john", change)).into()
}

fn nothing_of(store: &Subject<'_>, deeds: Vec<Permit>, reason: Withdrawn) {
    let before = (store.rosters(), store.users(), store.members("a"), store.members("a.staff"));
    for permit in deeds {
        let text = format!("{:?}", permit.change());
        match store.carry_out(permit) {
            Err(WriteError::Withdrawn(found)) => assert_eq!(found, reason, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let after = (store.rosters(), store.users(), store.members("a"), store.members("a.staff"));
    assert_eq!(before, after);
}

const DENIED: Withdrawn = Withdrawn::Denied(policy::Denied::NotEntitled);

pub fn whoever_was_taken_off_a_staff_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    let mut deeds = deeds(store);
    deeds.push(store.permitted("k-john", add("a.staff", "k-john-too")));
    store.done(remove("a.staff", "k-john"));
    nothing_of(store, deeds, DENIED);
    assert_eq!(store.members("a.staff").unwrap(), [""; 0]);
}

pub fn whoever_is_off_every_roster_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    let deeds = deeds(store);
    store.done(Change::DeleteUser(user("k-john")));
    nothing_of(store, deeds, DENIED);
}

pub fn whoever_was_banned_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    let deeds = deeds(store);
    store.done(ban("k-john", Ban::Impose));
    nothing_of(store, deeds, Withdrawn::Refused(Refusal::Banned));
}

pub fn whoever_was_revoked_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    let deeds = deeds(store);
    store.done(revoke("k-john"));
    nothing_of(store, deeds, Withdrawn::Refused(Refusal::Revoked));
}

/// Staff of a group that was made again is whoever was put there since.
pub fn staff_of_a_former_group_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    let deeds = deeds(store);
    store.done(Change::DeleteGroup(group("a")));
    store.create(&["a", "a.old"]);
    store.done(add("a", "k-ada"));
    nothing_of(store, deeds, DENIED);
}

pub fn former_root_staff_changes_nothing(store: &Subject<'_>) {
    staffed(store);
    store.done(add("staff", "k-other"));
    let deeds = [
        add("staff", "k-eve"),
        remove("staff", "k-other"),
        create("new", "k-root"),
        Change::DeleteGroup(group("a")),
        ban("k-other", Ban::Impose),
        ban("k-eve", Ban::Lift),
        revoke("k-other"),
        Change::DeleteUser(user("k-other")),
        add("a.staff", "k-eve"),
    ];
    let deeds = deeds.map(|change| store.permitted("k-root", change)).into();
    store.done(remove("staff", "k-root"));
    nothing_of(store, deeds, DENIED);
    assert_eq!(store.members("staff").unwrap(), ["k-other"]);
}

/// What entitles somebody need not be what did when they asked.
pub fn another_entitlement_will_do(store: &Subject<'_>) {
    staffed(store);
    let permit = store.permitted("k-root", add("a", "k-eve"));
    store.done(add("a.staff", "k-root"));
    store.done(remove("staff", "k-root"));
    store.carry_out(permit).unwrap();
    assert_eq!(store.members("a").unwrap(), ["k-ada", "k-eve"]);
}
