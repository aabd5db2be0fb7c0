//! The API server goes away, comes back, and has forgotten what a watch needs to go on. A program of its own: each test has the
//! control plane to itself, and waits more than it computes. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

mod served;
#[path = "../cluster_store/stage.rs"]
#[allow(dead_code, reason = "others have more on it")]
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pasee::domain::change::{Ban, Change};
use pasee::domain::realm::{Realm, WriteError};

use stage::{Stage, membership, noon};
use support::controlplane;
use support::patience::eventually;

/// How old the state may become in [`reads_go_on_and_writes_fail_while_the_api_server_is_away`]. In good health it becomes older,
/// between two looks at whether it still holds.
const BOUND: Duration = Duration::from_secs(10);

#[test]
fn reads_go_on_and_writes_fail_while_the_api_server_is_away() {
    let mut cluster = controlplane::alone();
    let stage = Stage::with(&cluster, Some(BOUND));
    stage.create("a");
    stage.add("a", "k-ada").unwrap();
    eventually("it is fresh", || stage.store.fresh().is_ok());
    cluster.apiserver.stop();
    eventually("it is too old to issue tokens by, and read all the same", || {
        let record = stage.store.directory().record(&"k-ada".parse().unwrap(), noon());
        assert_eq!(record.holdings.len(), 1);
        stage.store.fresh().is_err()
    });
    assert!(stage.store.age() > BOUND);
    eventually("it has noticed", || stage.store.health().is_err());
    let refused = stage.add("a", "k-bob");
    let Err(WriteError::Unavailable(reason)) = refused else { panic!("{refused:?}") };
    let reason = format!("{:#}", anyhow::Error::new(reason));
    assert!(reason.contains("Connection refused"), "nothing else was waited for: {reason}");
    assert!(stage.store.fresh().is_err());
    assert!(stage.store.was_read(), "it still answers");
    assert!(stage.store.health().is_err());
    cluster.apiserver.start();
    cluster.wait_until_ready();
    eventually("it is fresh again", || stage.store.fresh().is_ok());
    stage.add("a", "k-bob").unwrap();
    stage.apply(&membership("theirs", "a", &["k-alan"]));
    stage.eventually("a", Some(&["k-ada", "k-alan", "k-bob"]));
}

#[test]
fn etcd_restarts() {
    let mut cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    stage.create("a");
    cluster.etcd.kill();
    let refused = stage.add("a", "k-ada");
    assert!(
        matches!(refused, Err(WriteError::Unavailable(_) | WriteError::Unconfirmed(_))),
        "{refused:?}"
    );
    assert!(stage.store.directory().has_group(&"a".parse().unwrap()));
    cluster.repair();
    // What was sent while etcd was down may have been made after all.
    let added = || matches!(stage.add("a", "k-ada"), Ok(()) | Err(WriteError::AlreadyMember));
    eventually("it can be written again", added);
    stage.eventually("a", Some(&["k-ada"]));
}

/// While nobody watched an object went, and the history that tells of it is gone: only a list can show that.
#[test]
fn a_watch_that_is_too_old_begins_anew() {
    let mut cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.apply(&membership("one", "a", &["k-ada"]));
    stage.apply(&membership("two", "a", &["k-ada", "k-bob"]));
    stage.eventually("a", Some(&["k-ada", "k-bob"]));
    cluster.apiserver.stop();
    let key = format!("/registry/pasee.meltylab.fr/memberships/{}/two", stage.namespace);
    let etcd = |path: &str, body: String| -> serde_json::Value {
        let url = format!("{}/v3/kv/{path}", cluster.etcd_url);
        let answer = stage.runtime.block_on(async {
            reqwest::Client::new().post(url).body(body).send().await.unwrap().text().await.unwrap()
        });
        serde_json::from_str(&answer).unwrap()
    };
    let deleted = etcd("deleterange", format!(r#"{{"key":"{}"}}"#, STANDARD.encode(key)));
    assert_eq!(deleted["deleted"], "1", "{deleted}");
    let revision = deleted["header"]["revision"].as_str().unwrap();
    etcd("compaction", format!(r#"{{"revision":"{revision}","physical":true}}"#));
    assert_eq!(stage.members("a").unwrap(), ["k-ada", "k-bob"], "nobody knows yet");
    cluster.apiserver.start();
    cluster.wait_until_ready();
    stage.eventually("a", Some(&["k-ada"]));
}

/// A paused API server closes nothing: its silence has to be noticed.
#[test]
fn a_silent_api_server_is_not_waited_for() {
    let cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    stage.create("a");
    cluster.apiserver.pause();
    let refused = stage.add("a", "k-ada");
    let Err(WriteError::Unconfirmed(reason)) = refused else { panic!("{refused:?}") };
    let reason = format!("{:#}", anyhow::Error::new(reason));
    assert!(reason.contains("did not answer within 5 s"), "{reason}");
    cluster.apiserver.resume();
    let added = || matches!(stage.add("a", "k-ada"), Ok(()) | Err(WriteError::AlreadyMember));
    eventually("it can be written again", added);
}

/// What came after the copy is gone, and what comes now is seen, though the numbers of its versions were there before.
#[test]
fn etcd_restored_from_a_copy_is_read_anew() {
    let mut cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.add("a", "k-ada").unwrap();
    stage.add("a", "k-bob").unwrap();
    let copy = cluster.copy_of_etcd();
    eventually("it goes on", || {
        let change = Change::CreateGroup { group: "b".parse().unwrap(), creator: None };
        matches!(stage.write(change), Ok(()) | Err(WriteError::GroupExists))
    });
    stage.add("a", "k-ghost").unwrap();
    stage.remove("a", "k-bob").unwrap();
    stage.create("a.ghosts");
    stage.write(ban("k-ada")).unwrap();
    let is_banned =
        || stage.store.directory().record(&"k-ada".parse().unwrap(), noon()).standing.banned;
    assert!(is_banned());
    cluster.restore_etcd(&copy);
    // Whatever is answered with success from now on shows.
    eventually("it can be written again", || {
        let written = stage.add("a", "k-new");
        let shown = stage.members("a").unwrap().contains(&"k-new".to_owned());
        assert!(shown || !matches!(written, Ok(()) | Err(WriteError::AlreadyMember)));
        shown
    });
    assert_eq!(stage.members("a").unwrap(), ["k-ada", "k-bob", "k-new"]);
    stage.eventually("a.ghosts", None);
    stage.eventually("b", None);
    eventually("nobody is banned", || !is_banned());
    eventually("it is well", || stage.store.health().is_ok());
}

fn ban(user: &str) -> Change {
    Change::SetBanned { user: user.parse().unwrap(), banned: Ban::Impose }
}
