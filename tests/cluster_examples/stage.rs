//! Two token services whose users can log in: one with its groups in a namespace, one with its groups in a file.
//!
//! Must not know what is tested.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::controlplane::ControlPlane;
use crate::support::forge::part;
use crate::support::pasee::{Pasee, Setup, user};
use crate::support::served::storage;

/// What tokens of ServiceAccounts are for.
const AUDIENCE: &str = "pasee.example.com";

/// What the ServiceAccounts that the examples name show to log in.
fn shown(cluster: &ControlPlane) -> &'static BTreeMap<&'static str, String> {
    static SHOWN: OnceLock<BTreeMap<&'static str, String>> = OnceLock::new();
    SHOWN.get_or_init(|| {
        cluster.admin.kubectl(["create", "namespace", "ci"]).ok();
        let token = |name| {
            cluster.admin.kubectl(["create", "serviceaccount", name, "-n", "ci"]).ok();
            let audience = format!("--audience={AUDIENCE}");
            let made = cluster.admin.kubectl(["create", "token", name, "-n", "ci", &audience]).ok();
            made.trim().to_owned()
        };
        BTreeMap::from([
            ("k8s-ci:deployer", token("deployer")),
            ("k8s-ci:jenkins", token("jenkins")),
        ])
    })
}

/// The directory of the examples.
pub fn examples() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples").to_owned()
}

/// Both stores.
pub struct Sides {
    pub cluster: Side,
    pub file: Side,
}

/// A running service.
pub struct Side {
    runtime: Runtime,
    pasee: Pasee,
    shown: &'static BTreeMap<&'static str, String>,
}

impl Sides {
    pub fn start(cluster: &ControlPlane, namespace: &str) -> Self {
        Self { cluster: Self::in_cluster(cluster, namespace), file: Self::in_file(cluster) }
    }

    pub fn in_cluster(cluster: &ControlPlane, namespace: &str) -> Side {
        Side::start(cluster, &storage(namespace, &cluster.admin))
    }

    /// Its ServiceAccounts are those of the cluster too.
    pub fn in_file(cluster: &ControlPlane) -> Side {
        Side::start(cluster, "")
    }
}

impl Side {
    /// With every user that the examples name: people as users of local identity providers by those names, and
    /// ServiceAccounts of the cluster.
    fn start(cluster: &ControlPlane, tables: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let accounts = format!(
            "[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n\
             [identity_providers.settings]\naudience = \"{AUDIENCE}\"\nkubeconfig = \"{}\"\n",
            cluster.admin.kubeconfig.display()
        );
        let mut setup = Setup::default().tables(tables).tables(&accounts);
        for (provider, users) in [
            ("kisee", &["you", "john", "ada", "alan", "donald", "grace"][..]),
            ("partners", &["barbara"]),
        ] {
            let users: String = users.iter().map(|name| user(name, 8)).collect();
            setup = setup.tables(&format!(
                "[[identity_providers]]\nname = \"{provider}\"\nprotocol = \"local\"\n{users}"
            ));
        }
        let pasee = runtime.block_on(setup.start());
        Self { runtime, pasee, shown: shown(cluster) }
    }

    /// The claims of a user's next access token; the status when there is none.
    pub fn claims(&self, user: &str) -> Result<Value, u16> {
        let token = self.token(user)?;
        Ok(part(&token, 1))
    }

    fn token(&self, user: &str) -> Result<String, u16> {
        let (provider, name) = user.split_once('-').unwrap();
        let body = match self.shown.get(user) {
            Some(token) => json!({ "token": token }),
            None => json!({ "login": name, "password": format!("pw-{name}") }),
        };
        let answer = self
            .runtime
            .block_on(self.pasee.ask("POST", &format!("/tokens/?idp={provider}")).json(&body));
        if answer.status == 201 { Ok(answer.pair().access) } else { Err(answer.status.as_u16()) }
    }

    /// The groups of a user's next token; the status when there is none.
    pub fn groups(&self, user: &str) -> Value {
        match self.claims(user) {
            Ok(claims) => claims["groups"].clone(),
            Err(status) => json!(status),
        }
    }

    #[track_caller]
    pub fn becomes(&self, user: &str, wanted: &Value) {
        let since = Instant::now();
        loop {
            let found = self.groups(user);
            if found == *wanted {
                return;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "{user} has {found}, not {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The status of a request of a user.
    pub fn ask_as(&self, user: &str, method: &str, path: &str) -> u16 {
        let token = self.token(user).unwrap();
        let asked = self.pasee.ask(method, path).bearer(&token).send();
        self.runtime.block_on(asked).status.as_u16()
    }

    pub fn patch_as(&self, user: &str, path: &str, body: &Value) -> u16 {
        let token = self.token(user).unwrap();
        let asked = self.pasee.ask("PATCH", path).bearer(&token).json(body);
        self.runtime.block_on(asked).status.as_u16()
    }

    /// `pasee apply`, beside the running server; what it says.
    pub fn apply(&self, arguments: &[&str]) -> String {
        self.run(&[&["apply", "--allow-unknown-providers", "-f"], arguments].concat())
    }

    /// `pasee export`.
    pub fn export(&self, arguments: &[&str]) -> String {
        self.run(&[&["export"], arguments].concat())
    }

    /// What is exported, but for the moments of revocations: those that a ban makes, by whoever takes it in.
    pub fn timeless(exported: &str) -> String {
        let is_told = |line: &&str| !line.trim_start().starts_with("notBefore:");
        exported.lines().filter(is_told).map(|line| format!("{line}\n")).collect()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let ran = Command::new(env!("CARGO_BIN_EXE_pasee"))
            .args(["--settings-file", "settings.toml"])
            .args(arguments)
            .current_dir(self.pasee.dir.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// A file beside the settings.
    pub fn path(&self, name: &str) -> String {
        self.pasee.dir.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
}
