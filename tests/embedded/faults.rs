//! Disks and files that fail while the store runs: a clear error, no false success, and work again afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

#[test]
fn the_file_is_its_owners_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("not/there/yet/pasee.db");
    let store = open(&path);
    write(&store, create("a")).unwrap();
    for name in ["pasee.db", "pasee.db-wal", "pasee.db-shm"] {
        let mode = fs::metadata(path.with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn paths_that_are_no_files() {
    let directory = tempfile::tempdir().unwrap();
    let fault = fault_of_opening(directory.path());
    assert!(matches!(fault, StoreError::CannotOpen(_)), "{fault:?}");
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let below = Embedded::open(&file.join("pasee.db"), noon);
    assert!(matches!(below, Err(OpenError::Create { .. })), "{below:?}");
}

/// As somebody who may read the file, but not write it.
#[test]
fn a_read_only_file_does_not_open() {
    let (directory, path) = place();
    open(&path).close();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Where anybody may run it: the build directory may be closed to others.
    let program = directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = child::with(Command::new(program), "open", &path);
    if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
        command.uid(65534); // permissions do not bind root
    }
    let said = child::run(command).join("");
    assert!(said.contains("read-only") && said.contains("pasee.db"), "{said}");
}

/// The system refuses to let the file grow: each write either is acknowledged and kept, or fails and is not there.
#[test]
fn writes_that_the_system_refuses() {
    let (_directory, path) = place();
    let limit = "trap '' XFSZ\nulimit -f 600";
    let said = child::run(child::playing_after(limit, "fill", &path));
    kept(&path, &said, "check the disk");
}

/// A full disk, and room again afterwards. Needs a mount of its own, which some systems do not allow.
#[test]
fn a_full_disk() {
    let mut may = Command::new("unshare");
    may.args(["--user", "--map-root-user", "--mount", "true"]).stderr(std::process::Stdio::null());
    if !may.status().is_ok_and(|status| status.success()) {
        println!("this system allows no mount; writes_that_the_system_refuses has to do");
        return;
    }
    let (directory, _) = place();
    let mount = directory.path().join("disk");
    fs::create_dir(&mount).unwrap();
    let path = mount.join("pasee.db");
    // What is on the disk goes with it; a copy stays.
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs '{0}' && head -c 300000 /dev/zero > '{0}/ballast' \
         && \"$0\" \"$@\" && cp '{0}'/pasee.db* '{1}'",
        mount.display(),
        directory.path().display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(std::env::current_exe().unwrap());
    let said = child::run(child::with(command, "fill", &path));
    kept(&directory.path().join("pasee.db"), &said, "the disk is full");
    let last = said.last().unwrap();
    assert!(last.starts_with('+'), "it went on when there was room again: {last}");
}

/// What was acknowledged is in the file, and only that; the failure was told as it was.
fn kept(path: &Path, said: &[String], reason: &str) {
    let acknowledged: std::collections::BTreeSet<String> =
        said.iter().filter_map(|line| line.strip_prefix("+ ")).map(str::to_owned).collect();
    assert!(acknowledged.len() > 10, "{said:?}");
    let failed: Vec<&String> = said.iter().filter(|line| line.starts_with("failed ")).collect();
    assert!(failed.len() == 1 && failed[0].contains(reason), "{failed:?}");
    assert_eq!(members(&open(path), "staff"), Vec::from_iter(acknowledged));
}

#[test]
fn a_lock_that_stays() {
    let (_directory, path) = place();
    let store = open(&path);
    write(&store, create("a")).unwrap();
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let since = Instant::now();
    let told = fault(write(&store, add("a", "k-ada")));
    assert!(told.contains("locked"), "{told}");
    assert!((4..9).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    assert_eq!(members(&store, "a"), [""; 0]);
    assert!(store.health().is_err());
    holder.execute_batch("ROLLBACK").unwrap();
    write(&store, add("a", "k-ada")).unwrap();
    assert_eq!(members(&store, "a"), ["k-ada"]);
    assert!(store.health().is_ok());
}

#[test]
fn a_lock_that_keeps_the_store_from_opening() {
    let (_directory, path) = place();
    open(&path).close();
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let fault = fault_of_opening(&path);
    assert!(matches!(fault, StoreError::Locked(_)), "{fault:?}");
    drop(holder);
    open(&path);
}

/// A file that is taken away would take all that is acknowledged with it.
#[test]
fn a_file_taken_away_or_replaced() {
    let (directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let elsewhere = directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let before = everything(store.directory());
    for name in ["pasee.db", "pasee.db-wal", "pasee.db-shm"] {
        fs::rename(path.with_file_name(name), elsewhere.join(name)).unwrap();
    }
    let told = fault(write(&store, add("a", "k-lost")));
    assert!(told.contains("cannot be opened"), "{told}");
    assert_eq!(everything(store.directory()), before, "reading goes on");
    assert!(!path.exists(), "no empty file in its place");
    let other = open(&path);
    write(&other, add("staff", "k-other")).unwrap();
    wait(|| members(&store, "staff") == ["k-other"]);
    write(&store, add("staff", "k-there")).unwrap();
    assert_eq!(members(&store, "staff"), ["k-other", "k-there"]);
    drop((store, other));
    assert!(!everything(open(&elsewhere.join("pasee.db")).directory()).contains("k-lost"));
}

/// The file is spoilt under the running store: reading goes on, writing says why not.
#[test]
fn a_file_spoilt_while_open() {
    let (_directory, path) = place();
    let store = open(&path);
    a_little_of_all(&store);
    let before = everything(store.directory());
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(raw);
    fs::write(&path, vec![0xAA; 40_000]).unwrap();
    for _ in 0..3 {
        let told = fault(write(&store, add("a", "k-lost")));
        assert!(told.contains("damaged") || told.contains("no SQLite database"), "{told}");
        assert!(store.health().is_err());
        assert_eq!(everything(store.directory()), before);
    }
}
