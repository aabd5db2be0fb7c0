//! The watch loop of one kind of objects: list, watch from there, and begin anew when that does not go on.
//!
//! A list is read page by page and takes effect as a whole. Must not know what objects mean.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use kube::Client;
use kube::api::{ListParams, ObjectList, Request, WatchEvent, WatchParams};
use tokio::time::{Instant, timeout};

use super::consistent_read::ConsistentReads;
use super::error::StoreError;
use super::jitter::jittered;
use super::object::{Event, Kind, Name, Object};
use super::resource_version::compare;
use super::view::View;
use super::wire::{Wire, read};

/// Longest wait for a page of a list, or for the head of a watch's answer.
const ANSWER: Duration = Duration::from_secs(60);
/// How long they are waited for while other reads are answered, which began later: at first, and doubled each time, as a large page
/// may take longer than small ones. An API server that had lost etcd lets hang what it was asked meanwhile.
const OVERTAKEN: Duration = Duration::from_secs(5);
/// A watch on which nothing came for so long, not even a bookmark, is dead: they come every minute.
const IDLE: Duration = Duration::from_secs(90);
/// Waits between attempts: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// A watch that went on for so long did well, and so did a list that is so old when a watch cannot go on from it any more:
/// what follows is begun at once then. Otherwise it is not, as an API server, or a proxy before it, may end each watch as
/// soon as it has begun.
const STEADY: Duration = Duration::from_secs(5);
/// HTTP status of what is too old to go on from.
const GONE: u16 = 410;

/// Why a watch ended.
enum End {
    /// It can go on from where it was.
    Resume,
    /// A new list is needed.
    Relist,
}

/// Watches one kind, for good.
pub(super) struct RealmWatch {
    kind: Kind,
    client: Client,
    namespace: String,
    view: Arc<View>,
    reads: ConsistentReads,
    patience: Duration,
}

impl RealmWatch {
    /// A watch of a kind, which compares what it sees with reads.
    pub(super) fn new(kind: Kind, reads: ConsistentReads) -> Self {
        let ConsistentReads { client, namespace, view } = reads.clone();
        Self { kind, client, namespace, view, reads, patience: OVERTAKEN }
    }

    /// Never returns.
    pub(super) async fn run(mut self) {
        let mut wait = BACKOFF.0;
        let mut version: Option<String> = None;
        let mut listed = Instant::now();
        loop {
            let Some(from) = version.clone() else {
                match self.list().await {
                    Ok(at) => (version, listed) = (Some(at), Instant::now()),
                    Err(error) => {
                        self.be_patient(&error, &mut wait);
                        self.pause(&mut wait, Some(error)).await;
                    }
                }
                continue;
            };
            let since = Instant::now();
            let ended = match self.watch(from, &mut version).await {
                // Before it goes on: is what it goes on from still there?
                Ok(End::Resume) => self.reads.read(self.kind).await.map(|()| End::Resume),
                ended => ended,
            };
            let is_gone = match &ended {
                Ok(End::Resume) => false,
                Ok(End::Relist) => true,
                // Behind it there may be another state by now than the one that was watched.
                Err(error) => error.status() == Some(GONE) || error.is_outage(),
            };
            match &ended {
                Err(error) => self.be_patient(error, &mut wait),
                Ok(_) => self.patience = OVERTAKEN,
            }
            if is_gone {
                version = None;
            }
            if since.elapsed() >= STEADY || (is_gone && listed.elapsed() >= STEADY) {
                wait = BACKOFF.0;
                if ended.is_ok() || is_gone {
                    continue;
                }
            }
            self.pause(&mut wait, ended.err()).await;
        }
    }

    /// What was overtaken is asked once more at once, and waited for longer.
    fn be_patient(&mut self, error: &StoreError, wait: &mut Duration) {
        if matches!(error, StoreError::Overtaken) {
            self.patience = (self.patience * 2).min(ANSWER);
            *wait = BACKOFF.0;
        }
    }

    /// An answer, unless it hangs while others are answered.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            answer = timeout(ANSWER, answer) => Ok(answer.map_err(|_| StoreError::Slow(ANSWER))??),
            () = self.reads.overtaken(self.kind, self.patience) => Err(StoreError::Overtaken),
        }
    }

    /// Waits, longer the next time, and says why if something is wrong.
    async fn pause(&self, wait: &mut Duration, error: Option<StoreError>) {
        if let Some(error) = error.filter(|error| error.status() != Some(GONE)) {
            self.view.outage.met(self.kind.plural(), &error);
        }
        tokio::time::sleep(jittered(*wait)).await;
        *wait = (*wait * 2).min(BACKOFF.1);
    }

    /// Reads all objects; returns the version up to which the view knows then.
    async fn list(&self) -> Result<String, StoreError> {
        let begun = std::time::Instant::now();
        let shown = self.view.versions.shown(self.kind);
        let mut objects = Vec::new();
        match self.pages(&mut objects).await {
            Ok(version) => {
                let count = objects.len();
                if compare(&version, &shown).is_lt() {
                    self.view.versions.went_back(self.kind, &version, &shown);
                }
                self.view.take_in_list(self.kind, objects, &version, begun);
                self.view.outage.over(self.kind.plural());
                tracing::debug!(kind = ?self.kind, count, "listed");
                Ok(version)
            }
            Err(error) => {
                self.view.discard(objects);
                Err(error)
            }
        }
    }

    async fn pages(&self, objects: &mut Vec<Object>) -> Result<String, StoreError> {
        if self.kind == Kind::Group {
            self.reads.look_for_namespace().await?;
        }
        // Without a resource version, so as new as can be.
        let mut parameters = ListParams::default().limit(page(self.kind));
        loop {
            let request = self.request().list(&parameters).map_err(kube::Error::BuildRequest)?;
            let answer = self.client.request::<ObjectList<Wire>>(request);
            let page = self.answered(answer).await?;
            let metadata = page.metadata;
            let read = page.items.into_iter().map(|wire| read(self.kind, wire));
            objects.extend(self.view.compact(read));
            match metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(metadata.resource_version.unwrap_or_default()),
            }
        }
    }

    /// Follows what happens after a version, and keeps count of where it is.
    async fn watch(&self, from: String, version: &mut Option<String>) -> Result<End, StoreError> {
        let parameters = WatchParams { bookmarks: true, ..WatchParams::default() };
        let request = self.request().watch(&parameters, &from);
        let request = request.map_err(kube::Error::BuildRequest)?;
        let answer = self.client.request_events::<Wire>(request);
        let events = self.answered(answer).await?;
        self.view.outage.over(self.kind.plural());
        pin_mut!(events);
        loop {
            let next = tokio::select! {
                biased;
                () = self.view.versions.until_list(self.kind) => return Ok(End::Relist),
                next = timeout(IDLE, events.next()) => next,
            };
            let Ok(next) = next else { return Ok(End::Resume) };
            let event = match next {
                Some(Err(kube::Error::ReadEvents(error))) => {
                    // Proxies cut what they think has gone on for long enough.
                    tracing::debug!(kind = ?self.kind, %error, "a watch was cut");
                    return Ok(End::Resume);
                }
                Some(event) => event?,
                None => return Ok(End::Resume),
            };
            let at = match event {
                WatchEvent::Added(wire) | WatchEvent::Modified(wire) => {
                    let at = wire.metadata.resource_version.clone();
                    self.view.take_in(Event::Applied(read(self.kind, wire)), &at);
                    at
                }
                WatchEvent::Deleted(wire) => {
                    let name = Name::from(wire.metadata.name);
                    let at = wire.metadata.resource_version;
                    self.view.take_in(Event::Gone(self.kind, name), &at);
                    at
                }
                WatchEvent::Bookmark(bookmark) => {
                    let at = bookmark.metadata.resource_version;
                    self.view.confirm(self.kind, &at);
                    at
                }
                WatchEvent::Error(status) if status.code == GONE => return Ok(End::Relist),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            };
            if compare(&at, version.as_deref().unwrap_or_default()).is_lt() {
                let before = version.as_deref().unwrap_or_default();
                self.view.versions.went_back(self.kind, &at, before);
                return Ok(End::Relist);
            }
            *version = Some(at);
        }
    }

    fn request(&self) -> Request {
        Request::new(self.kind.path(&self.namespace))
    }
}

/// Objects in one page of a list. Memberships are large, and a page of them is in memory at once.
fn page(kind: Kind) -> u32 {
    match kind {
        Kind::Group | Kind::User => 500,
        Kind::Membership | Kind::SessionRevocations | Kind::OAuthClient => 100,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Request;
    use kube::client::Body;

    use super::*;

    /// How many requests come within a second, of an API server that answers each watch so.
    async fn requests(watch: &'static str) -> usize {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let server = tower::service_fn(move |request: Request<Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let list = r#"{ "metadata": { "resourceVersion": "7" }, "items": [] }"#;
            let answer = if is_watch { watch } else { list };
            let answer = http::Response::new(Body::from(answer.as_bytes().to_vec()));
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let reads = ConsistentReads {
            client: Client::new(server, "realm"),
            namespace: "realm".to_owned(),
            view: Arc::new(View::new()),
        };
        let watch = RealmWatch::new(Kind::Membership, reads);
        _ = timeout(Duration::from_secs(1), watch.run()).await;
        asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn what_ends_at_once_is_not_begun_anew_at_once() {
        let gone = r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":410}}"#;
        for watch in ["", gone, r#"{"type":"ERROR","object":{"code":500}}"#, "nonsense\n"] {
            let requests = requests(watch).await;
            assert!((3..=14).contains(&requests), "{requests} after {watch:?}");
        }
    }

    /// Behind a load balancer nobody sees an API server go: what is read says that etcd is older than it was.
    #[tokio::test]
    async fn what_is_older_than_before_is_read_anew() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let server = tower::service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let lists = &*counted;
            let answer = if query.contains("watch=true") {
                String::new()
            } else if query.contains("limit=1&") || query.ends_with("limit=1") {
                list("6", "")
            } else if lists.fetch_add(1, Ordering::Relaxed) == 0 {
                list(
                    "9",
                    r#"{ "metadata": { "name": "ghost", "uid": "1", "resourceVersion": "8" },
                    "spec": { "username": "k-ada", "banned": true } }"#,
                )
            } else {
                list("6", "")
            };
            let answer = http::Response::new(Body::from(answer.into_bytes()));
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let view = Arc::new(View::new());
        let reads = ConsistentReads {
            client: Client::new(server, "realm"),
            namespace: "realm".to_owned(),
            view: Arc::clone(&view),
        };
        let watching = tokio::spawn(RealmWatch::new(Kind::User, reads).run());
        let ghost = || view.ask(|state| state.has(Kind::User, "ghost", "1"));
        let again = |shown: &str| shown == "6" && !ghost();
        view.until(Kind::User, Duration::from_secs(60), again).await.unwrap();
        watching.abort();
        assert!(asked.load(Ordering::Relaxed) >= 2);
    }

    /// An API server that had lost etcd lets a list hang that it was asked meanwhile, and answers all that comes later.
    #[tokio::test]
    async fn what_hangs_is_asked_once_more_when_others_are_answered() {
        let lists = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lists);
        let server = tower::service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let is_probe = query.contains("limit=1&") || query.ends_with("limit=1");
            let is_watch = query.contains("watch=true");
            let hangs = !is_probe && !is_watch && counted.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if hangs || is_watch {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(http::Response::new(Body::from(list("9", "").into_bytes())))
            }
        });
        let view = Arc::new(View::new());
        let reads = ConsistentReads {
            client: Client::new(server, "realm"),
            namespace: "realm".to_owned(),
            view: Arc::clone(&view),
        };
        let watching = tokio::spawn(RealmWatch::new(Kind::User, reads).run());
        // It would hang for ANSWER.
        view.until(Kind::User, ANSWER / 2, |_| view.is_listed(Kind::User)).await.unwrap();
        watching.abort();
        assert_eq!(lists.load(Ordering::Relaxed), 2);
    }

    fn list(version: &str, items: &str) -> String {
        format!(r#"{{ "metadata": {{ "resourceVersion": "{version}" }}, "items": [{items}] }}"#)
    }
}
