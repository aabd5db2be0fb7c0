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

/// How long each is at work at a time, and how often: all in turns, so that whatever else the machine is at weighs on all alike.
const TURN: Duration = Duration::from_millis(300);
const TURNS: u32 = 10;

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for writers in [1, 16, 64] {
        // Each time anew, because disks have moods.
        let mut bare = Bare::open(&directory.path().join(format!("bare-{writers}.db")));
        let path = directory.path().join(format!("pasee-{writers}.db"));
        let store = Embedded::open(&path, now).unwrap();
        let (mut by_bare, mut by_store) = (0, 0);
        for turn in 0..TURNS {
            by_bare += bare.write_for(TURN);
            by_store += write_for(TURN, &store, writers, turn);
        }
        let seconds = (TURN * TURNS).as_secs_f64();
        let (rate, bare) = (by_store as f64 / seconds, by_bare as f64 / seconds);
        let together = by_store as f64 / store.commits() as f64;
        println!(
            "embedded, {writers} at once: {rate:.0} writes/s, {together:.1} a commit; SQLite, insert and commit: \
             {bare:.0} writes/s; ratio {:.2}",
            rate / bare
        );
    }
}

/// SQLite by itself.
struct Bare {
    connection: rusqlite::Connection,
    written: u64,
}

impl Bare {
    fn open(path: &Path) -> Self {
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
        Self { connection, written: 0 }
    }

    /// How much was written.
    fn write_for(&mut self, span: Duration) -> u64 {
        let sql = "INSERT INTO memberships VALUES (0, 1, ?, NULL)";
        let mut insert = self.connection.prepare(sql).unwrap();
        let (since, before) = (Instant::now(), self.written);
        while since.elapsed() < span {
            insert.execute([format!("kisee-user-0-{}", self.written)]).unwrap();
            self.written += 1;
        }
        self.written - before
    }
}

/// How much so many writers have written together.
fn write_for(span: Duration, store: &Embedded, writers: usize, turn: u32) -> u64 {
    let (since, count) = (Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let count = &count;
            scope.spawn(move || {
                let mut n = 0;
                while since.elapsed() < span {
                    let user = format!("kisee-user-{writer}-{turn}-{n}").parse().unwrap();
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
    count.into_inner()
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}
