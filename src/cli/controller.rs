//! `pasee controller`: brings the custom resources of a namespace to what they ask for.

use anyhow::Context;
use clap::Args;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::now;
use super::signals::signals;
use crate::cluster;
use crate::controller::{self, Options};
use crate::settings::{Log, LogFormat};
use crate::telemetry::start_log;

#[derive(Args, Debug)]
#[command(after_help = "\
Of several controllers of one namespace, one works and the others wait for it to end. The cluster is the one of
KUBECONFIG or ~/.kube/config; in a pod, the pod's own. No settings file is read; RUST_LOG sets what is logged.")]
pub(super) struct Controller {
    /// The namespace with the Groups, Memberships and Users; else that of the kubeconfig's context, or the pod's own
    #[arg(long, value_name = "NAMESPACE", env = "PASEE_NAMESPACE")]
    namespace: Option<String>,

    /// Writes the log as JSON, one object a line
    #[arg(long)]
    json_log: bool,
}

impl Controller {
    /// Runs until SIGTERM or SIGINT.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let format = if self.json_log { LogFormat::Json } else { LogFormat::Text };
        start_log(&Log { level: "info".to_owned(), format })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the threads to work with cannot be started")?;
        runtime.block_on(run(self.namespace))
    }
}

async fn run(namespace: Option<String>) -> anyhow::Result<()> {
    // Whatever else is linked in, there is one choice; that it was made before is fine.
    let _ = aws_lc_rs::default_provider().install_default();
    let signals = signals()?;
    let config = cluster::inferred().await.context(
        "no cluster is known: set KUBECONFIG, or run in a pod that has a service account",
    )?;
    let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client = cluster::client(config)?;
    let identity = identity()?;
    tracing::info!(namespace, identity, version = env!("CARGO_PKG_VERSION"), "started");
    controller::run(client, Options { namespace, identity, clock: now }, signals).await;
    tracing::info!("stopped");
    Ok(())
}

/// The host's name, for people, and a random number, which no other process has.
fn identity() -> anyhow::Result<String> {
    let host = std::env::var("HOSTNAME").ok().filter(|host| !host.is_empty());
    let number = getrandom::u64().map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(format!("{}_{number:016x}", host.as_deref().unwrap_or("pasee")))
}
