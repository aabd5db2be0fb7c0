//! How much one author may have made that is there.

use pasee::domain::bounds::Bounds;
use pasee::domain::change::Change;
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Denied, Permit, Withdrawn};
use pasee::domain::realm::WriteError;

use super::{Subject, add, group, remove, roster, user};

const FEW: Bounds = Bounds { groups: Some(2), memberships: Some(3) };

fn create(name: &str, id: &str) -> Change {
    Change::CreateGroup { group: group(name), creator: Some(user(id)) }
}

fn permitted(store: &Subject<'_>, id: &str, change: Change) -> Permit {
    store.permitted(id, change).within(FEW)
}

fn done(store: &Subject<'_>, id: &str, change: Change) {
    let text = format!("{id}: {change:?}");
    store.carry_out(permitted(store, id, change)).unwrap_or_else(|error| panic!("{text}: {error}"));
}

#[track_caller]
fn denied(store: &Subject<'_>, id: &str, change: Change, why: Denied) {
    match store.carry_out(permitted(store, id, change)) {
        Err(WriteError::Withdrawn(Withdrawn::Denied(found))) => assert_eq!(found, why),
        other => panic!("{other:?}"),
    }
}

/// What is gone counts no more, and whose it is not counts for nobody else.
pub fn authors_are_bounded(store: &Subject<'_>) {
    store.create(&["a"]);
    for (name, id) in [("a.staff", "k-john"), ("a.staff", "k-ann"), ("staff", "k-root")] {
        store.done(add(name, id));
    }
    for name in ["a.one", "a.two"] {
        done(store, "k-john", create(name, "k-john"));
    }
    denied(store, "k-john", create("a.three", "k-john"), Denied::TooManyGroups(2));
    done(store, "k-ann", create("a.three", "k-ann"));
    // Whoever made it is staff of it, and not by anybody's putting them there.
    for (name, id) in [("a", "k-1"), ("a.one", "k-2"), ("a.one.staff", "k-3")] {
        done(store, "k-john", add(name, id));
    }
    denied(store, "k-john", add("a", "k-4"), Denied::TooManyMemberships(3));
    denied(store, "k-john", add("a.two.staff", "k-4"), Denied::TooManyMemberships(3));
    done(store, "k-ann", add("a", "k-4"));
    // Who has an end is there still, and put there by the same.
    let later = Some(store.in_seconds(3600));
    let end = Membership { roster: roster("a"), user: user("k-1"), expires_at: later };
    done(store, "k-ann", Change::SetExpiry(end));
    denied(store, "k-john", add("a", "k-5"), Denied::TooManyMemberships(3));
    done(store, "k-ann", remove("a", "k-1"));
    done(store, "k-john", add("a", "k-5"));
    denied(store, "k-john", add("a", "k-6"), Denied::TooManyMemberships(3));
    done(store, "k-john", Change::DeleteGroup(group("a.one")));
    done(store, "k-john", create("a.four", "k-john"));
    for id in ["k-6", "k-7"] {
        done(store, "k-john", add("a", id));
    }
    denied(store, "k-john", add("a", "k-8"), Denied::TooManyMemberships(3));
    // Nobody bounds root staff or an operator.
    for number in 0..5 {
        let name = format!("r{number}");
        done(store, "k-root", create(&name, "k-root"));
        done(store, "k-root", add("a", &format!("k-r{number}")));
        store.done(add("a", &format!("k-o{number}")));
    }
}

/// Of many at once as many are done as may be.
pub fn authors_are_bounded_at_once(store: &Subject<'_>) {
    store.create(&["a"]);
    store.done(add("a.staff", "k-john"));
    let permits: Vec<Permit> = (0..12)
        .flat_map(|number| {
            [create(&format!("a.g{number}"), "k-john"), add("a", &format!("k-{number}"))]
        })
        .map(|change| permitted(store, "k-john", change))
        .collect();
    let writes = permits.into_iter().map(|permit| store.realm.write(permit));
    let results = store.runtime.block_on(futures::future::join_all(writes));
    let (mut groups, mut memberships, mut done) = (0, 0, 0);
    for result in results {
        match result {
            Ok(()) => done += 1,
            Err(WriteError::Withdrawn(Withdrawn::Denied(Denied::TooManyGroups(2)))) => groups += 1,
            Err(WriteError::Withdrawn(Withdrawn::Denied(Denied::TooManyMemberships(3)))) => {
                memberships += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((groups, memberships, done), (10, 9, 5));
}
