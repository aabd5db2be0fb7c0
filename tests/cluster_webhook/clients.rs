//! OAuthClients: root staff writes them, as it is at that moment and whatever a token says; nobody else does.

use serde_json::{Value, json};

use super::stage::{Stage, by, changed_by};
use super::support::controlplane;
use super::support::patience::eventually;
use super::support::realm::object;

fn client(name: &str) -> Value {
    object("OAuthClient", name, &json!({ "redirectUris": ["https://app.example.com/callback"] }))
}

#[test]
fn root_staff_alone_writes_clients() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let app = client("app");
    let change = json!({ "spec": { "redirectUris": ["https://evil.example.com/callback"] } });
    stage.make_staff("team", "of-team");
    // Staff of a group, and who says so only by an old token.
    let says = "only root staff may say which applications log people in";
    for somebody in [
        stage.user("of-team", &["team.staff"]),
        stage.user("nobody", &[]),
        stage.user("former", &["staff"]),
    ] {
        assert!(somebody.ask("POST", "oauthclients", &app).is_err());
    }
    let former = stage.user("former", &["staff"]);
    former.refused("POST", "oauthclients", &app, says);
    stage.admin().done("POST", "oauthclients", &app);
    former.refused("PATCH", "oauthclients/app", &change, says);
    former.refused("DELETE", "oauthclients/app", &Value::Null, says);
    let there = stage.admin().done("GET", "oauthclients/app", &Value::Null);
    assert_eq!(there["spec"], app["spec"]);
}

/// Whoever is root staff at that moment, by every way of writing one; nobody else, whatever their token says.
#[test]
fn every_way_of_writing_a_client_is_judged() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    let root_staff = |name: &str, more: Value| {
        let mut spec = json!({ "role": "Staff", "users": [format!("kisee-{name}")] });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.done("POST", "memberships", &object("Membership", &format!("root-{name}"), &spec));
    };
    for name in ["second", "gone", "out"] {
        root_staff(name, json!({}));
    }
    root_staff("over", json!({ "expiresAt": "2020-01-01T00:00:00Z" }));
    admin.done("DELETE", "memberships/root-gone", &Value::Null);
    stage.ban("out");
    stage.make_staff("team", "of-team");
    admin.done("POST", "oauthclients", &client("app"));
    let there = || admin.done("GET", "oauthclients/app", &Value::Null);
    let before = there();
    let all_that_is = || admin.done("GET", "oauthclients", &Value::Null)["items"].clone();
    let mut put = before.clone();
    put["spec"]["redirectUris"] = json!(["https://evil.example.com/callback"]);
    let status = json!({ "status": { "observedGeneration": 7 } });
    let patch = json!({ "spec": { "enabled": false } });
    let ways = [
        ("POST", "oauthclients", &client("another")),
        ("PUT", "oauthclients/app", &put),
        ("PATCH", "oauthclients/app", &patch),
        ("PATCH", "oauthclients/app/status", &status),
        ("DELETE", "oauthclients/app", &Value::Null),
        ("DELETE", "oauthclients", &Value::Null),
    ];
    for (name, groups) in [
        ("of-team", &["staff", "team.staff"][..]),
        ("gone", &["staff"]),
        ("out", &["staff"]),
        ("over", &["staff"]),
        ("nobody", &["staff"]),
        // Whose token does not say so yet.
        ("second", &["nothing"]),
    ] {
        let somebody = stage.user(name, groups);
        for (method, path, body) in ways {
            let asked = somebody.ask(method, path, body);
            assert!(asked.is_err(), "{name} {method} {path}: {asked:?}");
        }
    }
    assert_eq!(there(), before);
    assert_eq!(all_that_is().as_array().unwrap().len(), 1, "nothing was made");
    let second = stage.user("second", &["staff"]);
    second.done("POST", "oauthclients", &client("another"));
    second.done("PATCH", "oauthclients/app", &patch);
    second.done("DELETE", "oauthclients/app", &Value::Null);
    assert!(
        second.ask("PATCH", "oauthclients/another/status", &status).is_err(),
        "that is Pasee's"
    );
}

/// What was admitted a moment before somebody lost root staff, and lands after it: what is all theirs goes, and what they changed is not
/// served until somebody has looked at it. What others have written stays.
#[test]
fn what_lands_after_a_withdrawal_is_taken_back() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    let spec = json!({ "role": "Staff", "users": ["kisee-swept"] });
    admin.done("POST", "memberships", &object("Membership", "root-swept", &spec));
    let controller = stage.controller("controller").leads();
    let get = |name: &str| admin.ask("GET", &format!("oauthclients/{name}"), &Value::Null);
    let is_gone = |name: &str| get(name).is_err_and(|refused| refused.code == 404);
    let make = |object: Value| {
        admin.done("POST", "oauthclients", &object);
    };
    let change = |name: &str, change: Value| {
        admin.done("PATCH", &format!("oauthclients/{name}"), &change);
    };
    make(client("kept"));
    make(client("shared"));
    make(by(client("before"), "swept"));
    make(by(client("looked-at"), "swept"));
    make(by(client("of-root"), "root"));
    eventually("all were seen as they were", || {
        ["kept", "shared", "before", "looked-at", "of-root"]
            .iter()
            .all(|name| !get(name).unwrap()["status"]["conditions"].is_null())
    });
    change("looked-at", json!({ "spec": { "name": "Looked at" } }));
    admin.done("DELETE", "memberships/root-swept", &Value::Null);
    make(by(client("after"), "swept"));
    let evil = || {
        let there = get("shared").unwrap();
        let version = &there["metadata"]["resourceVersion"];
        let change = json!({
            "spec": { "redirectUris": ["https://evil.example.com/callback"] }, "metadata": {},
        });
        let mut change = changed_by(change, "swept", version);
        change["metadata"]["resourceVersion"] = version.clone();
        admin.ask("PATCH", "oauthclients/shared", &change).is_ok()
    };
    eventually("it is changed as it was", evil);
    for name in ["after", "before"] {
        eventually(&format!("{name} is gone: {}", controller.log()), || is_gone(name));
    }
    eventually("what was changed is not served", || {
        let shared = get("shared").unwrap();
        shared["spec"]["enabled"] == json!(false)
            && shared["status"]["conditions"].to_string().contains("Disabled")
    });
    for name in ["kept", "looked-at", "of-root"] {
        assert!(get(name).unwrap()["spec"]["enabled"].is_null(), "{name}");
    }
    // Once it was looked at, it stays as it is.
    change(
        "shared",
        json!({ "spec": { "enabled": true, "redirectUris": client("x")["spec"]["redirectUris"] } }),
    );
    make(by(client("late"), "swept"));
    eventually("what comes late goes", || is_gone("late"));
    assert_eq!(get("shared").unwrap()["spec"]["enabled"], json!(true));
    controller.stop();
    // Who begins to lead judges what is young.
    make(by(client("missed"), "swept"));
    let controller = stage.controller("next").leads();
    eventually("a new leader looks", || is_gone("missed"));
    controller.stop();
}
