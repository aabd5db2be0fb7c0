//! One set of manifests in both stores, by `kubectl apply` on a real Kubernetes control plane and by `pasee
//! apply` in a file: users get the same groups, and what one store gives out the other takes. The token service and the
//! controller run side by side. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

mod ends;
mod extremes;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use stage::{Side, Sides, examples};
use support::controlplane;
use support::realm::Realm;

/// What the comments of the examples promise.
fn promised() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("k8s-ci:deployer", json!(["deployers"])),
        ("k8s-ci:jenkins", json!(403)),
        ("kisee-ada", json!(["articles", "articles.publishers", "on_call"])),
        ("kisee-alan", json!(["articles"])),
        ("kisee-donald", json!(["articles"])),
        ("kisee-grace", json!(["comments"])),
        ("kisee-john", json!(["articles.staff"])),
        ("kisee-you", json!(["staff", "superusers"])),
        ("partners-barbara", json!(["comments"])),
    ])
}

#[test]
fn the_examples_say_the_same_in_both_homes() {
    let cluster = controlplane::shared();
    let realm = Realm::new(&cluster);
    let controller = realm.leader("examples");
    let sides = Sides::start(&cluster, &realm.namespace);
    realm.kubectl(&["apply", "-f", &examples()]);
    sides.file.apply(&[&examples()]);
    for (user, groups) in promised() {
        sides.cluster.becomes(user, &groups);
        sides.file.becomes(user, &groups);
    }
    let ready = ["wait", "--for=condition=Ready", "--all", "--timeout=60s"];
    let kinds =
        ["groups.pasee.meltylab.fr", "memberships.pasee.meltylab.fr", "users.pasee.meltylab.fr"];
    for kind in kinds {
        realm.kubectl(&[&ready[..1], &[kind], &ready[1..]].concat());
    }

    // Out of the file and into another namespace.
    let other = Realm::new(&cluster);
    let second = other.leader("exported");
    let exported = sides.file.export(&[]);
    sides.file.write("exported.yaml", &exported);
    other.kubectl(&["apply", "-f", &sides.file.path("exported.yaml")]);
    let there = Sides::in_cluster(&cluster, &other.namespace);
    for (user, groups) in promised() {
        there.becomes(user, &groups);
    }
    for kind in kinds {
        other.kubectl(&[&ready[..1], &[kind], &ready[1..]].concat());
    }

    // And out of the cluster into a file, which then gives out what the first one did.
    for realm in [&realm, &other] {
        let file = Sides::in_file(&cluster);
        file.write("cluster.yaml", &realm.kubectl(&["get", "pasee", "-o", "yaml"]));
        let told = file.apply(&["cluster.yaml", "--prune"]);
        assert!(told.starts_with("group/articles created\n"), "{told}");
        let same = |text: &str| Side::timeless(&text.replace("  - local-root\n", ""));
        assert_eq!(same(&file.export(&[])), same(&exported));
    }
    controller.stop();
    second.stop();
}

/// Owners by UIDs of another cluster would have the garbage collector take all that is applied.
#[test]
fn a_backup_of_a_namespace_is_the_same_realm_elsewhere() {
    let cluster = controlplane::shared();
    let realm = Realm::new(&cluster);
    let controller = realm.leader("kept");
    realm.kubectl(&["apply", "-f", &examples()]);
    let ready = ["--for=condition=Ready", "--all", "--timeout=60s"];
    let kinds = ["groups", "memberships", "users"].map(|kind| format!("{kind}.pasee.meltylab.fr"));
    let settle = |realm: &Realm| {
        for kind in &kinds {
            realm.kubectl(&[&["wait", kind.as_str()], &ready[..]].concat());
        }
        let found: Value = json(&realm.kubectl(&["get", "pasee", "-o", "json"]));
        found["items"].as_array().unwrap().clone()
    };
    let source = Sides::in_cluster(&cluster, &realm.namespace);
    for (user, groups) in promised() {
        source.becomes(user, &groups);
    }
    let there = settle(&realm);
    let owned = |objects: &[Value]| {
        objects.iter().filter(|it| !it["metadata"]["ownerReferences"].is_null()).count()
    };
    assert!(owned(&there) > 3, "there is something to be collected");
    let names = |objects: &[Value]| {
        let name = |it: &Value| format!("{} {}", it["kind"], it["metadata"]["name"]);
        objects.iter().map(name).collect::<std::collections::BTreeSet<_>>()
    };
    let exported = source.export(&[]);
    for word in ["ownerReferences", "status:", "uid:", "resourceVersion", "last-applied"] {
        assert!(!exported.contains(word), "{word} in {exported}");
    }
    // As Velero restores: without owners and without status.
    let mut restored = there.clone();
    for object in &mut restored {
        object.as_object_mut().unwrap().remove("status");
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|name, _| matches!(name.as_str(), "name" | "labels" | "annotations"));
    }
    let restored = json!({ "apiVersion": "v1", "kind": "List", "items": restored }).to_string();
    for (way, backup) in [("apply", &exported), ("create", &restored)] {
        let other = Realm::new(&cluster);
        let second = other.leader("restored");
        source.write("backup.yaml", backup);
        let file = source.path("backup.yaml");
        let told = cluster.admin.kubectl([way, "-f", &file, "-n", &other.namespace]);
        // What the controller has made of what came before stays as it is, where objects come in any order.
        let is_done = |line: &str| way == "create" && line.contains("already exists");
        assert!(told.success || told.stderr.lines().all(is_done), "{told:?}");
        let served = Sides::in_cluster(&cluster, &other.namespace);
        for (user, groups) in promised() {
            served.becomes(user, &groups);
        }
        let here = settle(&other);
        assert_eq!(here.len(), there.len(), "{:?}, {:?}", names(&here), names(&there));
        assert_eq!(owned(&here), owned(&there));
        // The ban is new there: whoever had logged in since the backup is not to come back when it is lifted.
        let again = served.export(&[]);
        assert_eq!(Side::timeless(&again), Side::timeless(&exported), "once more, the same");
        assert!(revocations(&again) > revocations(&exported), "{again}");
        second.stop();
    }
    // Into a file, from there to another namespace, and back.
    let (file, again) = (Sides::in_file(&cluster), Sides::in_file(&cluster));
    file.write("backup.yaml", &exported);
    file.apply(&["backup.yaml"]);
    let third = Realm::new(&cluster);
    let leader = third.leader("third");
    file.write("exported.yaml", &file.export(&[]));
    third.kubectl(&["apply", "-f", &file.path("exported.yaml")]);
    settle(&third);
    again.write("back.yaml", &Sides::in_cluster(&cluster, &third.namespace).export(&[]));
    again.apply(&["back.yaml"]);
    assert_eq!(Side::timeless(&again.export(&[])), Side::timeless(&file.export(&[])));
    for (user, groups) in promised() {
        again.becomes(user, &groups);
    }
    leader.stop();
    controller.stop();
}

/// The moments of the revocations, which sort as text.
fn revocations(exported: &str) -> Vec<&str> {
    exported.lines().filter(|line| line.trim_start().starts_with("notBefore:")).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Where objects were applied, whoever applies them changes them; where they were handed over, staff do.
#[test]
fn what_is_handed_over_is_changed_over_http() {
    let cluster = controlplane::shared();
    for (option, status) in [(&["--hand-over"][..], 204), (&[], 409)] {
        let realm = Realm::new(&cluster);
        let file = Sides::in_file(&cluster);
        file.apply(&[&examples()]);
        file.write("exported.yaml", &file.export(option));
        realm.kubectl(&["apply", "-f", &file.path("exported.yaml")]);
        let served = Sides::in_cluster(&cluster, &realm.namespace);
        served.becomes("kisee-john", &json!(["articles.staff"]));
        served.becomes("k8s-ci:deployer", &json!(["deployers"]));
        let removed = served.ask_as("kisee-john", "DELETE", "/groups/articles/kisee-alan/");
        assert_eq!(removed, status, "{option:?}");
        let accounts = served.ask_as("kisee-you", "DELETE", "/groups/deployers/k8s-ci:deployer/");
        assert_eq!(accounts, status, "{option:?}");
        let lifted =
            served.patch_as("kisee-you", "/users/k8s-ci:jenkins", &json!({ "is_banned": false }));
        assert_eq!(lifted == 409, status == 409, "{option:?}: {lifted}");
        let groups = if status == 204 { json!([]) } else { json!(["articles"]) };
        served.becomes("kisee-alan", &groups);
    }
}
