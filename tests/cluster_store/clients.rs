//! OAuthClients: what is written is served within a moment, and what is no client is not.

use std::sync::Arc;

use pasee::domain::client::{Client, SecretHash};
use pasee::domain::realm::Realm;
use pasee::resources;
use pasee::store::kubernetes::{self, Options};
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::support::controlplane;
use crate::support::patience::eventually;
use crate::support::realm::manifest;

fn client(secret: &str) -> Value {
    json!({
        "redirectUris": ["https://grafana.example.com/login"],
        "secretHashes": [SecretHash::of(secret).to_string()],
    })
}

#[test]
fn clients_come_change_and_go() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    let other = stage.replica();
    let apply = |name: &str, spec: &Value| stage.apply(&manifest("OAuthClient", name, spec));
    let found = |id: &str| -> Option<Arc<Client>> { stage.store.directory().client(id) };
    assert!(found("grafana").is_none());
    apply("grafana", &client("old"));
    eventually("it is there", || found("grafana").is_some_and(|client| client.knows_secret("old")));
    eventually("on every replica", || other.directory().client("grafana").is_some());
    // While the secret changes both are right, and then the new one.
    let both = [SecretHash::of("old"), SecretHash::of("new")].map(|hash| hash.to_string());
    let mut changing = client("old");
    changing["secretHashes"] = json!(both);
    apply("grafana", &changing);
    eventually("both", || found("grafana").is_some_and(|client| client.knows_secret("new")));
    assert!(found("grafana").is_some_and(|client| client.knows_secret("old")));
    apply("grafana", &client("new"));
    eventually("one", || found("grafana").is_some_and(|client| !client.knows_secret("old")));
    // What the API server takes and is no client counts as none, until it is mended.
    let mut wrong = client("new");
    wrong["redirectUris"] = json!(["http://grafana.example.com/login"]);
    apply("grafana", &wrong);
    eventually("no client", || found("grafana").is_none());
    apply("grafana", &client("new"));
    apply("argo", &client("other"));
    eventually("both clients", || {
        let clients = stage.store.directory().clients();
        clients.iter().map(|client| client.id.as_str()).eq(["argo", "grafana"])
    });
    assert_eq!(stage.replica().directory().clients().len(), 2, "by a list too");
    stage.kubectl(&["delete", "oauthclient", "grafana"]);
    eventually("gone", || found("grafana").is_none() && found("argo").is_some());
}

#[test]
fn a_backup_brings_them_back() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    let mut grafana = client("secret");
    grafana["idTokenAlg"] = json!("ES256");
    grafana["enabled"] = json!(false);
    stage.apply(&manifest("OAuthClient", "grafana", &grafana));
    stage.apply(&manifest("OAuthClient", "argo", &client("other")));
    let spec = || stage.field("oauthclient/grafana", "{.spec}");
    let before = spec();
    let exported = || {
        let options = Options {
            namespace: Some(stage.namespace.clone()),
            kubeconfig: Some(stage.admin.kubeconfig.clone()),
            max_staleness: None,
        };
        let objects = stage.runtime.block_on(kubernetes::objects(options)).unwrap();
        resources::manifest::write(&objects.written()).unwrap()
    };
    let backup = exported();
    stage.kubectl(&["delete", "oauthclients", "--all"]);
    assert!(!exported().contains("kind: OAuthClient"));
    stage.apply(&backup);
    assert_eq!(spec(), before);
    assert_eq!(exported(), backup, "and once more");
    assert_eq!(backup.matches("kind: OAuthClient").count(), 2, "{backup}");
}

#[test]
fn what_the_schema_forbids_is_refused() {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    for (name, spec, says) in [
        ("pasee-http", client("x"), "POST /tokens/"),
        ("a", json!({}), "needs a redirect URI"),
        (
            "a",
            json!({ "redirectUris": ["https://a.example/"], "secretHashes": ["secret"] }),
            "secretHashes",
        ),
        ("a", json!({ "grantTypes": ["client_credentials"] }), "prove who they are"),
    ] {
        let refused = stage.admin.apply(&stage.namespace, &manifest("OAuthClient", name, &spec));
        assert!(!refused.success, "{name} {spec}");
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}
