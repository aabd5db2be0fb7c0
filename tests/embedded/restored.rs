//! A database put in the place of another one: taken whole, or refused with words, and never written over by what the former
//! one has left beside it.
//!
//! Files are copied by a command: a process that closes a copy of its own database loses its locks on it.

use std::process::Command;

use rusqlite::config::DbConfig;

use super::*;

const FILES: [&str; 3] = ["pasee.db", "pasee.db-wal", "pasee.db-shm"];

/// The commands that put files in the place of others.
const WAYS: [&str; 3] = ["mv", "cp", "cp -p"];

/// A directory with the files of a realm where `user` is root staff, as a killed process leaves them: the log is not empty.
fn killed(user: &str) -> (tempfile::TempDir, PathBuf) {
    for _ in 0..20 {
        let (directory, path) = place();
        let store = open(&path);
        write(&store, add("staff", user)).unwrap();
        store.close();
        let mut child = child::playing("write for ever", &path).spawn().unwrap();
        let mut lines = child::lines(&mut child);
        assert_eq!(lines.by_ref().take(20).count(), 20);
        child.kill().unwrap();
        child.wait().unwrap();
        if std::fs::metadata(path.with_file_name(FILES[1])).unwrap().len() > 0 {
            return (directory, path);
        }
    }
    panic!("each was killed when its log had just been moved");
}

/// The same as a process leaves it that was stopped.
fn stopped(user: &str) -> (tempfile::TempDir, PathBuf) {
    let (directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    write(&store, add("staff", user)).unwrap();
    store.close();
    assert!(!path.with_file_name(FILES[1]).exists(), "the log is gone when all is in the file");
    (directory, path)
}

/// Puts some of the files of one directory in the place of those of another, and leaves them where they were too.
fn put(way: &str, from: &Path, to: &Path, files: usize) {
    for name in &FILES[..files] {
        let (from, to) = (from.with_file_name(name), to.with_file_name(name));
        let beside = to.with_extension("beside");
        run("cp", &from, &beside);
        run(way, &beside, &to);
        _ = std::fs::remove_file(beside);
    }
}

fn run(command: &str, from: &Path, to: &Path) {
    let line = format!("{command} \"$0\" \"$1\"");
    let status = Command::new("sh").args(["-c", &line]).arg(from).arg(to).status().unwrap();
    assert!(status.success(), "{line}");
}

/// What a copy of the files shows, without the files themselves being touched.
fn shown(path: &Path) -> String {
    let (_elsewhere, copy) = place();
    for name in FILES {
        if path.with_file_name(name).exists() {
            run("cp", &path.with_file_name(name), &copy.with_file_name(name));
        }
    }
    everything(open(&copy).directory())
}

fn bytes(path: &Path) -> Vec<u8> {
    let output = Command::new("cat").arg(path).output().unwrap();
    output.stdout
}

fn remove_leftovers(path: &Path) {
    for name in &FILES[1..] {
        _ = std::fs::remove_file(path.with_file_name(name));
    }
}

#[test]
fn after_a_stop_whatever_is_restored_is_taken() {
    for way in WAYS {
        for files in 1..=3 {
            let (_backup, backup) = if files == 1 { stopped("k-old") } else { killed("k-old") };
            let (_directory, path) = stopped("k-new");
            put(way, &backup, &path, files);
            let wanted = shown(&backup);
            assert!(wanted.contains("k-old"), "{wanted}");
            assert_eq!(everything(open(&path).directory()), wanted, "{way} {files}");
        }
    }
}

#[test]
fn after_a_kill_one_file_is_refused_and_nothing_is_written_over_it() {
    for way in WAYS {
        let (_directory, path) = killed("k-new");
        let (_backup, backup) = stopped("k-old");
        put(way, &backup, &path, 1);
        let restored = bytes(&path);
        for _ in 0..2 {
            let fault = fault_of_opening(&path);
            assert!(matches!(fault, StoreError::StaleLog { .. }), "{way}: {fault:?}");
            let words = fault.to_string();
            for says in ["pasee.db-wal", "restored backup", " changes up to 20", "nowhere else"] {
                assert!(words.contains(says), "{words}");
            }
            let together = change_together(&path, noon, |_, _| {
                Ok::<_, policy::Denied>(vec![permit(create("lost"))])
            });
            assert!(matches!(together, Err(TogetherError::Open(_))), "{together:?}");
            let snapshot = pasee::store::embedded::Snapshot::open(&path);
            assert!(matches!(snapshot, Err(OpenError::File { .. })), "{snapshot:?}");
            assert!(bytes(&path) == restored, "{way}: untouched");
        }
        remove_leftovers(&path);
        assert_eq!(everything(open(&path).directory()), shown(&backup), "{way}");
    }
}

/// A backup of the same file, from before what its log holds, is refused like that of another.
#[test]
fn an_older_backup_of_the_same_file_is_refused_beside_its_log() {
    for way in WAYS {
        let (_backups, backup) = place();
        let (_directory, path) = stopped("k-new");
        run("cp", &path, &backup);
        for part in ["write for ever"; 2] {
            let mut child = child::playing(part, &path).spawn().unwrap();
            assert_eq!(child::lines(&mut child).take(20).count(), 20);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        if std::fs::metadata(path.with_file_name(FILES[1])).unwrap().len() == 0 {
            continue;
        }
        put(way, &backup, &path, 1);
        let fault = fault_of_opening(&path);
        assert!(matches!(fault, StoreError::StaleLog { .. }), "{way}: {fault:?}");
        remove_leftovers(&path);
        assert!(everything(open(&path).directory()).contains("k-new"));
    }
}

/// A realm whose process was killed after its first changes, and a backup of right before them.
fn killed_early() -> (tempfile::TempDir, PathBuf, PathBuf) {
    for _ in 0..20 {
        let (directory, path) = stopped("k-new");
        let backup = directory.path().join("backup.db");
        run("cp -p", &path, &backup);
        let mut child = child::playing("write for ever", &path).spawn().unwrap();
        assert_eq!(child::lines(&mut child).take(2).count(), 2);
        child.kill().unwrap();
        child.wait().unwrap();
        if length(&path, FILES[1]) > 0 {
            return (directory, path, backup);
        }
    }
    panic!("each was killed when its log had just been moved");
}

/// The same file as its process found: neither what it holds nor when it was written need tell it from what that one left.
#[test]
fn a_backup_of_right_before_the_log_is_refused_too() {
    for way in WAYS {
        for time in ["1 second ago", "2001-01-01", "2099-01-01"] {
            let (_directory, path, backup) = killed_early();
            run(&format!("touch -d '{time}'"), &backup, &backup);
            run(way, &backup, &path);
            let fault = fault_of_opening(&path);
            assert!(matches!(fault, StoreError::StaleLog { .. }), "{way} {time}: {fault:?}");
        }
    }
}

/// What was left by a kill stays one realm, whatever becomes of its times and inodes, as by `touch`, by what changes files in place,
/// or by copies on a fresh file system, which may number them alike.
#[test]
fn times_and_inodes_do_not_part_a_file_from_its_log() {
    let ways: [(&str, &[&str]); 8] = [
        ("touch", &FILES[..1]),
        ("touch -d 2001-01-01", &FILES[..1]),
        ("touch -d 2099-01-01", &FILES[..2]),
        ("cp", &FILES[..1]),
        ("cp", &FILES[..2]),
        ("mv", &FILES[..1]),
        ("mv", &FILES[1..2]),
        ("mv", &FILES[..2]),
    ];
    for (way, files) in ways {
        for is_early in [true, false] {
            let (directory, path) = if is_early {
                let (directory, path, _) = killed_early();
                (directory, path)
            } else {
                killed("k-new")
            };
            let wanted = shown(&path);
            for name in files {
                let (file, copy) = (path.with_file_name(name), directory.path().join("copy"));
                run("cp", &file, &copy);
                run(way, &copy, &file);
            }
            assert_eq!(everything(open(&path).directory()), wanted, "{way} {files:?} {is_early}");
        }
    }
}

#[test]
fn what_is_refused_writes_nothing() {
    let (_directory, path) = stopped("k-new");
    let store = open(&path);
    let before = bytes(&path);
    assert!(matches!(write(&store, add("staff", "k-new")), Err(WriteError::AlreadyMember)));
    assert_eq!(length(&path, FILES[1]), 0);
    assert!(bytes(&path) == before);
    write(&store, add("staff", "k-newer")).unwrap();
    assert!(length(&path, FILES[1]) > 0);
}

#[test]
fn under_a_running_server_times_say_nothing() {
    let (_directory, path) = stopped("k-old");
    let store = open(&path);
    for (name, way) in [("k-new", "touch"), ("k-newer", "touch -d 2001-01-01")] {
        write(&store, add("staff", name)).unwrap();
        assert!(length(&path, FILES[1]) > 0, "the log is there");
        run(way, &path, &path);
        write(&store, add("a", name)).unwrap();
        assert!(store.is_ready());
    }
    let wanted = everything(store.directory());
    assert!(wanted.contains("k-newer"), "{wanted}");
    wait(|| length(&path, FILES[1]) == 0);
    drop(store);
    assert_eq!(everything(open(&path).directory()), wanted);
}

#[test]
fn after_a_kill_two_and_three_files_are_taken_whole() {
    for way in WAYS {
        for files in 2..=3 {
            let (_directory, path) = killed("k-new");
            let (_backup, backup) = killed("k-old");
            put(way, &backup, &path, files);
            let wanted = shown(&backup);
            assert_eq!(everything(open(&path).directory()), wanted, "{way} {files}");
        }
    }
}

/// As by somebody who moves a stopped or killed realm, or restores a snapshot of its disk.
#[test]
fn a_realm_moved_with_all_its_files_is_taken() {
    for _ in 0..3 {
        let (_directory, path) = killed("k-new");
        let wanted = shown(&path);
        let (_elsewhere, other) = place();
        put("mv", &path, &other, 2);
        assert_eq!(everything(open(&other).directory()), wanted);
        assert_eq!(everything(open(&path).directory()), wanted, "and so is where it was");
    }
}

#[test]
fn under_a_running_server_one_file_is_taken_whole_when_writes_pause() {
    for way in WAYS {
        let (_directory, path) = stopped("k-new");
        let store = open(&path);
        write(&store, add("staff", "k-newer")).unwrap();
        wait(|| length(&path, FILES[1]) == 0);
        let (_backup, backup) = stopped("k-old");
        let wanted = shown(&backup);
        put(way, &backup, &path, 1);
        wait(|| everything(store.directory()) == wanted);
        wait(|| store.is_ready());
        write(&store, add("a", "k-after")).unwrap();
        wait(|| length(&path, FILES[1]) == 0);
        let wanted = everything(store.directory());
        drop(store);
        assert_eq!(everything(open(&path).directory()), wanted, "{way}");
    }
}

#[test]
fn under_a_running_server_a_foreign_log_is_refused_until_it_is_gone() {
    for way in WAYS {
        let (_directory, path) = stopped("k-new");
        let store = open(&path);
        let reader = rusqlite::Connection::open(&path).unwrap(); // keeps the log from being moved
        reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM groups").unwrap();
        write(&store, add("staff", "k-newer")).unwrap();
        let (_backup, backup) = stopped("k-old");
        put(way, &backup, &path, 1);
        let restored = bytes(&path);
        wait(|| !store.is_ready());
        let told = fault(write(&store, add("a", "k-lost")));
        assert!(told.contains("pasee.db-wal") && told.contains("Stop Pasee"), "{told}");
        assert!(everything(store.directory()).contains("k-newer"), "reading goes on");
        drop(reader);
        wait(|| !store.is_ready());
        assert!(bytes(&path) == restored, "{way}: untouched");
        remove_leftovers(&path);
        let wanted = shown(&backup);
        wait(|| everything(store.directory()) == wanted);
        wait(|| store.is_ready());
        drop(store);
        assert_eq!(everything(open(&path).directory()), wanted, "{way}");
    }
}

#[test]
fn under_a_running_server_all_files_are_taken_whole() {
    for files in 2..=3 {
        let (_directory, path) = stopped("k-new");
        let store = open(&path);
        let (_backup, backup) = killed("k-old");
        let wanted = shown(&backup);
        put("mv", &backup, &path, files);
        wait(|| everything(store.directory()) == wanted);
        write(&store, add("staff", "k-after")).unwrap();
        let wanted = everything(store.directory());
        drop(store);
        assert_eq!(everything(open(&path).directory()), wanted, "{files}");
    }
}

/// The realm of a server that runs does not become an empty one by a mishap.
#[test]
fn under_a_running_server_nothing_is_no_realm() {
    let (directory, path) = stopped("k-new");
    let store = open(&path);
    let before = everything(store.directory());
    let empty = directory.path().join("empty");
    let new = directory.path().join("new");
    open(&new).close();
    for content in [Vec::new(), std::fs::read(&new).unwrap()] {
        std::fs::write(&empty, content).unwrap();
        run("mv", &empty, &path);
        let told = fault(write(&store, add("a", "k-lost")));
        assert!(told.contains("is empty now") && told.contains("restart"), "{told}");
        wait(|| !store.is_ready());
        assert_eq!(everything(store.directory()), before);
    }
    drop(store);
    write(&open(&path), add("staff", "k-first")).unwrap();
}

/// Also of a server that is never quiet for long.
#[test]
fn a_copy_of_the_one_file_holds_what_was_written_before_the_pause() {
    let (_directory, path) = place();
    let store = open(&path);
    for round in 0..3 {
        a_little_of_all_again(&store, round);
        wait(|| length(&path, FILES[1]) == 0);
        let (_elsewhere, copy) = place();
        run("cp", &path, &copy);
        assert_eq!(everything(open(&copy).directory()), everything(store.directory()));
    }
}

fn a_little_of_all_again(store: &Embedded, round: u32) {
    for n in 0..20 {
        write(store, add("staff", &format!("k-{round}-{n}"))).unwrap();
    }
}

fn length(path: &Path, name: &str) -> u64 {
    std::fs::metadata(path.with_file_name(name)).map_or(0, |metadata| metadata.len())
}

#[test]
fn a_log_without_its_file_is_not_deleted() {
    for is_missing in [true, false] {
        let (_directory, path) = killed("k-new");
        let log = bytes(&path.with_file_name(FILES[1]));
        std::fs::remove_file(&path).unwrap();
        if !is_missing {
            std::fs::write(&path, "").unwrap();
        }
        let fault = fault_of_opening(&path);
        assert!(matches!(fault, StoreError::Orphan { .. }), "{fault:?}");
        assert!(fault.to_string().contains("pasee.db-wal"), "{fault}");
        assert!(bytes(&path.with_file_name(FILES[1])) == log, "untouched");
    }
}

/// As former versions left one file of a running server: all was in the log.
#[test]
fn a_file_whose_log_is_missing_is_no_empty_realm() {
    let (_directory, path) = place();
    let (_elsewhere, copy) = place();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE groups (x)").unwrap();
    run("cp", &path, &copy);
    let fault = fault_of_opening(&copy);
    assert!(matches!(fault, StoreError::WithoutLog), "{fault:?}");
    drop(other);
}

#[test]
fn a_rollback_journal_is_of_another_file() {
    let (_directory, path) = stopped("k-new");
    let (_elsewhere, other) = place();
    let raw = rusqlite::Connection::open(&other).unwrap();
    raw.execute_batch(
        "PRAGMA cache_size = 1; CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (zeroblob(90000));
         UPDATE t SET x = zeroblob(91000);",
    )
    .unwrap();
    let journal = path.with_file_name("pasee.db-journal");
    run("cp", &other.with_file_name("pasee.db-journal"), &journal);
    assert!(std::fs::metadata(&journal).unwrap().len() > 0);
    let restored = bytes(&path);
    let fault = fault_of_opening(&path);
    assert!(matches!(fault, StoreError::StaleJournal { .. }), "{fault:?}");
    assert!(fault.to_string().contains("pasee.db-journal"), "{fault}");
    assert!(bytes(&path) == restored && journal.exists(), "untouched");
    std::fs::remove_file(&journal).unwrap();
    assert!(everything(open(&path).directory()).contains("k-new"));
}

/// SQLite keeps the log beside the file that a link leads to.
#[test]
fn behind_a_link_a_foreign_log_is_refused_too() {
    let (_directory, path) = killed("k-new");
    let (_backup, backup) = stopped("k-old");
    put("cp", &backup, &path, 1);
    let (_elsewhere, link) = place();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let fault = fault_of_opening(&link);
    assert!(matches!(fault, StoreError::StaleLog { .. }), "{fault:?}");
}

#[test]
fn behind_a_link_the_log_is_moved_when_writes_pause() {
    let (_directory, path) = stopped("k-old");
    let (_elsewhere, link) = place();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let store = open(&link);
    write(&store, add("staff", "k-new")).unwrap();
    wait(|| path.with_file_name(FILES[1]).exists() && length(&path, FILES[1]) == 0);
    let (_copied, copy) = place();
    run("cp", &path, &copy);
    assert_eq!(everything(open(&copy).directory()), everything(store.directory()));
}

/// While the tables are made there is a journal, as in every new database; whoever is killed then starts anew.
#[test]
fn a_file_that_was_being_made_is_made_anew() {
    let (_directory, path) = place();
    open(&path).close();
    let header = [
        &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7][..], // a journal
        &[0, 0, 0, 0, 1, 2, 3, 4],                             // of no pages, with some nonce,
        &[0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 16, 0],                // of a file that was empty before
    ];
    let mut journal = header.concat();
    journal.resize(512, 0);
    std::fs::write(path.with_file_name("pasee.db-journal"), journal).unwrap();
    let store = open(&path);
    write(&store, add("staff", "k-new")).unwrap();
    assert!(everything(store.directory()).contains("k-new"));
}
