//! Says in the realm's namespace which identity providers there are, as the controller has no settings, and by which keys this server
//! makes tokens; and notices when another server of the realm says otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;

use super::store::Store;
use crate::cluster::live::LiveRealm;
use crate::cluster::providers::{LastSaid, Said, last_said, publish, publish_keys};
use crate::domain::provider::ProviderNames;
use crate::keys::KeyNames;
use crate::settings::Settings;
use crate::telemetry::{Metrics, Peers};

/// Between two looks whether the realm was read; what does not answer need not be asked once more.
const LOOKS: Duration = Duration::from_millis(250);
/// Waits after faults: from the first, doubled for each, up to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));
/// Between two looks at what other servers say.
const PACE: Duration = Duration::from_secs(15);
/// How often in a row nothing else must be seen before all say the same: others say their keys as often.
const QUIET: u8 = 2;

/// Says it as soon as the realm was read, and looks from then on. Nothing waits for it.
pub(super) fn providers(
    settings: &Settings,
    (realm, client): (&LiveRealm, &Client),
    keys: KeyNames,
    store: &Arc<Store>,
    metrics: Metrics,
) {
    let (namespace, client) = (realm.namespace().to_owned(), client.clone());
    let said = Said {
        names: settings.provider_names(),
        possible: settings.possible_users(),
        clients: settings.clients.iter().map(|client| client.id.clone()).collect(),
    };
    let store = Arc::downgrade(store);
    tokio::spawn(async move {
        loop {
            match store.upgrade() {
                None => return,
                Some(store) if store.is_ready() => break,
                Some(_) => tokio::time::sleep(LOOKS).await,
            }
        }
        let own = Own { client, namespace, said, keys, metrics };
        let (mut wait, most) = BACKOFF;
        let mut known = Known::default();
        while let Err(error) = own.say(&mut known).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the controller is not told which identity providers there are; may the server, as what pasee policy prints says?"
            );
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(most);
        }
        while store.strong_count() > 0 {
            tokio::time::sleep(PACE).await;
            // The store says when the API server is away.
            _ = own.look(&mut known).await;
        }
    });
}

/// What is known of other servers.
#[derive(Default)]
struct Known {
    peers: Peers,
    /// How often in a row nothing was seen of that.
    quiet: u8,
}

/// What this server says.
struct Own {
    client: Client,
    namespace: String,
    said: Said,
    keys: KeyNames,
    metrics: Metrics,
}

impl Own {
    /// Says it, after a look at what was said before: other providers may have been meant to be replaced, but not by servers that
    /// do not believe each other.
    async fn say(&self, known: &mut Known) -> Result<(), kube::Error> {
        let last = last_said(&self.client, &self.namespace).await.unwrap_or_default();
        self.tell(&LastSaid { names: None, ..last }, known);
        publish(&self.client, &self.namespace, &self.said, &self.keys.in_use).await
    }

    /// Looks at what was said last, and says which keys this server has where another has said which it has: so that both notice.
    async fn look(&self, known: &mut Known) -> Result<(), kube::Error> {
        let last = last_said(&self.client, &self.namespace).await?;
        self.tell(&last, known);
        if last.keys != self.keys.in_use {
            publish_keys(&self.client, &self.namespace, &self.keys.in_use).await?;
        }
        Ok(())
    }

    /// Says once in the log what is new of that.
    fn tell(&self, last: &LastSaid, known: &mut Known) {
        let now = compare(last, &self.said.names, &self.keys.believed);
        if now.other_keys && !known.peers.other_keys {
            let theirs: Vec<&str> = last.keys.iter().map(String::as_str).collect();
            let ours: Vec<&str> = self.keys.in_use.iter().map(String::as_str).collect();
            tracing::error!(
                ?theirs,
                ?ours,
                "another server of this realm makes tokens with keys that this one does not believe: who is sent from one to the other is \
                 told 401. Give all servers the same private_key_file, as in docs/kubernetes.md, or the former key in retired_key_files"
            );
        }
        if now.other_providers && !known.peers.other_providers {
            let theirs = last.names.as_ref().map(ToString::to_string).unwrap_or_default();
            let ours = self.said.names.to_string();
            tracing::warn!(
                theirs,
                ours,
                "another server of this realm, started later, has other identity providers: the controller goes by that one. Where it is no \
                 replica that is about to take this one's place, give all servers of a realm the same ones"
            );
        }
        known.quiet = if now == Peers::default() { known.quiet.saturating_add(1) } else { 0 };
        if known.quiet > 0 && known.quiet < QUIET {
            return;
        }
        if known.quiet > 0 && known.peers != now {
            tracing::info!("all servers of this realm say the same again");
        }
        known.peers = now;
        self.metrics.peers(now);
    }
}

/// Whether what another server says goes together with what this one has.
fn compare(last: &LastSaid, names: &ProviderNames, believed: &BTreeSet<String>) -> Peers {
    Peers {
        other_keys: !last.keys.is_subset(believed),
        other_providers: last.names.as_ref().is_some_and(|theirs| !theirs.are(names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_compared() {
        let keys = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let believed = keys(&["new", "old", "secret"]);
        let compared = |names: &str, said: &[&str]| {
            let last = LastSaid { names: Some(names.parse().unwrap()), keys: keys(said) };
            let Peers { other_keys, other_providers } =
                compare(&last, &"kisee, local".parse().unwrap(), &believed);
            (other_keys, other_providers)
        };
        assert_eq!(compared("kisee, local", &["new", "secret"]), (false, false));
        assert_eq!(compared("local, kisee", &["old", "secret"]), (false, false), "believed still");
        assert_eq!(compared("kisee, local", &[]), (false, false), "a former server says none");
        assert_eq!(compared("kisee", &["new", "other"]), (true, true));
        let nobody = compare(&LastSaid::default(), &ProviderNames::default(), &believed);
        assert_eq!(nobody, Peers::default());
    }
}
