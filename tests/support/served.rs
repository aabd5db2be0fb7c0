//! Pasee with its groups in a namespace, and its admin port.
//!
//! Must not know what is tested.

use std::time::{Duration, Instant};

use super::controlplane::User;
use super::pasee::{Pasee, Setup, free_port};

/// The settings that put the groups in a namespace, which is reached as somebody.
pub fn storage(namespace: &str, user: &User) -> String {
    format!(
        "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\n\
         namespace = \"{namespace}\"\nkubeconfig = \"{}\"\n",
        user.kubeconfig.display()
    )
}

/// One that runs.
pub struct Served {
    pub pasee: Pasee,
    /// From its start until it had read the realm.
    pub ready_in: Duration,
    admin: String,
}

impl Served {
    /// Starts one, with more options of the storage and tables behind; returns when it has read the realm.
    pub async fn start(namespace: &str, user: &User, more: &str) -> Self {
        let started = Instant::now();
        let mut this = Self::begin(namespace, user, more).await;
        while this.get("/ready").await.0 != 200 {
            assert!(started.elapsed() < Duration::from_secs(60), "{}", this.pasee.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        this.ready_in = started.elapsed();
        this
    }

    /// The same, not waited for: nothing of the realm need be known yet.
    pub async fn begin(namespace: &str, user: &User, more: &str) -> Self {
        let port = free_port();
        let admin = format!("[admin]\nlisten = \"127.0.0.1:{port}\"\n");
        let tables = format!("{admin}{}{more}", storage(namespace, user));
        let pasee = Setup::default().tables(&tables).start().await;
        let admin = format!("http://127.0.0.1:{port}");
        Self { pasee, ready_in: Duration::ZERO, admin }
    }

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
}
