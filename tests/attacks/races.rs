//! Races against what takes rights away, counted exactly: by the order in which the file says that things came to pass.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use crate::support::pasee::{Pasee, Setup};
use crate::support::races::{Race, Track, Withdrawal, rounds};

/// What came to pass in the race's group after the withdrawal did.
fn after(pasee: &Pasee, withdrawal: Withdrawal, race: &Race) -> Vec<String> {
    let file = pasee.dir.path().join("data/pasee.db");
    let file = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let Race { group, user, .. } = race;
    let parent = group.split('.').next().unwrap();
    let (kind, name) = match withdrawal {
        Withdrawal::OffStaff => ("left", Some(format!("{group}.staff"))),
        Withdrawal::Banned | Withdrawal::Revoked => ("stands", None),
        Withdrawal::SessionEnded => ("ended", Some(race.session())),
        Withdrawal::Deleted => ("cleared", None),
        Withdrawal::GroupDeleted => ("deleted", Some(group.clone())),
        Withdrawal::ParentDeleted => ("deleted", Some(parent.to_owned())),
    };
    let of = if ["deleted", "ended"].contains(&kind) { None } else { Some(user) };
    let sql = "SELECT min(seq) FROM changes WHERE kind = ? AND name IS ? AND user IS ?";
    let withdrawn: i64 = file.query_row(sql, params![kind, name, of], |row| row.get(0)).unwrap();
    let sql = "SELECT kind || ' ' || name || ' ' || coalesce(user, '') FROM changes
               WHERE seq > ? AND (name = ? OR name LIKE ?)";
    let mut later = file.prepare(sql).unwrap();
    let later = later.query_map(params![withdrawn, group, format!("{group}.%")], |row| row.get(0));
    later.unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_to_pass_after_a_withdrawal() {
    let pasee = Setup::default().start().await;
    let track =
        Track { root: &pasee, staff: vec![&pasee], grace: Duration::ZERO, groups: 4, users: 1 };
    let rounds = rounds(100);
    for withdrawal in Withdrawal::ALL {
        let outcome = track
            .races(withdrawal, rounds, |withdrawal, race| after(&pasee, withdrawal, race))
            .await;
        let (done, refused, late) = (outcome.done, outcome.refused, &outcome.late);
        println!(
            "{withdrawal:?}: {rounds} races, {done} done before, {refused} refused, {} late\n{}",
            late.len(),
            outcome.pairs(withdrawal)
        );
        assert!(done > 0 && refused > 0, "{withdrawal:?}: nothing was raced: {outcome:?}");
        assert!(late.is_empty(), "{withdrawal:?}: {late:#?}");
    }
}
