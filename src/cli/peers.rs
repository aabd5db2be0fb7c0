//! The other servers of the realm, put together: who asks, who answers, by which key, and for how long after the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::now;
use crate::domain::process::ProcessId;
use crate::keys::KeyRing;
use crate::peers::{Answer, AskError, Parts, PeerName, Peers, Sealing};
use crate::server::Api;
use crate::service::{AskReplicas, NoAnswer, Replicas};
use crate::settings::Settings;

/// How long what is kept here can still be fetched after the last request: as long as a code is good.
const LINGER: Duration = Duration::from_secs(60);
/// How often it is looked whether anybody still waits for something.
const LOOK: Duration = Duration::from_millis(200);

/// The other servers, if the settings know any.
pub(super) struct Peering(Option<Peers>);

impl Peering {
    /// Nobody is asked yet.
    pub(super) fn new(settings: &Settings, keys: &KeyRing) -> anyhow::Result<Self> {
        let Some(peers) = &settings.peers else { return Ok(Self(None)) };
        let mut process = [0; ProcessId::LENGTH];
        getrandom::fill(&mut process).context("the system gives no random numbers")?;
        let discover = peers.discover.iter();
        let parts = Parts {
            discover: discover.map(|place| PeerName::new(&place.host, place.port)).collect(),
            advertise: peers.advertise,
            sealing: Box::new(Shared(keys.clone())),
            clock: now,
        };
        Ok(Self(Some(Peers::new(ProcessId::new(process), parts))))
    }

    /// As the use cases ask them.
    pub(super) fn replicas(&self) -> Replicas {
        match &self.0 {
            Some(peers) => Replicas::among(peers.process(), Arc::new(Linked(peers.clone()))),
            None => Replicas::alone(),
        }
    }

    /// Answers the others from now on, for as long as this process lives, and keeps up with where they are.
    pub(super) fn start(&self, listener: Option<TcpListener>, api: &Arc<Api>) {
        let Some((peers, listener)) = self.0.clone().zip(listener) else { return };
        let answering = Arc::new(Answering(Arc::clone(api)));
        tokio::spawn(async move {
            tokio::join!(peers.listen(listener, answering), peers.keep_looking());
        });
    }

    /// Goes on while somebody may come for what is kept here, to another server, which asks this one.
    pub(super) async fn linger(&self, api: &Api) {
        let end = Instant::now() + LINGER;
        if self.0.is_none() || !api.is_waited_for() {
            return;
        }
        tracing::info!(
            "answering peers until nobody waits for a code of this server, for a minute at most"
        );
        while Instant::now() < end && api.is_waited_for() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The key of all servers of the realm.
struct Shared(KeyRing);

impl Sealing for Shared {
    fn seal(&self, used_for: &str, message: &[u8]) -> Option<Vec<u8>> {
        self.0.current().peers().seal_bytes(used_for, message).ok()
    }

    fn open(&self, used_for: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.current().peers().open_bytes(used_for, sealed)
    }
}

/// Who answers.
struct Answering(Arc<Api>);

impl Answer for Answering {
    fn answer(&self, question: Vec<u8>) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(async move { self.0.answer_replica(&question).await })
    }
}

/// Who is asked.
struct Linked(Peers);

impl AskReplicas for Linked {
    fn ask(
        &self,
        process: ProcessId,
        question: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>> {
        Box::pin(async move {
            self.0.ask(process, question).await.map_err(|error| match error {
                AskError::Unknown => NoAnswer::Unknown,
                AskError::Unreached => NoAnswer::Unreached,
                AskError::Unanswered => NoAnswer::Unanswered,
            })
        })
    }

    fn ask_all(&self, question: Vec<u8>) -> BoxStream<'_, (ProcessId, Vec<u8>)> {
        self.0.ask_all(&question).filter_map(std::future::ready).boxed()
    }

    fn tell_all(&self, news: Vec<u8>) {
        self.0.tell_all(&news);
    }
}
