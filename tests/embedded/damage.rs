//! Files that are not what they should be: an error that says so, and the file left as it was.

use std::fs;

use super::*;

#[test]
fn garbage_is_no_database() {
    let (_directory, path) = place();
    for garbage in [vec![b'x'; 5000], b"# settings\n".repeat(200), vec![b'S'; 100]] {
        fs::write(&path, &garbage).unwrap();
        let fault = fault_of_opening(&path);
        assert!(matches!(fault, StoreError::NotADatabase(_)), "{fault:?}");
        assert_eq!(fs::read(&path).unwrap(), garbage, "untouched");
    }
}

#[test]
fn a_truncated_file_is_damaged() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    store.close();
    let whole = fs::read(&path).unwrap();
    for pages in 1..whole.len() / 4096 {
        fs::write(&path, &whole[..pages * 4096]).unwrap();
        let fault = fault_of_opening(&path);
        assert!(matches!(fault, StoreError::Damaged(_)), "{pages}: {fault:?}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(everything(open(&path).directory()).contains("k-eve"));
}

/// Every bit of the header that SQLite looks at, and much of the rest: an error, or all is read as it was written. Never
/// a panic.
#[test]
fn flipped_bytes_do_not_go_unnoticed_or_do_no_harm() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    store.close();
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    let places = (0..100).chain((100..whole.len()).step_by(211));
    for place in places {
        let mut flipped = whole.clone();
        flipped[place] ^= 0xff;
        fs::write(&path, &flipped).unwrap();
        refused += usize::from(Embedded::open(&path, noon).is_err());
        for leftover in ["pasee.db-wal", "pasee.db-shm"] {
            _ = fs::remove_file(path.with_file_name(leftover));
        }
    }
    assert!(refused > 40, "{refused}");
    for (place, what) in [(0, "magic"), (68, "application id"), (60, "version")] {
        let mut flipped = whole.clone();
        flipped[place] ^= 0x7f;
        fs::write(&path, &flipped).unwrap();
        assert!(Embedded::open(&path, noon).is_err(), "{what}");
    }
}

#[test]
fn contents_that_pasee_never_writes() {
    let foul = [
        ("INSERT INTO groups (name, parent) VALUES ('a.staff', 0)", "groups", "group name"),
        (
            "INSERT INTO groups (name, parent, description) VALUES ('a', 0, printf('%.*c', 1025, 'x'))",
            "groups",
            "group name",
        ),
        (
            "INSERT INTO memberships (role, group_id, user) VALUES (1, 0, 'nobody')",
            "memberships",
            "membership",
        ),
        (
            "INSERT INTO memberships (group_id, role, user, expires_at) VALUES (0, 1, 'k-a', -1)",
            "memberships",
            "membership",
        ),
        ("INSERT INTO standings VALUES ('k-a\n', 1, NULL)", "standings", "standing"),
    ];
    for (sql, in_table, no) in foul {
        let (_directory, path) = place();
        open(&path).close();
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let fault = fault_of_opening(&path);
        assert!(
            matches!(&fault, StoreError::Content { table, what } if *table == in_table && *what == no),
            "{fault:?}"
        );
    }
}

#[test]
fn files_of_others_are_left_alone() {
    let (_directory, path) = place();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    assert!(matches!(fault_of_opening(&path), StoreError::Foreign));
    assert_eq!(fs::read(&path).unwrap(), before);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA application_id = 7; DROP TABLE theirs").unwrap();
    drop(other);
    assert!(matches!(fault_of_opening(&path), StoreError::Foreign));
}

#[test]
fn a_newer_file_asks_for_a_newer_pasee() {
    let (_directory, path) = place();
    open(&path).close();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(raw);
    let fault = fault_of_opening(&path);
    assert!(matches!(fault, StoreError::Newer { found: 99, known: 12 }), "{fault:?}");
    assert!(fault.to_string().contains("99"), "{fault}");
}

/// A file as version 1 made it, word for word.
const VERSION_1: &str = "
    CREATE TABLE groups (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        parent INTEGER REFERENCES groups (id) ON DELETE CASCADE,
        CHECK ((id = 0) = (parent IS NULL))
    ) STRICT;
    CREATE INDEX groups_by_parent ON groups (parent);
    INSERT INTO groups (id, name, parent) VALUES (0, '', NULL);
    CREATE TABLE memberships (
        group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        role INTEGER NOT NULL CHECK (role IN (0, 1)),
        user TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (group_id, role, user),
        CHECK (group_id <> 0 OR role = 1)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX memberships_by_user ON memberships (user);
    CREATE TABLE standings (
        user TEXT PRIMARY KEY,
        banned INTEGER NOT NULL CHECK (banned IN (0, 1)),
        not_before INTEGER
    ) STRICT, WITHOUT ROWID;
    PRAGMA application_id = 1348563813;
    PRAGMA user_version = 1;
    INSERT INTO groups (id, name, parent) VALUES (7, 'admin', 0), (8, 'admin.developers', 7);
    INSERT INTO memberships VALUES (0, 1, 'kisee-ada', NULL), (8, 0, 'kisee-alan', 1900000000);
    INSERT INTO standings VALUES ('kisee-eve', 1, NULL);
";

#[test]
fn version_1_is_brought_up_to_date() {
    let (_directory, path) = place();
    rusqlite::Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let store = open(&path);
    assert_eq!(members(&store, "staff"), ["kisee-ada"]);
    assert_eq!(members(&store, "admin.developers"), ["kisee-alan"]);
    let eve = store.directory().record(&"kisee-eve".parse().unwrap(), noon());
    assert!(eve.standing.banned);
    write(&store, add("admin.developers.staff", "kisee-john")).unwrap();
    write(&store, Change::DeleteGroup("admin".parse().unwrap())).unwrap();
    let shown = everything(store.directory());
    store.close();
    assert_eq!(everything(open(&path).directory()), shown);
}

/// A file as version 2 made it: what was changed before has no author.
#[test]
fn version_2_is_brought_up_to_date() {
    let (_directory, path) = place();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(VERSION_1).unwrap();
    raw.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE changes (
            seq INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            name TEXT,
            user TEXT,
            banned INTEGER,
            moment INTEGER
         ) STRICT;
         INSERT INTO changes VALUES (7, 'joined', 'staff', 'kisee-ada', NULL, NULL);
         PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(raw);
    let store = open(&path);
    assert_eq!(members(&store, "staff"), ["kisee-ada"]);
    write(&store, add("staff", "kisee-john")).unwrap();
    store.close();
    let log = sharing::log(&path);
    assert_eq!(log[0], ("joined".to_owned(), "kisee-ada".to_owned(), None, None));
    assert_eq!(log[1].1, "kisee-john");
    assert!(log[1].2.as_deref().unwrap().starts_with("system:"), "{log:?}");
    assert_eq!(log[1].3, Some(NOW));
}

/// A file as version 5 made it: nothing is said of what groups are for, until somebody says it.
#[test]
fn version_5_is_brought_up_to_date() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    write(&store, describe("a.b", "")).unwrap();
    let shown = everything(store.directory());
    store.close();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(
        "DELETE FROM changes WHERE kind = 'described';
         ALTER TABLE changes DROP COLUMN stamp;
         ALTER TABLE changes DROP COLUMN past;
         CREATE TABLE stamp (id INTEGER PRIMARY KEY CHECK (id = 0), text TEXT NOT NULL) STRICT;
         DROP TABLE ended_sessions_of;
         DROP INDEX memberships_by_end;
         DROP INDEX groups_by_author;
         DROP INDEX memberships_by_author;
         ALTER TABLE groups DROP COLUMN mark;
         ALTER TABLE memberships DROP COLUMN called;
         ALTER TABLE groups DROP COLUMN author;
         ALTER TABLE memberships DROP COLUMN author;
         ALTER TABLE groups DROP COLUMN description;
         ALTER TABLE changes DROP COLUMN description;
         PRAGMA user_version = 5;",
    )
    .unwrap();
    drop(raw);
    let store = open(&path);
    assert_eq!(everything(store.directory()), shown);
    write(&store, describe("a.b", "new")).unwrap();
    let shown = everything(store.directory());
    assert!(shown.contains("    new\n"), "{shown}");
    store.close();
    assert_eq!(everything(open(&path).directory()), shown);
}

/// Two processes that find no file, or an old one, at the same time make one good file.
#[test]
fn opening_at_the_same_time() {
    for old in ["", VERSION_1] {
        let (_directory, path) = place();
        rusqlite::Connection::open(&path).unwrap().execute_batch(old).unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let path = &path;
                scope.spawn(move || write(&open(path), add("staff", &format!("k-{n}"))).unwrap());
            }
        });
        let there = members(&open(&path), "staff");
        assert_eq!(there.iter().filter(|user| user.starts_with("k-")).count(), 4);
    }
}
