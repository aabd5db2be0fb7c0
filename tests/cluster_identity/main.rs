//! ServiceAccounts of a real cluster log in with real tokens of theirs, and nobody else does. `tests/run cluster` runs
//! these.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod checked;
mod elsewhere;
mod faults;
mod leaving;
mod proxied;
mod reviewed;

use std::future::Future;
use std::path::Path;

use serde_json::{Value, json};

use support::controlplane::{ControlPlane, User};
use support::forge::part;
use support::pasee::{Answer, Pasee, Setup};

/// What tokens for Pasee are for.
const AUDIENCE: &str = "pasee.example.com";

/// Runs on a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap().block_on(work)
}

/// The settings of the provider `k8s`.
fn provider(kubeconfig: Option<&Path>, more: &str) -> String {
    let kubeconfig = kubeconfig.map(|file| format!("kubeconfig = \"{}\"\n", file.display()));
    format!(
        "[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n\
         claims = [\"namespace\", \"serviceaccount\", \"pod\", \"node\"]\n\
         [identity_providers.settings]\naudience = \"{AUDIENCE}\"\ntimeout = 3\n{}{more}\n",
        kubeconfig.unwrap_or_default()
    )
}

/// Somebody who may do what Pasee needs to review tokens, and nothing else.
fn reviewer(cluster: &ControlPlane) -> User {
    let user = cluster.user(&format!("pasee-{}", cluster.namespace()), &[]);
    cluster.admin.kubectl_with(["apply", "-f", "-"], documented("ClusterRole")).ok();
    bind(cluster, &user, "pasee-token-reviewer");
    user
}

/// The manifest of a kind in the documentation.
fn documented(kind: &str) -> &'static str {
    let blocks =
        include_str!("../../docs/identity-providers/kubernetes.md").split("```yaml\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(&format!("kind: {kind}\n"))).unwrap()
}

/// The role of that name in the documentation.
fn documented_role(name: &str) -> &'static str {
    let blocks =
        include_str!("../../docs/identity-providers/kubernetes.md").split("```yaml\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(&format!("name: {name}\n"))).unwrap()
}

fn bind(cluster: &ControlPlane, user: &User, role: &str) {
    let (name, role) = (format!("{}-{role}", user.name), format!("--clusterrole={role}"));
    let user = format!("--user={}", user.name);
    cluster.admin.kubectl(["create", "clusterrolebinding", &name, &role, &user]).ok();
}

/// A token that the API server makes for a ServiceAccount.
fn token(cluster: &ControlPlane, namespace: &str, name: &str, more: &[&str]) -> String {
    let arguments = ["create", "token", name, "-n", namespace];
    let made = cluster.admin.kubectl(arguments.iter().chain(more)).ok();
    made.trim().to_owned()
}

fn account(cluster: &ControlPlane, namespace: &str, name: &str) {
    cluster.admin.kubectl(["create", "serviceaccount", name, "-n", namespace]).ok();
}

async fn log_in(pasee: &Pasee, token: &str) -> Answer {
    pasee.ask("POST", "/tokens/?idp=k8s").json(&json!({ "token": token })).await
}

/// What an access token says.
fn claims(access: &str) -> Value {
    part(access, 1)
}

async fn start(kubeconfig: &Path, more: &str) -> Pasee {
    Setup::default().tables(&provider(Some(kubeconfig), more)).start().await
}
