//! How far each watch has come, for those who wait for their own write, and since when it has not.
//!
//! Must not know what was shown.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::object::Kind;

/// Where the three watches are.
#[derive(Debug)]
pub(super) struct ResourceVersions([Watched; 3]);

#[derive(Debug)]
struct Watched {
    /// The resource version up to which the index knows; empty before the first list.
    version: watch::Sender<String>,
    /// When there was the last sign of life.
    progress: Mutex<Instant>,
}

impl ResourceVersions {
    pub(super) fn new() -> Self {
        Self(Kind::ALL.map(|_| Watched {
            version: watch::Sender::new(String::new()),
            progress: Mutex::new(Instant::now()),
        }))
    }

    /// Notes that the index knows everything up to this version; to be called after it does.
    pub(super) fn advance(&self, kind: Kind, version: &str) {
        self.alive(kind);
        self.0[kind.place()].version.send_modify(|shown| version.clone_into(shown));
    }

    /// Notes a sign of life.
    pub(super) fn alive(&self, kind: Kind) {
        let progress = &self.0[kind.place()].progress;
        *progress.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Where a watch is, and what comes.
    pub(super) fn subscribe(&self, kind: Kind) -> watch::Receiver<String> {
        self.0[kind.place()].version.subscribe()
    }

    /// How long the watch that fell behind most has shown no sign of life. A healthy one shows one every minute.
    pub(super) fn age(&self) -> Duration {
        let age = |watched: &Watched| {
            watched.progress.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
        };
        self.0.iter().map(age).max().unwrap_or_default()
    }
}

/// The order of two resource versions of one kind: decimal numbers of any length without leading zeros.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let mut versions = ["100", "99", "7", "340282366920938463463374607431768211455", "", "10"];
        versions.sort_by(|one, other| compare(one, other));
        assert_eq!(
            versions,
            ["", "7", "10", "99", "100", "340282366920938463463374607431768211455"]
        );
    }
}
