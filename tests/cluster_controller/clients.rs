//! OAuthClients: what is said of them, and of those who act as them.

use serde_json::json;

use super::eventually;
use super::support::controlplane;
use super::support::realm::{Realm, condition, manifest, membership};

const URI: &str = "https://grafana.example.com/login";

/// What `pasee serve` says of its settings.
fn said(names: &str, clients: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "pasee-providers" },
        "data": { "names": names, "people": names, "clients": clients },
    })
    .to_string()
}

#[test]
fn clients_are_ready_or_it_is_said_why_not() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    let client = |name: &str, spec: serde_json::Value| {
        realm.apply(&manifest("OAuthClient", name, &spec));
        format!("oauthclients/{name}")
    };
    let grafana = client("grafana", json!({ "redirectUris": [URI] }));
    realm.kubectl(&["wait", "--for=condition=Ready", "oauthclient/grafana", "--timeout=60s"]);
    let found = realm.get(&grafana);
    assert_eq!(found["status"]["observedGeneration"], found["metadata"]["generation"]);
    assert_eq!(realm.reason(&grafana), "InEffect");
    // What the API server takes and is no client, until it is mended.
    client("grafana", json!({ "redirectUris": [URI, "http://grafana.example.com/"] }));
    realm.wait_for(&grafana, "InvalidSpec");
    let ready = condition(&realm.get(&grafana), "Ready");
    assert!(ready["message"].as_str().unwrap().starts_with("spec.redirectUris[1]: "), "{ready}");
    assert_eq!(condition(&realm.get(&grafana), "Stalled")["status"], "True");
    client("grafana", json!({ "redirectUris": [URI] }));
    realm.wait_for(&grafana, "InEffect");
    assert!(condition(&realm.get(&grafana), "Stalled").is_null());
    let off = client("off", json!({ "redirectUris": [URI], "enabled": false }));
    realm.wait_for(&off, "Disabled");
    assert_eq!(condition(&realm.get(&off), "Ready")["status"], "True", "as it should be");
    let like = client("kisee-app", json!({ "redirectUris": [URI] }));
    realm.wait_for(&like, "InEffect");
    // What servers say of their settings changes what is the case.
    realm.apply(&said("kisee", "argo, grafana"));
    realm.wait_for(&grafana, "Conflict");
    realm.wait_for(&like, "InvalidName");
    eventually("the conflict is told", || {
        realm.events("OAuthClient", "grafana").contains(&"Conflict".to_owned())
    });
    let shown = realm.kubectl(&["get", "poc"]);
    assert!(shown.contains("READY") && shown.contains("Conflict"), "{shown}");
    realm.apply(&said("kisee", ""));
    realm.wait_for(&grafana, "InEffect");
    controller.stop();
}

#[test]
fn who_acts_as_a_client_is_known_as_long_as_it_is_there() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    realm.apply(&said("kisee", "argo"));
    let controller = realm.leader("one");
    let users = json!(["client-argo", "client-ci", "kisee-ada"]);
    realm.apply(&membership("root", &json!({ "role": "Staff", "users": users })));
    realm.apply(&manifest("User", "ci", &json!({ "username": "client-ci" })));
    let told = |object: &str| condition(&realm.get(object), "ProvidersKnown");
    for object in ["memberships/root", "users/ci"] {
        eventually("a client that there is not", || {
            told(object)["message"].as_str().is_some_and(|told| told.contains("client-ci"))
        });
    }
    assert!(!told("memberships/root").to_string().contains("argo"), "that is in the settings");
    realm.apply(&manifest("OAuthClient", "ci", &json!({ "redirectUris": [URI] })));
    for object in ["memberships/root", "users/ci"] {
        eventually("it is there", || told(object).is_null());
    }
    realm.delete("oauthclient/ci");
    for object in ["memberships/root", "users/ci"] {
        eventually("it is gone", || !told(object).is_null());
    }
    controller.stop();
}

/// A new leader looks at every one of them, and writes nothing that stands there already.
#[test]
fn what_stands_there_already_is_not_written_again() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    realm.apply(&said("kisee", "argo"));
    let controller = realm.leader("one");
    let uris = json!({ "redirectUris": [URI] });
    let off = json!({ "redirectUris": [URI], "enabled": false });
    let wrong = json!({ "redirectUris": ["http://grafana.example.com/"] });
    let all = [
        ("grafana", &uris, "InEffect"),
        ("argo", &uris, "Conflict"),
        ("kisee-app", &uris, "InvalidName"),
        ("off", &off, "Disabled"),
        ("wrong", &wrong, "InvalidSpec"),
    ];
    for (name, spec, _) in all {
        realm.apply(&manifest("OAuthClient", name, spec));
    }
    for (name, _, reason) in all {
        realm.wait_for(&format!("oauthclients/{name}"), reason);
    }
    controller.stop();
    let versions = || {
        all.map(|(name, ..)| {
            realm.get(&format!("oauthclients/{name}"))["metadata"]["resourceVersion"].clone()
        })
    };
    let before = versions();
    let controller = realm.leader("two");
    // It is looked at after all that was there.
    realm.apply(&manifest("OAuthClient", "zulip", &uris));
    realm.wait_for("oauthclients/zulip", "InEffect");
    // What is said of the settings again, and is the same, changes nothing either.
    realm.apply(&said("kisee", "argo"));
    controller.stop();
    assert_eq!(versions(), before);
}
