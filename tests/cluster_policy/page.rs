//! docs/kubernetes.md to the letter: its commands, in their order, on a cluster with nothing of Pasee.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::stage::{group, membership};
use super::support::controller::Controller;
use super::support::controlplane::{ControlPlane, User};
use super::support::patience::eventually;
use super::support::served::Served;

/// The namespace that the page is about.
const NAMESPACE: &str = "pasee";

/// The page, on a cluster.
pub struct Page<'a> {
    cluster: &'a ControlPlane,
    text: String,
    dir: TempDir,
}

impl<'a> Page<'a> {
    pub fn of(cluster: &'a ControlPlane) -> Self {
        let text = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kubernetes.md");
        let text = std::fs::read_to_string(text).unwrap();
        Self { cluster, text, dir: tempfile::tempdir().unwrap() }
    }

    /// The commands of the section so called.
    fn commands(&self, section: &str) -> Vec<String> {
        let begins = format!("# {section}\n");
        let (_, rest) = self.text.split_once(&begins).unwrap_or_else(|| panic!("{section}"));
        let section = rest.split("\n#").next().unwrap();
        let (_, block) = section.split_once("```sh\n").unwrap();
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        block.lines().map(str::to_owned).collect()
    }

    /// Runs a command as an admin of the cluster does.
    #[track_caller]
    fn run(&self, command: &str) -> String {
        let Output { status, stdout, stderr } = self.try_to(command);
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{command}: {stderr}");
        String::from_utf8(stdout).unwrap()
    }

    fn try_to(&self, command: &str) -> Output {
        let pasee = std::path::Path::new(env!("CARGO_BIN_EXE_pasee")).parent().unwrap();
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let path = [pasee.to_owned(), self.cluster.programs().to_owned()];
        let path = path.into_iter().chain(std::env::split_paths(&inherited));
        Command::new("sh")
            .args(["-euc", command])
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("KUBECONFIG", &self.cluster.admin.kubeconfig)
            .env("HOME", self.dir.path())
            .current_dir(self.dir.path())
            .output()
            .unwrap()
    }

    /// From nothing to a server that is ready, which says at each step what is missing.
    pub fn begin(&self, runtime: &Runtime) {
        // What each person types themselves, in the steps of a list, is run where their tools are.
        assert_eq!(self.text.matches("\n```sh\n").count(), 4, "a test runs each block");
        let mut commands = self.commands("From nothing").into_iter();
        let server = runtime.block_on(Served::begin(NAMESPACE, &self.cluster.admin, ""));
        self.waits_for(runtime, &server, "kubectl create namespace");
        self.run(&commands.next().unwrap());
        self.waits_for(runtime, &server, "pasee crd prints");
        self.run(&commands.next().unwrap());
        let since = Instant::now();
        while runtime.block_on(server.get("/ready")).0 != 200 {
            assert!(since.elapsed() < Duration::from_secs(90), "{}", server.pasee.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        for command in commands {
            self.run(&command);
        }
        let key = self.run("kubectl get secret pasee-key -n pasee -o name");
        assert_eq!(key.trim(), "secret/pasee-key");
    }

    /// It is not ready, gives no tokens, and its log says what helps.
    fn waits_for(&self, runtime: &Runtime, server: &Served, says: &str) {
        eventually(&format!("{says}: {}", server.pasee.log()), || {
            server.pasee.log().contains(says)
        });
        assert_eq!(runtime.block_on(server.get("/ready")).0, 503);
        let login = json!({ "login": "ada", "password": "pw-ada" });
        let asked = server.pasee.ask("POST", "/tokens/?idp=local");
        runtime.block_on(asked.json(&login)).is(503);
    }

    /// What stands there of who may what, with the roles that the page's commands made.
    pub fn is_true(&self, runtime: &Runtime, root: &User) {
        let account = |name| self.cluster.account(NAMESPACE, name);
        let server = runtime.block_on(Served::start(NAMESPACE, &account("pasee-server"), ""));
        let leader =
            Controller::start(NAMESPACE, &account("pasee-controller"), self.dir.path(), "page");
        let leader = leader.leads();
        // Every Pasee that could answer is away: nothing listens behind the Service here.
        let create = ["create", "-n", NAMESPACE, "-f", "-"];
        eventually("the webhook is asked", || {
            let told = root.kubectl_with(create, &group("articles").to_string());
            told.stderr.contains("failed calling webhook")
        });
        root.kubectl(["get", "-n", NAMESPACE, "groups.pasee.meltylab.fr"]).ok();
        self.has_a_secret_path();

        self.run(&self.commands("Who is not bound by it").join("\n"));
        let tool = "--as=system:serviceaccount:argocd:argocd-application-controller";
        let as_tool = ["create", "-n", NAMESPACE, tool, "-f", "-"];
        let admin = &self.cluster.admin;
        for object in [group("articles"), membership("m", "articles")] {
            eventually("GitOps tools write", || {
                let told = admin.kubectl_with(as_tool, &object.to_string());
                told.success || told.stderr.contains("AlreadyExists")
            });
        }
        for shown in [
            "kubectl wait -n pasee --for=condition=Ready memberships --all",
            "kubectl get -n pasee pasee",
        ] {
            assert!(self.text.contains(&format!("`{shown}`")), "{shown}");
        }
        self.run("kubectl wait -n pasee --for=condition=Ready memberships --all --timeout=60s");
        let shown = self.run("kubectl get -n pasee pasee");
        assert!(shown.contains("REASON") && shown.contains("InEffect"), "{shown}");

        self.extend_own_roles();
        drop(server);
        leader.stop();
    }

    /// The controller tells one, and another when it is asked to. Kubernetes' own roles do not show it.
    fn has_a_secret_path(&self) {
        let configuration = "mutatingwebhookconfigurations/webhook.pasee.pasee.meltylab.fr";
        let shown = "-o jsonpath='{.webhooks[0].clientConfig.service.path}'";
        let path = || self.run(&format!("kubectl get {configuration} {shown}"));
        eventually("there is a path", || path().len() > 64);
        let first = path();
        self.run("pasee policy --namespace pasee | kubectl apply -f -");
        assert_eq!(path(), first, "what is applied again leaves it");
        self.run(&self.commands("The secret path").join("\n"));
        eventually("there is another", || path() != first);
        for role in ["view", "edit", "admin"] {
            let rules = self.run(&format!("kubectl get clusterrole {role} -o yaml"));
            assert!(!rules.contains("admissionregistration"), "{role}: {rules}");
        }
    }

    fn extend_own_roles(&self) {
        assert!(self.text.contains("`pasee policy --extend-own-roles`"));
        let bind = |role: &str| {
            let user = self.cluster.user(&format!("holds-{role}"), &[]);
            self.run(&format!(
                "kubectl create rolebinding holds-{role} -n pasee --clusterrole={role} --user=holds-{role}"
            ));
            user
        };
        let (viewer, editor) = (bind("view"), bind("edit"));
        let read = ["get", "-n", NAMESPACE, "memberships.pasee.meltylab.fr"];
        viewer.kubectl(read).refused();
        self.run("pasee policy --namespace pasee --extend-own-roles | kubectl apply -f -");
        eventually("the role reaches them", || viewer.kubectl(read).success);
        let create = ["create", "-n", NAMESPACE, "-f", "-"];
        let mine = group("mine").to_string();
        let refused = viewer.kubectl_with(create, &mine).refused();
        assert!(refused.contains("cannot create"), "{refused}");
        eventually("the policy decides", || {
            let refused = editor.kubectl_with(create, &mine).refused();
            refused.contains("you are no user of the realm")
        });
    }

    /// Takes it all away again; nothing is left, of what came by options neither.
    pub fn end(&self) {
        for command in self.commands("Taking Pasee away") {
            if command.starts_with("kubectl delete namespace") {
                assert_eq!(self.run("kubectl get -n pasee pasee -o name"), "");
            }
            self.run(&command);
        }
        for kinds in [
            "crd,clusterroles,clusterrolebindings",
            "validatingadmissionpolicies,validatingadmissionpolicybindings",
            "mutatingadmissionpolicies,mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
        ] {
            let left =
                format!("kubectl get {kinds} -o name | grep pasee.pasee.meltylab.fr || true");
            eventually(&format!("{kinds} are gone"), || self.run(&left).is_empty());
        }
        let crds = self.run("kubectl get crd -l app.kubernetes.io/part-of=pasee -o name");
        assert_eq!(crds, "");
        assert!(!self.try_to("kubectl get namespace pasee").status.success());
    }
}
