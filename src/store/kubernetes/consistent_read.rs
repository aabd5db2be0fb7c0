//! Reads that the API server answers from etcd, once in a while: what is watched may come from a cache that nobody fills
//! any more.
//!
//! Must not know what is watched.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use kube::Client;
use kube::api::{ListParams, ObjectList};
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::error::StoreError;
use super::jitter::jittered;
use super::object::Kind;
use super::view::View;

/// Between two rounds of reads, and between two while nothing is answered.
const PACE: Duration = Duration::from_secs(15);
const PACE_AWAY: Duration = Duration::from_secs(2);
/// Longest wait for an answer, and for one by which is found out that there are answers again.
const ANSWER: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(3);
/// A watch that is behind a read for so long learns nothing from bookmarks, which come every minute: what it watches is
/// read as a whole instead.
const BEHIND: Duration = Duration::from_secs(90);
/// Who asks, in the log.
const WHO: &str = "consistent reads";

/// Reads of one realm.
#[derive(Clone)]
pub(super) struct ConsistentReads {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) view: Arc<View>,
}

impl ConsistentReads {
    /// Never returns.
    pub(super) async fn run(self) {
        let (mut was_away, mut failures) = (false, 0_u32);
        loop {
            tokio::time::sleep(jittered(if failures > 0 { PACE_AWAY } else { PACE })).await;
            if !self.view.is_complete() {
                continue; // the lists are such reads too
            }
            // What was asked while nothing was answered may hang for long.
            let probed = if failures > 0 { self.probe(Kind::Group).await } else { Ok(()) };
            let round = match probed {
                Ok(()) => self.round().await,
                Err(error) => Err(error),
            };
            failures = if round.is_err() { failures.saturating_add(1) } else { 0 };
            match round {
                Ok(()) => {
                    self.view.outage.over(WHO);
                    // What is there now may be an older copy, and gone on with since.
                    if std::mem::take(&mut was_away) {
                        self.view.versions.read_anew();
                    }
                }
                Err(error) => {
                    // One that is slow once is busy; one that goes on so has lost etcd.
                    was_away |= error.is_outage() || failures > 1;
                    self.view.outage.met(WHO, &error);
                }
            }
        }
    }

    async fn round(&self) -> Result<(), StoreError> {
        self.look_for_namespace().await?;
        for kind in Kind::ALL {
            self.read(kind).await?;
            if self.view.versions.behind_for(kind).is_some_and(|behind| behind > BEHIND) {
                self.view.versions.list_again(kind);
            }
        }
        Ok(())
    }

    /// Returns when something asked long after whoever calls this asked is answered: what hangs since then need not be waited for.
    /// At first it is waited for so long.
    pub(super) async fn overtaken(&self, kind: Kind, patience: Duration) {
        tokio::time::sleep(patience).await;
        while self.probe(kind).await.is_err() {
            tokio::time::sleep(jittered(PACE_AWAY)).await;
        }
    }

    /// Whether such reads are answered, at once.
    async fn probe(&self, kind: Kind) -> Result<(), StoreError> {
        let parameters = ListParams::default().limit(1);
        let request = kube::api::Request::new(kind.path(&self.namespace)).list(&parameters);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let answer = self.client.request::<ObjectList<IgnoredAny>>(request);
        timeout(PROBE, answer).await.map_err(|_| StoreError::Slow(PROBE))??;
        Ok(())
    }

    /// Asks how far the state goes, and compares that with what was shown.
    pub(super) async fn read(&self, kind: Kind) -> Result<(), StoreError> {
        let (begun, shown) = (Instant::now(), self.view.versions.shown(kind));
        let parameters = ListParams::default().limit(1);
        let request = kube::api::Request::new(kind.path(&self.namespace)).list(&parameters);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let list = answered(self.client.request::<ObjectList<IgnoredAny>>(request)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        self.view.versions.read(kind, &version, begun, &shown);
        Ok(())
    }

    /// Makes sure that the namespace exists: of one that does not, the API server lists nothing and calls that well.
    pub(super) async fn look_for_namespace(&self) -> Result<(), StoreError> {
        let request = Request::get(format!("/api/v1/namespaces/{}", self.namespace));
        let request = request.body(Vec::new()).map_err(|_| self.no_namespace())?;
        match answered(self.client.request::<IgnoredAny>(request)).await {
            Ok(IgnoredAny) => Ok(()),
            Err(error) if error.status() == Some(404) => Err(self.no_namespace()),
            Err(error) => Err(error),
        }
    }

    fn no_namespace(&self) -> StoreError {
        StoreError::NoNamespace(self.namespace.clone())
    }
}

async fn answered<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, StoreError> {
    Ok(timeout(ANSWER, call).await.map_err(|_| StoreError::Slow(ANSWER))??)
}
