//! What becomes of Groups, Memberships and Users while one controller runs.

use std::time::{Duration, Instant};

use serde_json::json;

use super::support::controlplane;
use super::support::pasee::{now, user};
use super::support::realm::{Realm, condition, group, manifest, membership, object};
use super::support::served::Served;
use super::{eventually, moment};

#[test]
fn what_is_applied_gets_ready_and_then_nothing_is_written() {
    let cluster = controlplane::shared();
    // Under the policy, which lets the controller pass; one realm shows that for all.
    let realm = Realm::new(&cluster);
    let controller = realm.leader("one");
    // Children first, as a GitOps tool may do it.
    realm.apply(&membership(
        "developers",
        &json!({ "group": "admin.my--developers", "users": ["x-ada", "x-alan", "x-ada"] }),
    ));
    realm.wait_for("memberships/developers", "GroupMissing");
    realm.apply(&group("admin.my--developers", "x-john"));
    realm.wait_for("groups/admin.my--developers", "ParentMissing");
    realm.wait_for("memberships/developers", "GroupNotReady");
    assert_eq!(realm.counts("admin.my--developers"), [0, 0, 0]);
    realm.apply(&group("admin", "x-you"));
    let ci = json!([{ "namespace": "ci", "name": "deployer" }]);
    realm.apply(&membership(
        "robots",
        &json!({ "group": "admin.my--developers", "serviceAccounts": ci }),
    ));
    realm.apply(&membership("root", &json!({ "role": "Staff", "users": ["x-you"] })));
    realm.apply(&manifest("User", "eve", &json!({ "username": "x-eve", "banned": true })));
    for object in [
        "groups/admin",
        "groups/admin.my--developers",
        "memberships/developers",
        "memberships/robots",
        "memberships/root",
        "users/eve",
    ] {
        realm.wait_for(object, "InEffect");
        let found = realm.get(object);
        assert_eq!(found["status"]["observedGeneration"], found["metadata"]["generation"]);
    }
    realm.wait_for_counts("admin", [0, 1, 1]);
    realm.wait_for_counts("admin.my--developers", [3, 1, 0]);
    assert_eq!(realm.get("memberships/developers")["status"]["users"], 2);
    eventually("the change of readiness is told", || {
        let told = realm.events("Group", "admin.my--developers");
        told.contains(&"ParentMissing".to_owned()) && told.contains(&"InEffect".to_owned())
    });
    assert_eq!(realm.events("Group", "admin"), Vec::<String>::new(), "nothing to tell");
    // One of our own that bans, as somebody made it who restored it: the revocation is written to that very object.
    let mut own = object("User", "own", &json!({ "username": "x-mallory", "banned": true }));
    own["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
    realm.apply(&own.to_string());
    realm.wait_for("users/own", "InEffect");
    let own = realm.get("users/own");
    assert_eq!(own["status"]["sessionsEnded"], true);
    assert!(own["spec"]["notBefore"].is_string(), "{own}");
    realm.settle();
    realm.stays_still(5);
    controller.stop();
    let again = realm.leader("two");
    eventually("it has looked at everything", || again.log().contains("the realm is known"));
    realm.stays_still(5);
    again.stop();
}

#[test]
fn what_is_below_a_group_goes_with_it_and_does_not_come_back() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    let names = ["a", "a.b", "a.b.c", "a.b.c.d", "other"];
    names.iter().for_each(|name| realm.apply(&group(name, "x-ada")));
    realm.apply(&membership("of-a", &json!({ "group": "a", "users": ["x-eve"] })));
    realm.apply(&membership("of-d", &json!({ "group": "a.b.c.d", "users": ["x-eve"] })));
    names.iter().for_each(|name| realm.wait_for_counts(name, realm_counts(name)));
    realm.wait_for("memberships/of-d", "InEffect");
    realm.wait_for("memberships/of-a", "InEffect");
    let owner = &realm.get("groups/a.b")["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], realm.get("groups/a")["metadata"]["uid"]);
    assert_eq!(owner["blockOwnerDeletion"], false);

    // Made again at once, so that garbage collection comes after it.
    realm.kubectl(&["delete", "groups.pasee.meltylab.fr/a"]);
    realm.apply(&group("a", "x-john"));
    eventually("all below is gone", || {
        ["groups/a.b", "groups/a.b.c", "groups/a.b.c.d", "memberships/of-a", "memberships/of-d"]
            .iter()
            .all(|object| realm.get(object).is_null())
    });
    realm.wait_for_counts("a", [0, 1, 0]);
    assert_eq!(realm.reason("groups/other"), "InEffect");
    let left = realm.kubectl(&["get", "memberships.pasee.meltylab.fr", "-o", "name"]);
    assert_eq!(left.lines().count(), 2, "the creators of other and of the new one: {left}");
    controller.stop();
}

fn realm_counts(name: &str) -> [i64; 3] {
    match name {
        "a" => [1, 1, 1],
        "a.b.c.d" => [1, 1, 0],
        "other" => [0, 1, 0],
        _ => [0, 1, 1],
    }
}

#[test]
fn a_creator_is_enrolled_once() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    realm.apply(&group("a", "x-ada"));
    realm.wait_for_counts("a", [0, 1, 0]);
    let made = realm.get("groups/a");
    assert_eq!(made["status"]["creatorEnrolled"], true);
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let name = format!("memberships/creator-{uid}");
    realm.wait_for(&name, "InEffect");
    assert_eq!(realm.get(&name)["spec"]["users"], json!(["x-ada"]));

    realm.delete(&name.replace('/', ".pasee.meltylab.fr/"));
    realm.wait_for_counts("a", [0, 0, 0]);
    realm.apply(&manifest("Group", "a", &json!({ "creator": "x-ada", "description": "changed" })));
    eventually("the change is seen", || realm.get("groups/a")["status"]["observedGeneration"] == 2);
    controller.stop();
    let again = realm.leader("two");
    realm.settle();
    assert!(realm.get(&name).is_null(), "the creator was removed, and stays so");
    assert_eq!(realm.counts("a"), [0, 0, 0]);
    again.stop();
}

#[test]
fn a_name_that_somebody_else_has_is_left_alone() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    realm.apply(&group("a", "x-ada"));
    let uid = realm.get("groups/a")["metadata"]["uid"].as_str().unwrap().to_owned();
    let name = format!("creator-{uid}");
    realm.apply(&membership(&name, &json!({ "group": "a", "users": ["x-eve"] })));
    let controller = realm.leader("one");
    realm.wait_for_counts("a", [1, 1, 0]);
    let made = realm.get("groups/a");
    assert_eq!(condition(&made, "CreatorEnrolled")["reason"], "NameTaken");
    assert_eq!(condition(&made, "Ready")["status"], "True");
    assert!(made["status"]["creatorEnrolled"].is_null());
    eventually("it is told", || realm.events("Group", "a") == ["NameTaken"]);
    let spec = realm.get(&format!("memberships/{name}"))["spec"].clone();
    assert_eq!(spec, json!({ "group": "a", "role": "Member", "users": ["x-eve"] }));
    realm.settle();
    realm.stays_still(3);

    realm.delete(&format!("memberships.pasee.meltylab.fr/{name}"));
    realm.wait_for_counts("a", [0, 1, 0]);
    eventually("the creator is enrolled", || {
        realm.get("groups/a")["status"]["creatorEnrolled"] == true
    });
    assert!(condition(&realm.get("groups/a"), "CreatorEnrolled").is_null());
    controller.stop();
}

#[test]
fn a_membership_ends_on_time() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    realm.apply(&group("a", "x-ada"));
    let counts = || {
        let found = realm.get("memberships/on-call");
        let is_seen = found["status"]["observedGeneration"] == found["metadata"]["generation"];
        is_seen
            && condition(&found, "InEffect")["status"] == "True"
            && realm.counts("a") == [1, 1, 0]
    };
    let mut seconds = 12;
    let end = loop {
        let end = now() + seconds;
        let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": moment(end) });
        realm.apply(&membership("on-call", &spec));
        eventually("it counts or is over", || counts() || now() >= end);
        if now() < end {
            break end;
        }
        // On a busy machine nobody may have seen it: once more, with more time.
        seconds *= 2;
    };
    eventually("it is over", || now() > end);
    // What is asked for afterwards is not done before: twice, one after the other, as looks may cross.
    for later in ["later", "yet-later"] {
        realm.apply(&membership(later, &json!({ "role": "Staff", "users": ["x-eve"] })));
        realm.wait_for(&format!("memberships/{later}"), "InEffect");
        realm.delete(&format!("memberships.pasee.meltylab.fr/{later}"));
    }
    assert_eq!(realm.reason("memberships/on-call"), "Expired");
    realm.wait_for_counts("a", [0, 1, 0]);
    let over = realm.get("memberships/on-call");
    // It is as it should be: nobody waits for it, and nothing is wrong with it.
    assert_eq!(condition(&over, "Ready")["status"], "True");
    assert_eq!(condition(&over, "InEffect")["status"], "False");
    realm.kubectl(&["wait", "--for=condition=Ready", "memberships", "--all", "--timeout=60s"]);
    let since = condition(&over, "InEffect")["lastTransitionTime"].clone();
    assert!(since.as_str().unwrap() >= &*moment(end), "{since} is before {}", moment(end));
    assert!(realm.events("Membership", "on-call").contains(&"Expired".to_owned()));
    // What HTTP wrote goes by itself, a week after its end; what others wrote is theirs.
    let week = 7 * 24 * 3_600;
    let ends = [("long-ago", now() - week - 1), ("of-late", now() - week + 3_600)];
    for (name, end) in ends {
        for (whose, by) in [("ours", "pasee"), ("theirs", "Helm")] {
            let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": moment(end) });
            let mut ended = object("Membership", &format!("{whose}-{name}"), &spec);
            ended["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": by });
            realm.apply(&ended.to_string());
        }
    }
    eventually("it goes", || realm.get("memberships/ours-long-ago").is_null());
    for left in ["theirs-long-ago", "ours-of-late", "theirs-of-late"] {
        realm.wait_for(&format!("memberships/{left}"), "Expired");
        realm.delete(&format!("memberships.pasee.meltylab.fr/{left}"));
    }
    // Made longer, it counts again.
    let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": moment(now() + 3_600) });
    realm.apply(&membership("on-call", &spec));
    realm.wait_for("memberships/on-call", "InEffect");
    realm.wait_for_counts("a", [1, 1, 0]);
    realm.settle();
    realm.stays_still(3);
    controller.stop();
}

#[test]
fn many_groups_come_to_rest() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    let groups: String = (0..200).map(|n| group(&format!("top.n{n}"), "x-ada")).collect();
    realm.apply(&groups);
    let since = Instant::now();
    realm.apply(&group("top", "x-ada"));
    realm.wait_for_counts("top", [0, 1, 200]);
    let ready = |name: &str| realm.counts(name) == [0, 1, 0];
    eventually("all are in effect", || ready("top.n0") && ready("top.n199"));
    println!("200 groups got into effect in {:.1} s", since.elapsed().as_secs_f64());
    realm.settle();
    realm.stays_still(3);
    realm.kubectl(&["delete", "groups.pasee.meltylab.fr/top"]);
    eventually("all is gone", || realm.versions().iter().all(|line| line.starts_with("events/")));
    std::thread::sleep(Duration::from_millis(500));
    controller.stop();
}

/// Whom a server's settings know is known to the controller, which has none; a provider that is set up later takes the words back.
#[test]
fn users_of_no_provider_are_told_of() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    let spec = json!({ "role": "Staff", "users": ["local-ada", "lokal-ada"] });
    realm.apply(&membership("root", &spec));
    realm.apply(&manifest("User", "eve", &json!({ "username": "lokal-eve", "banned": true })));
    realm.wait_for("memberships/root", "InEffect");
    realm.wait_for("users/eve", "InEffect");
    let told = |object: &str| condition(&realm.get(object), "ProvidersKnown");
    assert_eq!(told("memberships/root"), json!(null), "nobody has said which there are");

    let account = cluster.account(&realm.namespace, "pasee-server");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let served = runtime.block_on(Served::start(&realm.namespace, &account, ""));
    for object in ["memberships/root", "users/eve"] {
        eventually("it is told", || told(object)["reason"] == "UnknownProvider");
        let told = told(object);
        assert_eq!(told["status"], "False");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("the nearest one is local, as in local-"), "{message}");
        assert_eq!(condition(&realm.get(object), "Ready")["status"], "True");
    }
    eventually("an Event tells it too", || {
        realm.events("Membership", "root").contains(&"UnknownProvider".to_owned())
    });
    realm.settle();
    realm.stays_still(3);
    drop(served);
    let lokal = user("ada", 8);
    let more = format!("[[identity_providers]]\nname = \"lokal\"\nprotocol = \"local\"\n{lokal}");
    let served = runtime.block_on(Served::start(&realm.namespace, &account, &more));
    for object in ["memberships/root", "users/eve"] {
        eventually("it is told no more", || told(object).is_null());
    }
    drop(served);
    controller.stop();
}

/// Ended sessions are forgotten when they would be over anyway, and not before.
#[test]
fn ended_sessions_are_forgotten_in_time() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let sessions = |name: &str, until: &str| {
        let spec = json!({ "until": until, "sessions": ["0".repeat(32)] });
        realm.apply(&manifest("SessionRevocations", name, &spec));
    };
    sessions("going", "2099-01-01T00:00:00Z");
    sessions("over", "2001-01-01T00:00:00Z");
    let controller = realm.leader("one");
    eventually("what is over is forgotten", || realm.get("sessionrevocations/over").is_null());
    assert!(!realm.get("sessionrevocations/going").is_null());
    controller.kill();
}
