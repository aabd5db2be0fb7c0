//! What was admitted a moment before its author lost what entitled them, and was stored after it, is taken back.

use serde_json::{Value, json};

use super::stage::{Stage, by, group, member, staff};
use super::support::controlplane;
use super::support::patience::eventually;

#[test]
fn what_lands_after_a_withdrawal_is_taken_back() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    stage.make_staff("team", "swept");
    let controller = stage.controller("controller").leads();
    let post = |object: &Value| {
        let kind = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
        let made = admin.done("POST", &kind, object);
        format!("{kind}/{}", made["metadata"]["name"].as_str().unwrap())
    };
    let is_gone =
        |path: &str| admin.ask("GET", path, &Value::Null).is_err_and(|refused| refused.code == 404);
    let users = |path: &str| admin.done("GET", path, &Value::Null)["spec"]["users"].clone();
    // What stays: by whoever stays entitled, by GitOps, and what nobody of the realm wrote.
    let kept = [
        post(&by(member("team", "a"), "staff")),
        post(&member("team", "b")),
        post(&group("team.kept")),
    ];
    let shared = post(&member("team", "c"));
    // Who leads may not have read anything yet, and of what they find they do not know who came to it.
    eventually("it was seen as it was", || {
        !admin.done("GET", &shared, &Value::Null)["status"]["conditions"].is_null()
    });
    let before = post(&by(staff("team", "accomplice"), "swept"));
    stage.remove_staff("team", "swept");
    // As a request that was under way: judged before, stored after.
    let after = [
        post(&by(staff("team", "swept"), "swept")),
        post(&by(member("team", "swept"), "swept")),
        post(&by(group("team.swept"), "swept")),
        post(&by(staff("team", "z"), "banned")),
    ];
    let mut change =
        by(json!({ "spec": { "users": ["kisee-c", "kisee-swept"] }, "metadata": {} }), "swept");
    change["metadata"]["labels"] = json!({ "x": "y" });
    admin.done("PATCH", &shared, &change);
    for path in after.iter().chain([&before]) {
        eventually(&format!("{path} is gone: {}", controller.log()), || is_gone(path));
    }
    eventually("who came goes", || users(&shared) == json!(["kisee-c"]));
    for path in &kept {
        assert!(!is_gone(path), "{path}");
    }
    controller.stop();
    // Who begins to lead does not know what happened before, and judges what is young.
    let missed = post(&by(staff("team", "swept"), "swept"));
    let controller = stage.controller("next").leads();
    eventually("a new leader looks", || is_gone(&missed));
    controller.stop();
}
