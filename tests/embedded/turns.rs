//! What waits for the file, and what goes first.

use std::sync::mpsc;
use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::policy::{self, Actor, Grant, Login, Permit, Refusal, Withdrawn};
use pasee::domain::realm::{Realm, WriteError};
use pasee::store::embedded::Embedded;
use rusqlite::Connection;

use crate::{add, create, noon, permit, place, write};

/// By somebody who runs `a`.
fn by(store: &Embedded, id: &str, change: Change) -> Permit {
    let record = store.directory().record(&id.parse().unwrap(), noon());
    let (grant, day) = (Grant::Login(Login::of(id.parse().unwrap())), Duration::from_secs(86_400));
    let admission = policy::admit(grant, record.standing, day, noon()).unwrap();
    policy::permit(&Actor::user(&admission, record.holdings), change).unwrap()
}

/// A ban is made before everything that waits, and counts for it: of a whole flood, nothing but what was begun is done.
#[test]
fn a_ban_goes_before_a_flood() {
    let (_directory, path) = place();
    let store = Embedded::open(&path, noon).unwrap();
    write(&store, create("a")).unwrap();
    write(&store, add("a.staff", "k-john")).unwrap();
    write(&store, add("a.staff", "k-ann")).unwrap();
    let flood: Vec<Permit> =
        (0..500).map(|n| by(&store, "k-john", add("a", &format!("k-{n}")))).collect();
    let others = by(&store, "k-ann", add("a", "k-of-ann"));

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = store.write(by(&store, "k-ann", add("a", "k-first")));
    let flood: Vec<_> = flood.into_iter().map(|permit| store.write(permit)).collect();
    let others = store.write(others);
    let ban = Change::SetBanned { user: "k-john".parse().unwrap(), banned: Ban::Impose };
    let ban = store.write(permit(ban));
    let (released, release) = mpsc::channel::<()>();
    let holding = std::thread::spawn(move || {
        release.recv().unwrap();
        holder.execute_batch("ROLLBACK").unwrap();
    });
    released.send(()).unwrap();
    holding.join().unwrap();

    runtime.block_on(async {
        first.await.unwrap();
        ban.await.unwrap();
        others.await.unwrap();
        let mut done = 0;
        for write in flood {
            match write.await {
                Ok(()) => done += 1,
                Err(WriteError::Withdrawn(Withdrawn::Refused(Refusal::Banned))) => {}
                Err(error) => panic!("{error}"),
            }
        }
        // What the thread had taken before the file was let go may be done; the rest is not.
        assert!(done < 256, "{done} of a flood were done before the ban");
    });
}

/// Whoever ends their own sessions over and over waits for themselves: the ban that stops them is taken, and made.
#[test]
fn no_flood_of_ends_of_ones_own_sessions_crowds_a_ban_out() {
    let (_directory, path) = place();
    let store = Embedded::open(&path, noon).unwrap();
    write(&store, create("a")).unwrap();
    let flood: Vec<Permit> = (0..4000)
        .map(|n| format!("k-{}", n % 200))
        .map(|id| by(&store, &id, Change::Revoke(id.parse().unwrap())))
        .collect();

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let flood: Vec<_> = flood.into_iter().map(|permit| store.write(permit)).collect();
    let bans = ["k-1", "k-other"].map(|id| {
        let ban = Change::SetBanned { user: id.parse().unwrap(), banned: Ban::Impose };
        store.write(permit(ban))
    });
    holder.execute_batch("ROLLBACK").unwrap();
    runtime.block_on(async {
        for ban in bans {
            ban.await.unwrap();
        }
        for write in flood {
            match write.await {
                Ok(()) | Err(WriteError::Unavailable(_) | WriteError::Withdrawn(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    let standing = |id: &str| store.directory().record(&id.parse().unwrap(), noon()).standing;
    assert!(standing("k-1").banned && standing("k-other").banned);
}
