//! Every replica of Pasee away, or none that answers: users of the realm are told so, and nobody else notices.

use serde_json::{Value, json};

use super::stage::{Asker, Stage, group, member};
use super::support::controlplane;
use super::support::realm::object;

#[track_caller]
fn is_closed(who: &Asker<'_>, says: &str) {
    for (method, path, body) in [
        ("POST", "memberships", member("team", "x")),
        ("POST", "groups", group("team.x")),
        ("DELETE", "memberships/team-member", Value::Null),
        ("DELETE", "groups/team.sub", Value::Null),
    ] {
        let refused = who.ask(method, path, &body).unwrap_err();
        assert!(refused.message.contains("failed calling webhook"), "{refused:?}");
        assert!(refused.message.contains(says), "{refused:?}");
    }
}

#[test]
fn without_a_pasee_users_of_the_realm_write_nothing_and_nobody_else_notices() {
    let cluster = controlplane::shared();
    let mut stage = Stage::new(&cluster);
    // A paused one is waited for, for five seconds, and then nothing is written.
    stage.signal_server("-STOP");
    let refused =
        stage.user("staff", &[]).ask("POST", "memberships", &member("team", "x")).unwrap_err();
    assert!(refused.message.contains("failed calling webhook"), "{refused:?}");
    stage.signal_server("-CONT");
    stage.user("staff", &[]).done("POST", "memberships", &member("team", "x"));
    stage.server = None;
    is_closed(&stage.user("staff", &["team.staff"]), "connection refused");
    is_closed(&stage.user("root", &["staff"]), "connection refused");
    for (number, who) in [stage.gitops(), stage.admin()].iter().enumerate() {
        let name = format!("team.by{number}");
        who.done("POST", "groups", &group(&name));
        let spec = json!({ "group": name, "users": ["kisee-x"] });
        let made = who.done("POST", "memberships", &object("Membership", &name, &spec));
        let path = format!("memberships/{}", made["metadata"]["name"].as_str().unwrap());
        who.done("PATCH", &path, &json!({ "spec": { "users": ["kisee-y"] } }));
        who.done("DELETE", &path, &Value::Null);
        who.done("DELETE", &format!("groups/{name}"), &Value::Null);
    }
    let controller = stage.controller("controller").leads();
    super::support::patience::eventually("the controller works", || {
        let group = stage.admin().done("GET", "groups/team", &Value::Null);
        !group["status"]["conditions"].is_null()
    });
    controller.stop();
    stage.serve();
    stage.user("staff", &[]).done("POST", "memberships", &member("team", "x"));
}
