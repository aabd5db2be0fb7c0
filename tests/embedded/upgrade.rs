//! A file of a former version, as a former Pasee left it, with names that today's rules refuse: it opens and goes on, also with
//! what was in its log when that Pasee was killed, and what is refused gives nobody anything.

use std::process::Command;

use super::*;

const VERSION_2: &str = include_str!("../fixtures/embedded/version_2.sql");
/// The same change as that version wrote it.
const LAST_CHANGE: &str = "
    BEGIN;
    INSERT INTO memberships (group_id, role, user, expires_at) VALUES (2, 0, 'local-late', NULL);
    INSERT INTO changes (kind, name, user) VALUES ('joined', 'admin.dev', 'local-late');
    COMMIT;";

/// The group that is written by today's rules, and has one below it that is not.
fn parent() -> String {
    format!("{}cc", "c_".repeat(60))
}

fn former(path: &Path) -> rusqlite::Connection {
    let raw = rusqlite::Connection::open(path).unwrap();
    raw.pragma_update(None, "journal_mode", "WAL").unwrap();
    raw.execute_batch(VERSION_2).unwrap();
    raw
}

/// What the file says that today's rules refuse: groups, memberships that are of such a group or user, and bans.
fn refused(path: &Path) -> [i64; 3] {
    let raw = rusqlite::Connection::open(path).unwrap();
    let count = |sql| raw.query_row(sql, [], |row| row.get(0)).unwrap();
    [
        count("SELECT count(*) FROM groups WHERE id IN (3, 5)"),
        count("SELECT count(*) FROM memberships WHERE group_id IN (3, 5) OR user GLOB '*[^ -~]*'"),
        count("SELECT count(*) FROM standings WHERE user GLOB '*[^ -~]*'"),
    ]
}

fn assert_is_known(store: &Embedded) {
    let (directory, parent) = (store.directory(), parent());
    let all_rosters = directory.rosters(Page { after: None, limit: usize::MAX });
    let rosters: Vec<String> = all_rosters.iter().map(ToString::to_string).collect();
    let [of_staff, of_parent] = [format!("{parent}.staff"), parent.clone()];
    let known = ["admin", "admin.dev", "admin.dev.staff", "admin.staff"];
    let mut known: Vec<&str> = known.into_iter().chain([&*of_parent, &of_staff, "staff"]).collect();
    known.sort_unstable();
    let mut shown: Vec<&str> = rosters.iter().map(String::as_str).collect();
    shown.sort_unstable();
    assert_eq!(shown, known);
    assert_eq!(members(store, "staff"), ["local-you"]);
    assert_eq!(members(store, "admin"), ["local-ada", "local-john"]);
    assert_eq!(members(store, &parent), ["local-ada", "local-john"]);
    let until = |user: &str, roster: &str| {
        directory.until(&user.parse().unwrap(), &roster.parse().unwrap(), noon())
    };
    assert_eq!(until("local-ada", "admin"), Some(Timestamp::from_unix(1_893_456_000)));
    assert_eq!(until("local-john", "admin"), Some(None));
    let standing = |user: &str| directory.record(&user.parse().unwrap(), noon()).standing;
    assert!(standing("local-alan").banned && standing("local-alan").not_before.is_none());
    assert_eq!(standing("local-donald").not_before, Timestamp::from_unix(1_795_657_628));
    assert_eq!(standing("local-john").not_before, Timestamp::from_unix(1_795_654_800));
    let users: Vec<String> =
        directory.users(all(), noon()).iter().map(ToString::to_string).collect();
    assert!(users.iter().all(|user| user.is_ascii()), "{users:?}");
}

#[test]
fn a_former_file_opens_and_goes_on() {
    let (_directory, path) = place();
    drop(former(&path));
    let before = refused(&path);
    assert_eq!(before, [2, 9, 1]);
    for again in [false, true] {
        let store = open(&path);
        assert_is_known(&store);
        assert_eq!(members(&store, "admin.dev"), ["local-donald"], "{again}");
        write(&store, add("admin.dev", "local-new")).unwrap();
        write(&store, remove("admin.dev", "local-new")).unwrap();
        store.close();
        assert_eq!(refused(&path), before, "{again}");
    }
}

/// Its log is not in the database yet.
#[test]
fn a_former_file_opens_after_a_kill() {
    let (_directory, path) = place();
    let raw = former(&path);
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    raw.execute_batch(LAST_CHANGE).unwrap();
    let (_elsewhere, left) = place();
    for name in ["pasee.db", "pasee.db-wal"] {
        let (from, to) = (path.with_file_name(name), left.with_file_name(name));
        assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
    }
    assert!(left.with_file_name("pasee.db-wal").metadata().unwrap().len() > 0);
    let store = open(&left);
    assert_is_known(&store);
    assert_eq!(members(&store, "admin.dev"), ["local-donald", "local-late"]);
}

/// A former Pasee has the file open, such as one that still serves while `pasee append` is of today.
#[test]
fn a_former_pasee_goes_on_beside_this_one() {
    let (_directory, path) = place();
    let raw = former(&path);
    let store = open(&path);
    raw.execute_batch(LAST_CHANGE).unwrap();
    wait(|| members(&store, "admin.dev").len() == 2);
    write(&store, add("admin.dev", "local-new")).unwrap();
    store.close();
    let told: i64 = raw
        .query_row("SELECT count(*) FROM changes WHERE user = 'local-new'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(told, 1);
    drop(raw);
    assert_eq!(members(&open(&path), "admin.dev"), ["local-donald", "local-late", "local-new"]);
}

/// They came without a revocation, and lifting them revived sessions.
#[test]
fn a_ban_of_before_ends_sessions_when_it_is_lifted() {
    let (_directory, path) = place();
    drop(former(&path));
    let store = open(&path);
    let alan: UserId = "local-alan".parse().unwrap();
    write(&store, Change::SetBanned { user: alan.clone(), banned: Ban::Lift }).unwrap();
    let standing = store.directory().record(&alan, noon()).standing;
    assert!(!standing.banned);
    assert_eq!(standing.not_before, Some(noon()));
}

/// Nothing of it is left for a group that gets the number.
#[test]
fn what_is_left_out_goes_with_its_parent() {
    let (_directory, path) = place();
    drop(former(&path));
    let store = open(&path);
    write(&store, Change::DeleteGroup(parent().parse().unwrap())).unwrap();
    write(&store, create("new")).unwrap();
    assert!(members(&store, "new").is_empty() && members(&store, "new.staff").is_empty());
    store.close();
    let [groups, memberships, bans] = refused(&path);
    assert_eq!([groups, memberships, bans], [1, 6, 1]);
}
