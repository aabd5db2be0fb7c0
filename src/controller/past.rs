//! What is surely past: what has ended by this machine's clock and by that of the API server. By that alone something is taken away
//! for good.
//!
//! Must not know what is taken away.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::server_time;
use crate::domain::time::Timestamp;

/// Between two questions to the API server.
const PACE: Duration = Duration::from_secs(60);
/// Longest wait for its answer, which is no older than that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long what it said counts, by a clock that nobody sets.
const COUNTS_FOR: Duration = Duration::from_secs(600);

/// What this process knows of the API server's clock.
#[derive(Debug)]
pub(super) struct Past {
    clock: fn() -> Timestamp,
    said: Mutex<Option<(Timestamp, Instant)>>,
}

impl Past {
    pub(super) fn new(clock: fn() -> Timestamp) -> Self {
        Self { clock, said: Mutex::default() }
    }

    /// Up to when all is past; `None` while nobody knows.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let (said, at) = (*self.said.lock().unwrap_or_else(PoisonError::into_inner))?;
        end(said, at.elapsed(), (self.clock)())
    }

    /// Asks the API server once.
    pub(super) async fn ask(&self, client: &Client) {
        // What it says is older than the answer, and never newer than it counts for.
        let at = Instant::now();
        match timeout(PATIENCE, server_time::ask(client)).await {
            Ok(Ok(Some(said))) => {
                server_time::compare((self.clock)(), said);
                *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((said, at));
            }
            Ok(Ok(None)) => {
                let why = "the answers of the API server have no header Date, which something on the way may leave out: nothing that has \
                           ended is taken away";
                tracing::warn!("{why}");
            }
            // Told of by whoever asks for more.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Asks again and again, without end.
    pub(super) async fn keep(&self, client: &Client) {
        loop {
            sleep(PACE).await;
            self.ask(client).await;
        }
    }
}

/// By what the API server said so long ago, and by a clock of one's own.
fn end(said: Timestamp, ago: Duration, own: Timestamp) -> Option<Timestamp> {
    (ago < COUNTS_FOR).then(|| said.after(ago).min(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_is_so_by_both_clocks() {
        let at = |second| Timestamp::from_unix(second).unwrap();
        let end = |said, ago, own| end(at(said), Duration::from_secs(ago), at(own));
        assert_eq!(end(900, 0, 1_000), Some(at(900)), "ours may be ahead");
        assert_eq!(end(9_000, 0, 1_000), Some(at(1_000)), "or that of the API server");
        assert_eq!(end(500, 60, 1_000), Some(at(560)));
        assert_eq!(end(500, 600, 1_000), None, "it is too long ago");
        assert_eq!(Past::new(|| Timestamp::MIN).end(), None, "nobody has said it");
    }
}
