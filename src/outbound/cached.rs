//! What another server publishes: fresh from memory, one fetch at a time, the old rather than nothing.
//!
//! Owns when it is fetched again, by one rule for everybody:
//!
//! - What is fresh is given from memory. What is too old is fetched anew by whoever comes first; the others go on with
//!   the old meanwhile. When there is nothing yet, all wait for the one fetch.
//! - A fetch that fails changes nothing: the old is believed for 10 s more, however long the server is away.
//! - A fetch that has begun goes on, whoever goes away: a stranger who begins one and leaves keeps nothing old in force.
//! - Who finds something wrong with what is held, such as a key that is not in it, may ask for newer. One fetch answers all
//!   who wait for it, and the next such fetch begins no sooner than the cooldown after this one: a stranger who names a new
//!   key in every token causes no more. Fetches for the other reasons do not count here, so that keys that change right
//!   after them are found at once. Neither does one that was [worth it](Cached::was_worth_it), so that keys that change twice in
//!   a short while are found both times; unless what is wrong is explained by what was just [replaced](Cached::replaced), such
//!   as a token by the key of before.
//!
//! Must not know where it is fetched, nor what it is.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;

/// How long what is too old is believed again while it is fetched, and when that fails.
const REPRIEVE: Duration = Duration::from_secs(10);
/// How long something is fresh when whoever publishes it does not say.
pub const DEFAULT_AGE: Duration = Duration::from_secs(300);
/// The bounds of how long something is fresh.
const AGES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3600));

/// What was fetched, and how long it is fresh.
#[derive(Debug)]
pub struct Fetched<V> {
    /// What it is, ready for use.
    pub value: V,
    /// How long, before the bounds of 30 s and 1 h are applied.
    pub fresh_for: Duration,
}

/// What another server publishes, kept however long that server is away.
#[derive(Debug)]
pub struct Cached<V> {
    kept: Arc<Kept<V>>,
    cooldown: Duration,
    /// Who holds this fetches; when a fetch for something newer was last begun.
    fetching: Arc<Mutex<Option<Instant>>>,
}

/// What makes somebody ask for something newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// What is held explains nothing.
    Unexplained,
    /// It would have been right by what was held before: nothing newer is to be expected.
    Outdated,
}

/// Why a judgement by what is published came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubted<W, E> {
    /// By what was published last.
    pub why: W,
    /// What became of the fetch for something newer, if it failed.
    pub fetch: Option<E>,
}

/// What whoever asks shares with the fetch, which may outlive them.
#[derive(Debug)]
struct Kept<V> {
    held: ArcSwapOption<Held<V>>,
    /// What was held before that.
    replaced: ArcSwapOption<V>,
    /// When a fetch for something newer was begun of which nobody has said yet that it was worth it.
    in_vain: ArcSwapOption<Instant>,
    /// How many fetches have ended, for whoever waits for one.
    ended: AtomicU64,
}

#[derive(Debug)]
struct Held<V> {
    value: Arc<V>,
    fresh_until: Instant,
}

impl<V> Held<V> {
    fn is_fresh(&self) -> bool {
        Instant::now() < self.fresh_until
    }
}

impl<V> Kept<V> {
    fn hold(&self, value: Arc<V>, age: Duration) {
        let fresh_until = Instant::now() + age;
        self.held.store(Some(Arc::new(Held { value, fresh_until })));
    }

    /// Takes note of how a fetch ended.
    fn take<E>(&self, fetched: Result<Fetched<V>, E>) -> Result<Arc<V>, E> {
        self.ended.fetch_add(1, Ordering::Release);
        let Fetched { value, fresh_for } = fetched?;
        let value = Arc::new(value);
        let replaced = self.held.load_full().map(|held| Arc::clone(&held.value));
        self.replaced.store(replaced);
        self.hold(Arc::clone(&value), fresh_for.clamp(AGES.0, AGES.1));
        Ok(value)
    }
}

impl<V: Send + Sync + 'static> Cached<V> {
    /// Without anything yet. Between two fetches for something newer there is the cooldown.
    #[must_use]
    pub fn new(cooldown: Duration) -> Self {
        Self {
            kept: Arc::new(Kept {
                held: ArcSwapOption::empty(),
                replaced: ArcSwapOption::empty(),
                in_vain: ArcSwapOption::empty(),
                ended: AtomicU64::new(0),
            }),
            cooldown,
            fetching: Arc::default(),
        }
    }

    /// What is published, fetched when there is nothing or it is too old.
    ///
    /// # Errors
    /// The fetch's own, when there is nothing.
    pub async fn get<F, E>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<Fetched<V>, E>> + Send + 'static,
        E: Send + 'static,
    {
        let lock = match self.kept.held.load_full() {
            Some(held) if held.is_fresh() => return Ok(Arc::clone(&held.value)),
            Some(held) => match Arc::clone(&self.fetching).try_lock_owned() {
                Ok(lock) => lock,
                Err(_) => return Ok(Arc::clone(&held.value)),
            },
            None => Arc::clone(&self.fetching).lock_owned().await,
        };
        let old = self.kept.held.load_full();
        if let Some(held) = old.as_ref().filter(|held| held.is_fresh()) {
            return Ok(Arc::clone(&held.value));
        }
        if let Some(old) = &old {
            self.kept.hold(Arc::clone(&old.value), REPRIEVE);
        }
        match (self.fetched(lock, fetch()).await, old) {
            (Ok(value), _) => Ok(value),
            (Err(_), Some(old)) => Ok(Arc::clone(&old.value)),
            (Err(error), None) => Err(error),
        }
    }

    /// What is newer than this, with which something is wrong. `None` when there is nothing newer, or somebody has asked
    /// for it in vain within the cooldown.
    ///
    /// # Errors
    /// The fetch's own, for whoever fetches.
    pub async fn newer<F, E>(
        &self,
        than: &Arc<V>,
        suspicion: Suspicion,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<V>>, E>
    where
        F: Future<Output = Result<Fetched<V>, E>> + Send + 'static,
        E: Send + 'static,
    {
        let ended = self.kept.ended.load(Ordering::Acquire);
        let mut last = Arc::clone(&self.fetching).lock_owned().await;
        let held = self.kept.held.load_full().filter(|held| !Arc::ptr_eq(&held.value, than));
        if let Some(held) = held {
            return Ok(Some(Arc::clone(&held.value)));
        }
        let is_answered = ended != self.kept.ended.load(Ordering::Acquire);
        let counts = match suspicion {
            Suspicion::Unexplained => self.kept.in_vain.load_full().map(|begun| *begun),
            Suspicion::Outdated => *last,
        };
        if is_answered || counts.is_some_and(|begun| begun.elapsed() < self.cooldown) {
            return Ok(None);
        }
        let begun = Instant::now();
        *last = Some(begun);
        self.kept.in_vain.store(Some(Arc::new(begun)));
        self.fetched(last, fetch()).await.map(Some)
    }

    /// Judges something by what is known, and once more by something newer, within the bounds of [`Cached::newer`], where what is
    /// wrong may be mended by that.
    ///
    /// # Errors
    /// [`Doubted`].
    pub async fn judged<T, W, F, E>(
        &self,
        known: Arc<V>,
        fetch: impl Fn() -> F,
        judge: impl Fn(&V) -> Result<T, W>,
        may_be_mended: impl Fn(&W) -> bool,
    ) -> Result<T, Doubted<W, E>>
    where
        F: Future<Output = Result<Fetched<V>, E>> + Send + 'static,
        E: Send + 'static,
    {
        let why = match judge(&known) {
            Err(why) if may_be_mended(&why) => why,
            judged => return judged.map_err(|why| Doubted { why, fetch: None }),
        };
        let is_outdated = self.replaced().is_some_and(|replaced| judge(&replaced).is_ok());
        let suspicion = if is_outdated { Suspicion::Outdated } else { Suspicion::Unexplained };
        match self.newer(&known, suspicion, &fetch).await {
            Ok(Some(newer)) => {
                let judged = judge(&newer).map_err(|why| Doubted { why, fetch: None });
                if judged.is_ok() {
                    self.was_worth_it();
                }
                judged
            }
            Ok(None) => Err(Doubted { why, fetch: None }),
            Err(error) => Err(Doubted { why, fetch: Some(error) }),
        }
    }

    /// What is held, however old; nothing is fetched.
    #[must_use]
    pub fn held(&self) -> Option<Arc<V>> {
        self.kept.held.load_full().map(|held| Arc::clone(&held.value))
    }

    /// What was held before what is held now.
    #[must_use]
    pub fn replaced(&self) -> Option<Arc<V>> {
        self.kept.replaced.load_full()
    }

    /// Says that nothing is wrong any more with what was fetched for something newer: others may have theirs fetched at once.
    /// Only what nobody can cause at will may say so, such as a signature that holds now and did not before.
    pub fn was_worth_it(&self) {
        self.kept.in_vain.store(None);
    }

    /// Fetches in a task of its own, which holds the lock to its end.
    async fn fetched<F, E>(
        &self,
        lock: OwnedMutexGuard<Option<Instant>>,
        fetch: F,
    ) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<Fetched<V>, E>> + Send + 'static,
        E: Send + 'static,
    {
        let kept = Arc::clone(&self.kept);
        let work = async move {
            let _one_at_a_time = lock;
            kept.take(fetch.await)
        };
        let task = tokio::spawn(work.in_current_span());
        match task.await {
            Ok(fetched) => fetched,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Nobody aborts it: the runtime is going down, and whoever asks with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::Suspicion::{Outdated, Unexplained as New};
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);

    #[derive(Debug, PartialEq, Eq)]
    struct Away;

    async fn fetched(value: u8) -> Result<Fetched<u8>, Away> {
        Ok(Fetched { value, fresh_for: Duration::ZERO })
    }

    async fn away() -> Result<Fetched<u8>, Away> {
        Err(Away)
    }

    async fn never() -> Result<Fetched<u8>, Away> {
        panic!("nothing may be fetched")
    }

    fn age(cached: &Cached<u8>) {
        let value = Arc::clone(&cached.kept.held.load_full().unwrap().value);
        cached.kept.hold(value, Duration::ZERO);
    }

    /// Lets the cooldown pass.
    async fn cool(cached: &Cached<u8>) {
        let long_ago = Instant::now().checked_sub(COOLDOWN);
        *cached.fetching.lock().await = long_ago;
        cached.kept.in_vain.store(long_ago.map(Arc::new));
    }

    #[tokio::test]
    async fn the_old_rather_than_nothing() {
        let cached = Cached::new(COOLDOWN);
        assert_eq!(cached.get(away).await.unwrap_err(), Away);
        assert_eq!(*cached.get(|| fetched(1)).await.unwrap(), 1);
        assert_eq!(*cached.get(never).await.unwrap(), 1, "fresh for 30 s at least");
        age(&cached);
        assert_eq!(*cached.get(away).await.unwrap(), 1);
        assert_eq!(*cached.get(never).await.unwrap(), 1, "and nobody asks again for a while");
        age(&cached);
        {
            let _fetching = cached.fetching.lock().await;
            assert_eq!(*cached.get(never).await.unwrap(), 1, "others do not wait");
        }
        assert_eq!(*cached.get(|| fetched(2)).await.unwrap(), 2);
    }

    /// Whoever fetches may go away in the middle: the fetch goes on. Else a stranger who begins one and goes away, again and
    /// again, would keep what is old in force.
    #[tokio::test]
    async fn a_fetch_outlives_whoever_began_it() {
        const SOON: Duration = Duration::from_millis(10);
        let cached = Cached::new(COOLDOWN);
        cached.get(|| fetched(1)).await.unwrap();
        age(&cached);
        let answer = Arc::new(Notify::new());
        let slowly = |value| {
            let answer = Arc::clone(&answer);
            move || async move {
                answer.notified().await;
                fetched(value).await
            }
        };
        let given_up = tokio::time::timeout(SOON, cached.get(slowly(2))).await;
        assert!(given_up.is_err());
        assert_eq!(*cached.get(never).await.unwrap(), 1, "others do not wait");
        answer.notify_one();
        drop(cached.fetching.lock().await);
        let two = cached.get(never).await.unwrap();
        assert_eq!(*two, 2);

        let given_up = tokio::time::timeout(SOON, cached.newer(&two, New, slowly(3))).await;
        assert!(given_up.is_err());
        answer.notify_one();
        let three = cached.newer(&two, New, never).await.unwrap().unwrap();
        assert_eq!(*three, 3, "who comes later waits for the same fetch");
        assert_eq!(cached.newer(&three, New, never).await, Ok(None), "it counts for the cooldown");
    }

    #[tokio::test]
    async fn unknown_keys_cause_one_fetch_in_a_while() {
        let cached = Cached::new(COOLDOWN);
        let one = cached.get(|| fetched(1)).await.unwrap();
        assert_eq!(
            cached.newer(&one, New, away).await,
            Err(Away),
            "the first fetch does not count"
        );
        for _ in 0..10_000 {
            assert_eq!(cached.newer(&one, New, never).await, Ok(None), "a failed fetch does");
        }
        assert_eq!(cached.get(never).await.as_deref(), Ok(&1), "and it takes nothing away");
        cool(&cached).await;
        let two = cached.newer(&one, New, || fetched(2)).await.unwrap().unwrap();
        assert_eq!(*two, 2);
        assert_eq!(
            cached.newer(&one, New, never).await,
            Ok(Some(Arc::clone(&two))),
            "it was fetched"
        );
        assert_eq!(cached.newer(&two, New, never).await, Ok(None));
    }

    /// Whoever has found what they looked for takes nothing away from the next, but what was replaced explains no fetch.
    #[tokio::test]
    async fn what_was_worth_it_does_not_count() {
        let cached = Cached::new(COOLDOWN);
        let one = cached.get(|| fetched(1)).await.unwrap();
        assert_eq!(cached.replaced(), None);
        let two = cached.newer(&one, New, || fetched(2)).await.unwrap().unwrap();
        assert_eq!(cached.newer(&two, New, never).await, Ok(None), "nobody has said so yet");
        cached.was_worth_it();
        assert_eq!(cached.replaced().as_deref(), Some(&1));
        assert_eq!(cached.newer(&two, Outdated, never).await, Ok(None));
        let three = cached.newer(&two, New, || fetched(3)).await.unwrap().unwrap();
        assert_eq!((*three, cached.replaced().as_deref()), (3, Some(&2)));
        assert_eq!(cached.newer(&three, New, never).await, Ok(None), "this one was in vain");
        cool(&cached).await;
        let back = cached.newer(&three, Outdated, || fetched(2)).await.unwrap();
        assert_eq!(back.as_deref(), Some(&2), "keys may come back");
    }

    /// Also without a cooldown one fetch answers all who wait for it.
    #[tokio::test]
    async fn a_crowd_asks_once() {
        let cached = Cached::new(Duration::ZERO);
        let one = cached.get(|| fetched(1)).await.unwrap();
        let slowly = || async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err::<Fetched<u8>, _>(Away)
        };
        let (first, second) =
            tokio::join!(cached.newer(&one, New, slowly), cached.newer(&one, New, never));
        assert_eq!((first, second), (Err(Away), Ok(None)));
        assert_eq!(cached.newer(&one, New, away).await, Err(Away), "who comes later asks again");
    }
}
