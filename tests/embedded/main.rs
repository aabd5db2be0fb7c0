//! The embedded store as a file among others' hands: crashes, faults of disk and file, other processes.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

mod child;
mod crash;
mod damage;
mod ends;
mod faults;
mod former_rules;
mod restored;
mod seals;
mod sessions;
mod sharing;
mod turns;
mod upgrade;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pasee::domain::change::{Ban, Change};
use pasee::domain::description::Description;
use pasee::domain::directory::{Directory, Page};
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{self, Actor, Permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::domain::user::UserId;
use pasee::store::embedded::{Embedded, OpenError, StoreError, TogetherError, change_together};

const NOW: i64 = 1_800_000_000;

fn noon() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn open(path: &Path) -> Embedded {
    Embedded::open(path, noon).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

fn fault_of_opening(path: &Path) -> StoreError {
    match Embedded::open(path, noon) {
        Err(OpenError::File { source, path: named }) => {
            assert_eq!(named, path);
            source
        }
        other => panic!("{other:?}"),
    }
}

/// A directory for a file, and the file's path.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pasee.db");
    (directory, path)
}

fn permit(change: Change) -> Permit {
    policy::permit(&Actor::operator(), change).unwrap()
}

fn write(store: &Embedded, change: Change) -> Result<(), WriteError> {
    store.write_blocking(permit(change))
}

fn create(group: &str) -> Change {
    Change::CreateGroup { group: group.parse().unwrap(), creator: None }
}

fn describe(group: &str, text: &str) -> Change {
    let description = Description::read(text).unwrap();
    Change::Describe { group: group.parse().unwrap(), description }
}

fn add(roster: &str, user: &str) -> Change {
    let (roster, user) = (roster.parse().unwrap(), user.parse().unwrap());
    Change::AddMember(Membership { roster, user, expires_at: None })
}

fn remove(roster: &str, user: &str) -> Change {
    Change::RemoveMember { roster: roster.parse().unwrap(), user: user.parse().unwrap() }
}

/// All that a directory shows, as text.
fn everything(directory: &dyn Directory) -> String {
    let mut text = String::new();
    for roster in directory.rosters(Page { after: None, limit: usize::MAX }) {
        let members = directory.members(&roster, all(), noon());
        text.push_str(&format!("{roster}: {members:?}\n"));
        if let Some(description) = roster.group().and_then(|group| directory.description(group)) {
            text.push_str(&format!("    {}\n", description.as_str()));
        }
    }
    for user in directory.users(all(), noon()) {
        text.push_str(&format!("{user}: {:?}\n", directory.record(&user, noon())));
    }
    text
}

fn all() -> Page<'static, UserId> {
    Page { after: None, limit: usize::MAX }
}

fn members(store: &Embedded, roster: &str) -> Vec<String> {
    let roster: Roster = roster.parse().unwrap();
    let members = store.directory().members(&roster, all(), noon()).unwrap();
    members.iter().map(ToString::to_string).collect()
}

/// The fault behind a write that did not happen.
fn fault(result: Result<(), WriteError>) -> String {
    match result {
        Err(error @ WriteError::Unavailable(_)) => chain(&error),
        other => panic!("{other:?}"),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Waits until something is so, and says how long that took.
fn wait(what: impl Fn() -> bool) -> Duration {
    let since = Instant::now();
    while !what() {
        assert!(since.elapsed() < Duration::from_secs(10), "it never was so");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// One write of each kind that leaves something behind.
fn a_little_of_all(store: &Embedded) {
    let john = || "k-john".parse().unwrap();
    let end = Timestamp::from_unix(NOW + 60);
    let changes = [
        Change::CreateGroup { group: "a".parse().unwrap(), creator: Some(john()) },
        create("a.b"),
        describe("a.b", "what\0ever"),
        create("gone"),
        create("gone.below"),
        add("staff", "k-ada"),
        add("a", "k-ada"),
        add("gone.below", "k-ada"),
        Change::AddMember(Membership {
            roster: "a.b".parse().unwrap(),
            user: john(),
            expires_at: end,
        }),
        add("a", "k-left"),
        remove("a", "k-left"),
        add("a", "k-deleted"),
        Change::DeleteUser("k-deleted".parse().unwrap()),
        Change::DeleteGroup("gone".parse().unwrap()),
        Change::SetBanned { user: "k-eve".parse().unwrap(), banned: Ban::Impose },
        Change::SetBanned { user: "k-freed".parse().unwrap(), banned: Ban::Impose },
        Change::SetBanned { user: "k-freed".parse().unwrap(), banned: Ban::Lift },
        Change::Revoke(john()),
    ];
    for change in changes {
        write(store, change).unwrap();
    }
}

#[test]
fn reopening_keeps_all() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let before = everything(store.directory());
    assert!(before.contains("k-eve") && before.contains("a.b.staff") && !before.contains("gone"));
    store.close();
    for _ in 0..2 {
        let store = open(&path);
        assert_eq!(everything(store.directory()), before);
        write(&store, add("a", "k-more")).unwrap();
        write(&store, remove("a", "k-more")).unwrap();
    }
}

#[test]
fn writes_that_come_together_share_commits() {
    let (_directory, path) = place();
    let store = Arc::new(open(&path));
    write(&store, create("a")).unwrap();
    let before = store.commits();
    // The file is held for a moment, so that the writes meet in the queue.
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let store = Arc::clone(&store);
            // Every tenth is refused, and undoes nothing of the others.
            let user = if n % 10 == 0 { "k-same".to_owned() } else { format!("k-{n}") };
            std::thread::spawn(move || write(&store, add("a", &user)))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    holder.execute_batch("ROLLBACK").unwrap();
    let results: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 181);
    let refused = |result: &&Result<(), _>| matches!(result, Err(WriteError::AlreadyMember));
    assert_eq!(results.iter().filter(refused).count(), 19);
    let commits = store.commits() - before;
    assert!((1..=5).contains(&commits), "{commits} commits for 200 writes");
    assert_eq!(members(&store, "a").len(), 181);
    drop(store);
    assert_eq!(members(&open(&path), "a").len(), 181);
}

/// Closing, or dropping, finishes what was begun, also when nobody waits for it.
#[test]
fn closing_finishes_what_was_begun() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    for n in 0..500 {
        drop(store.write(permit(add("a", &format!("k-{n}")))));
    }
    store.close();
    assert_eq!(members(&open(&path), "a").len(), 500);
}
