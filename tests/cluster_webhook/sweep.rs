//! What was admitted a moment before its author lost what entitled them, and was stored after it, is taken back.

use serde_json::{Value, json};

use super::stage::{Asker, Stage, by, changed_by, group, member, staff};
use super::support::controlplane;
use super::support::patience::eventually;
use super::support::realm::object;

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
    // Only to this version is it the change that was judged.
    let change = || {
        let there = admin.done("GET", &shared, &Value::Null);
        let version = &there["metadata"]["resourceVersion"];
        let change = json!({ "spec": { "users": ["kisee-c", "kisee-swept"] }, "metadata": {} });
        let mut change = changed_by(change, "swept", version);
        change["metadata"]["resourceVersion"] = version.clone();
        admin.ask("PATCH", &shared, &change).is_ok()
    };
    eventually("it is changed as it was", change);
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

/// Of what others made, or have changed since, nobody knows what somebody wrote who has lost what entitled them: it stays. What is
/// all theirs goes, also when who leads has seen nothing of it come.
#[test]
fn only_what_they_wrote_themselves_is_taken_back() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let (admin, swept) = (stage.admin(), stage.user("swept", &[]));
    stage.make_staff("team", "swept");
    let make = |who: &Asker<'_>, name: &str| {
        let spec = json!({ "group": "team", "users": ["kisee-a"] });
        who.done("POST", "memberships", &object("Membership", name, &spec));
        format!("memberships/{name}")
    };
    let users = |path: &str| admin.done("GET", path, &Value::Null)["spec"]["users"].clone();
    let set = |who: &Asker<'_>, path: &str, users: &[&str]| {
        who.done("PATCH", path, &json!({ "spec": { "users": users } }));
    };
    let touch = json!({ "metadata": { "labels": { "x": "y" } } });
    let is_gone =
        |path: &str| admin.ask("GET", path, &Value::Null).is_err_and(|refused| refused.code == 404);
    // While nobody leads.
    let [touched, grown] = ["touched", "grown"].map(|name| make(&admin, name));
    swept.done("PATCH", &touched, &touch);
    set(&swept, &grown, &["kisee-a", "kisee-b"]);
    let [own, touched_own, shared] =
        ["own", "touched-own", "shared"].map(|name| make(&swept, name));
    stage.user("staff", &[]).done("PATCH", &touched_own, &touch);
    set(&admin, &shared, &["kisee-a", "kisee-c"]);
    let (of_admin, of_swept) = ("groups/team.admin", "groups/team.swept");
    admin.done("POST", "groups", &group("team.admin"));
    swept.done("PATCH", of_admin, &json!({ "spec": { "description": "x" } }));
    swept.done("POST", "groups", &group("team.swept"));
    // An admin who restores what a person had made has made it.
    let copied = admin.done("GET", &own, &Value::Null);
    let mut copied = object("Membership", "copied", &copied["spec"]);
    let made = json!({ "madeBy": "kisee-swept", "madeAt": 1_700_000_000 }).to_string();
    copied["metadata"]["annotations"] =
        json!({ "pasee.meltylab.fr/actor": "kisee-swept", "pasee.meltylab.fr/written": made });
    admin.done("POST", "memberships", &copied);
    stage.remove_staff("team", "swept");
    let controller = stage.controller("controller").leads();
    for path in [&*own, &touched_own, of_swept] {
        eventually(&format!("{path} is gone: {}", controller.log()), || is_gone(path));
    }
    // What comes late, while somebody leads. The second is judged when all of the first was seen to.
    let late = || {
        let late = admin.done("POST", "memberships", &by(member("team", "late"), "swept"));
        let late = format!("memberships/{}", late["metadata"]["name"].as_str().unwrap());
        eventually("what comes late goes", || is_gone(&late));
    };
    late();
    late();
    for (path, names) in [
        (&*touched, json!(["kisee-a"])),
        (&grown, json!(["kisee-a", "kisee-b"])),
        (&shared, json!(["kisee-a", "kisee-c"])),
        ("memberships/copied", json!(["kisee-a"])),
    ] {
        assert_eq!(users(path), names, "{path}");
    }
    assert!(!is_gone(of_admin));
    // And while somebody sees it come: what is theirs goes from what is not.
    stage.make_staff("team", "swept");
    let (mixed, theirs) = (make(&admin, "mixed"), make(&swept, "theirs"));
    eventually("both were seen as they were", || {
        [&mixed, &theirs].iter().all(|path| {
            let seen = admin.done("GET", path, &Value::Null);
            !seen["status"]["conditions"].is_null()
        })
    });
    set(&swept, &mixed, &["kisee-a", "kisee-b"]);
    set(&admin, &theirs, &["kisee-a", "kisee-c"]);
    stage.remove_staff("team", "swept");
    eventually("who came by them goes", || users(&mixed) == json!(["kisee-a"]));
    eventually("those they began with go", || users(&theirs) == json!(["kisee-c"]));
    // The annotation names them still, but an admin wrote this.
    set(&admin, &mixed, &["kisee-a", "kisee-d"]);
    late();
    late();
    assert_eq!(users(&mixed), json!(["kisee-a", "kisee-d"]));
    controller.stop();
}
