//! Says in the realm's namespace which identity providers there are: the controller has no settings.

use std::sync::Arc;
use std::time::Duration;

use super::store::Store;
use crate::cluster::live_realm;
use crate::cluster::providers::publish;
use crate::settings::{Settings, Storage};

/// Between two looks whether the realm was read; what does not answer need not be asked once more.
const LOOKS: Duration = Duration::from_millis(250);
/// Waits after faults: from the first, doubled for each, up to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// Says it once, as soon as the realm was read; where the groups are not in Kubernetes nobody asks. Nothing waits for it.
pub(super) async fn providers(settings: &Settings, store: &Arc<Store>) -> anyhow::Result<()> {
    let Storage::Kubernetes(cluster) = &settings.storage else { return Ok(()) };
    let realm = live_realm(cluster.kubeconfig.as_deref(), cluster.namespace.as_deref()).await?;
    let ((realm, client), names) = (realm, settings.provider_names());
    let store = Arc::downgrade(store);
    tokio::spawn(async move {
        loop {
            match store.upgrade() {
                None => return,
                Some(store) if store.is_ready() => break,
                Some(_) => tokio::time::sleep(LOOKS).await,
            }
        }
        let (mut wait, most) = BACKOFF;
        while let Err(error) = publish(&client, realm.namespace(), &names).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the controller is not told which identity providers there are; may the server, as what pasee policy prints says?"
            );
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(most);
        }
    });
    Ok(())
}
