//! What reviews ask that name nothing right, and whom they speak of.

use super::*;
use crate::domain::change::Change;
use crate::objects::demand::Demand;
use crate::webhook::asked::{Asked, LAST_APPLIED, loss};

/// A review whose request names nothing, as one of an object whose name is to be made up.
fn nameless(resource: &str, operation: &str, before: &Value, after: &Value) -> Review {
    let body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": UID, "operation": operation, "namespace": "realm", "name": "",
            "resource": { "group": "pasee.meltylab.fr", "version": "v1", "resource": resource },
            "userInfo": { "username": "pasee:k-ada" },
            "object": after, "oldObject": before,
        },
    });
    Review::read(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_group_is_called_by_its_name() {
    let ask = |operation: &str, name: &str| {
        let group = object("Group", name, json!({}));
        let (before, after) = match operation {
            "CREATE" => (Value::Null, group),
            "DELETE" => (group, Value::Null),
            _ => (group.clone(), group),
        };
        Asked::by(&nameless("groups", operation, &before, &after), &ada())
    };
    for (name, says) in [("", "write its name"), ("a.staff", "staff"), ("A", "a group name")] {
        let refusal = ask("CREATE", name).unwrap_err();
        assert!(matches!(refusal, Refusal::Wrong(_)), "{name}: {refusal}");
        assert!(refusal.to_string().contains(says), "{name}: {refusal}");
        assert_eq!(refusal.to_string().contains("write its name"), name.is_empty(), "{refusal}");
    }
    // One that is there all the same, nobody but root staff touches.
    for operation in ["UPDATE", "DELETE"] {
        let asked = ask(operation, "A").unwrap();
        assert!(matches!(asked.demand, Demand::RootStaff), "{operation}: {asked:?}");
        assert_eq!(asked.takes, "only root staff may change or delete this Group");
    }
}

/// Users are warned of when something is first said of them, whoever says it.
#[test]
fn users_of_no_provider_are_warned_of_once() {
    let user = |name: &str| object("User", "u", json!({ "username": name, "banned": true }));
    let warnings = |operation: &str, before: &Value, after: &Value| {
        let asked = Asked::by(&review(operation, "users", before, after), &ada()).unwrap();
        assert!(matches!(asked.demand, Demand::RootStaff), "{asked:?}");
        asked.warnings(&"k, local".parse().unwrap(), |_| false)
    };
    let told = "no identity provider is called kk; the nearest is k: kk-bob";
    assert_eq!(warnings("CREATE", &Value::Null, &user("kk-bob")), [told]);
    assert_eq!(warnings("CREATE", &Value::Null, &user("k-bob")), [""; 0]);
    assert_eq!(warnings("UPDATE", &user("kk-bob"), &user("kk-bob")), [""; 0]);
    assert_eq!(warnings("DELETE", &user("kk-bob"), &Value::Null), [""; 0]);
}

/// What a review takes from somebody on the root staff, or who may be: only of that the last of them may not be.
#[test]
fn what_is_lost_on_the_root_staff() {
    let membership = |group: Value, users: &[&str]| {
        let mut spec = json!({ "role": "Staff", "users": users });
        if !group.is_null() {
            spec["group"] = group;
        }
        object("Membership", "m", spec)
    };
    let root = |users: &[&str]| membership(Value::Null, users);
    let user = |banned: bool| object("User", "u", json!({ "username": "k-bob", "banned": banned }));
    let lost = |operation: &str, resource: &str, before: &Value, after: &Value| {
        let loss = loss(&review(operation, resource, before, after));
        let users = loss.iter().flat_map(|loss| loss.users());
        users.map(ToString::to_string).collect::<Vec<_>>()
    };
    let (both, one, none) = (root(&["k-ada", "k-bob"]), root(&["k-ada"]), &Value::Null);
    assert_eq!(lost("DELETE", "memberships", &both, none), ["k-ada", "k-bob"]);
    assert_eq!(lost("UPDATE", "memberships", &both, &one), ["k-bob"]);
    assert_eq!(lost("UPDATE", "memberships", &one, &both), [""; 0]);
    assert_eq!(lost("CREATE", "memberships", none, &both), [""; 0]);
    let of_a = membership(json!("a"), &["k-ada"]);
    assert_eq!(lost("DELETE", "memberships", &of_a, none), [""; 0]);
    assert_eq!(lost("CREATE", "users", none, &user(true)), ["k-bob"]);
    assert_eq!(lost("UPDATE", "users", &user(false), &user(true)), ["k-bob"]);
    assert_eq!(lost("UPDATE", "users", &user(true), &user(true)), [""; 0]);
    assert_eq!(lost("UPDATE", "users", &user(true), &user(false)), [""; 0]);
    assert_eq!(lost("DELETE", "users", &user(true), none), [""; 0]);
}

/// Who describes a group changes nothing else along with that: staff are no creators, and nobody's labels and owners are theirs.
#[test]
fn a_description_comes_alone() {
    let there = object("Group", "a", json!({ "description": "x" }));
    for (place, value, is_alone) in [
        ("/metadata/annotations", json!({}), true),
        ("/metadata/annotations", json!({ "pasee.meltylab.fr/actor": "k-ada" }), true),
        ("/metadata/annotations", json!({ LAST_APPLIED: "{}" }), true),
        ("/metadata/managedFields", json!([{ "manager": "kubectl" }]), true),
        ("/metadata/resourceVersion", json!("8"), true),
        ("/metadata/generation", json!(2), true),
        ("/status", json!({ "members": 1 }), true),
        ("/metadata/annotations", json!({ "mine": "y" }), false),
        ("/metadata/annotations", json!({ LAST_APPLIED: "{}", "mine": "y" }), false),
        ("/metadata/labels", json!({ "app.kubernetes.io/managed-by": "pasee" }), false),
        ("/metadata/ownerReferences", json!([]), false),
        ("/spec/creator", json!("k-ada"), false),
    ] {
        let mut after = there.clone();
        after["spec"]["description"] = json!("y");
        let (parent, key) = place.rsplit_once('/').unwrap();
        after.pointer_mut(parent).unwrap()[key] = value.clone();
        for (before, after) in [(&there, &after), (&after, &there)] {
            let asked = Asked::by(&review("UPDATE", "groups", before, after), &ada()).unwrap();
            let describes = matches!(asked.demand, Demand::Change(Change::Describe { .. }));
            assert_eq!(describes, is_alone, "{place} {value}: {asked:?}");
        }
    }
}
