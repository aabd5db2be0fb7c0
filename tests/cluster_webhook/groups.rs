//! Groups deleted and made again, with nobody there but the API server, its garbage collector and the webhook.

use serde_json::{Value, json};

use super::stage::{Stage, group, member, staff};
use super::support::controlplane;
use super::support::patience::eventually;
use super::support::realm::object;

/// Nothing that a user of the realm wrote outlives its group, and nothing waits for the next one of that name.
#[test]
fn what_belongs_to_a_deleted_group_goes_with_it_without_a_controller() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let (admin, root) = (stage.admin(), stage.user("root", &[]));
    for group in ["team", "team.sub"] {
        root.done("POST", "memberships", &staff(group, "tied"));
    }
    let who = stage.user("tied", &["team.staff", "team.sub.staff"]);
    let own = who.done("POST", "memberships", &staff("team", "accomplice"));
    let below = who.done("POST", "groups", &group("team.new"));
    let uid = admin.done("GET", "groups/team", &Value::Null)["metadata"]["uid"].clone();
    for object in [&own, &below] {
        let owners = &object["metadata"]["ownerReferences"];
        assert_eq!((&owners[0]["uid"], owners.as_array().unwrap().len()), (&uid, 1), "{object}");
        assert_eq!(object["metadata"]["annotations"]["pasee.meltylab.fr/actor"], "kisee-tied");
    }
    assert_eq!(below["spec"]["creator"], "kisee-tied");
    let own = format!("memberships/{}", own["metadata"]["name"].as_str().unwrap());
    root.done("DELETE", "groups/team", &Value::Null);
    // At once, whether or not the garbage collector has been there.
    for object in [
        member("team", "staff"),
        staff("team", "staff"),
        member("team.sub", "staff"),
        staff("team.sub", "staff"),
    ] {
        who.refused("POST", "memberships", &object, "may say who is in");
    }
    who.refused("POST", "groups", &group("team.other"), "may create");
    who.refused("POST", "groups", &group("team.sub.other"), "may create");
    root.refused("POST", "memberships", &member("team", "x"), "the group team does not exist");
    root.refused("POST", "groups", &group("team.sub.other"), "does not exist or is not in effect");
    root.done("POST", "groups", &group("team"));
    who.refused("POST", "groups", &group("team.mine"), "may create");
    eventually("the garbage collector takes them", || {
        [&*own, "groups/team.new"].iter().all(|path| {
            admin.ask("GET", path, &Value::Null).is_err_and(|refused| refused.code == 404)
        })
    });
    // What an admin had made, tied to nothing, is another matter: it counts again, as a RoleBinding would.
    stage.user("staff", &[]).done("POST", "groups", &group("team.mine"));
}

/// Objects of GitOps come before their groups and after them, and belong to nobody until the controller ties them.
#[test]
fn gitops_is_as_it_was() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let gitops = stage.gitops();
    let spec = json!({ "group": "later", "role": "Staff", "users": ["kisee-git"] });
    let before = gitops.done("POST", "memberships", &object("Membership", "before", &spec));
    assert!(before["metadata"]["ownerReferences"].is_null());
    assert!(before["metadata"]["annotations"].is_null());
    let who = stage.user("git", &["later.staff"]);
    who.refused(
        "POST",
        "memberships",
        &member("later", "x"),
        "only root staff and the staff of later",
    );
    gitops.done("POST", "groups", &group("later"));
    who.done("POST", "memberships", &member("later", "x"));
    let after = object("Membership", "after", &json!({ "group": "later", "users": ["kisee-git"] }));
    gitops.done("POST", "memberships", &after);
    gitops.done(
        "PATCH",
        "memberships/after",
        &json!({ "spec": { "users": ["kisee-a", "kisee-b"] } }),
    );
    gitops.done("DELETE", "memberships/before", &Value::Null);
    who.refused(
        "POST",
        "memberships",
        &member("later", "y"),
        "only root staff and the staff of later",
    );
    gitops.done("DELETE", "groups/later", &Value::Null);
}

/// Whoever names what they may not see learns nothing of it, and no name of Pasee's own can be taken.
#[test]
fn refusals_tell_nothing_that_their_readers_may_not_know() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let admin = stage.admin();
    stage.make_group("hidden");
    let spec = json!({ "group": "hidden", "users": ["kisee-secret"] });
    let made = admin.done("POST", "memberships", &object("Membership", "unseen", &spec));
    let who = stage.user("staff", &["team.staff"]);
    for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({ "spec": { "users": [] } }))] {
        let refused = who.ask(method, "memberships/unseen", &body).unwrap_err();
        assert!(refused.message.contains("the staff of the group that it is of"), "{refused:?}");
        for secret in ["hidden", "secret", made["metadata"]["uid"].as_str().unwrap()] {
            assert!(!refused.message.contains(secret), "{refused:?}");
        }
    }
    let uid = admin.done("GET", "groups/hidden", &Value::Null)["metadata"]["uid"].clone();
    let name = format!("creator-{}", uid.as_str().unwrap());
    let squat = object("Membership", &name, &json!({ "group": "team", "role": "Staff" }));
    who.refused("POST", "memberships", &squat, "take another name");
    let mut generated = squat;
    generated["metadata"] = json!({ "generateName": "creator-" });
    who.refused("POST", "memberships", &generated, "take another name");
    let mut owned = member("team", "x");
    owned["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "name": "hidden", "uid": uid,
    }]);
    who.refused("POST", "memberships", &owned, "ownerReferences are not yours");
    let of_another = object("Group", "team.x", &json!({ "creator": "kisee-other" }));
    who.refused("POST", "groups", &of_another, "spec.creator must be you: kisee-staff");
    // An author that somebody makes up is overwritten.
    let mut signed = member("team", "x");
    signed["metadata"]["annotations"] = json!({ "pasee.meltylab.fr/actor": "kisee-root" });
    let signed = who.done("POST", "memberships", &signed);
    assert_eq!(signed["metadata"]["annotations"]["pasee.meltylab.fr/actor"], "kisee-staff");
}
