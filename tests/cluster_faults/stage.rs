//! A control plane of one's own with one realm, a server of it, and a controller.

use std::time::{Duration, Instant};

use http::Method;
use kube::Client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::controller::Controller;
use crate::support::controlplane::ControlPlane;
use crate::support::served::Served;

const API: &str = "/apis/pasee.meltylab.fr/v1/namespaces";
const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");

pub struct Stage {
    pub cluster: ControlPlane,
    pub runtime: Runtime,
    pub namespace: String,
    client: Client,
    dir: TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let _ = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider().install_default();
        let cluster = ControlPlane::start(&[]);
        let namespace = cluster.namespace();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let client = runtime.block_on(cluster.admin.client());
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
    pub async fn serve(&self, options: &str) -> Served {
        Served::start(&self.namespace, &self.cluster.admin, options).await
    }

    pub fn controller(&self, name: &str) -> Controller {
        Controller::start(&self.namespace, &self.cluster.admin, self.dir.path(), name)
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

fn plural(object: &Value) -> String {
    format!("{}s", object["kind"].as_str().unwrap().to_lowercase().trim_end_matches('s'))
}
