//! Beside a running server, and killed in the middle.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use super::support::pasee::{Pasee, Setup};
use super::{machine, object};

fn apply(pasee: &Pasee, text: &str) {
    std::fs::write(pasee.dir.path().join("manifests.yaml"), text).unwrap();
    let applied = Command::new(env!("CARGO_BIN_EXE_pasee"))
        .args(["--settings-file", "settings.toml", "apply", "-f", "manifests.yaml", "--prune"])
        .current_dir(pasee.dir.path())
        .output()
        .unwrap();
    assert!(applied.status.success(), "{applied:?}");
}

#[tokio::test]
async fn the_next_token_says_it() {
    let pasee = Setup::default().start().await;
    // More than the log of changes keeps, so that the server reads all anew, and few, so that it does not.
    let many: String = (0..30)
        .map(|n| {
            let users: Vec<String> = (0..400).map(|user| format!("local-{n}-{user}")).collect();
            object(
                "Membership",
                &format!("many-{n}"),
                &format!("group: many, users: [{}]", users.join(", ")),
            )
        })
        .collect();
    let root = object("Membership", "root", "role: Staff, users: [local-root]");
    let base =
        root + &object("Group", "many", "") + &object("Group", "writers", "creator: local-john");
    let ada = object("Membership", "w", "group: writers, users: [local-ada]");
    for (text, ada, john) in [
        (format!("{base}{ada}"), json!(["writers"]), json!(["writers.staff"])),
        (base.clone(), json!([]), json!(["writers.staff"])),
        (format!("{base}{many}{ada}"), json!(["writers"]), json!(["writers.staff"])),
        (object("Group", "other", ""), json!([]), json!([])),
    ] {
        apply(&pasee, &text);
        let since = Instant::now();
        while pasee.groups("ada").await != ada || pasee.groups("john").await != john {
            assert!(since.elapsed() < Duration::from_secs(5), "{ada} {john}");
        }
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
}

/// Whenever the process is killed, there is all of what the manifests say, or nothing.
#[test]
fn killed_in_the_middle() {
    let mut text = String::new();
    for group in 0..60 {
        text += &object("Group", &format!("g{group}"), "");
        let users: Vec<String> = (0..400).map(|user| format!("local-{user}")).collect();
        let spec = format!("group: g{group}, users: [{}]", users.join(", "));
        text += &object("Membership", &format!("m{group}"), &spec);
    }
    let prepared = || {
        let machine = machine();
        machine.write("many.yaml", &text);
        // Made once, so that every kill comes after that.
        super::apply(&machine, &object("Group", "before", "")).done();
        machine
    };
    // As long as it takes here and now.
    let whole = {
        let other = prepared();
        let since = Instant::now();
        other.run(&["apply", "-f", "many.yaml"]).done();
        since.elapsed()
    };
    let machine = prepared();
    let counts = || {
        let database = Connection::open(machine.path("data/pasee.db")).unwrap();
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            database.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        (count("groups"), count("memberships"), count("changes"))
    };
    let (nothing, all) = ((2, 0, 1), (62, 24_000, 10_000));
    let (mut nothings, mut writing) = (0, 0);
    for round in 0.. {
        let mut command = machine.command(&["apply", "-f", "many.yaml"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Later each time, until one is not killed in time.
        std::thread::sleep(whole / 20 * (round + 1));
        let is_done = child.try_wait().unwrap().is_some();
        // A lock that somebody holds: the transaction was under way.
        let other = Connection::open(machine.path("data/pasee.db")).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        writing += i32::from(other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err());
        drop(other);
        child.kill().unwrap();
        child.wait().unwrap();
        let found = counts();
        assert!(found == nothing || found == all, "round {round}: {found:?}");
        nothings += i32::from(found == nothing);
        if is_done {
            break;
        }
        assert!(round < 300, "it never ends");
    }
    assert_eq!(counts(), all);
    assert!(
        nothings >= 2 && writing >= 1,
        "killed in time {nothings} times, writing {writing} times"
    );
    let again = machine.run(&["apply", "-f", "many.yaml"]).done();
    assert_eq!(again.matches(" unchanged\n").count(), 120);
}
