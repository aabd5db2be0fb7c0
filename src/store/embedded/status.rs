//! What the store's thread tells about itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::StoreError;

/// Counts and the latest faults.
#[derive(Debug, Default)]
pub(super) struct Status {
    commits: AtomicU64,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    write: Option<Arc<StoreError>>,
    look: Option<Arc<StoreError>>,
}

impl Status {
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How the last batch of writes went.
    pub(super) fn wrote(&self, error: Option<Arc<StoreError>>) {
        self.faults().write = error;
    }

    /// How the last look for others' changes went. A new fault is told once.
    pub(super) fn looked(&self, error: Option<Arc<StoreError>>) {
        let mut faults = self.faults();
        let text = |error: &Option<Arc<StoreError>>| error.as_ref().map(ToString::to_string);
        let (before, now) = (text(&faults.look), text(&error));
        faults.look = error;
        drop(faults);
        match (before, now) {
            (before, Some(now)) if before.as_ref() != Some(&now) => {
                tracing::error!("the file of groups cannot be used: {now}");
            }
            (Some(_), None) => tracing::info!("the file of groups can be used again"),
            _ => {}
        }
    }

    /// Whether what is in memory is what the file holds, or will be in a moment.
    pub(super) fn is_current(&self) -> bool {
        self.faults().look.as_ref().is_none_or(|error| error.is_passing())
    }

    pub(super) fn health(&self) -> Result<(), Arc<StoreError>> {
        let faults = self.faults();
        faults.look.as_ref().or(faults.write.as_ref()).cloned().map_or(Ok(()), Err)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
