//! A namespace that is full, by the ResourceQuota that is applied with the policy.

use pasee::domain::change::Change;
use pasee::domain::realm::{Realm, WriteError};
use serde_json::json;

use crate::stage::Stage;
use crate::support::controlplane;
use crate::support::patience::eventually;
use crate::support::realm::manifest;

/// Says that there is room for one object of a kind, and that there is one.
fn fill(stage: &Stage, kind: &str) {
    let count = json!({ format!("count/{kind}.pasee.meltylab.fr"): "1" });
    let spec = json!({ "spec": { "hard": count } }).to_string();
    stage.kubectl(&["patch", "resourcequota", "pasee", "--type=merge", "-p", &spec]);
    // As the controller of quotas says it, where one runs.
    let status = json!({ "status": { "hard": count, "used": count } }).to_string();
    stage.kubectl(&[
        "patch",
        "resourcequota",
        "pasee",
        "--type=merge",
        "--subresource=status",
        "-p",
        &status,
    ]);
}

#[test]
fn a_full_namespace_is_told_as_such() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    assert_eq!(
        stage.field("resourcequota/pasee", "{.spec.hard.count/groups\\.pasee\\.meltylab\\.fr}"),
        "20k"
    );
    fill(&stage, "groups");
    let number = std::cell::Cell::new(0);
    eventually("the realm is full", || {
        number.set(number.get() + 1);
        let group = format!("g{}", number.get()).parse().unwrap();
        match stage.write(Change::CreateGroup { group, creator: None }) {
            Ok(()) => false,
            Err(WriteError::Full("groups")) => true,
            Err(error) => panic!("{error}"),
        }
    });
    stage.add("a", "k-ada").unwrap();
}

#[test]
fn a_namespace_takes_so_many_clients_and_no_more() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let client = |uri: &str| json!({ "redirectUris": [uri] });
    let apply = |name: &str, uri: &str| {
        stage.admin.apply(&stage.namespace, &manifest("OAuthClient", name, &client(uri)))
    };
    apply("grafana", "https://grafana.example.com/").ok();
    assert_eq!(
        stage.field(
            "resourcequota/pasee",
            "{.spec.hard.count/oauthclients\\.pasee\\.meltylab\\.fr}"
        ),
        "1k"
    );
    fill(&stage, "oauthclients");
    let number = std::cell::Cell::new(0);
    eventually("there is no more room", || {
        number.set(number.get() + 1);
        let refused = apply(&format!("c{}", number.get()), "https://c.example.com/");
        assert!(refused.success || refused.stderr.contains("exceeded quota"), "{}", refused.stderr);
        !refused.success
    });
    // What is there is served still, and changed.
    apply("grafana", "https://grafana.example.com/new").ok();
    let found = || stage.store.directory().client("grafana");
    eventually("it is changed", || {
        found().is_some_and(|client| client.redirect("https://grafana.example.com/new").is_some())
    });
    // It takes nothing from other kinds.
    stage.create("a");
}
