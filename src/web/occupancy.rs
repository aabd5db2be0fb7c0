//! How many connections there are, for those who measure.
//!
//! Must not know which they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How many connections there are, for those who measure. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Occupancy(pub(super) Arc<Counts>);

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) open: AtomicUsize,
    pub(super) most: AtomicUsize,
    pub(super) refused: AtomicU64,
    pub(super) gave_way: AtomicU64,
    pub(super) full: AtomicBool,
}

impl Occupancy {
    /// Open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.open.load(Relaxed)
    }

    /// Open at most, as the process is allowed.
    #[must_use]
    pub fn most(&self) -> usize {
        self.0.most.load(Relaxed)
    }

    /// Closed at once, for their address had as many as one may have, all at work.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Relaxed)
    }

    /// Closed to make room, while no request was under way on them.
    #[must_use]
    pub fn gave_way(&self) -> u64 {
        self.0.gave_way.load(Relaxed)
    }

    /// Whether there is no room for anybody, and nobody gives way.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.full.load(Relaxed)
    }
}
