//! Memberships that have ended: they stay for a week, and then leave the file, its log and every index.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

const WEEK: i64 = 7 * 24 * 3_600;

/// What the stores here take the time for.
static CLOCK: AtomicI64 = AtomicI64::new(NOW);

fn clock() -> Timestamp {
    at(CLOCK.load(Ordering::SeqCst))
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
    let (store, other) =
        (Embedded::open(&path, clock).unwrap(), Embedded::open(&path, clock).unwrap());
    write(&store, create("a")).unwrap();
    for change in [
        add("a", "k-always"),
        until("a", "k-first", NOW + 60),
        until("staff", "k-root", NOW + 60),
        until("a.staff", "k-last", NOW + 61),
    ] {
        write(&store, change).unwrap();
    }
    wait(|| other.directory().has_group(&"a".parse().unwrap()));
    // Ended, and there still.
    CLOCK.store(NOW + 60 + WEEK - 1, Ordering::SeqCst);
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
