//! The whole program with its groups in Kubernetes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::Stage;
use crate::support::controlplane;
use crate::support::pasee::Setup;
use crate::support::served::Served;

/// Of a namespace that does not exist the API server lists nothing, and calls that well.
#[test]
fn a_realm_that_cannot_be_read_is_said_and_waited_for() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let typo = format!("{}-typo", stage.namespace);
    let nobody = cluster.user("nobody", &[]);
    stage.runtime.block_on(async {
        for (namespace, user, says) in [
            (&stage.namespace, &nobody, "pasee policy prints"),
            (&typo, &stage.admin, "kubectl create namespace"),
        ] {
            let server = Served::begin(namespace, user, "").await;
            let since = Instant::now();
            while !server.pasee.log().contains(says) {
                assert!(since.elapsed() < Duration::from_secs(60), "{}", server.pasee.log());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(server.get("/ready").await.0, 503);
            let refused = server.pasee.ask("POST", "/tokens/?idp=local");
            let refused = refused.json(&json!({ "login": "ada", "password": "pw-ada" })).await;
            let refused = refused.is(503);
            assert!(refused.title().contains("were not read yet"), "{}", refused.title());
            assert_eq!(server.metric("pasee_store_healthy").await, 0.0);
            if namespace == &typo {
                stage.admin.kubectl(["create", "namespace", &typo]).ok();
                while server.get("/ready").await.0 != 200 {
                    assert!(since.elapsed() < Duration::from_secs(60), "{}", server.pasee.log());
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
}

/// Servers over one realm with keys of their own would refuse each other's tokens: each is noticed by the other, and said. The one
/// that has other identity providers too is noticed by whoever was there before.
#[test]
fn servers_that_do_not_go_together_notice_each_other() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.runtime.block_on(async {
        let one = Served::start(&stage.namespace, &stage.server, "").await;
        let asked = ["get", "configmap", "pasee-providers", "-n", &stage.namespace, "-o", "yaml"];
        let since = Instant::now();
        while !stage.admin.kubectl(asked).stdout.contains("keys:") {
            assert!(since.elapsed() < Duration::from_secs(60), "{}", one.pasee.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let other = Setup::absent_provider("other");
        let two = Served::start(&stage.namespace, &stage.server, &other).await;
        for (server, providers) in [(&one, 1.0), (&two, 0.0)] {
            let keys = "keys that this one does not believe";
            while server.metric("pasee_peers_with_other_keys").await < 1.0
                || server.metric("pasee_peers_with_other_providers").await < providers
                || !server.pasee.log().contains(keys)
            {
                assert!(since.elapsed() < Duration::from_secs(120), "{}", server.pasee.log());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        assert!(one.pasee.log().contains("has other identity providers"), "{}", one.pasee.log());
        assert_eq!(two.metric("pasee_peers_with_other_providers").await, 0.0, "it came last");
    });
}
