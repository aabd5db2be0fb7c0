//! One realm in a namespace of its own, and controllers that run it as a service account.
//!
//! Must not know what is tested.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::eventually;
use super::support::controlplane::{ControlPlane, User};
use super::support::realm;

pub struct Realm {
    pub namespace: String,
    admin: User,
    account: User,
    dir: TempDir,
}

/// A controller that runs. It is killed when dropped.
pub struct Controller {
    child: Child,
    log: PathBuf,
}

impl Realm {
    pub fn new(cluster: &ControlPlane) -> Self {
        let admin = cluster.admin.clone();
        let namespace = cluster.namespace();
        realm::install(cluster, &namespace, &[]);
        let account = cluster.account(&namespace, "pasee-controller");
        let dir = tempfile::tempdir().unwrap();
        Self { namespace, admin, account, dir }
    }

    /// Lets controllers do what their role says, but only these verbs on resources.
    pub fn permit(&self, may: impl Fn(&str, &str) -> bool) {
        self.apply(&realm::role(&self.namespace, "pasee-controller", may).to_string());
    }

    /// Starts a controller; `name` is for its log.
    pub fn controller(&self, name: &str) -> Controller {
        let log = self.dir.path().join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args(["controller", "--namespace", &self.namespace])
            .env("KUBECONFIG", &self.account.kubeconfig)
            .env("HOSTNAME", name)
            // An Event that is not sent is told of at debug.
            .env("RUST_LOG", "info,pasee::controller::apply=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Controller { child, log }
    }

    /// Starts a controller and waits until it leads.
    pub fn leader(&self, name: &str) -> Controller {
        let controller = self.controller(name);
        eventually("it leads", || controller.log().contains("leading"));
        controller
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
        let (resource, name) = object.split_once('/').unwrap();
        let resource = format!("{resource}.pasee.meltylab.fr");
        let found = self.kubectl(&["get", &resource, name, "--ignore-not-found", "-o", "json"]);
        if found.is_empty() { Value::Null } else { serde_json::from_str(&found).unwrap() }
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
        let resources =
            "groups.pasee.meltylab.fr,memberships.pasee.meltylab.fr,users.pasee.meltylab.fr,events";
        let path = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}\
                    {\"\\n\"}{end}";
        let all = self.kubectl(&["get", resources, "-o", path]);
        all.lines().map(str::to_owned).collect()
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
        let events = self.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
        let events: Value = serde_json::from_str(&events).unwrap();
        let of = |event: &&Value| {
            event["regarding"]["kind"] == kind && event["regarding"]["name"] == name
        };
        let items = events["items"].as_array().unwrap().iter();
        items.filter(of).map(|event| event["reason"].as_str().unwrap().to_owned()).collect()
    }

    /// Who leads, as the Lease says.
    pub fn holder(&self) -> String {
        let path = "jsonpath={.spec.holderIdentity}";
        let lease = ["get", "lease/pasee-controller", "--ignore-not-found", "-o", path];
        self.kubectl(&lease)
    }
}

pub fn condition(object: &Value, type_: &str) -> Value {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|one| one["type"] == type_).cloned().unwrap_or_default()
}

impl Controller {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Sends a signal such as `STOP`.
    pub fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits until it has, well, without ever having been forbidden anything.
    #[track_caller]
    pub fn stop(self) {
        let log = self.end();
        assert!(!log.contains("orbidden"), "{log}");
    }

    /// The same where permissions were missing for a while; gives its log.
    #[track_caller]
    pub fn end(mut self) -> String {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log());
        self.log()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The manifest of a Group.
pub fn group(name: &str, creator: &str) -> String {
    object("Group", name, &json!({ "creator": creator }))
}

/// The manifest of a Membership.
pub fn membership(name: &str, spec: &Value) -> String {
    object("Membership", name, spec)
}

pub fn object(kind: &str, name: &str, spec: &Value) -> String {
    let metadata = json!({ "name": name });
    let object = json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": metadata, "spec": spec,
    });
    format!("---\n{object}\n")
}
