//! A namespace made a realm as an admin makes it: the definitions, and what `pasee policy` prints.
//!
//! Must not know what is tested.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::controlplane::{ControlPlane, User};
use super::patience::eventually;

/// Defines the resources, once for each control plane.
pub fn define(admin: &User) {
    static DONE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    if done.contains(&admin.kubeconfig) {
        return;
    }
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    admin.kubectl(["apply", "--server-side", "-f", crds]).ok();
    admin.kubectl(["wait", "--for=condition=Established", "-f", crds]).ok();
    done.insert(admin.kubeconfig.clone());
}

/// What `pasee policy` prints for a namespace.
pub fn printed(namespace: &str, options: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    let output = command.args(["policy", "--namespace", namespace]).args(options).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Applies it. The accounts `pasee-server` and `pasee-controller` are there then.
pub fn install(cluster: &ControlPlane, namespace: &str, options: &[&str]) {
    define(&cluster.admin);
    cluster.admin.apply(namespace, &printed(namespace, options)).ok();
}

/// The Role of that name as it is printed, less the verbs on resources that it may not have.
pub fn role(namespace: &str, name: &str, may: impl Fn(&str, &str) -> bool) -> Value {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&printed(namespace, &[])).unwrap();
    let is_it = |object: &Value| object["kind"] == "Role" && object["metadata"]["name"] == name;
    let mut role = objects.into_iter().find(is_it).unwrap();
    // A rule without a verb is none.
    role["rules"].as_array_mut().unwrap().retain_mut(|rule| {
        let resource = rule["resources"][0].as_str().unwrap().to_owned();
        let verbs = rule["verbs"].as_array_mut().unwrap();
        verbs.retain(|verb| may(verb.as_str().unwrap(), &resource));
        !verbs.is_empty()
    });
    role
}

/// Waits until the policies that were installed with these options are looked at: by somebody whom the roles let in and
/// the policy does not, and by root staff, whose groups get a creator.
pub fn wait_for_policy(cluster: &ControlPlane, namespace: &str, options: &[&str]) {
    let [probe, root] =
        ["probe", "pasee:probe-root"].map(|name| cluster.user(name, &["pasee:staff"]));
    let create = |user: &User, kind: &str, spec: &str| {
        let object = format!(
            r#"{{"apiVersion":"pasee.meltylab.fr/v1","kind":"{kind}","metadata":{{"name":"probe"}},"spec":{spec}}}"#
        );
        let output = ["-o", "jsonpath={.spec.creator}"];
        let arguments = ["create", "--dry-run=server", "-n", namespace, "-f", "-"];
        user.kubectl_with(arguments.into_iter().chain(output), &object)
    };
    eventually("the policy holds", || {
        [("Group", "{}"), ("Membership", r#"{"role":"Staff"}"#), ("User", r#"{"username":"k-x"}"#)]
            .iter()
            .all(|(kind, spec)| {
                create(&probe, kind, spec).stderr.contains("you are no user of the realm")
            })
    });
    if !options.contains(&"--no-mutating-policy") {
        eventually("creators are filled in", || {
            create(&root, "Group", "{}").stdout == "probe-root"
        });
    }
}
