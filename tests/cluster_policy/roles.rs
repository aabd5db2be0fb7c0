//! kubectl, GitOps and Kubernetes itself under the policies and roles that are printed.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Ask;
use super::stage::{Stage, create, group, membership};
use super::support::controlplane;

pub fn examples() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples").to_owned()
}

#[test]
fn the_api_server_finds_nothing_odd_in_the_policies() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    for what in ["groups", "memberships", "users", "oauthclients"] {
        let policy = format!("{what}.{}.pasee.meltylab.fr", stage.namespace);
        let since = Instant::now();
        let status = loop {
            let all = ["get", "validatingadmissionpolicy", &policy, "-o", "json"];
            let policy: Value = serde_json::from_str(&cluster.admin.kubectl(all).ok()).unwrap();
            if policy["status"]["observedGeneration"] == policy["metadata"]["generation"] {
                break policy["status"].clone();
            }
            assert!(since.elapsed() < Duration::from_secs(60), "{policy}");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(status["typeChecking"], serde_json::json!({}), "{status}");
    }
}

/// The admin and root staff apply the examples, by every way of applying; nobody else can.
#[test]
fn examples_are_applied() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let (examples, namespace) = (examples(), stage.namespace.as_str());
    let server = ["apply", "--server-side", "-n", namespace, "-f", &examples];
    let client = ["apply", "-n", namespace, "-f", &examples];
    let replace = ["replace", "-n", namespace, "-f", &examples];
    let away = ["delete", "-n", namespace, "-f", &examples, "--wait=false"];
    let root = stage.user("kisee-you", &["staff"]);
    let john = stage.user("kisee-john", &["articles.staff"]);
    for (user, ways) in [
        (&cluster.admin, &[&server[..], &client, &replace][..]),
        (&root, &[&server, &server, &client, &client]),
        (&root, &[&client, &client, &server]),
    ] {
        for way in ways {
            user.kubectl(way.iter()).ok();
        }
        let refusal = john.kubectl(server).refused();
        assert!(refusal.contains("cannot patch resource"), "{refusal}");
        user.kubectl(away).ok();
    }
}

/// Staff of a group, who read nothing, make and delete with kubectl.
#[test]
fn staff_of_a_group_use_kubectl() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    stage.admin().done(&create(&group("articles")));
    let (john, namespace) = (stage.user("kisee-john", &["articles.staff"]), &*stage.namespace);
    let manifests = [group("articles.drafts"), membership("writers", "articles")];
    let manifests: String = manifests.iter().map(|object| format!("---\n{object}\n")).collect();
    john.kubectl_with(["create", "-n", namespace, "-f", "-"], &manifests).ok();
    let denied = group("comments.drafts").to_string();
    let refusal = john.kubectl_with(["create", "-n", namespace, "-f", "-"], &denied).refused();
    assert!(refusal.contains("only root staff and the staff of comments may create"), "{refusal}");
    john.kubectl_with(["delete", "-n", namespace, "-f", "-"], &manifests).ok();
    let left = stage.kubectl(&["get", "pasee", "-o", "name"]);
    assert_eq!(left, "group.pasee.meltylab.fr/articles\n");
}

#[test]
fn staff_who_may_patch_apply() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &["--staff-may-patch"]);
    stage.admin().done(&create(&group("articles")));
    let john = stage.user("kisee-john", &["articles.staff"]);
    let manifests = [group("articles.drafts"), membership("writers", "articles")];
    let manifests: String = manifests.iter().map(|object| format!("---\n{object}\n")).collect();
    for manifests in [&manifests, &manifests, &manifests.replace("kisee-old", "kisee-new")] {
        john.apply(&stage.namespace, manifests).ok();
    }
    assert!(stage.kubectl(&["get", "memberships", "-o", "yaml"]).contains("kisee-new"));
    // What reads first is not given by that, as docs/kubernetes.md says.
    let writers = "memberships.pasee.meltylab.fr/writers";
    let merge = ["patch", writers, "-n", &stage.namespace, "--type=merge", "-p", "{\"spec\":{}}"];
    for reading in [&merge[..], &["get", writers, "-n", &stage.namespace]] {
        let refusal = john.kubectl(reading).refused();
        assert!(refusal.contains("cannot get"), "{refusal}");
    }
    let refusal = john.apply(&stage.namespace, &membership("m", "comments").to_string()).refused();
    assert!(refusal.contains("only root staff and the staff of comments may say who"), "{refusal}");
}

/// Kubernetes' own controllers are not held up.
#[test]
fn a_realm_can_be_deleted() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster, &[]);
    let admin = stage.admin();
    let parent = admin.done(&create(&group("a")));
    let mut child = group("a.b");
    child["metadata"]["ownerReferences"] = serde_json::json!([{
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "Group", "name": "a", "uid": parent["metadata"]["uid"],
    }]);
    admin.done(&create(&child));
    admin.done(&create(&group("c")));
    admin.done(&create(&membership("m", "c")));
    let root = stage.as_user("kisee-root", &["staff"]);
    root.done(&Ask::new("DELETE", "groups/a", Value::Null));
    let since = Instant::now();
    while admin.ask(&Ask::new("GET", "groups/a.b", Value::Null)).is_ok() {
        assert!(since.elapsed() < Duration::from_secs(60), "garbage is collected");
        std::thread::sleep(Duration::from_millis(50));
    }
    cluster.admin.kubectl(["delete", "namespace", &stage.namespace, "--timeout=60s"]).ok();
}

/// The AuthenticationConfiguration that docs/kubernetes.md shows.
pub fn shown_configuration() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubernetes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let shown: Vec<&str> =
        blocks.filter(|block| block.contains("kind: AuthenticationConfiguration")).collect();
    let [shown] = shown.as_slice() else { panic!("one is shown: {shown:?}") };
    (*shown).to_owned()
}
