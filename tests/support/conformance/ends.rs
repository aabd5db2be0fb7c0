//! Ends of memberships that are changed, people who leave, and the last of the root staff.

use std::sync::Arc;

use pasee::domain::change::{Ban, Change};
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Denied, Withdrawn};
use pasee::domain::provider::{PossibleUsers, Subjects};
use pasee::domain::realm::WriteError;
use pasee::domain::time::Timestamp;

use super::{Subject, add, ban, group, refused, remove, roster, until, user};

fn set(name: &str, id: &str, expires_at: Option<Timestamp>) -> Change {
    Change::SetExpiry(Membership { roster: roster(name), user: user(id), expires_at })
}

fn leave(name: &str, id: &str) -> Change {
    Change::Leave { roster: roster(name), user: user(id) }
}

/// Until when the user is on the roster: the end that tokens go by.
fn end(store: &Subject<'_>, name: &str, id: &str) -> Option<Option<Timestamp>> {
    let holdings = store.record(id).holdings;
    holdings.iter().find(|one| one.roster == roster(name)).map(|one| one.expires_at)
}

pub fn ends_are_changed_both_ways(store: &Subject<'_>) {
    store.create(&["a"]);
    let [soon, later] = [60, 3600].map(|seconds| Some(store.in_seconds(seconds)));
    for name in ["a", "a.staff", "staff"] {
        store.done(add(name, "k-ada"));
        store.done(until(name, "k-bob", soon));
        for new in [later, soon, None, soon, soon, later, None] {
            store.done(set(name, "k-ada", new));
            assert_eq!(end(store, name, "k-ada"), Some(new), "{name}");
            assert_eq!(end(store, name, "k-bob"), Some(soon), "nobody else's");
        }
        store.done(set(name, "k-ada", later));
        assert_eq!(store.members(name).unwrap(), ["k-ada", "k-bob"]);
        store.done(remove(name, "k-ada"));
        assert_eq!(store.members(name).unwrap(), ["k-bob"], "no trace of the former ends");
    }
}

pub fn an_end_takes_a_membership(store: &Subject<'_>) {
    store.create(&["a"]);
    let soon = Some(store.in_seconds(60));
    refused!(store.write(set("a", "k-ada", soon)), NotMember);
    refused!(store.write(set("x", "k-ada", soon)), GroupMissing);
    store.done(until("a", "k-ada", Some(store.in_seconds(-1))));
    refused!(store.write(set("a", "k-ada", None)), NotMember);
    store.done(add("a", "k-ada"));
    store.done(set("a", "k-ada", Some(store.in_seconds(0))));
    assert_eq!(store.members("a").unwrap(), [""; 0], "it has ended");
    store.done(add("a", "k-ada"));
    assert_eq!(end(store, "a", "k-ada"), Some(None));
}

/// Who is staff for having made the group can be given an end like anybody else.
pub fn creators_are_given_ends(store: &Subject<'_>) {
    let later = Some(store.in_seconds(3600));
    store.done(Change::CreateGroup { group: group("a"), creator: Some(user("k-ada")) });
    store.done(set("a.staff", "k-ada", later));
    assert_eq!(end(store, "a.staff", "k-ada"), Some(later));
    store.done(remove("a.staff", "k-ada"));
    assert_eq!(store.members("a.staff").unwrap(), [""; 0]);
}

pub fn anybody_leaves(store: &Subject<'_>) {
    store.done(add("staff", "k-root"));
    store.done(Change::CreateGroup { group: group("a"), creator: Some(user("k-ada")) });
    store.done(add("a", "k-ada"));
    store.done(add("a", "k-bob"));
    for (name, id) in [("a", "k-ada"), ("a", "k-bob"), ("a.staff", "k-ada")] {
        let permit = store.permitted(id, leave(name, id));
        store.carry_out(permit).unwrap();
        let again = store.permitted(id, leave(name, id));
        refused!(store.carry_out(again), NotMember);
    }
    assert_eq!(store.members("a").unwrap(), [""; 0]);
    assert_eq!(store.members("a.staff").unwrap(), [""; 0], "also the last of a staff");
}

/// However they would go: nobody takes the last that can act as root staff away, but an operator.
pub fn the_last_root_staff_stays(store: &Subject<'_>) {
    let (past, later) = (Some(store.in_seconds(-1)), Some(store.in_seconds(3600)));
    store.done(add("staff", "k-root"));
    store.done(add("staff", "k-banned"));
    store.done(ban("k-banned", Ban::Impose));
    store.done(until("staff", "k-former", past));
    let ways = [
        leave("staff", "k-root"),
        remove("staff", "k-root"),
        set("staff", "k-root", later),
        ban("k-root", Ban::Impose),
        Change::DeleteUser(user("k-root")),
    ];
    for way in ways {
        let text = format!("{way:?}");
        let permit = store.permitted("k-root", way);
        let result = store.carry_out(permit);
        assert!(matches!(result, Err(WriteError::LastRootStaff)), "{text}: {result:?}");
    }
    assert_eq!(end(store, "staff", "k-root"), Some(None));
    let in_a_minute = Some(store.in_seconds(60));
    store.done(until("staff", "k-other", in_a_minute));
    let permit = store.permitted("k-root", leave("staff", "k-root"));
    refused!(store.carry_out(permit), LastRootStaff);
    store.done(set("staff", "k-other", later));
    let permit = store.permitted("k-root", leave("staff", "k-root"));
    store.carry_out(permit).unwrap();
    store.done(remove("staff", "k-other"));
    assert_eq!(store.groups_of("k-other"), [""; 0], "an operator may");
}

/// Whoever could not log in does not stay there for others, whether or not they are on the root staff.
pub fn who_cannot_log_in_keeps_no_root_staff(store: &Subject<'_>) {
    let some = [user("local-ada").split().1.parse().unwrap()].into();
    let possible = [("k", Subjects::Any), ("local", Subjects::These(some))];
    let possible = possible.map(|(name, subjects)| (name.parse().unwrap(), subjects));
    let possible: Arc<PossibleUsers> = Arc::new(possible.into_iter().collect());
    for id in ["k-root", "gone-ada", "local-eve", "k8s-ci:deployer", "client-robot"] {
        store.done(add("staff", id));
    }
    let ways = [
        leave("staff", "k-root"),
        remove("staff", "k-root"),
        set("staff", "k-root", Some(store.in_seconds(3600))),
        ban("k-root", Ban::Impose),
        Change::DeleteUser(user("k-root")),
    ];
    for way in ways {
        let text = format!("{way:?}");
        let result = store.carry_out(store.permitted("k-root", way).knowing(Arc::clone(&possible)));
        assert!(matches!(result, Err(WriteError::LastRootStaff)), "{text}: {result:?}");
    }
    let go =
        |id: &str| store.permitted("k-root", remove("staff", id)).knowing(Arc::clone(&possible));
    store.carry_out(go("gone-ada")).unwrap();
    refused!(store.carry_out(go("k-root")), LastRootStaff);
    store.done(add("staff", "local-ada"));
    store.carry_out(go("k-root")).unwrap();
    for id in ["local-eve", "k8s-ci:deployer", "client-robot", "local-ada"] {
        store.done(remove("staff", id));
    }
}

/// Two of the root staff who take each other away: one stays.
pub fn root_staff_who_remove_each_other(store: &Subject<'_>) {
    store.done(add("staff", "k-one"));
    store.done(add("staff", "k-two"));
    let one = store.permitted("k-one", remove("staff", "k-two"));
    let two = store.permitted("k-two", remove("staff", "k-one"));
    store.carry_out(one).unwrap();
    refused!(store.carry_out(two), Withdrawn);
    assert_eq!(store.members("staff").unwrap(), ["k-one"]);
}

/// Whoever is given an end after they asked for more time is judged by that end.
pub fn own_time_is_judged_again(store: &Subject<'_>) {
    store.create(&["a"]);
    store.done(add("a.staff", "k-john"));
    let later = Some(store.in_seconds(3600));
    let more = store.permitted("k-john", set("a.staff", "k-john", None));
    let once_more = store.permitted("k-john", add("a.staff", "k-john"));
    store.done(set("a.staff", "k-john", later));
    for permit in [more, once_more] {
        let result = store.carry_out(permit);
        let is_right =
            matches!(result, Err(WriteError::Withdrawn(Withdrawn::Denied(Denied::OwnTime))));
        assert!(is_right, "{result:?}");
    }
    assert_eq!(end(store, "a.staff", "k-john"), Some(later));
}
