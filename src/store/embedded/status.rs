//! What the store's thread tells about itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::Fault;

/// Counts and the latest faults.
#[derive(Debug, Default)]
pub(super) struct Status {
    commits: AtomicU64,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    write: Option<Arc<Fault>>,
    look: Option<Arc<Fault>>,
}

impl Status {
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How the last batch of writes went.
    pub(super) fn wrote(&self, fault: Option<Arc<Fault>>) {
        self.faults().write = fault;
    }

    /// How the last look for others' changes went.
    pub(super) fn looked(&self, fault: Option<Arc<Fault>>) {
        self.faults().look = fault;
    }

    pub(super) fn health(&self) -> Result<(), Arc<Fault>> {
        let faults = self.faults();
        faults.look.as_ref().or(faults.write.as_ref()).cloned().map_or(Ok(()), Err)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
