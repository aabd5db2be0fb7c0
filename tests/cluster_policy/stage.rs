//! A realm under the policy, with groups and memberships to act on.
//!
//! Must not know who may do what.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::client::{Ask, Asker};
use super::support::controlplane::{ControlPlane, User};
use super::support::realm;
pub use super::support::realm::object;

pub struct Stage<'a> {
    pub cluster: &'a ControlPlane,
    pub namespace: String,
    pub runtime: Runtime,
}

impl<'a> Stage<'a> {
    /// An empty realm under the policy, as `pasee policy` prints it with these options.
    pub fn new(cluster: &'a ControlPlane, options: &[&str]) -> Self {
        let namespace = cluster.namespace();
        realm::install(cluster, &namespace, options);
        realm::wait_for_policy(cluster, &namespace, options);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { cluster, namespace, runtime }
    }

    pub fn asker(&self, user: &User) -> Asker<'_> {
        Asker::new(&self.runtime, user, &self.namespace)
    }

    pub fn admin(&self) -> Asker<'_> {
        self.asker(&self.cluster.admin)
    }

    /// `pasee-server` or `pasee-controller`.
    pub fn as_account(&self, name: &str) -> Asker<'_> {
        self.asker(&self.cluster.account(&self.namespace, name))
    }

    /// A user of the realm in groups, as tokens name both.
    pub fn user(&self, id: &str, groups: &[&str]) -> User {
        let groups: Vec<String> = groups.iter().map(|group| format!("pasee:{group}")).collect();
        let mut groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        groups.push("pasee::users");
        self.cluster.user(&format!("pasee:{id}"), &groups)
    }

    pub fn as_user(&self, id: &str, groups: &[&str]) -> Asker<'_> {
        self.asker(&self.user(id, groups))
    }

    /// Lets everybody who is somebody write everything, as far as RBAC goes, so that only the policy stands in the way.
    pub fn open_the_doors(&self) {
        let verbs = "get,list,watch,create,update,patch,delete,deletecollection";
        let resources = "groups.pasee.meltylab.fr,memberships.pasee.meltylab.fr,users.pasee.meltylab.fr,oauthclients.pasee.meltylab.fr";
        self.grant("anything", verbs, resources, "--group=system:authenticated");
    }

    /// Makes a Role and binds it to somebody.
    pub fn grant(&self, name: &str, verbs: &str, resources: &str, to: &str) {
        let (verbs, resources) = (format!("--verb={verbs}"), format!("--resource={resources}"));
        self.kubectl(&["create", "role", name, &verbs, &resources]);
        self.kubectl(&["create", "rolebinding", name, &format!("--role={name}"), to]);
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments = arguments.iter().copied().chain(["-n", &self.namespace]);
        self.cluster.admin.kubectl(arguments).ok()
    }
}

pub fn group(name: &str) -> Value {
    object("Group", name, &json!({}))
}

/// A Membership by which kisee-old is on a roster, such as `a.staff`.
pub fn membership(name: &str, roster: &str) -> Value {
    let mut spec = json!({ "role": "Member", "users": ["kisee-old"] });
    let group = match roster.strip_suffix("staff") {
        Some(group) => {
            spec["role"] = json!("Staff");
            group.trim_end_matches('.')
        }
        None => roster,
    };
    if !group.is_empty() {
        spec["group"] = json!(group.replace('_', "--"));
    }
    object("Membership", name, &spec)
}

/// Where objects of a manifest's kind are.
pub fn collection(object: &Value) -> String {
    format!("{}s", object["kind"].as_str().unwrap().to_lowercase())
}

/// Where the object of a manifest is.
pub fn place(object: &Value) -> String {
    format!("{}/{}", collection(object), object["metadata"]["name"].as_str().unwrap())
}

/// To make an object.
pub fn create(object: &Value) -> Ask {
    Ask::new("POST", collection(object), object.clone())
}

pub fn delete(object: &Value) -> Ask {
    Ask::new("DELETE", place(object), Value::Null)
}
