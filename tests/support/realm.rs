//! A namespace made a realm as an admin makes it: the definitions, and what `pasee policy` prints. What is applied there,
//! and how it stands.
//!
//! Must not know what is tested.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::controller::Controller;
use super::controlplane::{ControlPlane, Reader, User};
use super::patience::eventually;

/// A realm in a namespace of its own, and controllers that run it as a service account.
pub struct Realm {
    pub namespace: String,
    admin: User,
    account: User,
    reader: Reader,
    dir: TempDir,
}

impl Realm {
    pub fn new(cluster: &ControlPlane) -> Self {
        Self::with(cluster, |namespace| install(cluster, namespace, &[]))
    }

    /// One where nothing but RBAC says who may what.
    pub fn without_policy(cluster: &ControlPlane) -> Self {
        Self::with(cluster, |namespace| install_accounts(cluster, namespace))
    }

    fn with(cluster: &ControlPlane, install: impl FnOnce(&str)) -> Self {
        let admin = cluster.admin.clone();
        let namespace = cluster.namespace();
        install(&namespace);
        let account = cluster.account(&namespace, "pasee-controller");
        let reader = Reader::new(&admin);
        let dir = tempfile::tempdir().unwrap();
        Self { namespace, admin, account, reader, dir }
    }

    /// Lets controllers do what their role says, but only these verbs on resources.
    pub fn permit(&self, may: impl Fn(&str, &str) -> bool) {
        self.apply(&role(&self.namespace, "pasee-controller", may).to_string());
    }

    /// Starts a controller; `name` is for its log.
    pub fn controller(&self, name: &str) -> Controller {
        Controller::start(&self.namespace, &self.account, self.dir.path(), name)
    }

    /// The same with these variables in its environment.
    pub fn controller_with(&self, name: &str, variables: &[(&str, String)]) -> Controller {
        let dir = self.dir.path();
        Controller::start_with(&self.namespace, &self.account, dir, name, variables)
    }

    /// Starts a controller and waits until it leads.
    pub fn leader(&self, name: &str) -> Controller {
        self.controller(name).leads()
    }

    /// Applies manifests, one YAML stream.
    pub fn apply(&self, manifests: &str) {
        self.admin.apply(&self.namespace, manifests).ok();
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments = arguments.iter().copied().chain(["-n", &self.namespace]);
        self.admin.kubectl(arguments).ok()
    }

    pub fn delete(&self, object: &str) {
        self.kubectl(&["delete", object]);
    }

    /// An object such as `groups/a`; null when there is none.
    pub fn get(&self, object: &str) -> Value {
        self.reader.read(&self.place(object))
    }

    /// The reason of the condition `Ready`, empty while there is none.
    pub fn reason(&self, object: &str) -> String {
        condition(&self.get(object), "Ready")["reason"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn wait_for(&self, object: &str, reason: &str) {
        eventually(&format!("{object} is {reason}, not {}", self.reason(object)), || {
            self.reason(object) == reason
        });
    }

    /// Members, staff and subgroups of a group.
    pub fn counts(&self, group: &str) -> [i64; 3] {
        let status = self.get(&format!("groups/{group}"))["status"].clone();
        ["members", "staff", "subgroups"].map(|count| status[count].as_i64().unwrap_or(-1))
    }

    #[track_caller]
    pub fn wait_for_counts(&self, group: &str, counts: [i64; 3]) {
        let what = format!("{group} has {counts:?}, not {:?}", self.counts(group));
        eventually(&what, || self.counts(group) == counts);
    }

    /// Every object of Pasee with its version, and the Events about them.
    pub fn versions(&self) -> Vec<String> {
        let ours = ["groups", "memberships", "users"].map(|kind| self.place(kind));
        let events = format!("/api/v1/namespaces/{}/events", self.namespace);
        let mut versions = Vec::new();
        for path in ours.into_iter().chain([events]) {
            let list = self.reader.read(&path);
            let kind = path.rsplit('/').next().unwrap();
            versions.extend(list["items"].as_array().unwrap().iter().map(|object| {
                let metadata = &object["metadata"];
                format!("{kind}/{} {}", metadata["name"], metadata["resourceVersion"])
            }));
        }
        versions
    }

    /// Where an object such as `groups/a` is, or all of its kind.
    fn place(&self, object: &str) -> String {
        format!("/apis/pasee.meltylab.fr/v1/namespaces/{}/{object}", self.namespace)
    }

    /// Asserts that nothing is written for some seconds.
    #[track_caller]
    pub fn stays_still(&self, seconds: u64) {
        let before = self.versions();
        assert!(!before.is_empty());
        std::thread::sleep(std::time::Duration::from_secs(seconds));
        assert_eq!(before, self.versions(), "no write in {seconds} s");
    }

    /// Waits until nothing is written for two seconds.
    pub fn settle(&self) {
        eventually("it comes to rest", || {
            let before = self.versions();
            std::thread::sleep(std::time::Duration::from_secs(2));
            before == self.versions()
        });
    }

    /// The reasons of the Events about an object.
    pub fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", self.namespace);
        let events = self.reader.read(&path);
        let of = |event: &&Value| {
            event["regarding"]["kind"] == kind && event["regarding"]["name"] == name
        };
        let items = events["items"].as_array().unwrap().iter();
        items.filter(of).map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
    }

    /// Who leads, as the Lease says.
    pub fn holder(&self) -> String {
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace);
        let lease = self.reader.read(&format!("{leases}/pasee-controller"));
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn condition(object: &Value, type_: &str) -> Value {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|one| one["type"] == type_).cloned().unwrap_or_default()
}

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

/// What `pasee policy` prints for a namespace; without a webhook, unless an option says where one answers.
pub fn printed(namespace: &str, options: &[&str]) -> String {
    let is_judged = options.iter().any(|option| option.starts_with("--webhook-url"));
    let webhook = Some("--no-webhook").filter(|_| !is_judged);
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    command.args(["policy", "--namespace", namespace]).args(webhook).args(options);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Applies it. The accounts `pasee-server` and `pasee-controller` are there then.
pub fn install(cluster: &ControlPlane, namespace: &str, options: &[&str]) {
    define(&cluster.admin);
    cluster.admin.apply(namespace, &printed(namespace, options)).ok();
}

/// Applies of it what concerns the accounts of Pasee's processes. The policy is dear where there are many realms: the API
/// server compiles that of each, and looks at all of them for whatever is written in any.
pub fn install_accounts(cluster: &ControlPlane, namespace: &str) {
    define(&cluster.admin);
    let objects: Vec<Value> = serde_saphyr::from_multiple(&printed(namespace, &[])).unwrap();
    let concerns = |object: &Value| {
        let kinds = ["ServiceAccount", "Role", "RoleBinding", "ConfigMap"];
        kinds.contains(&object["kind"].as_str().unwrap())
    };
    let items: Vec<Value> = objects.into_iter().filter(concerns).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    cluster.admin.apply(namespace, &list.to_string()).ok();
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
    let [probe, root] = ["probe", "pasee:probe-root"]
        .map(|name| Reader::new(&cluster.user(name, &["pasee:staff"])));
    let create = |reader: &Reader, kind: &str, spec: &Value| {
        let path =
            format!("/apis/pasee.meltylab.fr/v1/namespaces/{namespace}/{}s", kind.to_lowercase());
        reader.would_create(&path, &object(kind, "probe", spec))
    };
    eventually("the policy holds", || {
        let specs = [
            ("Group", json!({})),
            ("Membership", json!({ "role": "Staff" })),
            ("User", json!({ "username": "k-x" })),
        ];
        specs.iter().all(|(kind, spec)| {
            let answer = create(&probe, kind, spec);
            answer.is_err_and(|refusal| refusal.contains("you are no user of the realm"))
        })
    });
    if !options.contains(&"--no-mutating-policy") {
        eventually("creators are filled in", || {
            let answer = create(&root, "Group", &json!({}));
            answer.is_ok_and(|group| group["spec"]["creator"] == "probe-root")
        });
    }
}

/// The manifest of a Group.
pub fn group(name: &str, creator: &str) -> String {
    manifest("Group", name, &json!({ "creator": creator }))
}

/// The manifest of a Membership.
pub fn membership(name: &str, spec: &Value) -> String {
    manifest("Membership", name, spec)
}

/// One of the manifests of a YAML stream.
pub fn manifest(kind: &str, name: &str, spec: &Value) -> String {
    format!("---\n{}\n", object(kind, name, spec))
}

/// An object of Pasee.
pub fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    })
}
