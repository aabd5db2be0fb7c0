//! The whole program with its groups in Kubernetes, of which the API server goes away in the end.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Stage, group, membership};
use crate::support::controlplane;
use crate::support::served::Served;

#[test]
fn kubectl_and_http_say_the_same() {
    let mut cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    stage.runtime.block_on(async {
        let server = Served::start(&stage.namespace, &stage.server, "").await;
        let pasee = &server.pasee;
        let appended = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .arg("--settings-file")
            .arg(pasee.dir.path().join("settings.toml"))
            .args(["append", "--groups", "staff", "local-root"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&appended.stdout).into_owned();
        assert_eq!(said, "local-root is in staff now.\n", "{appended:?}");
        pasee.becomes("root", &json!(["staff"])).await;

        stage.apply(&group("a"));
        stage.apply(&membership("theirs", "a", &["local-ada"]));
        pasee.becomes("ada", &json!(["a"])).await;
        let root = pasee.log_in("root").await;
        let as_root = |method: &str, path: &str| pasee.ask(method, path).bearer(&root.access);
        let refused = as_root("DELETE", "/groups/a/local-ada/").send().await.is(409);
        assert!(refused.title().contains("Membership theirs"), "{}", refused.title());
        // Whoever wrote the object would only apply it again, also for who leaves.
        let ada = pasee.log_in("ada").await;
        let left = pasee.ask("DELETE", "/groups/a/local-ada/").bearer(&ada.access);
        let refused = left.send().await.is(409);
        assert!(refused.title().contains("Membership theirs"), "{}", refused.title());
        assert_eq!(pasee.groups("ada").await, json!(["a"]));
        // What waits for a group is named to who makes it, and taken in when they ask for it.
        stage.apply(&membership("early", "w", &["local-john"]));
        // Seen after it, as of one kind.
        stage.apply(&membership("marker", "a", &["local-you"]));
        pasee.becomes("you", &json!(["a"])).await;
        let make = async |body| as_root("POST", "/groups/").json(&body).await;
        let refused = make(json!({ "group": "w" })).await.is(409);
        for part in ["Membership early waited", "\"adopt\": true"] {
            assert!(refused.title().contains(part), "{}", refused.title());
        }
        assert_eq!(pasee.groups("john").await, json!([]));
        make(json!({ "group": "w", "adopt": true })).await.is(201);
        pasee.becomes("john", &json!(["w"])).await;
        as_root("POST", "/groups/").json(&json!({ "group": "a.b" })).await.is(201);
        assert_eq!(pasee.groups("root").await, json!(["staff", "a.b.staff", "w.staff"]));
        assert_eq!(stage.field("group.pasee.meltylab.fr/a.b", "{.spec.creator}"), "local-root");
        let actor = "{.metadata.annotations.pasee\\.meltylab\\.fr/actor}";
        assert_eq!(stage.field("group.pasee.meltylab.fr/a.b", actor), "local-root");

        cluster.apiserver.kill();
        assert_eq!(pasee.groups("ada").await, json!(["a"]), "from the last known state");
        let (mut pair, since) = (pasee.log_in("ada").await, Instant::now());
        while since.elapsed() < Duration::from_secs(5) {
            pair = pasee.refresh(&pair.refresh).await.pair();
        }
        as_root("POST", "/groups/").json(&json!({ "group": "c" })).await.is(503);
        assert_eq!(server.get("/ready").await.0, 200);
        assert!(server.get("/metrics").await.1.contains("pasee_store_staleness_seconds "));
        cluster.apiserver.start();
    });
    cluster.wait_until_ready();
}
