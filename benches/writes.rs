//! Writes to the embedded store against SQLite's own rate: one insert and one commit at a time, with the same settings
//! and the same table, on the same disk, in the same run.
//!
//! `cargo bench --bench writes`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pasee::domain::change::Change;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, permit};
use pasee::domain::time::Timestamp;
use pasee::store::embedded::Embedded;

/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(3);

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for writers in [1, 16, 64] {
        // Each time anew, because disks have moods.
        let bare = bare(&directory.path().join(format!("bare-{writers}.db")));
        let path = directory.path().join(format!("pasee-{writers}.db"));
        let (rate, together) = embedded(&path, writers);
        println!(
            "embedded, {writers} at once: {rate:.0} writes/s, {together:.1} a commit; SQLite, insert and commit: \
             {bare:.0} writes/s; ratio {:.2}",
            rate / bare
        );
    }
}

fn bare(path: &Path) -> f64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2048;
             CREATE TABLE memberships (
                 group_id INTEGER NOT NULL, role INTEGER NOT NULL, user TEXT NOT NULL,
                 expires_at INTEGER, PRIMARY KEY (group_id, role, user)
             ) STRICT, WITHOUT ROWID;",
        )
        .unwrap();
    let mut insert = connection.prepare("INSERT INTO memberships VALUES (0, 1, ?, NULL)").unwrap();
    let (since, mut count) = (Instant::now(), 0_u64);
    while since.elapsed() < SPAN {
        insert.execute([format!("kisee-user-0-{count}")]).unwrap();
        count += 1;
    }
    count as f64 / since.elapsed().as_secs_f64()
}

/// Writes a second, and writes a commit.
fn embedded(path: &Path, writers: usize) -> (f64, f64) {
    let store = Embedded::open(path, now).unwrap();
    let (since, count) = (Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (store, count) = (&store, &count);
            scope.spawn(move || {
                let mut n = 0;
                while since.elapsed() < SPAN {
                    let user = format!("kisee-user-{writer}-{n}").parse().unwrap();
                    let membership =
                        Membership { roster: Roster::RootStaff, user, expires_at: None };
                    let permit = permit(&Actor::operator(), Change::AddMember(membership)).unwrap();
                    store.write_blocking(permit).unwrap();
                    n += 1;
                }
                count.fetch_add(n, Ordering::Relaxed);
            });
        }
    });
    let count = count.into_inner() as f64;
    (count / since.elapsed().as_secs_f64(), count / store.commits() as f64)
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}
