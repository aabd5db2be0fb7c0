//! At which paths a server answers reviews: those that stand in the Secret which the controller keeps.
//!
//! When somebody asks elsewhere the Secret is read, so that a server that was paused meanwhile answers at a new path all the same.
//! However many ask, it is read once in a second, and nobody waits for the next time: the controller lets some seconds go by before
//! it tells the API server of a new path. Must not know what is answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::live::LiveError;
use crate::resources::webhook::{PATHS, ReviewPaths, SECRET};

/// Longest wait for the Secret: less than the API server waits for a webhook.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks that others ask for, and between those by oneself, by which former paths are forgotten.
const PACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What one server knows of them.
pub struct KnownPaths {
    secrets: Api<Secret>,
    known: RwLock<ReviewPaths>,
    /// When the last look was begun.
    looked: Mutex<Option<Instant>>,
    is_told: AtomicBool,
    pace: (Duration, Duration),
}

impl KnownPaths {
    /// Of nothing yet.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            secrets: Api::namespaced(client, namespace),
            known: RwLock::default(),
            looked: Mutex::default(),
            is_told: AtomicBool::new(false),
            pace: PACE,
        }
    }

    /// Whether reviews are answered at a path.
    pub async fn has(&self, path: &str) -> bool {
        if self.knows(path) {
            return true;
        }
        self.look().await;
        self.knows(path)
    }

    /// Looks again and again, without end.
    pub async fn keep(&self) {
        loop {
            self.look().await;
            sleep(self.pace.1).await;
        }
    }

    fn knows(&self, path: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).has(path)
    }

    /// Looks, unless somebody has just now, or since this was asked for.
    async fn look(&self) {
        let asked = Instant::now();
        let mut looked = self.looked.lock().await;
        let began = Instant::now();
        if looked.is_some_and(|last| last > asked || began < last + self.pace.0) {
            return;
        }
        let found = timeout(PATIENCE, self.secrets.get_opt(SECRET)).await;
        *looked = Some(began);
        match found.map_err(|_| LiveError::Slow).and_then(|found| Ok(found?)) {
            Ok(secret) => {
                let mut data = secret.and_then(|secret| secret.data).unwrap_or_default();
                let paths = data.remove(PATHS).unwrap_or_default();
                self.learn(ReviewPaths::read(&paths.0));
            }
            // What is known stays good.
            Err(error) => {
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "at which path reviews are asked for cannot be read");
                }
            }
        }
    }

    fn learn(&self, paths: ReviewPaths) {
        let is_none = paths.current().is_none();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = paths;
        let was_told = self.is_told.swap(is_none, Ordering::Relaxed);
        if is_none && !was_told {
            tracing::warn!(
                "no review is answered before the controller has made a path for them, so users of the realm write nothing \
                 with kubectl; does it run?"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::resources::webhook::{LENGTH, ReviewPath};

    /// An API server with that Secret, and how often it was asked.
    fn api_server(text: Arc<RwLock<Option<String>>>) -> (KnownPaths, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let server = tower::service_fn(move |request: http::Request<Body>| {
            assert_eq!(request.uri().path(), "/api/v1/namespaces/realm/secrets/pasee-keys");
            counted.fetch_add(1, Ordering::SeqCst);
            let text = text.read().unwrap().clone();
            let mut answer = http::Response::new(Body::empty());
            match text {
                None => *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
                Some(text) => {
                    let data = json!({ PATHS: STANDARD.encode(text) });
                    let secret = json!({ "metadata": { "name": SECRET }, "data": data });
                    *answer.body_mut() = Body::from(secret.to_string().into_bytes());
                }
            }
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        (KnownPaths::new(Client::new(server, "realm"), "realm"), count)
    }

    fn paths(bytes: &[u8]) -> (Vec<String>, String) {
        let all = bytes.iter().map(|byte| ReviewPath::new([*byte; LENGTH]));
        let all = all.fold(ReviewPaths::default(), |paths, path| paths.renewed(path)).to_text();
        (all.lines().map(str::to_owned).collect(), all)
    }

    #[tokio::test]
    async fn what_was_changed_since_is_known_to_whoever_asks() {
        let text = Arc::new(RwLock::new(Some(String::new())));
        let (mut known, count) = api_server(Arc::clone(&text));
        known.pace.0 = Duration::ZERO;
        let (first, written) = paths(&[1]);
        assert!(!known.has(&first[0]).await && !known.has("").await);
        *text.write().unwrap() = Some(written);
        assert!(known.has(&first[0]).await, "made meanwhile");
        let looks = count.load(Ordering::SeqCst);
        assert!(known.has(&first[0]).await);
        assert_eq!(count.load(Ordering::SeqCst), looks, "who is known is not asked about");
        let (both, written) = paths(&[1, 2]);
        *text.write().unwrap() = Some(written);
        assert!(known.has(&both[0]).await && known.has(&first[0]).await, "also the former");
        let (next, written) = paths(&[2]);
        *text.write().unwrap() = Some(written);
        assert!(!known.has("/review").await && known.has(&next[0]).await);
        assert!(!known.has(&first[0]).await, "the former one is over");
        *text.write().unwrap() = None;
        assert!(!known.has(&first[0]).await && known.has(&next[0]).await, "as it was");
    }

    /// Whoever asks at wrong paths has the Secret read once in a while, and waits for nothing.
    #[tokio::test]
    async fn guessing_is_no_load() {
        let (right, written) = paths(&[7]);
        let (mut known, count) = api_server(Arc::new(RwLock::new(Some(written))));
        known.pace.0 = Duration::from_secs(3_600);
        let wrong: Vec<String> = (0..1_000).map(|number| format!("/review/{number}")).collect();
        for _ in 0..2 {
            let all = futures::future::join_all(wrong.iter().map(|path| known.has(path)));
            assert!(all.await.iter().all(|is_known| !is_known));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(known.has(&right[0]).await);
    }

    /// Former paths end though nobody asks.
    #[tokio::test]
    async fn it_is_looked_by_itself() {
        let (mut known, count) = api_server(Arc::new(RwLock::new(Some(String::new()))));
        known.pace = (Duration::ZERO, Duration::from_millis(1));
        let seen = async {
            while count.load(Ordering::SeqCst) < 3 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = seen => {}
            () = known.keep() => {}
        }
    }
}
