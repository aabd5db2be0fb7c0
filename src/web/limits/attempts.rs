//! Attempts to log in, counted by client address and by user.
//!
//! Must not keep a user's name, nor know what an attempt is.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::HeaderValue;

/// Most addresses, and most users, that are counted one by one; about 10 MiB for each.
const MAX_KEYS: usize = 100_000;
/// Buckets that the rest shares when there are more.
const SHARED: u64 = 4096;
/// How often keys that have their whole quota again are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// The same, when there is no room.
const SWEEP_WHEN_FULL: Duration = Duration::from_secs(1);

/// Too many attempts; the next one is let through after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {} seconds", self.seconds())]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds, rounded up, at least one.
    pub fn seconds(&self) -> u64 {
        let up = u64::from(self.0.subsec_nanos() > 0);
        (self.0.as_secs() + up).max(1)
    }

    /// The value of a `Retry-After` header (RFC 9110 §10.2.3).
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from(self.seconds())
    }
}

/// Limits attempts by client address and by user.
///
/// A minute's quota may be used up at once and comes back evenly. An IPv6 client is its /64. Of a user only a keyed hash
/// is kept. Memory is bounded: when more than 100,000 addresses (or users) have used up part of their quota within the
/// last minute, the attempts of all share 4,096 buckets by hash until there is room again. So a flood of made-up
/// names or addresses can slow others down, but opens no way around the limit.
#[derive(Debug)]
pub struct Attempts<C: Clock = DefaultClock> {
    addresses: Option<Limit<C>>,
    users: Option<Limit<C>>,
}

impl Attempts {
    /// Limits in attempts a minute; 0 is no limit.
    pub fn new(per_user_a_minute: u32, per_address_a_minute: u32) -> Self {
        Self::with_clock(per_user_a_minute, per_address_a_minute, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Attempts<C> {
    fn with_clock(per_user_a_minute: u32, per_address_a_minute: u32, clock: C) -> Self {
        let limit = |quota| NonZeroU32::new(quota).map(|quota| Limit::new(quota, clock.clone()));
        Self { addresses: limit(per_address_a_minute), users: limit(per_user_a_minute) }
    }

    /// Counts one attempt of a client for a user. The address is looked at first: a client that is over its own limit
    /// takes nothing from the user's.
    ///
    /// # Errors
    /// When one of the two has made too many; when the next one may come.
    pub fn check(&self, address: IpAddr, user: &str) -> Result<(), RetryAfter> {
        self.check_address(address)?;
        if let Some(limit) = &self.users {
            limit.check(user)?;
        }
        Ok(())
    }

    /// Counts one attempt of a client that names no user.
    ///
    /// # Errors
    /// When the client has made too many; when the next one may come.
    pub fn check_address(&self, address: IpAddr) -> Result<(), RetryAfter> {
        match &self.addresses {
            Some(limit) => limit.check(network(address)),
            None => Ok(()),
        }
    }
}

/// What counts as one client: an IPv4 address, or an IPv6 /64, which is what one customer gets.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

type Limiter<C> =
    RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One quota for each of many keys.
#[derive(Debug)]
struct Limit<C: Clock> {
    clock: C,
    start: C::Instant,
    hasher: RandomState,
    own: Limiter<C>,
    shared: Limiter<C>,
    /// When stale keys were last forgotten, in nanoseconds after `start`.
    swept: AtomicU64,
}

impl<C: Clock + Clone> Limit<C> {
    fn new(quota: NonZeroU32, clock: C) -> Self {
        let limiter = || RateLimiter::dashmap_with_clock(Quota::per_minute(quota), clock.clone());
        Self {
            start: clock.now(),
            hasher: RandomState::new(),
            own: limiter(),
            shared: limiter(),
            swept: AtomicU64::new(0),
            clock,
        }
    }

    fn check(&self, key: impl Hash) -> Result<(), RetryAfter> {
        let key = self.hasher.hash_one(key);
        self.sweep(SWEEP_EVERY);
        if self.own.len() >= MAX_KEYS {
            self.sweep(SWEEP_WHEN_FULL);
        }
        let decision = if self.own.len() < MAX_KEYS {
            self.own.check_key(&key)
        } else {
            self.shared.check_key(&(key % SHARED))
        };
        decision.map_err(|not_until| RetryAfter(not_until.wait_time_from(self.clock.now())))
    }

    /// Forgets the keys that have their whole quota, unless that was done less than `every` ago.
    fn sweep(&self, every: Duration) {
        let now = self.clock.now().duration_since(self.start).as_u64();
        let swept = self.swept.load(Relaxed);
        let due = u128::from(now.saturating_sub(swept)) >= every.as_nanos();
        if due && self.swept.compare_exchange(swept, now, Relaxed, Relaxed).is_ok() {
            self.own.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn attempts(user: u32, address: u32) -> (Attempts<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Attempts::with_clock(user, address, clock.clone()), clock)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of many attempts are let through.
    fn let_through(attempts: &Attempts<FakeRelativeClock>, address: &str, user: &str) -> usize {
        (0..100).filter(|_| attempts.check(ip(address), user).is_ok()).count()
    }

    #[test]
    fn a_quota_is_used_up_and_comes_back_evenly() {
        let (attempts, clock) = attempts(6, 0);
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 6);
        let refused = attempts.check(ip("192.0.2.1"), "ada").unwrap_err();
        assert_eq!((refused.seconds(), refused.header()), (10, HeaderValue::from_static("10")));
        clock.advance(Duration::from_millis(9_500));
        assert_eq!(attempts.check(ip("192.0.2.1"), "ada").unwrap_err().seconds(), 1);
        clock.advance(Duration::from_millis(500));
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 1);
        clock.advance(Duration::from_secs(20));
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 2);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 6);
    }

    #[test]
    fn users_are_counted_wherever_they_come_from() {
        let (attempts, _) = attempts(5, 0);
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 5);
        assert_eq!(let_through(&attempts, "192.0.2.2", "ada"), 0);
        assert_eq!(let_through(&attempts, "192.0.2.2", "Ada"), 5);
        assert_eq!(let_through(&attempts, "192.0.2.2", ""), 5);
    }

    #[test]
    fn one_client_is_an_address_or_a_64() {
        let table = [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::1", "192.0.2.1", false),
        ];
        for (first, second, same) in table {
            let (attempts, _) = attempts(0, 7);
            assert_eq!(let_through(&attempts, first, "ada"), 7);
            let rest = if same { 0 } else { 7 };
            assert_eq!(let_through(&attempts, second, "alan"), rest, "{first} {second}");
        }
    }

    #[test]
    fn a_refused_address_takes_nothing_from_the_user() {
        let (attempts, _) = attempts(10, 3);
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 3);
        assert_eq!(let_through(&attempts, "192.0.2.2", "ada"), 3);
        assert_eq!(let_through(&attempts, "192.0.2.3", "ada"), 3);
        assert_eq!(let_through(&attempts, "192.0.2.4", "ada"), 1);
    }

    #[test]
    fn zero_is_no_limit() {
        let (attempts, _) = attempts(0, 0);
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 100);
    }

    #[test]
    fn a_flood_of_keys_is_bounded_limited_and_forgotten() {
        let (attempts, clock) = attempts(5, 0);
        let users = attempts.users.as_ref().unwrap();
        let flood = 4 * MAX_KEYS;
        let mut passed = 0;
        for number in 0..flood {
            clock.advance(Duration::from_micros(1));
            passed += usize::from(attempts.check(ip("192.0.2.1"), &number.to_string()).is_ok());
        }
        assert_eq!(users.own.len(), MAX_KEYS);
        assert!(users.shared.len() <= 4096);
        // The first one each had its own bucket; all others shared few.
        assert!((MAX_KEYS..MAX_KEYS + 4096 * 6).contains(&passed), "{passed}");
        clock.advance(Duration::from_secs(61));
        assert_eq!(let_through(&attempts, "192.0.2.1", "ada"), 5);
        assert_eq!(users.own.len(), 1);
    }

    #[test]
    fn seconds_are_rounded_up() {
        let table = [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)];
        for (milliseconds, seconds) in table {
            assert_eq!(RetryAfter(Duration::from_millis(milliseconds)).seconds(), seconds);
        }
    }
}
