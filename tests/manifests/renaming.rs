//! `pasee rename-users` beside a running server, and killed in the middle.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::json;

use super::support::machine::Machine;
use super::support::pasee::Setup;
use super::{apply, machine, object};

/// As many as a company has.
const PEOPLE: usize = 1_000;

#[tokio::test]
async fn a_running_server_sees_it() {
    let pasee = Setup::default().start().await;
    let many: Vec<String> = (0..PEOPLE).map(|user| format!("old-{user}")).collect();
    let half = |from: usize| many[from..from + 500].join(", ");
    let mut text = object("Membership", "root", "role: Staff, users: [local-root]");
    text += &object("Group", "writers", "");
    text += &object("Group", "staffed", "");
    text += &object("Membership", "ada", "group: writers, users: [old-ada]");
    text += &object("Membership", "s", "group: staffed, role: Staff, users: [old-ada]");
    text += &object("Membership", "m0", &format!("group: writers, users: [{}]", half(0)));
    text += &object("Membership", "m1", &format!("group: writers, users: [{}]", half(500)));
    text += &object("User", "old-john", "username: old-john, banned: true");
    let run = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args([&["--settings-file", "settings.toml"], arguments].concat())
            .current_dir(pasee.dir.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    std::fs::write(pasee.dir.path().join("all.yaml"), text).unwrap();
    run(&["apply", "-f", "all.yaml", "--allow-unknown-providers"]);
    let before = pasee.log_in("ada").await;
    let john = pasee.log_in("john").await;
    std::fs::write(pasee.dir.path().join("people.map"), "old- local-\n").unwrap();
    let told = run(&["rename-users", "people.map"]);
    assert!(told.ends_with(&format!("renamed: {}\n", PEOPLE + 2)), "{told}");
    pasee.becomes("ada", &json!(["staffed.staff", "writers"])).await;
    assert_eq!(
        pasee.refresh(&before.refresh).await.status,
        401,
        "no session gets more than it had"
    );
    assert_eq!(pasee.refresh(&john.refresh).await.status, 403, "the ban is hers under the new id");
}

/// Whenever the process is killed, everybody has the old name or everybody the new one.
#[test]
fn killed_in_the_middle() {
    let machine = prepared();
    let mut map = String::new();
    for user in 0..PEOPLE {
        writeln!(map, "local-{user} kisee-{user}").unwrap();
    }
    machine.write("people.map", map);
    let counts = || {
        let database = Connection::open(machine.path("data/pasee.db")).unwrap();
        let count = |user: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM memberships WHERE user LIKE '{user}-%'");
            database.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        (count("local"), count("kisee"))
    };
    let all = i64::try_from(PEOPLE * 2).unwrap();
    assert_eq!(counts(), (all, 0));
    for round in 0.. {
        let mut command = machine.command(&["rename-users", "people.map"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Later each time, until one is not killed in time.
        std::thread::sleep(std::time::Duration::from_millis(15) * round);
        let is_done = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let found = counts();
        assert!(found == (all, 0) || found == (0, all), "round {round}: {found:?}");
        if is_done {
            break;
        }
        assert!(round < 1_000, "it never ends");
    }
    assert_eq!(counts(), (0, all));
}

/// Two groups with everybody in them.
fn prepared() -> Machine {
    let machine = machine();
    let mut text = String::new();
    for group in ["a", "b"] {
        text += &object("Group", group, "");
        for part in 0..2 {
            let users = (part * 500..part * 500 + 500).map(|user| format!("local-{user}"));
            let users: Vec<String> = users.collect();
            let spec = format!("group: {group}, users: [{}]", users.join(", "));
            text += &object("Membership", &format!("{group}-{part}"), &spec);
        }
    }
    apply(&machine, &text).done();
    machine
}
