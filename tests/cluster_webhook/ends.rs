//! Who is staff for a time stays it for that time: whatever they write with kubectl, or ask for over HTTP.

use serde_json::{Value, json};

use super::stage::{Asker, Stage};
use super::support::controlplane;
use super::support::own_time;
use super::support::realm::object;

const END: &str = "2099-01-01T00:00:00Z";
const SOONER: &str = "2098-01-01T00:00:00Z";
const LATER: &str = "2099-01-01T00:00:01Z";

fn refused(who: &Asker<'_>, method: &str, path: &str, body: &Value) {
    who.refused(method, path, body, "you are on this staff for a time");
}

/// A Membership of a name that the API server makes up.
fn any(spec: &Value) -> Value {
    let mut object = object("Membership", "", spec);
    object["metadata"] = json!({ "generateName": "m-" });
    object
}

#[test]
fn nobody_prolongs_their_own_time_on_a_staff() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    let put = |name: &str, spec: &Value| {
        admin.done("POST", "memberships", &object("Membership", name, spec))
    };
    put("local-root", &json!({ "role": "Staff", "users": ["local-root"] }));
    // Of each staff there is: who is on it for a time, alone or with others, by which kind of entry, and who is so for good.
    let accounts = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({ "namespace": "ci", "name": name })).collect()
    };
    for (staff, group, key, me, other) in [
        ("team", json!("team"), "users", "kisee-brief", "kisee-other"),
        ("root", Value::Null, "users", "kisee-brief", "kisee-other"),
        ("robots", json!("team"), "serviceAccounts", "brief", "other"),
    ] {
        let spec = |names: &[&str], end: Value| {
            let names = if key == "users" { json!(names) } else { accounts(names) };
            let mut spec = json!({ "role": "Staff", key: names });
            for (name, value) in [("group", group.clone()), ("expiresAt", end)] {
                if !value.is_null() {
                    spec[name] = value;
                }
            }
            spec
        };
        let id = if key == "users" { me.to_owned() } else { format!("k8s-ci:{me}") };
        let who = stage.asker(&cluster.user(&format!("pasee:{id}"), &["pasee::users"]));
        let [own, shared, good] = ["own", "shared", "good"].map(|name| format!("{staff}-{name}"));
        put(&own, &spec(&[me], json!(END)));
        put(&shared, &spec(&[me, other], json!(SOONER)));
        put(&good, &spec(&[other], Value::Null));
        let [own, shared, good] =
            [own, shared, good].map(|name| (format!("memberships/{name}"), name));

        // Once more, in whatever words.
        for end in [Value::Null, json!(SOONER), json!(END), json!(LATER)] {
            for names in [&[me][..], &[other, me]] {
                refused(&who, "POST", "memberships", &any(&spec(names, end.clone())));
                refused(&who, "POST", "memberships?dryRun=All", &any(&spec(names, end.clone())));
            }
        }
        refused(&who, "PATCH", &good.0, &json!({ "spec": spec(&[other, me], Value::Null) }));
        // Later, or without an end.
        for end in [Value::Null, json!(LATER), json!("9999-12-31T23:59:59Z")] {
            for (path, _) in [&own, &shared] {
                refused(&who, "PATCH", path, &json!({ "spec": { "expiresAt": end } }));
            }
        }
        // What the rest of them do is theirs: others, and less for themselves.
        who.done(
            "POST",
            "memberships",
            &any(&spec(
                &["accomplice"].map(|name| if key == "users" { "kisee-accomplice" } else { name }),
                Value::Null,
            )),
        );
        who.done("PATCH", &shared.0, &json!({ "spec": { "expiresAt": END } }));
        who.done("PATCH", &own.0, &json!({ "spec": { "expiresAt": SOONER } }));
        // Off it they are as anybody else.
        for (path, _) in [&own, &shared] {
            who.done("DELETE", path, &Value::Null);
        }
        who.refused("POST", "memberships", &any(&spec(&[me], json!(END))), "only root staff");
    }
    let server = &stage.server.as_ref().unwrap().pasee;
    stage.runtime.block_on(own_time::nobody_prolongs_their_own(server, "local-root"));
}
