//! Somebody else's published keys, fetched when they are needed and kept.
//!
//! Owns when they are fetched again. Must not know where they are, nor what they verify.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::ProviderError;

/// Between two fetches that unknown keys ask for: a stranger who names a new key in every token causes no more.
const COOLDOWN: Duration = Duration::from_secs(30);
/// How long keys are believed again when they are too old and nobody says anew.
const REPRIEVE: Duration = Duration::from_secs(10);
/// How long fetched keys are taken for the newest when whoever publishes them does not say.
pub const DEFAULT_AGE: Duration = Duration::from_secs(300);
/// The bounds of what they may say.
const AGES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3600));

/// What was fetched, and how long it is the newest.
#[derive(Debug)]
pub struct Fetched<V> {
    /// The keys, ready for use.
    pub keys: V,
    /// How long, before the bounds of 30 s and 1 h are applied.
    pub age: Duration,
}

/// Keys, kept however long whoever publishes them is away.
#[derive(Debug)]
pub struct Keyring<V> {
    held: ArcSwapOption<Held<V>>,
    /// Who holds this fetches; the moment of the last fetch that was begun.
    fetching: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Held<V> {
    keys: Arc<V>,
    fresh_until: Instant,
}

impl<V> Keyring<V> {
    /// Without keys yet.
    pub fn new() -> Self {
        Self { held: ArcSwapOption::empty(), fetching: Mutex::new(None) }
    }

    /// The keys, fetched when there are none or they are old. While one fetches, the others go on with the old ones.
    pub async fn keys(
        &self,
        fetch: impl Future<Output = Result<Fetched<V>, ProviderError>>,
    ) -> Result<Arc<V>, ProviderError> {
        let mut last = match self.held.load_full() {
            Some(held) if Instant::now() < held.fresh_until => return Ok(Arc::clone(&held.keys)),
            Some(held) => match self.fetching.try_lock() {
                Ok(lock) => lock,
                Err(_) => return Ok(Arc::clone(&held.keys)),
            },
            None => self.fetching.lock().await,
        };
        let old = self.held.load_full();
        if let Some(held) = old.as_ref().filter(|held| Instant::now() < held.fresh_until) {
            return Ok(Arc::clone(&held.keys));
        }
        *last = Some(Instant::now());
        // Should this turn end before the fetch does, the next one does not begin with another.
        if let Some(old) = &old {
            self.hold(Arc::clone(&old.keys), REPRIEVE);
        }
        match (fetch.await, old) {
            (Ok(fetched), _) => Ok(self.take(fetched)),
            (Err(_), Some(old)) => Ok(Arc::clone(&old.keys)),
            (Err(error), None) => Err(error),
        }
    }

    /// Newer keys than these, in which a key was not found: at most one fetch in 30 s, and `None` when there are none.
    pub async fn newer(
        &self,
        than: &Arc<V>,
        fetch: impl Future<Output = Result<Fetched<V>, ProviderError>>,
    ) -> Option<Arc<V>> {
        let mut last = self.fetching.lock().await;
        let held = self.held.load_full()?;
        if !Arc::ptr_eq(&held.keys, than) {
            return Some(Arc::clone(&held.keys));
        }
        if last.is_some_and(|last| last.elapsed() < COOLDOWN) {
            return None;
        }
        *last = Some(Instant::now());
        Some(self.take(fetch.await.ok()?))
    }

    fn take(&self, fetched: Fetched<V>) -> Arc<V> {
        let keys = Arc::new(fetched.keys);
        self.hold(Arc::clone(&keys), fetched.age.clamp(AGES.0, AGES.1));
        keys
    }

    fn hold(&self, keys: Arc<V>, age: Duration) {
        let fresh_until = Instant::now() + age;
        self.held.store(Some(Arc::new(Held { keys, fresh_until })));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fetched(keys: u8) -> Result<Fetched<u8>, ProviderError> {
        Ok(Fetched { keys, age: Duration::ZERO })
    }

    async fn away() -> Result<Fetched<u8>, ProviderError> {
        Err(ProviderError::Unreachable)
    }

    async fn never() -> Result<Fetched<u8>, ProviderError> {
        panic!("nothing may be fetched")
    }

    fn aged(ring: &Keyring<u8>) {
        let keys = Arc::clone(&ring.held.load_full().unwrap().keys);
        ring.hold(keys, Duration::ZERO);
    }

    #[tokio::test]
    async fn old_keys_rather_than_none() {
        let ring = Keyring::new();
        assert_eq!(ring.keys(away()).await.unwrap_err(), ProviderError::Unreachable);
        assert_eq!(*ring.keys(fetched(1)).await.unwrap(), 1);
        assert_eq!(*ring.keys(never()).await.unwrap(), 1, "fresh for 30 s at least");
        aged(&ring);
        assert_eq!(*ring.keys(away()).await.unwrap(), 1);
        assert_eq!(*ring.keys(never()).await.unwrap(), 1, "and nobody asks again for a while");
        aged(&ring);
        {
            let _fetching = ring.fetching.lock().await;
            assert_eq!(*ring.keys(never()).await.unwrap(), 1, "others do not wait");
        }
        assert_eq!(*ring.keys(fetched(2)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn unknown_keys_cause_one_fetch_in_a_while() {
        let ring = Keyring::new();
        let one = ring.keys(fetched(1)).await.unwrap();
        for _ in 0..10_000 {
            assert_eq!(ring.newer(&one, never()).await, None, "they were fetched just now");
        }
        *ring.fetching.lock().await = Instant::now().checked_sub(COOLDOWN);
        assert_eq!(ring.newer(&one, away()).await, None);
        assert_eq!(ring.newer(&one, never()).await, None, "a failed fetch counts too");
        *ring.fetching.lock().await = Instant::now().checked_sub(COOLDOWN);
        assert_eq!(ring.newer(&one, fetched(2)).await.as_deref(), Some(&2));
        assert_eq!(ring.newer(&one, never()).await.as_deref(), Some(&2), "somebody has fetched");
    }
}
