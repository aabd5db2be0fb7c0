//! `pasee rename-users` with a file: groups, bans and authors follow their people, all at once or not at all.

use rusqlite::Connection;

use super::support::machine::{Machine, SETTINGS};

const REALM: &str = "
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a}, spec: {}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: b}, spec: {}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: root}, spec: {role: Staff, users: [kisee-root]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: a}, spec: {group: a, users: [kisee-john, kisee-ada]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: b}, spec: {group: b, role: Staff, users: [local-ada]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: b-until},
 spec: {group: b, role: Staff, users: [kisee-ada], expiresAt: '2100-01-01T00:00:00Z'}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: mallory}, spec: {username: kisee-mallory, banned: true}}
";

fn machine() -> Machine {
    let machine = Machine::new(SETTINGS);
    machine.run_with_input(&["apply", "-f", "-"], REALM.as_bytes()).done();
    machine
}

fn database(machine: &Machine) -> Connection {
    Connection::open(machine.path("data/pasee.db")).unwrap()
}

/// The rows of a query, each as one text.
fn rows(machine: &Machine, sql: &str) -> Vec<String> {
    let database = database(machine);
    let mut query = database.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Who is where, and until when.
fn members(machine: &Machine) -> Vec<String> {
    rows(
        machine,
        "SELECT user || ' ' || name || CASE role WHEN 1 THEN '.staff' ELSE '' END || coalesce(' ' || expires_at, '')
         FROM memberships JOIN groups ON id = group_id ORDER BY name, role, user",
    )
}

fn standings(machine: &Machine) -> Vec<String> {
    rows(
        machine,
        "SELECT user || ' ' || banned || ' ' || (not_before IS NOT NULL) FROM standings ORDER BY user",
    )
}

fn rename(machine: &Machine, map: &str, more: &[&str]) -> super::support::machine::Ran {
    machine.write("people.map", map);
    machine.run(&[&["rename-users", "people.map"], more].concat())
}

#[test]
fn everything_follows_and_what_is_there_stays() {
    let machine = machine();
    let map = "# people\nkisee- local-\nkisee-john local-jsmith\nkisee-root kisee-root\n";
    let before = members(&machine);
    let dry = rename(&machine, map, &["--dry-run"]).done();
    assert_eq!(members(&machine), before, "nothing is changed");
    let told = "\
kisee-ada is local-ada now: 2 memberships
kisee-john is local-jsmith now: 1 membership
kisee-mallory is local-mallory now: 0 memberships, banned
renamed: 3
";
    assert_eq!(dry, told.replace('\n', " (dry run)\n"));
    assert_eq!(rename(&machine, map, &[]).done(), told);
    // Of two ends the later counts: local-ada was there without one.
    assert_eq!(
        members(&machine),
        ["kisee-root .staff", "local-ada a", "local-jsmith a", "local-ada b.staff"]
    );
    assert_eq!(
        standings(&machine),
        ["kisee-mallory 1 1", "local-ada 0 1", "local-jsmith 0 1", "local-mallory 1 1"],
        "who is banned stays so under both ids, and whoever got something logs in once more"
    );
    let by: Vec<String> = rows(&machine, "SELECT DISTINCT actor FROM changes");
    assert!(by.len() == 1 && by[0].starts_with("system:"), "{by:?}");
    let log = rows(&machine, "SELECT kind || coalesce(' ' || user, '') FROM changes ORDER BY seq");
    let ban = log.iter().position(|it| it == "stands local-mallory").unwrap();
    let first = log.iter().position(|it| it.starts_with("left ")).unwrap();
    assert!(ban < first, "bans go first: {log:?}");
    // Once more there is nothing to do.
    let before = (members(&machine), standings(&machine));
    let again = rename(&machine, map, &[]).done();
    assert!(
        again.ends_with("renamed: 1\n") && again.contains("kisee-mallory is local-mallory"),
        "{again}"
    );
    assert_eq!((members(&machine), standings(&machine)), before);
}

/// Two people take each other's ids, and a third the one that is left: all at once, and each ban goes with its person.
#[test]
fn swaps_and_chains() {
    let machine = machine();
    machine.run_with_input(&["apply", "-f", "-"], b"
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: x}, spec: {group: a, role: Staff, users: [local-x, kisee-z]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: x}, spec: {username: local-x, banned: true}}
").done();
    let map = "kisee-john local-x\nlocal-x kisee-john\nkisee-z kisee-ada\nkisee-ada local-z\n";
    rename(&machine, map, &[]).done();
    assert_eq!(
        members(&machine),
        [
            "kisee-root .staff",
            "local-x a",
            "local-z a",
            "kisee-ada a.staff",
            "kisee-john a.staff",
            "local-ada b.staff",
            "local-z b.staff 4102444800"
        ]
    );
    assert_eq!(
        standings(&machine),
        ["kisee-ada 0 1", "kisee-john 1 1", "kisee-mallory 1 1", "local-x 0 1", "local-z 0 1"]
    );
}

/// Who made groups and memberships has made them under the new id too: what one may make in all is counted by that.
#[test]
fn authors_follow() {
    let machine = machine();
    database(&machine)
        .execute_batch(
            "UPDATE groups SET author = 'kisee-john' WHERE name = 'b';
             UPDATE memberships SET author = 'kisee-john' WHERE user LIKE '%-ada';
             UPDATE memberships SET author = 'k\u{e9}-odd' WHERE user = 'kisee-john';",
        )
        .unwrap();
    let told = rename(&machine, "kisee-john local-j\nkisee-ada local-ada", &[]).done();
    assert!(told.contains("kisee-john is local-j now: 1 membership, 4 made by them\n"), "{told}");
    assert_eq!(rows(&machine, "SELECT author FROM groups WHERE author IS NOT NULL"), ["local-j"]);
    let authors = "SELECT user || ' ' || author FROM memberships WHERE author IS NOT NULL ORDER BY user, group_id";
    assert_eq!(
        rows(&machine, authors),
        ["local-ada local-j", "local-ada local-j", "local-j k\u{e9}-odd"]
    );
}

#[test]
fn nobody_is_left_on_the_root_staff() {
    let machine = machine();
    machine
        .run_with_input(&["apply", "-f", "-"], b"{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: x}, spec: {username: local-x, banned: true}}")
        .done();
    let before = (members(&machine), standings(&machine));
    for more in [&[][..], &["--dry-run"]] {
        let refused = rename(&machine, "kisee-root local-x", more).refused(1);
        assert!(refused.contains("the last of the root staff that can act"), "{refused}");
    }
    assert_eq!((members(&machine), standings(&machine)), before);
    // Nor does somebody stay whom the settings do not let in.
    let refused = rename(&machine, "kisee-root local-y", &[]).refused(1);
    assert!(refused.contains("the last of the root staff that can act"), "{refused}");
    rename(&machine, "kisee-root local-ada", &[]).done();
}

#[test]
fn what_is_wrong_with_a_map() {
    let machine = machine();
    let before = machine.everything();
    for (map, told) in [
        ("", "calls nobody otherwise"),
        ("kisee-a kisee-a", "calls nobody otherwise"),
        ("kisee-a", "people.map: line 1: has not two names but 1"),
        ("kisee-a local-a\nkisee-b local-a", "people.map: line 2: local-a would be two people"),
        ("kisee-a nobody-a", "no identity provider by the name of nobody knows the user nobody-a"),
        ("kisee- nobody-", "no identity provider by the name of nobody"),
    ] {
        let refused = rename(&machine, map, &[]).refused(1);
        assert!(refused.contains(told), "{map}: {refused}");
    }
    std::fs::remove_file(machine.path("people.map")).unwrap();
    let missing = machine.run(&["rename-users", "people.map"]).refused(1);
    assert!(missing.contains("people.map: cannot be read"), "{missing}");
    let now = machine.everything();
    let names = |all: &[(std::path::PathBuf, _)]| {
        all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&now), names(&before));
    let allowed = rename(&machine, "kisee-john nobody-a", &["--allow-unknown-providers"]);
    assert!(allowed.code == 0 && allowed.err.contains("its users cannot log in"), "{allowed:?}");
    let other = Machine::new(SETTINGS);
    let refused = rename(&other, "kisee-a local-a", &[]).refused(1);
    assert!(refused.contains("pasee.db"), "{refused}");
    assert!(!other.path("data").exists(), "no file is made");
}
