//! The whole program with its groups in Kubernetes.

use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::stage::{Stage, group, membership};
use crate::support::controlplane;
use crate::support::pasee::{Pasee, Setup, free_port};

/// The groups that a user's next token says.
async fn groups(pasee: &Pasee, name: &str) -> Value {
    let pair = pasee.log_in(name).await;
    let claims = pair.access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["groups"].clone()
}

async fn becomes(pasee: &Pasee, name: &str, wanted: &Value) {
    let since = Instant::now();
    while groups(pasee, name).await != *wanted {
        assert!(since.elapsed() < Duration::from_secs(30), "{name} is not in {wanted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn kubectl_and_http_say_the_same() {
    let mut cluster = controlplane::alone();
    let stage = Stage::new(&cluster);
    let port = free_port();
    let options = format!(
        "[admin]\nlisten = \"127.0.0.1:{port}\"\n[storage_backend]\nkind = \"kubernetes\"\n\
         [storage_backend.options]\nnamespace = \"{}\"\nkubeconfig = \"{}\"\n",
        stage.namespace,
        stage.server.kubeconfig.display()
    );
    let admin = format!("http://127.0.0.1:{port}");
    stage.runtime.block_on(async {
        let pasee = Setup::default().tables(&options).start().await;
        let get = async |path: &str| {
            let answer = pasee.client.get(format!("{admin}{path}")).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let since = Instant::now();
        while get("/ready").await.0 != 200 {
            assert!(since.elapsed() < Duration::from_secs(30), "{}", pasee.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let appended = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .arg("--settings-file")
            .arg(pasee.dir.path().join("settings.toml"))
            .args(["append", "--groups", "staff", "local-root"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&appended.stdout).into_owned();
        assert_eq!(said, "local-root is in staff now.\n", "{appended:?}");
        becomes(&pasee, "root", &json!(["staff"])).await;

        stage.apply(&group("a"));
        stage.apply(&membership("theirs", "a", &["local-ada"]));
        becomes(&pasee, "ada", &json!(["a"])).await;
        let root = pasee.log_in("root").await;
        let as_root = |method: &str, path: &str| pasee.ask(method, path).bearer(&root.access);
        let refused = as_root("DELETE", "/groups/a/local-ada/").send().await.is(409);
        assert!(refused.title().contains("Membership theirs"), "{}", refused.title());
        as_root("POST", "/groups/").json(&json!({ "group": "a.b" })).await.is(201);
        assert_eq!(groups(&pasee, "root").await, json!(["staff", "a.b.staff"]));
        assert_eq!(stage.field("group.pasee.meltylab.fr/a.b", "{.spec.creator}"), "local-root");
        let actor = "{.metadata.annotations.pasee\\.meltylab\\.fr/actor}";
        assert_eq!(stage.field("group.pasee.meltylab.fr/a.b", actor), "local-root");

        cluster.apiserver.kill();
        assert_eq!(groups(&pasee, "ada").await, json!(["a"]), "from the last known state");
        let (mut pair, since) = (pasee.log_in("ada").await, Instant::now());
        while since.elapsed() < Duration::from_secs(5) {
            pair = pasee.refresh(&pair.refresh).await.pair();
        }
        as_root("POST", "/groups/").json(&json!({ "group": "c" })).await.is(503);
        assert_eq!(get("/ready").await.0, 200);
        assert!(get("/metrics").await.1.contains("pasee_store_staleness_seconds "));
        cluster.apiserver.start();
    });
    cluster.wait_until_ready();
}
