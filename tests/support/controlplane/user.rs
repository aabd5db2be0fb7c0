//! Somebody who acts on the control plane, through kubectl or any other client.
//!
//! Must not know who may do what.

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use super::Place;

/// What a user shows to the API server, in PEM or as it goes after `Bearer`.
#[derive(Clone)]
pub enum Credentials {
    Certificate { certificate: String, key: String },
    Token(String),
}

/// A user with everything that a client needs. Copies act as the same user, on other threads too.
#[derive(Clone)]
pub struct User {
    /// As Kubernetes names them.
    pub name: String,
    /// A file that names the API server, its authority and the credentials, which it holds.
    pub kubeconfig: PathBuf,
    pub credentials: Credentials,
    kubectl: PathBuf,
    home: PathBuf,
}

impl User {
    pub(super) fn new(place: &Place<'_>, name: &str, credentials: Credentials) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let shown = match &credentials {
            Credentials::Certificate { certificate, key } => json!({
                "client-certificate-data": base64(certificate), "client-key-data": base64(key),
            }),
            Credentials::Token(token) => json!({ "token": token }),
        };
        let cluster =
            json!({ "server": place.url, "certificate-authority-data": base64(place.ca_pem) });
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": cluster }],
            "users": [{ "name": name, "user": shown }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": name } }],
        });
        let kubeconfig = place.write(&format!("user-{number}.kubeconfig"), &config.to_string());
        let kubectl = place.assets.join("kubectl");
        Self { name: name.to_owned(), kubeconfig, credentials, kubectl, home: place.dir.to_owned() }
    }

    /// What a client of kube needs.
    pub async fn config(&self) -> Config {
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap()
    }

    /// A client that asks once.
    pub async fn client(&self) -> Client {
        let mut config = self.config().await;
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }

    /// Runs kubectl, which waits without end for an API server that is paused: `--request-timeout=2s` bounds it.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Told {
        self.kubectl_with(arguments, "")
    }

    /// Runs kubectl with something on its standard input, which `-f -` reads.
    pub fn kubectl_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Told {
        self.run(self.command(arguments), input)
    }

    /// Runs kubectl with these variables in its environment.
    pub fn kubectl_in<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        variables: &[(String, String)],
    ) -> Told {
        let mut command = self.command(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        self.run(command, "")
    }

    fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(arguments).env_clear().env("HOME", &self.home);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn run(&self, mut command: Command, input: &str) -> Told {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{} cannot be run: {error}", self.kubectl.display());
        });
        // Small enough for the pipe; one that does not read it has answered by other means.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let asked = format!("{:?} as {}", command.get_args().collect::<Vec<_>>(), self.name);
        Told { success: status.success(), stdout: text(stdout), stderr: text(stderr), asked }
    }

    /// Applies a manifest on the server's side, as field manager `test`.
    pub fn apply(&self, namespace: &str, manifest: &str) -> Told {
        let arguments =
            ["apply", "--server-side", "--field-manager=test", "-n", namespace, "-f", "-"];
        self.kubectl_with(arguments, manifest)
    }
}

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// What kubectl answered.
#[derive(Clone, Debug)]
pub struct Told {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
    asked: String,
}

impl Told {
    /// What it printed; fails where it did not do what it was asked.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.success, "kubectl {} failed: {}{}", self.asked, self.stdout, self.stderr);
        self.stdout
    }

    /// Why it did not do what it was asked; fails where it did.
    #[track_caller]
    pub fn refused(self) -> String {
        assert!(!self.success, "kubectl {} worked: {}", self.asked, self.stdout);
        self.stderr
    }
}
