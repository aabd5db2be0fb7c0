//! What each transaction writes besides its changes: in which pages, that nobody else can write it, and how it was written before.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use rusqlite::config::DbConfig;

use super::*;

/// Sizes in the format of a write-ahead log (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const PAGE: usize = 4096;

fn log_of(path: &Path) -> PathBuf {
    path.with_file_name("pasee.db-wal")
}

/// The pages of each transaction in a log.
fn transactions(path: &Path) -> Vec<Vec<u32>> {
    let mut log = Vec::new();
    std::fs::File::open(log_of(path)).unwrap().read_to_end(&mut log).unwrap();
    let (header, frames) = log.split_at(HEADER);
    let number =
        |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut all, mut one) = (Vec::new(), Vec::new());
    for frame in frames.chunks_exact(FRAME_HEADER + PAGE) {
        if frame[8..16] != header[16..24] {
            break;
        }
        one.push(number(frame, 0));
        if number(frame, 4) > 0 {
            all.push(std::mem::take(&mut one));
        }
    }
    all
}

/// Keeps a log from being moved into the file.
fn reader(path: &Path) -> rusqlite::Connection {
    let reader = rusqlite::Connection::open(path).unwrap();
    reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM groups").unwrap();
    reader
}

/// A membership, by whom it is found, and the log of changes, in which all else stands too: one page each, but where one is full.
#[test]
fn a_change_of_one_membership_writes_three_pages() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    // So many that some are dropped again and again.
    raw.execute_batch(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10900)
         INSERT INTO changes (kind, user) SELECT 'cleared', 'k-nobody' FROM n;",
    )
    .unwrap();
    drop(raw);
    write(&store, add("a", "k-first")).unwrap();
    wait(|| std::fs::metadata(log_of(&path)).unwrap().len() == 0);
    let reader = reader(&path);
    const CHANGES: usize = 600;
    for n in 0..CHANGES {
        write(&store, add("a", &format!("k-user-{n:04}"))).unwrap();
    }
    let written = transactions(&path);
    assert!(written.len() >= CHANGES, "{}", written.len());
    let pages: usize = written.iter().map(Vec::len).sum();
    let more = written.iter().filter(|pages| pages.len() > 3).count();
    println!("{pages} pages in {} transactions, {more} of them with more than 3", written.len());
    assert!(more * 10 < written.len(), "{more} of {}", written.len());
    assert!(pages * 10 <= written.len() * 33, "{pages} in {}", written.len());
    drop(reader);
}

/// The text that a former version would have found in its log.
fn former_stamp(numbers: [u64; 9]) -> String {
    numbers.iter().fold("pasee stamp".to_owned(), |text, number| format!("{text} {number:016x}"))
}

/// Whoever may describe a group cannot write what is read as a stamp, so that the log is taken for another file's.
#[test]
fn nobody_forges_what_is_said_of_files() {
    let forged = former_stamp([u64::MAX, 1, 2, 3, 0, 5, 6, 7, 8]);
    for last in [true, false] {
        let (_directory, path) = place();
        let store = open(&path);
        write(&store, create("a")).unwrap();
        // It is what a log begins with.
        wait(|| std::fs::metadata(log_of(&path)).unwrap().len() == 0);
        write(&store, describe("a", &forged)).unwrap();
        if !last {
            write(&store, add("a", "k-ada")).unwrap();
        }
        let (_elsewhere, left) = place();
        for name in ["pasee.db", "pasee.db-wal"] {
            copy(&path.with_file_name(name), &left.with_file_name(name));
        }
        if std::fs::metadata(log_of(&left)).unwrap().len() > 0 {
            assert_eq!(everything(open(&left).directory()), everything(store.directory()));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// What version 10 had besides.
const VERSION_10: &str = "
    CREATE TABLE stamp (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        text TEXT NOT NULL
    ) STRICT;
    CREATE TABLE past (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        moment INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE groups DROP COLUMN mark;
    ALTER TABLE memberships DROP COLUMN called;
    ALTER TABLE changes DROP COLUMN stamp;
    ALTER TABLE changes DROP COLUMN past;
    DELETE FROM changes WHERE kind = 'sealed';
    PRAGMA user_version = 10;";

/// Makes a file what version 10 would have left, and says what its transactions were numbered by.
fn made_former(path: &Path) -> [u64; 9] {
    let raw = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT stamp, past FROM changes ORDER BY seq DESC LIMIT 1";
    let (stamp, past): (Option<Vec<u8>>, Option<i64>) =
        raw.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let stamp = stamp.map(|stamp| numbers_of(&stamp));
    raw.execute_batch(VERSION_10).unwrap();
    // With nothing left of today's in what pages do not use.
    raw.execute_batch("VACUUM").unwrap();
    if let Some(numbers) = stamp {
        raw.execute("INSERT INTO stamp VALUES (0, ?)", [former_stamp(numbers)]).unwrap();
    }
    if let Some(past) = past {
        raw.execute("INSERT INTO past VALUES (0, ?)", [past]).unwrap();
    }
    stamp.unwrap_or_default()
}

fn numbers_of(stamp: &[u8]) -> [u64; 9] {
    let numbers = stamp[stamp.len() - 72..].chunks_exact(8);
    let numbers = numbers.map(|eight| u64::from_be_bytes(eight.try_into().unwrap()));
    numbers.collect::<Vec<_>>().try_into().unwrap()
}

/// Puts so many users into a group as version 10 did, and leaves the log as it did when it was killed.
fn add_formerly(path: &Path, numbers: [u64; 9], users: &[&str]) {
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    raw.execute_batch("PRAGMA wal_autocheckpoint = 0; SELECT * FROM groups").unwrap();
    let [mut count, mut random, ..] = numbers;
    let (database, log) = (path.metadata().unwrap(), log_of(path).metadata().unwrap());
    let [inode, seconds, nanoseconds] =
        [database.ino(), database.mtime().cast_unsigned(), database.mtime_nsec().cast_unsigned()];
    for user in users {
        let stamp =
            [count + 1, random + 1, count, random, 0, inode, seconds, nanoseconds, log.ino()];
        raw.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             INSERT INTO memberships (group_id, role, user)
                SELECT id, 0, '{user}' FROM groups WHERE name = 'a';
             INSERT INTO changes (kind, name, user) VALUES ('joined', 'a', '{user}');
             INSERT OR REPLACE INTO past VALUES (0, {NOW});
             INSERT OR REPLACE INTO stamp VALUES (0, '{}');
             COMMIT",
            former_stamp(stamp)
        ))
        .unwrap();
        (count, random) = (count + 1, random + 1);
    }
}

fn sealed(path: &Path) -> (Option<Vec<u8>>, Option<i64>) {
    let raw = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT stamp, past FROM changes ORDER BY seq DESC LIMIT 1";
    raw.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn made(user: &str) -> (tempfile::TempDir, PathBuf) {
    let (directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    write(&store, add("a", user)).unwrap();
    store.close();
    (directory, path)
}

#[test]
fn version_10_is_brought_up_to_date() {
    for is_new in [false, true] {
        let (_directory, path) = if is_new { place() } else { made("k-ada") };
        open(&path).close();
        let before = sharing::log(&path);
        let shown = everything(open(&path).directory());
        let (_, past) = sealed(&path);
        assert_eq!(past, (!is_new).then_some(NOW), "when it was written is known");
        let [count, ..] = made_former(&path);
        let store = open(&path);
        assert_eq!(everything(store.directory()), shown);
        store.close();
        let (stamp, kept) = sealed(&path);
        assert_eq!(kept, past);
        let [number, ..] = numbers_of(&stamp.unwrap());
        if !is_new {
            assert!(number > count && number < count + 10, "{number} goes on from {count}");
            assert_eq!(sharing::log(&path), before, "each change has its author and moment still");
        }
        let store = open(&path);
        write(&store, create("b")).unwrap();
        assert!(!sharing::log(&path).iter().any(|entry| entry.0 == "sealed"));
    }
}

/// What version 10 has left when it was killed is taken with its log, and a backup that was put there is not played over.
#[test]
fn what_version_10_left_is_told_from_a_backup() {
    let users = ["k-b", "k-c", "k-d"];
    for is_restored in [false, true] {
        let (_directory, path) = made("k-new");
        let numbers = made_former(&path);
        add_formerly(&path, numbers, &users);
        assert!(std::fs::metadata(log_of(&path)).unwrap().len() > 0);
        if !is_restored {
            for again in [false, true] {
                let store = open(&path);
                assert_eq!(members(&store, "a"), ["k-b", "k-c", "k-d", "k-new"], "{again}");
            }
            continue;
        }
        let (_backup, backup) = made("k-old");
        made_former(&backup);
        copy(&backup, &path);
        let fault = fault_of_opening(&path);
        assert!(matches!(fault, StoreError::StaleLog { changes: 3, .. }), "{fault:?}");
        std::fs::remove_file(log_of(&path)).unwrap();
        assert_eq!(members(&open(&path), "a"), ["k-old"]);
    }
}

/// Where somebody has emptied the log of changes, what comes later counts for later.
#[test]
fn an_emptied_log_of_changes_begins_anew() {
    let (_directory, path) = made("k-ada");
    let store = open(&path);
    write(&store, add("a", "k-b")).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("DELETE FROM changes").unwrap();
    write(&store, add("a", "k-c")).unwrap();
    let (_elsewhere, left) = place();
    for name in ["pasee.db", "pasee.db-wal"] {
        copy(&path.with_file_name(name), &left.with_file_name(name));
    }
    assert_eq!(members(&open(&left), "a"), ["k-ada", "k-b", "k-c"]);
    assert_eq!(members(&store, "a"), ["k-ada", "k-b", "k-c"]);
}
