//! Users who are called otherwise: what Pasee made follows, what others made is listed, and whenever it is stopped nobody has more.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use pasee::domain::change::{Ban, Change};
use pasee::domain::directory::Page;
use pasee::domain::policy::{Actor, permit_renaming};
use pasee::domain::realm::Realm;
use pasee::domain::renaming::{Renaming, Trial};
use pasee::domain::user::UserId;
use pasee::store::kubernetes::{Options, RenameError, Report, rename_users};
use serde_json::json;

use crate::stage::{Stage, membership, noon};
use crate::support::controlplane;
use crate::support::patience::eventually;

/// As many as a company has.
const PEOPLE: usize = 1_000;

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn rename(stage: &Stage, map: &str, trial: Trial) -> Result<Report, RenameError> {
    let options = Options {
        namespace: Some(stage.namespace.clone()),
        kubeconfig: Some(stage.admin.kubeconfig.clone()),
        max_staleness: None,
    };
    let permit = permit_renaming(&Actor::operator(), Renaming::read(map).unwrap()).unwrap();
    stage.runtime.block_on(rename_users(options, noon, &permit, trial))
}

fn told(report: &Report) -> Vec<String> {
    report.renamed.iter().map(ToString::to_string).collect()
}

fn is_banned(stage: &Stage, id: &str) -> bool {
    stage.store.directory().record(&user(id), noon()).standing.banned
}

#[test]
fn everything_of_our_own_follows() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    stage.create("a");
    stage
        .write(Change::CreateGroup { group: "b".parse().unwrap(), creator: Some(user("k-john")) })
        .unwrap();
    for (roster, who) in [
        ("staff", "k-root"),
        ("a", "k-john"),
        ("a", "k-ada"),
        ("a", "l-ada"),
        ("a.staff", "k-mallory"),
    ] {
        stage.add(roster, who).unwrap();
    }
    stage.write(Change::SetBanned { user: user("k-mallory"), banned: Ban::Impose }).unwrap();
    let map = "k- l-\nk-john l-jsmith";
    let dry = rename(&stage, map, Trial::Dry).unwrap();
    assert_eq!(stage.members("a").unwrap(), ["k-ada", "k-john", "l-ada"]);
    let done = rename(&stage, map, Trial::Real).unwrap();
    assert_eq!(told(&dry), told(&done));
    assert_eq!(
        told(&done),
        [
            "k-ada is l-ada now: 1 membership",
            "k-john is l-jsmith now: 2 memberships, 1 made by them",
            "k-mallory is l-mallory now: 1 membership, banned",
            "k-root is l-root now: 1 membership",
        ]
    );
    stage.eventually("a", Some(&["l-ada", "l-jsmith"]));
    stage.eventually("a.staff", Some(&["l-mallory"]));
    stage.eventually("b.staff", Some(&["l-jsmith"]));
    stage.eventually("staff", Some(&["l-root"]));
    eventually("the bans are seen", || {
        is_banned(&stage, "l-mallory") && is_banned(&stage, "k-mallory")
    });
    let record = |id: &str| stage.store.directory().record(&user(id), noon());
    eventually("sessions end", || record("l-jsmith").standing.not_before.is_some());
    let actors = "{.items[*].metadata.annotations.pasee\\.meltylab\\.fr/actor}";
    let actors = stage.kubectl(&["get", "memberships", "-o", &format!("jsonpath={actors}")]);
    assert!(!actors.is_empty() && actors.split(' ').all(|actor| actor == "operator"), "{actors}");
    // Once more there is nothing to write.
    let versions =
        || stage.kubectl(&["get", "pasee", "-o", "jsonpath={.items[*].metadata.resourceVersion}"]);
    let before = versions();
    rename(&stage, map, Trial::Real).unwrap();
    assert_eq!(versions(), before);
    // And the server goes on with what it finds.
    stage.add("a", "l-new").unwrap();
    stage.remove("b.staff", "l-jsmith").unwrap();
}

/// Each id is taken by somebody else at once, and each ban goes with its person. The same map does it once more, back again.
#[test]
fn swaps_and_chains() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    for group in ["a", "b", "c"] {
        stage.create(group);
    }
    for (roster, who) in
        [("a", "k-a"), ("b", "k-b"), ("c", "k-b"), ("c", "k-c"), ("a.staff", "k-b")]
    {
        stage.add(roster, who).unwrap();
    }
    stage.write(Change::SetBanned { user: user("k-a"), banned: Ban::Impose }).unwrap();
    let swap = "k-a k-b\nk-b k-a";
    rename(&stage, swap, Trial::Real).unwrap();
    stage.eventually("a", Some(&["k-b"]));
    stage.eventually("b", Some(&["k-a"]));
    stage.eventually("a.staff", Some(&["k-a"]));
    eventually("the ban goes along", || is_banned(&stage, "k-b") && !is_banned(&stage, "k-a"));
    rename(&stage, swap, Trial::Real).unwrap();
    stage.eventually("a", Some(&["k-a"]));
    eventually("and back", || is_banned(&stage, "k-a") && !is_banned(&stage, "k-b"));
    rename(&stage, "k-a k-b\nk-b k-c\nk-c k-d", Trial::Real).unwrap();
    stage.eventually("a", Some(&["k-b"]));
    stage.eventually("b", Some(&["k-c"]));
    stage.eventually("c", Some(&["k-c", "k-d"]));
    eventually("bans", || {
        is_banned(&stage, "k-b") && !is_banned(&stage, "k-c") && !is_banned(&stage, "k-d")
    });
    assert!(is_banned(&stage, "k-a"), "the former id stays so");
}

#[test]
fn what_is_gits_is_listed() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    stage.create("a");
    stage.add("a", "k-john").unwrap();
    stage.add("staff", "k-root").unwrap();
    stage.apply(&membership("git", "a", &["k-john", "k-ada"]));
    stage.eventually("a", Some(&["k-ada", "k-john"]));
    let report = rename(&stage, "k-john l-john\nk-ada l-ada", Trial::Real).unwrap();
    assert_eq!(
        report.elsewhere,
        [
            "Membership/git: spec.users has k-john; write l-john",
            "Membership/git: spec.users has k-ada; write l-ada"
        ]
    );
    stage.eventually("a", Some(&["k-ada", "k-john", "l-john"]));
    let refused =
        rename(&stage, "k-john k-ada\nk-ada k-john", Trial::Real).unwrap_err().to_string();
    assert!(refused.contains("Membership/git: spec.users has k-ada; write k-john"), "{refused}");
    // The last of the root staff stays able to act.
    stage.write(Change::SetBanned { user: user("l-x"), banned: Ban::Impose }).unwrap();
    let refused = rename(&stage, "k-root l-x", Trial::Real).unwrap_err().to_string();
    assert!(refused.contains("the last of the root staff"), "{refused}");
    stage.eventually("staff", Some(&["k-root"]));
}

/// Killed over and over, with people who take each other's ids: no banned person is let in at any time, and in the end everybody has what
/// they had.
#[test]
fn killed_it_is_gone_on_with() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    stage.create("a");
    let half = |from: usize| (from..from + 500).map(|n| format!("k-{n}")).collect::<Vec<_>>();
    for (name, users) in [("m0", half(0)), ("m1", half(500))] {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        stage.apply(&membership(name, "a", &users));
        let object = format!("membership/{name}");
        stage.kubectl(&["label", &object, "app.kubernetes.io/managed-by=pasee"]);
    }
    for n in [3, 503] {
        stage
            .write(Change::SetBanned { user: user(&format!("k-{n}")), banned: Ban::Impose })
            .unwrap();
    }
    let all = |stage: &Stage| {
        let page = Page { after: None, limit: 10_000 };
        stage.store.directory().members(&"a".parse().unwrap(), page, noon()).unwrap_or_default()
    };
    eventually("all are there", || all(&stage).len() == PEOPLE);
    // Of each ten one takes the id of the next, and that one a new one.
    let mut map = String::new();
    for n in 0..PEOPLE {
        match n % 10 {
            3 => writeln!(map, "k-{n} k-{}", n + 1).unwrap(),
            _ => writeln!(map, "k-{n} l-{n}").unwrap(),
        }
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("people.map"), &map).unwrap();
    std::fs::write(dir.path().join("settings.toml"), crate::support::machine::SETTINGS).unwrap();
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
        command.args(["--settings-file", "settings.toml", "rename-users", "people.map"]);
        command.args(["--allow-unknown-providers", "--namespace", &stage.namespace]);
        command.arg("--kubeconfig").arg(&stage.admin.kubeconfig).current_dir(dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut killed = 0;
    for round in 1.. {
        let mut child = command().spawn().unwrap();
        std::thread::sleep(Duration::from_millis(300) * round);
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        for banned in ["k-4", "k-504"] {
            let record = stage.store.directory().record(&user(banned), noon());
            let has_moved = !all(&stage).contains(&user(&banned.replace('4', "3")));
            assert!(record.standing.banned || !has_moved, "round {round}: {banned} is let in");
        }
        if ended.is_some_and(|status| status.success()) {
            break;
        }
        killed += 1;
        assert!(round < 60, "it never ends: {ended:?}");
    }
    assert!(killed > 0, "it was never killed");
    let mut wanted: Vec<String> = (0..PEOPLE)
        .map(|n| if n % 10 == 3 { format!("k-{}", n + 1) } else { format!("l-{n}") })
        .collect();
    wanted.sort();
    eventually("all have their new names", || {
        all(&stage).iter().map(ToString::to_string).collect::<Vec<_>>() == wanted
    });
    eventually("bans", || is_banned(&stage, "k-4") && is_banned(&stage, "k-504"));
    assert!(!is_banned(&stage, "l-4") && !is_banned(&stage, "k-14"));
}

/// What somebody began with another map is to be done first: what of it is done already is known by that map alone.
#[test]
fn another_map_was_begun_with() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    stage.create("a");
    stage.add("a", "k-a").unwrap();
    let begun = |text: &str| {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "pasee-rename-users", "annotations": { "pasee.meltylab.fr/renaming": text } },
        });
        stage.apply(&lease.to_string());
    };
    begun(r#"{"map":"another","mark":"m/1","banned":[]}"#);
    for map in ["k-a l-a", "k-a k-b\nk-b k-a"] {
        let refused = rename(&stage, map, Trial::Real).unwrap_err();
        assert!(matches!(refused, RenameError::Other), "{refused}");
    }
    begun("?");
    let refused = rename(&stage, "k-a l-a", Trial::Dry).unwrap_err();
    assert!(matches!(refused, RenameError::Unreadable), "{refused}");
    stage.eventually("a", Some(&["k-a"]));
    stage.kubectl(&["delete", "lease", "pasee-rename-users"]);
    rename(&stage, "k-a l-a", Trial::Real).unwrap();
    stage.eventually("a", Some(&["l-a"]));
}
