//! A control plane of one's own with one realm, a server of it, and a controller.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::controlplane::ControlPlane;
use crate::support::pasee::{Pasee, Setup, free_port};

const API: &str = "/apis/pasee.meltylab.fr/v1/namespaces";
const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");

pub struct Stage {
    pub cluster: ControlPlane,
    pub runtime: Runtime,
    pub namespace: String,
    client: Client,
    dir: TempDir,
}

pub struct Server {
    pub pasee: Pasee,
    admin: String,
}

/// A controller, killed when dropped.
pub struct Controller {
    child: Child,
    log: PathBuf,
}

impl Stage {
    pub fn new() -> Self {
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let cluster = ControlPlane::start(&[]);
        let namespace = cluster.namespace();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let client = runtime.block_on(async {
            let file = Kubeconfig::read_from(&cluster.admin.kubeconfig).unwrap();
            let context = KubeConfigOptions::default();
            let mut config = Config::from_custom_kubeconfig(file, &context).await.unwrap();
            config.default_retry = false;
            Client::try_from(config).unwrap()
        });
        let stage = Self { cluster, runtime, namespace, client, dir: tempfile::tempdir().unwrap() };
        stage.define();
        stage
    }

    /// Applies the definitions as they should be.
    pub fn define(&self) {
        let admin = &self.cluster.admin;
        admin.kubectl(["apply", "--server-side", "--force-conflicts", "-f", CRDS]).ok();
        admin.kubectl(["wait", "--for=condition=Established", "-f", CRDS]).ok();
    }

    /// A server; returns when it has read the realm.
    pub async fn serve(&self, options: &str) -> Server {
        let port = free_port();
        let options = format!(
            "[admin]\nlisten = \"127.0.0.1:{port}\"\n[storage_backend]\nkind = \"kubernetes\"\n\
             [storage_backend.options]\nnamespace = \"{}\"\nkubeconfig = \"{}\"\n{options}",
            self.namespace,
            self.cluster.admin.kubeconfig.display()
        );
        let pasee = Setup::default().tables(&options).start().await;
        let server = Server { pasee, admin: format!("http://127.0.0.1:{port}") };
        let since = Instant::now();
        while server.get("/ready").await.0 != 200 {
            assert!(since.elapsed() < Duration::from_secs(60), "{}", server.pasee.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    pub fn controller(&self, name: &str) -> Controller {
        let log = self.dir.path().join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args(["controller", "--namespace", &self.namespace])
            .env("KUBECONFIG", &self.cluster.admin.kubeconfig)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Controller { child, log }
    }

    /// A request to the API server, about `groups/a` or `groups/a/status` for example; what it answers.
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("{API}/{}/{path}", self.namespace);
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", kind).body(body.to_string().into_bytes());
        let answer = self.client.request::<Value>(request.unwrap()).await;
        answer.map_err(|error| error.to_string())
    }

    pub async fn create(&self, object: &Value) -> Result<Value, String> {
        self.ask(Method::POST, &plural(object), object).await
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, &Value::Null).await.unwrap_or_default()
    }

    /// Waits until an object has a reason in its condition `Ready`; gives the condition.
    #[track_caller]
    pub fn reason(&self, path: &str, wanted: &str) -> Value {
        let since = Instant::now();
        loop {
            let object = self.runtime.block_on(self.get(path));
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready");
            if let Some(ready) = ready.filter(|ready| ready["reason"] == wanted) {
                return ready;
            }
            assert!(since.elapsed() < Duration::from_secs(90), "{path} is not {wanted}: {object}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The versions of all Groups, Memberships and Users.
    pub async fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for kind in ["groups", "memberships", "users"] {
            let mut list = self.ask(Method::GET, kind, &Value::Null).await;
            // While a definition changes, the API server serves nothing by it for a moment.
            for _ in 0..50 {
                if list.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                list = self.ask(Method::GET, kind, &Value::Null).await;
            }
            let list = list.unwrap();
            let items = list["items"].as_array().unwrap().iter();
            versions.extend(items.map(|item| {
                format!(
                    "{kind}/{} {}",
                    item["metadata"]["name"], item["metadata"]["resourceVersion"]
                )
            }));
        }
        versions
    }
}

impl Server {
    /// The admin port's answer.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.pasee.client.get(format!("{}{path}", self.admin)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A number among its metrics.
    pub async fn metric(&self, name: &str) -> f64 {
        let metrics = self.get("/metrics").await.1;
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
    }

    /// The groups that a user's next token says.
    pub async fn groups(&self, name: &str) -> Vec<String> {
        groups(&self.pasee.log_in(name).await.access)
    }

    pub async fn becomes(&self, name: &str, wanted: &[&str]) {
        let since = Instant::now();
        loop {
            let groups = self.groups(name).await;
            if groups == wanted {
                return;
            }
            let log = self.pasee.log();
            assert!(since.elapsed() < Duration::from_secs(60), "{name}: {groups:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub fn groups(token: &str) -> Vec<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    Vec::deserialize(&claims["groups"]).unwrap()
}

impl Controller {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// That it runs still.
    pub fn runs(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.log());
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn object(kind: &str, name: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": metadata, "spec": spec })
}

fn plural(object: &Value) -> String {
    format!("{}s", object["kind"].as_str().unwrap().to_lowercase())
}
