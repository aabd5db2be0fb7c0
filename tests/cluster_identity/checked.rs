//! `pasee check --online` on a real API server: what a server lacks there, with what to do about it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::support::controlplane::{self, User};
use super::support::pasee::free_port;
use super::support::patience::eventually;
use super::support::realm;
use super::support::served::storage;

/// A place to check from.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        let made = this.pasee(&["keygen", "--output", "key.pem"]);
        assert!(made.0, "{}", made.1);
        this
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Runs the command: whether it ended well, and what it printed.
    fn pasee(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
        let ran = command.args(arguments).current_dir(self.dir()).output().unwrap();
        (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
    }

    /// What is said of the API server; asserts that it ends well when all is well there.
    fn check(&self, namespace: &str, user: &User) -> Vec<String> {
        let settings = format!(
            "private_key_file = \"key.pem\"\nport = {}\n[jwt]\niss = \"pasee.example.com\"\n{}\
             [webhook]\nhost = \"127.0.0.1\"\nport = {}\n",
            free_port(),
            storage(namespace, user),
            free_port()
        );
        fs::write(self.dir().join("settings.toml"), settings).unwrap();
        let arguments = ["check", "--online", "--output", "json"];
        let (is_right, said) =
            self.pasee(&[&arguments[..], &["--settings-file", "settings.toml"]].concat());
        let report: Value = serde_json::from_str(&said).unwrap();
        let mut found = Vec::new();
        for finding in report["findings"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            if code.starts_with("cluster") || finding["level"] == "error" {
                assert_eq!(is_right, code == "cluster-answers", "{finding}");
                let [message, hint] =
                    ["message", "hint"].map(|key| finding[key].as_str().unwrap_or_default());
                found.push(format!("{message}; {hint}"));
            }
        }
        found
    }

    /// Waits until this is said of the API server, and nothing else; rights are given and taken a moment after they are written.
    #[track_caller]
    fn says(&self, namespace: &str, user: &User, wanted: &[String]) {
        eventually(&format!("{:?}, not {wanted:?}", self.check(namespace, user)), || {
            self.check(namespace, user) == wanted
        });
    }
}

#[test]
fn it_says_what_a_server_lacks() {
    // Nobody else defines resources meanwhile.
    let cluster = controlplane::alone();
    let admin = &cluster.admin;
    let namespace = cluster.namespace();
    let place = Place::new();
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let well = [format!(
        "The Kubernetes API server has the namespace {namespace} and Pasee's definitions, and lets this account do what a server \
         does.; "
    )];
    let role = |namespace: &str| {
        format!("pasee policy --namespace {namespace} prints the Role that a server needs")
    };
    let may_not = |denied: &str| {
        [format!(
            "in the namespace {namespace} this account may not: {denied}; {}",
            role(&namespace)
        )]
    };

    realm::install(&cluster, &namespace, &["--webhook-url=https://127.0.0.1:1"]);
    let server = cluster.account(&namespace, "pasee-server");
    place.says(&namespace, &server, &well);
    place.says(&namespace, admin, &well);

    // One kind is of a later version than the others; and nobody has defined any.
    let undefined = |kinds: &str| {
        [format!(
            "the cluster has no {kinds} of pasee.meltylab.fr/v1; pasee crd | kubectl apply -f - defines them"
        )]
    };
    admin.kubectl(["delete", "crd/sessionrevocations.pasee.meltylab.fr"]).ok();
    place.says(&namespace, &server, &undefined("sessionrevocations"));
    admin.kubectl(["delete", "--ignore-not-found", "-f", crds]).ok();
    place.says(
        &namespace,
        &server,
        &undefined("groups, memberships, users, oauthclients, sessionrevocations"),
    );
    admin.kubectl(["apply", "--server-side", "-f", crds]).ok();
    admin.kubectl(["wait", "--for=condition=Established", "-f", crds]).ok();
    place.says(&namespace, &server, &well);

    // What a server needs is the store's, and beside it what it publishes and the webhook's.
    let lack = |lacks: &dyn Fn(&str, &str) -> bool| {
        let role = realm::role(&namespace, "pasee-server", |verb, resource| !lacks(verb, resource));
        admin.apply(&namespace, &role.to_string()).ok();
    };
    // This is the Role without a webhook.
    lack(&|_, _| false);
    place.says(&namespace, &server, &may_not("get secrets/pasee-keys"));
    lack(&|verb, resource| (verb, resource) == ("patch", "users") || resource == "configmaps");
    let denied = "patch users, get configmaps/pasee-providers, patch configmaps/pasee-providers, get secrets/pasee-keys";
    place.says(&namespace, &server, &may_not(denied));

    // A name that is mistyped, by somebody who may look, and by who may not.
    let missing = "there is no namespace nowhere; kubectl create namespace nowhere makes it";
    place.says("nowhere", admin, &[missing.to_owned()]);
    let told = place.check("nowhere", &server);
    let [told] = &told[..] else { panic!("{told:?}") };
    let begins = "in the namespace nowhere (if there is one of that name) this account may not: create groups, ";
    assert!(told.starts_with(begins) && told.ends_with(&role("nowhere")), "{told}");
    assert!(told.contains("get namespaces"), "{told}");
}
