//! Memberships that have ended: they stay for a week, and then leave the file, its log and every index.

use std::sync::atomic::{AtomicI64, Ordering};

use pasee::domain::token::SessionId;

use super::*;

const WEEK: i64 = 7 * 24 * 3_600;

/// What the stores of each test take the time for.
static CLOCK: AtomicI64 = AtomicI64::new(NOW);
static WRONG: AtomicI64 = AtomicI64::new(NOW);

fn clock() -> Timestamp {
    at(CLOCK.load(Ordering::SeqCst))
}

fn wrong_clock() -> Timestamp {
    at(WRONG.load(Ordering::SeqCst))
}

/// As though somebody had written at that moment.
fn written_at(path: &Path, moment: i64) {
    let raw = rusqlite::Connection::open(path).unwrap();
    assert_eq!(
        raw.execute(
            "UPDATE changes SET past = ? WHERE seq = (SELECT max(seq) FROM changes)",
            [moment]
        ),
        Ok(1)
    );
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn until(roster: &str, user: &str, end: i64) -> Change {
    let (roster, user) = (roster.parse().unwrap(), user.parse().unwrap());
    Change::AddMember(Membership { roster, user, expires_at: Some(at(end)) })
}

/// Who has a membership in the file, ended or not.
fn kept(path: &Path) -> Vec<String> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut statement = raw.prepare("SELECT user FROM memberships ORDER BY user").unwrap();
    let users = statement.query_map([], |row| row.get(0)).unwrap();
    users.collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_has_ended_stays_for_a_week() {
    let (_directory, path) = place();
    let store = Embedded::open(&path, clock).unwrap();
    write(&store, create("a")).unwrap();
    for change in [
        add("a", "k-always"),
        until("a", "k-first", NOW + 60),
        until("staff", "k-root", NOW + 60),
        until("a.staff", "k-last", NOW + 61),
    ] {
        write(&store, change).unwrap();
    }
    store.close();
    // Ended, and there still.
    written_at(&path, NOW + 60 + WEEK - 2);
    CLOCK.store(NOW + 60 + WEEK - 1, Ordering::SeqCst);
    let (store, other) =
        (Embedded::open(&path, clock).unwrap(), Embedded::open(&path, clock).unwrap());
    write(&store, add("a", "k-second")).unwrap();
    wait(|| members(&other, "a") == ["k-always", "k-first", "k-second"]); // by the clock of before
    assert_eq!(kept(&path), ["k-always", "k-first", "k-last", "k-root", "k-second"]);
    CLOCK.store(NOW + 60 + WEEK, Ordering::SeqCst);
    let wanted = ["k-always", "k-last", "k-second"];
    wait(|| kept(&path) == wanted);
    for index in [&store, &other] {
        wait(|| {
            members(index, "a") == ["k-always", "k-second"] && members(index, "staff").is_empty()
        });
        assert_eq!(members(index, "a.staff"), ["k-last"]);
    }
    assert!(matches!(write(&store, remove("a", "k-first")), Err(WriteError::NotMember)));
    let raw = rusqlite::Connection::open(&path).unwrap();
    let told: Vec<String> = {
        let sql = "SELECT name || ' ' || user FROM changes WHERE kind = 'left' AND actor = 'pasee:sweep' ORDER BY name";
        let mut statement = raw.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(told, ["a k-first", "staff k-root"], "once, whoever did it");
    // Nothing is written when there is nothing to take.
    wait(|| std::fs::metadata(path.with_file_name("pasee.db-wal")).unwrap().len() == 0);
    drop((store, other));
    assert_eq!(kept(&path), wanted);
}

/// A clock that jumps far ahead, or is wrong at the start, takes nothing out of the file and forgets no session that was ended,
/// whatever is written meanwhile.
#[test]
fn a_wrong_clock_takes_nothing_away() {
    let (_directory, path) = place();
    let end = |number: u8, until| {
        let (user, session) = ("k-ada".parse().unwrap(), SessionId::new([number; 16]));
        Change::EndSession { user, session, until: at(until) }
    };
    let sessions = || {
        let raw = rusqlite::Connection::open(&path).unwrap();
        raw.query_row("SELECT count(*) FROM ended_sessions", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let store = Embedded::open(&path, wrong_clock).unwrap();
    write(&store, create("a")).unwrap();
    write(&store, until("a", "k-valid", NOW + 86_400)).unwrap();
    write(&store, end(1, NOW + 30 * 86_400)).unwrap();
    for is_new in [false, true] {
        WRONG.store(NOW + 90 * 86_400, Ordering::SeqCst);
        let again = is_new.then(|| Embedded::open(&path, wrong_clock).unwrap());
        let ahead = again.as_ref().unwrap_or(&store);
        for look in 0..3 {
            write(ahead, end(2 + u8::from(is_new), NOW + 180 * 86_400)).unwrap();
            // What surely ended a week ago goes, which shows that it was looked for.
            let past = format!("k-past{look}");
            write(ahead, until("a", &past, NOW - 2 * WEEK)).unwrap();
            wait(|| !kept(&path).contains(&past));
            assert_eq!(kept(&path), ["k-valid"], "{is_new}");
            assert_eq!(sessions(), 2 + i64::from(is_new));
        }
        drop(again);
    }
    WRONG.store(NOW + 10, Ordering::SeqCst);
    assert!(store.directory().has_ended(SessionId::new([1; 16])));
    let (valid, group) = ("k-valid".parse().unwrap(), "a".parse().unwrap());
    assert_eq!(store.directory().until(&valid, &group, at(NOW)), Some(Some(at(NOW + 86_400))));
}

/// More than are taken at once, and among them some of whom today's rules know nothing, which stay.
#[test]
fn many_are_swept_and_what_nobody_knows_stays() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    store.close();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "BEGIN;
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 700)
         INSERT INTO memberships (group_id, role, user, expires_at) SELECT 1, 0, 'k-' || x, 1000 FROM n;
         WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300)
         INSERT INTO memberships (group_id, role, user, expires_at) SELECT 1, 0, 'k-' || char(8203) || x, 900 FROM n;
         COMMIT;",
    )
    .unwrap();
    drop(raw);
    let store = open(&path);
    wait(|| kept(&path).len() == 300);
    let commits = store.commits();
    write(&store, add("a", "k-new")).unwrap();
    assert_eq!(store.commits(), commits + 1);
    assert_eq!(kept(&path).len(), 301);
}
