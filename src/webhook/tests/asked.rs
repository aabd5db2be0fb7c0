//! What reviews ask that name nothing right, and whom they speak of.

use super::*;
use crate::objects::demand::Demand;
use crate::webhook::asked::Asked;

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
        asked.warnings(&"k, local".parse().unwrap())
    };
    let told = "no identity provider is called kk; the nearest is k: kk-bob";
    assert_eq!(warnings("CREATE", &Value::Null, &user("kk-bob")), [told]);
    assert_eq!(warnings("CREATE", &Value::Null, &user("k-bob")), [""; 0]);
    assert_eq!(warnings("UPDATE", &user("kk-bob"), &user("kk-bob")), [""; 0]);
    assert_eq!(warnings("DELETE", &user("kk-bob"), &Value::Null), [""; 0]);
}
