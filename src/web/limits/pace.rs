//! How often somebody may do something, counted.
//!
//! Must not keep who they are, nor know what it is.

use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Instant;

use super::attempts::RetryAfter;
use super::quotas::Quotas;

/// Limits how often the same key comes in a minute.
///
/// A minute's quota may be used up at once and comes back evenly; what is refused takes nothing of it. Of a key only a keyed hash
/// is kept, and memory is bounded: at most 100,000 keys, and 4,096 that all others share.
#[derive(Debug)]
pub struct Pace {
    start: Instant,
    hasher: RandomState,
    quotas: Option<Quotas>,
}

impl Pace {
    /// So often a minute; 0 is no limit.
    #[must_use]
    pub fn new(a_minute: u32) -> Self {
        let quotas = Quotas::new(a_minute);
        Self { start: Instant::now(), hasher: RandomState::new(), quotas }
    }

    /// Counts one time more.
    ///
    /// # Errors
    /// When it has come too often; when the next one may come.
    pub fn keep(&self, key: impl Hash) -> Result<(), RetryAfter> {
        let Some(quotas) = &self.quotas else { return Ok(()) };
        let taken = quotas.take(self.hasher.hash_one(key), 1, self.start.elapsed());
        taken.map(drop).map_err(RetryAfter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own() {
        let pace = Pace::new(3);
        let passed = |key: &str| (0..9).filter(|_| pace.keep(key).is_ok()).count();
        assert_eq!(passed("one"), 3);
        assert_eq!(passed("two"), 3);
        assert!(pace.keep("one").unwrap_err().seconds() <= 20);
        assert!((0..9999).all(|_| Pace::new(0).keep("one").is_ok()));
    }
}
