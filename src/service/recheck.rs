//! Whether the user of a session that goes on still has an account at the provider that proved them, where it can be asked.
//!
//! Asked in the background when a session refreshes, once for each user in a while, a few at once: the refresh waits for
//! nobody. Only a clear answer ends anything, and then all sessions of that user. Must not know how a provider is asked.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use super::Service;
use crate::domain::change::Change;
use crate::domain::policy::{Actor, permit};
use crate::domain::realm::Realm;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::idp::{Presence, Provider, ProviderError, Providers};
use crate::telemetry::Metrics;

/// Most questions to one provider at once. Whose comes later is asked at their next refresh.
const AT_ONCE: usize = 4;
/// Most users of whom it is remembered in each of two halves when to ask about them again; a few MiB in all.
const MAX_KNOWN: usize = 100_000;
/// How soon is asked again after an answer that was none, unless `recheck` is shorter.
const RETRY: Duration = Duration::from_secs(60);
/// So many who are gone, one behind the other and nobody there between, are no users who have left, but a directory that
/// does not show them.
const MOST_GONE: u32 = 20;

/// What is remembered of the questions, by provider that is asked.
#[derive(Debug, Default)]
pub(super) struct Rechecks(HashMap<String, Arc<Recheck>>);

/// What is remembered of the questions to one provider.
#[derive(Debug)]
struct Recheck {
    every: Duration,
    asked: Mutex<Asked>,
    turns: Arc<Semaphore>,
    gone_in_a_row: AtomicU32,
}

/// From when on who may be asked about again, as keyed hashes: those of late, and those of before.
#[derive(Debug, Default)]
struct Asked {
    hasher: RandomState,
    new: HashMap<u64, Timestamp>,
    old: HashMap<u64, Timestamp>,
}

impl Rechecks {
    /// Of those providers that the settings want asked.
    pub(super) fn new(providers: &Providers) -> Self {
        let asked = providers.iter().filter_map(|provider| {
            let recheck = Recheck::new(provider.departure().recheck?);
            Some((provider.name().to_string(), Arc::new(recheck)))
        });
        Self(asked.collect())
    }
}

impl Recheck {
    fn new(every: Duration) -> Self {
        Self {
            every,
            asked: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            gone_in_a_row: AtomicU32::new(0),
        }
    }

    /// A turn to ask about a user, if it is time to; whoever comes next for the same user has none.
    fn turn(&self, user: &UserId, now: Timestamp) -> Option<OwnedSemaphorePermit> {
        let mut asked = self.asked();
        let key = asked.hasher.hash_one(user);
        let next = asked.new.get(&key).or_else(|| asked.old.get(&key)).copied();
        if next.is_some_and(|next| now < next) {
            return None;
        }
        let turn = Arc::clone(&self.turns).try_acquire_owned().ok()?;
        asked.note(key, now.after(self.every));
        Some(turn)
    }

    /// Has a user asked about again sooner than one who was there.
    fn ask_again(&self, user: &UserId, now: Timestamp) {
        let mut asked = self.asked();
        let key = asked.hasher.hash_one(user);
        asked.note(key, now.after(self.every.min(RETRY)));
    }

    /// Whether an answer is to end the user's sessions.
    fn is_departure(&self, presence: Presence) -> Option<&'static str> {
        match presence {
            Presence::There => {
                self.gone_in_a_row.store(0, Ordering::Relaxed);
                None
            }
            Presence::Disabled(sign) => Some(sign),
            Presence::Gone => {
                let before = self.gone_in_a_row.fetch_add(1, Ordering::Relaxed);
                if before >= MOST_GONE {
                    tracing::error!(
                        gone = before,
                        "an identity provider says of one user after the other that they are gone: it seems to show nobody any more, and \
                         no more sessions are ended until it shows somebody"
                    );
                    return None;
                }
                Some("there is no such account any more")
            }
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn note(&mut self, key: u64, next: Timestamp) {
        if self.new.len() >= MAX_KNOWN {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(key, next);
    }
}

impl Service {
    /// Has the provider of a session that goes on asked about its user, if it is time to. Waits for nothing.
    pub(super) fn recheck(&self, user: &UserId, now: Timestamp) {
        let name = user.split().0;
        let Some(recheck) = self.1.0.get(name) else { return };
        let Some(turn) = recheck.turn(user, now) else { return };
        let Some(provider) = self.0.providers.shared(name) else { return };
        let question = Question {
            recheck: Arc::clone(recheck),
            provider,
            user: user.clone(),
            realm: Arc::clone(&self.0.realm),
            metrics: self.0.metrics.clone(),
        };
        let asked = async move {
            question.ask(now).await;
            drop(turn);
        };
        tokio::spawn(asked.in_current_span());
    }
}

/// A question about one user, on its way.
struct Question {
    recheck: Arc<Recheck>,
    provider: Arc<Provider>,
    user: UserId,
    realm: Arc<dyn Realm>,
    metrics: Metrics,
}

impl Question {
    async fn ask(self, now: Timestamp) {
        let Self { recheck, provider, user, realm, metrics } = self;
        let presence = provider.presence(&user).await;
        metrics.recheck(provider.name().as_str(), outcome(presence));
        let sign = match presence {
            Ok(presence) => recheck.is_departure(presence),
            Err(error) => {
                tracing::info!(%user, %error, "whether this user still has an account is not known: their sessions go on");
                recheck.ask_again(&user, now);
                return;
            }
        };
        let Some(sign) = sign else { return };
        let change = Change::Revoke(user.clone());
        let Ok(permit) = permit(&Actor::operator(), change) else { return };
        match realm.write(permit).await {
            Ok(()) => tracing::warn!(
                %user,
                provider = %provider.name(),
                sign,
                "all sessions of this user are ended: the identity provider lets them in no more"
            ),
            Err(error) => {
                tracing::error!(%user, %error, "the sessions of a user who has left could not be ended");
                recheck.ask_again(&user, now);
            }
        }
    }
}

/// What became of a question, for metrics.
fn outcome(presence: Result<Presence, ProviderError>) -> &'static str {
    match presence {
        Ok(Presence::There) => "there",
        Ok(Presence::Disabled(_)) => "disabled",
        Ok(Presence::Gone) => "gone",
        Err(_) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(900);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + second).unwrap()
    }

    fn user(name: &str) -> UserId {
        format!("corp-{name}").parse().unwrap()
    }

    #[test]
    fn once_in_a_while_for_each_user() {
        let recheck = Recheck::new(EVERY);
        let asks = |name: &str, second| recheck.turn(&user(name), at(second)).is_some();
        assert!(asks("ada", 0) && asks("john", 0));
        for second in [0, 1, 899] {
            assert!(!asks("ada", second), "{second}");
        }
        assert!(asks("ada", 900) && !asks("ada", 901));
        // An answer that was none is asked for again a minute later.
        recheck.ask_again(&user("ada"), at(900));
        assert!(!asks("ada", 959) && asks("ada", 960));
        // Where a minute is longer than the while, it is the while.
        let often = Recheck::new(Duration::from_secs(60));
        assert!(often.turn(&user("ada"), at(0)).is_some());
        often.ask_again(&user("ada"), at(0));
        assert!(often.turn(&user("ada"), at(59)).is_none());
        assert!(often.turn(&user("ada"), at(60)).is_some());
    }

    /// However many come at once, so many are asked about; who had no turn is asked about next time.
    #[test]
    fn a_few_at_once() {
        let recheck = Recheck::new(EVERY);
        let turns: Vec<_> = (0..1000)
            .filter_map(|number| recheck.turn(&user(&format!("u{number}")), at(0)))
            .collect();
        assert_eq!(turns.len(), AT_ONCE);
        drop(turns);
        assert!(recheck.turn(&user("u0"), at(1)).is_none(), "was asked about");
        assert!(recheck.turn(&user("u999"), at(1)).is_some(), "was not");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let recheck = Recheck::new(EVERY);
        for number in 0..450_000 {
            drop(recheck.turn(&user(&format!("u{number}")), at(0)).unwrap());
        }
        let asked = recheck.asked();
        assert!(asked.new.len() <= MAX_KNOWN && asked.old.len() <= MAX_KNOWN);
        drop(asked);
        assert!(recheck.turn(&user("u449999"), at(1)).is_none(), "the latest are known");
    }

    #[test]
    fn nobody_is_left_of_a_directory_that_shows_nobody() {
        let recheck = Recheck::new(EVERY);
        let departs = |presence| recheck.is_departure(presence).is_some();
        for _ in 0..3 {
            for _ in 0..MOST_GONE {
                assert!(departs(Presence::Gone));
            }
            for _ in 0..50 {
                assert!(!departs(Presence::Gone));
            }
            assert!(departs(Presence::Disabled("nsAccountLock")), "an entry that says so is clear");
            assert!(!departs(Presence::There));
        }
    }
}
