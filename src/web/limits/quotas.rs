//! A quota for each of many keys, used up at once and coming back evenly (the generic cell rate algorithm).
//!
//! Not the crate governor: it cannot take back what turned out not to count. Must not know what is counted.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most keys that are counted one by one; a few MiB.
const MAX_KEYS: usize = 100_000;
/// Buckets that the rest shares when there are more.
const SHARED: u64 = 4096;
/// How often keys that have their whole quota again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// The same, when there is no room.
const SWEEP_WHEN_FULL: Duration = Duration::from_secs(1);

/// A minute's quota for each key.
///
/// Memory is bounded: while more than 100,000 keys have used up part of their quota, further ones share 4,096 buckets. So a
/// flood of made-up keys can slow others down, but opens no way around the limit.
#[derive(Debug)]
pub(super) struct Quotas {
    /// What one attempt costs: the time in which it comes back.
    one: Duration,
    /// The whole quota, as such a time.
    whole: Duration,
    state: Mutex<State>,
}

/// By key, when its whole quota is back. Times are counted from a start that the caller knows.
#[derive(Debug, Default)]
struct State {
    own: HashMap<u64, Duration>,
    shared: HashMap<u64, Duration>,
    swept: Duration,
}

/// What was taken, to be given back.
#[derive(Debug)]
pub(super) struct Taken {
    bucket: Bucket,
    cost: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Bucket {
    Own(u64),
    Shared(u64),
}

impl Quotas {
    /// So much a minute; 0 is no limit.
    pub(super) fn new(a_minute: u32) -> Option<Self> {
        let count = NonZeroU32::new(a_minute)?.get();
        let one = Duration::from_secs(60) / count;
        Some(Self { one, whole: one * count, state: Mutex::default() })
    }

    /// Takes so much of a key's quota, at most all of it, or says how long to wait.
    pub(super) fn take(&self, key: u64, cost: u32, now: Duration) -> Result<Taken, Duration> {
        let cost = self.one.saturating_mul(cost).min(self.whole);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = state.bucket(key, now);
        let back = state.back(bucket);
        let then = back.copied().unwrap_or_default().max(now) + cost;
        let latest = now + self.whole;
        if then > latest {
            return Err(then - latest);
        }
        match bucket {
            Bucket::Own(key) => state.own.insert(key, then),
            Bucket::Shared(key) => state.shared.insert(key, then),
        };
        Ok(Taken { bucket, cost })
    }

    /// As if it had not been taken.
    pub(super) fn give_back(&self, Taken { bucket, cost }: Taken) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(back) = state.back(bucket) {
            *back = back.saturating_sub(cost);
        }
    }
}

impl State {
    fn back(&mut self, bucket: Bucket) -> Option<&mut Duration> {
        match bucket {
            Bucket::Own(key) => self.own.get_mut(&key),
            Bucket::Shared(key) => self.shared.get_mut(&key),
        }
    }

    fn bucket(&mut self, key: u64, now: Duration) -> Bucket {
        self.sweep(SWEEP_EVERY, now);
        if self.own.len() >= MAX_KEYS {
            self.sweep(SWEEP_WHEN_FULL, now);
        }
        if self.own.len() < MAX_KEYS || self.own.contains_key(&key) {
            Bucket::Own(key)
        } else {
            Bucket::Shared(key % SHARED)
        }
    }

    /// Forgets the keys that have their whole quota, unless that was done less than `every` ago.
    fn sweep(&mut self, every: Duration, now: Duration) {
        if now < self.swept + every {
            return;
        }
        self.swept = now;
        for keys in [&mut self.own, &mut self.shared] {
            keys.retain(|_, back| *back > now);
            // The room of a flood is given back with it.
            if keys.capacity() > 4 * keys.len() + 64 {
                keys.shrink_to(2 * keys.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn taken(quotas: &Quotas, key: u64, now: Duration) -> usize {
        (0..100).filter(|_| quotas.take(key, 1, now).is_ok()).count()
    }

    #[test]
    fn all_at_once_then_evenly() {
        let quotas = Quotas::new(6).unwrap();
        assert_eq!(taken(&quotas, 1, at(0)), 6);
        assert_eq!(quotas.take(1, 1, at(0)).unwrap_err(), at(10_000));
        assert_eq!(quotas.take(1, 1, at(9_500)).unwrap_err(), at(500));
        assert_eq!(taken(&quotas, 1, at(10_000)), 1);
        assert_eq!(taken(&quotas, 1, at(30_000)), 2);
        assert_eq!(taken(&quotas, 2, at(30_000)), 6, "another key's is another");
        assert!(Quotas::new(0).is_none());
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let quotas = Quotas::new(3).unwrap();
        for turn in 0..100 {
            let one = quotas.take(1, 1, at(turn)).unwrap();
            let two = quotas.take(1, 2, at(turn)).unwrap();
            assert!(quotas.take(1, 1, at(turn)).is_err());
            quotas.give_back(one);
            quotas.give_back(two);
        }
        assert_eq!(taken(&quotas, 1, at(100)), 3);
    }

    /// More than there is, is all that there is.
    #[test]
    fn the_dearest_attempt_takes_the_whole_quota() {
        let quotas = Quotas::new(7).unwrap();
        assert!(quotas.take(1, u32::MAX, at(0)).is_ok());
        assert!(quotas.take(1, 1, at(0)).is_err());
        assert!(quotas.take(1, u32::MAX, at(59_000)).is_err());
        assert!(quotas.take(1, u32::MAX, at(60_000)).is_ok());
    }

    #[test]
    fn a_flood_of_keys_is_bounded_limited_and_forgotten() {
        let quotas = Quotas::new(5).unwrap();
        let passed = (0..4 * MAX_KEYS as u64).filter(|key| quotas.take(*key, 1, at(1)).is_ok());
        let passed = passed.count();
        // The first ones each had their own bucket; all others shared few.
        assert!((MAX_KEYS..=MAX_KEYS + 4096 * 5).contains(&passed), "{passed}");
        {
            let state = quotas.state.lock().unwrap();
            assert_eq!((state.own.len(), state.shared.len()), (MAX_KEYS, 4096));
        }
        assert_eq!(taken(&quotas, 0, at(1)), 4, "who was counted before the flood still is");
        assert_eq!(taken(&quotas, 1, at(61_001)), 5);
        let state = quotas.state.lock().unwrap();
        assert_eq!((state.own.len(), state.shared.len()), (1, 0));
        assert!(state.own.capacity() < 1000);
    }
}
