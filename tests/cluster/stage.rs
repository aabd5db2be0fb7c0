//! The stage itself: what the other tests here take for granted of the control plane they run on.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::eventually;
use super::support::controlplane::{self, ControlPlane, User};

/// Colours, which must not be grey, and stay what they are.
const COLOURS: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: colours.stage.example.com }
spec:
  group: stage.example.com
  scope: Namespaced
  names: { kind: Colour, plural: colours, singular: colour }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [name]
              properties:
                name:
                  type: string
                  maxLength: 20
                  x-kubernetes-validations:
                    - { rule: "self != 'grey'", message: "grey is no colour; a right one is blue" }
                    - { rule: "self == oldSelf", message: "a colour stays what it is" }
                shade: { type: string, maxLength: 20 }
"#;

fn colour(name: &str) -> String {
    let spec = json!({ "name": name });
    let metadata = json!({ "name": "wall" });
    json!({ "apiVersion": "stage.example.com/v1", "kind": "Colour", "metadata": metadata, "spec": spec })
        .to_string()
}

fn config_map(name: &str, owner: Option<&str>) -> String {
    let mut metadata = json!({ "name": name });
    if let Some(uid) = owner {
        metadata["ownerReferences"] =
            json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid }]);
    }
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": "1" } })
        .to_string()
}

fn exists(user: &User, namespace: &str, object: &str) -> bool {
    let found = user.kubectl(["get", object, "-n", namespace, "--ignore-not-found", "-o", "name"]);
    !found.ok().is_empty()
}

/// How the API server sees a user: the name and the groups.
fn seen(user: &User) -> (String, BTreeSet<String>) {
    let answer = user.kubectl(["auth", "whoami", "-o", "json"]).ok();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let seen = &answer["status"]["userInfo"];
    let groups = seen["groups"].as_array().unwrap().iter();
    let groups = groups.map(|group| group.as_str().unwrap().to_owned()).collect();
    (seen["username"].as_str().unwrap().to_owned(), groups)
}

/// Makes an object and another that it owns.
fn owner_and_owned(cluster: &ControlPlane, namespace: &str) {
    cluster.admin.apply(namespace, &config_map("owner", None)).ok();
    let uid = ["get", "configmap/owner", "-n", namespace, "-o", "jsonpath={.metadata.uid}"];
    let uid = cluster.admin.kubectl(uid).ok();
    cluster.admin.apply(namespace, &config_map("owned", Some(&uid))).ok();
}

#[test]
fn versions_are_stamped() {
    let cluster = controlplane::shared();
    let answer = cluster.admin.kubectl(["version", "-o", "json"]).ok();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let version = answer["serverVersion"]["gitVersion"].as_str().unwrap();
    assert!(version.starts_with("v1."), "{version}");
    assert_ne!(answer["serverVersion"]["minor"], "");
    println!("Kubernetes {version} was ready in {:.1} s", cluster.started_in.as_secs_f64());
    for component in [&cluster.etcd, &cluster.apiserver, &cluster.controller_manager] {
        println!("{}: {} MB", component.name(), component.memory().unwrap_or_default() / 1_000_000);
    }
}

#[test]
fn rules_of_a_resource_are_enforced() {
    let cluster = controlplane::shared();
    let (admin, namespace) = (&cluster.admin, cluster.namespace());
    admin.apply(&namespace, COLOURS).ok();
    let established = ["wait", "--for=condition=Established", "crd/colours.stage.example.com"];
    admin.kubectl(established).ok();
    let refusal = admin.apply(&namespace, &colour("grey")).refused();
    assert!(refusal.contains("grey is no colour; a right one is blue"), "{refusal}");
    admin.apply(&namespace, &colour("blue")).ok();
    let refusal = admin.apply(&namespace, &colour("red")).refused();
    assert!(refusal.contains("a colour stays what it is"), "{refusal}");
    assert!(exists(admin, &namespace, "colours/wall"));
}

#[test]
fn fields_have_managers() {
    let cluster = controlplane::shared();
    let (admin, namespace) = (&cluster.admin, cluster.namespace());
    let map = config_map("shared", None);
    admin.apply(&namespace, &map).ok();
    let by_other = ["apply", "--server-side", "--field-manager=other", "-n", &namespace, "-f", "-"];
    let refusal = admin.kubectl_with(by_other, &map.replace("\"1\"", "\"2\"")).refused();
    assert!(refusal.contains("conflict with \"test\": .data.a"), "{refusal}");
    admin.kubectl_with(by_other, &map.replace("\"a\"", "\"b\"")).ok();
    let data = ["get", "configmap/shared", "-n", &namespace, "-o", "jsonpath={.data}"];
    assert_eq!(admin.kubectl(data).ok(), r#"{"a":"1","b":"1"}"#);
}

#[test]
fn what_is_owned_goes_with_its_owner() {
    let cluster = controlplane::shared();
    let namespace = cluster.namespace();
    owner_and_owned(&cluster, &namespace);
    assert!(exists(&cluster.admin, &namespace, "configmap/owned"));
    cluster.admin.kubectl(["delete", "configmap/owner", "-n", &namespace]).ok();
    eventually("the owned object is gone", || {
        !exists(&cluster.admin, &namespace, "configmap/owned")
    });
}

#[test]
fn namespaces_are_apart_and_can_go() {
    let cluster = controlplane::shared();
    let [one, two] = [cluster.namespace(), cluster.namespace()];
    assert_ne!(one, two);
    cluster.admin.apply(&one, &config_map("owner", None)).ok();
    assert!(exists(&cluster.admin, &one, "configmap/owner"));
    assert!(!exists(&cluster.admin, &two, "configmap/owner"));
    cluster.admin.kubectl(["delete", "namespace", &one, "--timeout=60s"]).ok();
    let gone = cluster.admin.kubectl(["get", "namespace", &one]).refused();
    assert!(gone.contains("not found"), "{gone}");
}

#[test]
fn users_have_the_name_and_groups_of_their_certificate() {
    let cluster = controlplane::shared();
    let long = "g".repeat(1000);
    let many: Vec<String> = (0..200).map(|n| format!("pasee:group.number.{n}")).collect();
    let cases: [(&str, Vec<&str>); 4] = [
        ("pasee:kisee-ada", vec![]),
        ("pasee:kisee-alan", vec!["pasee:admin", "pasee:admin.staff"]),
        ("pasee:kisee-a,O=x/\"ü\"", vec!["with space, comma", "+=;<>#", "größer", &long]),
        ("pasee:kisee-many", many.iter().map(String::as_str).collect()),
    ];
    for (name, groups) in cases {
        let (seen_name, seen_groups) = seen(&cluster.user(name, &groups));
        let mut wanted: BTreeSet<String> = groups.into_iter().map(str::to_owned).collect();
        wanted.insert("system:authenticated".to_owned());
        assert_eq!((seen_name.as_str(), seen_groups), (name, wanted));
    }
    let (name, groups) = seen(&cluster.admin);
    assert_eq!(name, "admin");
    assert!(groups.contains("system:masters"), "{groups:?}");
}

#[test]
fn users_may_what_their_groups_may() {
    let cluster = controlplane::shared();
    let namespace = cluster.namespace();
    let ada = cluster.user("pasee:kisee-ada", &["pasee:readers"]);
    let list = ["get", "configmaps", "-n", &namespace];
    let refusal = ada.kubectl(list).refused();
    assert!(refusal.contains("\"pasee:kisee-ada\" cannot list resource"), "{refusal}");
    let bind = ["create", "rolebinding", "readers", "--clusterrole=view", "--group=pasee:readers"];
    cluster.admin.kubectl(bind.into_iter().chain(["-n", &namespace])).ok();
    eventually("the group may list", || ada.kubectl(list).success);
    let other = cluster.user("pasee:kisee-ada", &["pasee:reader"]);
    other.kubectl(list).refused();
}

#[test]
fn service_accounts_have_tokens() {
    let cluster = controlplane::shared();
    let namespace = cluster.namespace();
    let account = cluster.service_account(&namespace, "robot");
    let (name, groups) = seen(&account);
    assert_eq!(name, format!("system:serviceaccount:{namespace}:robot"));
    assert_eq!(name, account.name);
    assert!(groups.contains(&format!("system:serviceaccounts:{namespace}")), "{groups:?}");
}

#[test]
fn data_outlives_every_component() {
    let mut cluster = controlplane::alone();
    let namespace = cluster.namespace();
    let admin = cluster.admin.clone();
    let ada = cluster.user("pasee:kisee-ada", &[]);
    admin.apply(&namespace, &config_map("owner", None)).ok();
    cluster.apiserver.stop();
    let refusal = admin.kubectl(["get", "namespaces"]).refused();
    assert!(refusal.contains("refused"), "{refusal}");
    cluster.apiserver.start();
    cluster.wait_until_ready();
    assert!(exists(&admin, &namespace, "configmap/owner"));
    cluster.apiserver.kill();
    cluster.etcd.kill();
    cluster.repair();
    assert!(exists(&admin, &namespace, "configmap/owner"));
    assert_eq!(seen(&ada).0, "pasee:kisee-ada");
    cluster.etcd.stop();
    let get = ["get", "configmap/owner", "-n", &namespace, "--request-timeout=2s"];
    admin.kubectl(get).refused();
    cluster.etcd.start();
    eventually("etcd is used again", || admin.kubectl(get).success);
}

#[test]
fn a_paused_api_server_answers_when_resumed() {
    let cluster = controlplane::alone();
    let get = ["get", "--raw", "/readyz", "--request-timeout=1s"];
    cluster.apiserver.pause();
    cluster.admin.kubectl(get).refused();
    cluster.apiserver.resume();
    eventually("it answers again", || cluster.admin.kubectl(get).success);
}

#[test]
fn the_garbage_of_a_stopped_controller_manager_waits() {
    let mut cluster = controlplane::alone();
    let namespace = cluster.namespace();
    owner_and_owned(&cluster, &namespace);
    cluster.controller_manager.kill();
    let admin = cluster.admin.clone();
    admin.kubectl(["delete", "configmap/owner", "-n", &namespace]).ok();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(exists(&admin, &namespace, "configmap/owned"));
    cluster.repair();
    eventually("the owned object is gone", || !exists(&admin, &namespace, "configmap/owned"));
}
