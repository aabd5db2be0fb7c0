//! Attempts to log in, and what else one client may ask of others through us, counted.
//!
//! Must not keep anybody's name, nor know what an attempt is.

use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;
#[cfg(not(test))]
use std::time::Instant;

use http::HeaderValue;

use super::quotas::{Quotas, Taken};
use crate::web::peer::{Client, network};

/// How many times their quota at one address somebody may be guessed at from everywhere together, in a minute.
const EVERYWHERE: u32 = 5;

/// What one attempt costs a client behind a proxy that is not believed, of a quota that is as large as its address's: so
/// nobody takes more than a quarter of that from those who stand there too.
const SHARE: u32 = 4;

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

/// What an address is counted for, each by itself: too much of one leaves it the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Passwords.
    Password,
    /// Tokens that others issued.
    Token,
    /// Logins in a browser.
    Browser,
    /// Requests that are passed on.
    Forward,
    /// Secrets of clients.
    ClientSecret,
}

/// A device, by what its own cookie calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device([u8; 16]);

impl Device {
    /// The device that is called so.
    #[must_use]
    pub fn new(id: [u8; 16]) -> Self {
        Self(id)
    }
}

/// Limits attempts by client address, and by name and client address.
///
/// A minute's quota may be used up at once and comes back evenly. What is refused takes nothing of it, and neither does what
/// turned out to be right ([`Attempt::was_right`]). An IPv6 client is its /64.
///
/// Nobody is locked out from elsewhere: the quota of a name is one for each address. When a name is guessed at from many
/// addresses, more than five times that quota a minute in all, the brake holds: then each address has one attempt a minute for
/// it, so that whoever comes from an address of their own still gets in by the first right password.
///
/// Nor by who shares their address: on a device where somebody has logged in by a name before, attempts by that name have a quota
/// of their own, and only when that is used up they are counted as all others are. All devices on which a name is known have no more than
/// the brake leaves, as whoever knew a password once may have made many.
///
/// Of a name only a keyed hash is kept. Memory is bounded: each of the six counters has at most 100,000 keys, and 4,096 that
/// all others share.
#[derive(Debug)]
pub struct Attempts {
    #[cfg(not(test))]
    start: Instant,
    /// The time that tests choose.
    #[cfg(test)]
    now: Duration,
    hasher: RandomState,
    addresses: Option<Quotas>,
    names_here: Option<Quotas>,
    names_everywhere: Option<Quotas>,
    devices: Option<Quotas>,
    names_on_devices: Option<Quotas>,
    mails: Option<Quotas>,
}

#[derive(Debug, Clone, Copy)]
enum Counter {
    /// An address.
    Address,
    /// A name, guessed at from one address.
    NameHere,
    /// A name, guessed at from anywhere.
    NameEverywhere,
    /// A name, guessed at on a device that knows it.
    Device,
    /// A name, guessed at on any device that knows it.
    NameOnDevices,
    /// A name that gets mail.
    Mail,
}

/// An attempt that was let through. It counts, unless it turns out to have been right.
#[derive(Debug)]
#[must_use = "an attempt that was right does not count, but that has to be said"]
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    taken: Vec<(Counter, Taken)>,
}

impl Attempts {
    /// Limits in attempts a minute; 0 is no limit.
    #[must_use]
    pub fn new(per_name_a_minute: u32, per_address_a_minute: u32) -> Self {
        // Who stands apart is limited too, where addresses alone are.
        let per_device = match per_name_a_minute {
            0 => per_address_a_minute,
            per_name => per_name,
        };
        Self {
            #[cfg(not(test))]
            start: Instant::now(),
            #[cfg(test)]
            now: Duration::ZERO,
            hasher: RandomState::new(),
            addresses: Quotas::new(per_address_a_minute),
            names_here: Quotas::new(per_name_a_minute),
            names_everywhere: Quotas::new(per_name_a_minute.saturating_mul(EVERYWHERE)),
            devices: Quotas::new(per_device),
            names_on_devices: Quotas::new(per_device.saturating_mul(EVERYWHERE)),
            mails: Quotas::new(per_name_a_minute),
        }
    }

    /// Counts what a client asks without saying for whom.
    ///
    /// # Errors
    /// When it has asked too much; when the next one may come.
    pub fn ask(&self, client: Client, purpose: Purpose) -> Result<Attempt<'_>, RetryAfter> {
        let mut attempt = Attempt { attempts: self, taken: Vec::new() };
        let address = (purpose, network(client.address));
        if let Some(claimed) = client.claimed {
            attempt.take(Counter::Address, (address, network(claimed)), SHARE)?;
        }
        attempt.take(Counter::Address, address, 1)?;
        Ok(attempt)
    }

    /// Counts an attempt of a client to prove to be somebody, by every name that it gives.
    ///
    /// # Errors
    /// When there were too many; when the next one may come.
    pub fn guess<N: AsRef<str>>(
        &self,
        client: Client,
        names: &[N],
    ) -> Result<Attempt<'_>, RetryAfter> {
        let mut attempt = self.ask(client, Purpose::Password)?;
        for name in names.iter().map(AsRef::as_ref) {
            let here = (name, network(client.address));
            let is_braked = !attempt.has_taken(Counter::NameEverywhere, name);
            attempt.take(Counter::NameHere, here, if is_braked { u32::MAX } else { 1 })?;
        }
        Ok(attempt)
    }

    /// As [`Self::guess`] by one name, on a device where somebody has logged in by it before.
    ///
    /// # Errors
    /// When there were too many on the device, and too many beside; when the next one may come.
    pub fn guess_on(
        &self,
        device: Device,
        client: Client,
        name: &str,
    ) -> Result<Attempt<'_>, RetryAfter> {
        let mut attempt = Attempt { attempts: self, taken: Vec::new() };
        let on_device = attempt.take(Counter::Device, (device, name), 1);
        match on_device.and_then(|()| attempt.take(Counter::NameOnDevices, name, 1)) {
            Ok(()) => Ok(attempt),
            Err(_) => self.guess(client, &[name]),
        }
    }

    /// Counts what may make a mail to somebody, wherever it is asked for.
    ///
    /// # Errors
    /// When there were too many; when the next one may come.
    pub fn mail<N: AsRef<str>>(
        &self,
        client: Client,
        names: &[N],
    ) -> Result<Attempt<'_>, RetryAfter> {
        let mut attempt = self.ask(client, Purpose::Forward)?;
        for name in names {
            attempt.take(Counter::Mail, name.as_ref(), 1)?;
        }
        Ok(attempt)
    }

    fn quotas(&self, counter: Counter) -> Option<&Quotas> {
        match counter {
            Counter::Address => self.addresses.as_ref(),
            Counter::NameHere => self.names_here.as_ref(),
            Counter::NameEverywhere => self.names_everywhere.as_ref(),
            Counter::Device => self.devices.as_ref(),
            Counter::NameOnDevices => self.names_on_devices.as_ref(),
            Counter::Mail => self.mails.as_ref(),
        }
    }

    #[cfg(test)]
    fn forward(&mut self, time: Duration) {
        self.now += time;
    }

    #[cfg(test)]
    fn elapsed(&self) -> Duration {
        self.now
    }

    #[cfg(not(test))]
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Attempt<'_> {
    /// It was right, or nobody judged it.
    pub fn was_right(mut self) {
        self.give_back();
    }

    /// It counts, however it ends.
    pub fn counts(self) {
        drop(self);
    }

    /// Takes from a quota, or gives back what was taken before: what is refused costs nothing.
    fn take(&mut self, counter: Counter, key: impl Hash, cost: u32) -> Result<(), RetryAfter> {
        let Some(quotas) = self.attempts.quotas(counter) else { return Ok(()) };
        let key = self.attempts.hasher.hash_one(key);
        match quotas.take(key, cost, self.attempts.elapsed()) {
            Ok(taken) => self.taken.push((counter, taken)),
            Err(wait) => {
                self.give_back();
                return Err(RetryAfter(wait));
            }
        }
        Ok(())
    }

    /// Takes from a quota what is there, and leaves the rest as it is.
    fn has_taken(&mut self, counter: Counter, key: impl Hash) -> bool {
        let Some(quotas) = self.attempts.quotas(counter) else { return true };
        let key = self.attempts.hasher.hash_one(key);
        let taken = quotas.take(key, 1, self.attempts.elapsed());
        let is_taken = taken.is_ok();
        self.taken.extend(taken.map(|taken| (counter, taken)));
        is_taken
    }

    fn give_back(&mut self) {
        for (counter, taken) in self.taken.drain(..) {
            if let Some(quotas) = self.attempts.quotas(counter) {
                quotas.give_back(taken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn from(address: &str) -> Client {
        let address: IpAddr = address.parse().unwrap();
        Client { address, claimed: None }
    }

    fn behind(proxy: &str, claimed: &str) -> Client {
        Client { claimed: Some(claimed.parse().unwrap()), ..from(proxy) }
    }

    /// How many of so many wrong passwords are looked at.
    fn wrong(attempts: &Attempts, count: usize, client: Client, name: &str) -> usize {
        (0..count).filter(|_| attempts.guess(client, &[name]).map(Attempt::counts).is_ok()).count()
    }

    fn right(attempts: &Attempts, client: Client, name: &str) -> Result<(), RetryAfter> {
        attempts.guess(client, &[name]).map(Attempt::was_right)
    }

    #[test]
    fn a_quota_is_used_up_and_comes_back_evenly() {
        let mut attempts = Attempts::new(6, 0);
        let here = from("192.0.2.1");
        assert_eq!(wrong(&attempts, 100, here, "ada"), 6);
        let refused = right(&attempts, here, "ada").unwrap_err();
        assert_eq!((refused.seconds(), refused.header()), (10, HeaderValue::from_static("10")));
        attempts.forward(Duration::from_secs(10));
        assert_eq!(wrong(&attempts, 100, here, "ada"), 1);
        attempts.forward(Duration::from_secs(20));
        assert_eq!(wrong(&attempts, 100, here, "ada"), 2);
        attempts.forward(Duration::from_secs(3600));
        assert_eq!(wrong(&attempts, 100, here, "ada"), 6);
    }

    #[test]
    fn what_was_right_does_not_count() {
        let attempts = Attempts::new(3, 5);
        let here = from("192.0.2.1");
        for _ in 0..1000 {
            right(&attempts, here, "ada").unwrap();
        }
        assert_eq!(wrong(&attempts, 100, here, "ada"), 3);
        assert_eq!(wrong(&attempts, 100, here, "alan"), 2, "what was refused took nothing");
    }

    /// Wrong passwords from one address, or from many, keep nobody out who comes from another.
    #[test]
    fn nobody_is_locked_out_from_elsewhere() {
        let attempts = Attempts::new(10, 100);
        assert_eq!(wrong(&attempts, 100, from("192.0.2.1"), "ada"), 10);
        right(&attempts, from("192.0.2.2"), "ada").unwrap();
        for number in 0..200 {
            wrong(&attempts, 100, from(&format!("198.51.100.{number}")), "ada");
        }
        for number in 2..200 {
            right(&attempts, from(&format!("192.0.2.{number}")), "ada").unwrap();
            right(&attempts, from(&format!("2001:db8:0:{number}::1")), "ada").unwrap();
        }
    }

    /// Many addresses together have five times the quota a minute, and one attempt each beside that.
    #[test]
    fn the_brake_holds_for_many_addresses() {
        let mut attempts = Attempts::new(10, 0);
        let flood = |attempts: &Attempts| -> usize {
            let address = |number| from(&format!("198.51.100.{number}"));
            (0..100).map(|number| wrong(attempts, 20, address(number), "ada")).sum()
        };
        let first = flood(&attempts);
        assert!((145..=150).contains(&first), "{first}");
        attempts.forward(Duration::from_secs(30));
        let second = flood(&attempts);
        assert!((20..=30).contains(&second), "{second}");
        assert_eq!(wrong(&attempts, 20, from("198.51.100.1"), "alan"), 10, "another name");
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
            let attempts = Attempts::new(0, 7);
            assert_eq!(wrong(&attempts, 100, from(first), "ada"), 7);
            let rest = if same { 0 } else { 7 };
            assert_eq!(wrong(&attempts, 100, from(second), "alan"), rest, "{first} {second}");
        }
    }

    /// As far as the proxy tells them apart; all of them together have no more than one address has.
    #[test]
    fn one_client_behind_an_unknown_proxy_leaves_something_to_the_others() {
        let attempts = Attempts::new(0, 100);
        let one = |number: usize| behind("10.0.0.1", &format!("192.0.2.{number}"));
        assert_eq!(wrong(&attempts, 103, one(1), "eve"), 25);
        assert_eq!(wrong(&attempts, 10, one(2), "ada"), 10);
        let rest: usize = (3..100).map(|number| wrong(&attempts, 100, one(number), "ada")).sum();
        assert_eq!(rest, 65);
        let attempts = Attempts::new(0, 1);
        assert_eq!(wrong(&attempts, 10, one(1), "ada"), 1);
    }

    #[test]
    fn each_purpose_has_a_quota_of_its_own() {
        let attempts = Attempts::new(0, 3);
        let purposes = [
            Purpose::Token,
            Purpose::Browser,
            Purpose::Forward,
            Purpose::ClientSecret,
            Purpose::Password,
        ];
        for purpose in purposes {
            let asked = (0..100)
                .filter(|_| attempts.ask(from("192.0.2.1"), purpose).map(Attempt::counts).is_ok());
            assert_eq!(asked.count(), 3, "{purpose:?}");
        }
    }

    /// Mail is stopped wherever it is asked for; logins are not.
    #[test]
    fn mails_are_counted_wherever_they_are_asked_for() {
        let attempts = Attempts::new(5, 0);
        let mails = (0..100).filter(|number| {
            let client = from(&format!("192.0.2.{number}"));
            attempts.mail(client, &["ada"]).map(Attempt::counts).is_ok()
        });
        assert_eq!(mails.count(), 5);
        assert_eq!(wrong(&attempts, 100, from("192.0.2.1"), "ada"), 5);
    }

    /// How many of so many wrong passwords on a device that knows the name are looked at.
    fn wrong_on(attempts: &Attempts, device: u8, count: usize, client: Client) -> usize {
        let guess = |_: &usize| {
            attempts.guess_on(Device::new([device; 16]), client, "ada").map(Attempt::counts).is_ok()
        };
        (0..count).filter(guess).count()
    }

    /// Neither for their address, nor for their name, nor for both.
    #[test]
    fn nobody_is_locked_out_on_a_device_of_theirs() {
        let attempts = Attempts::new(10, 100);
        let here = from("192.0.2.1");
        wrong(&attempts, 100, here, "ada");
        for number in 0..20 {
            wrong(&attempts, 10, here, &format!("x{number}"));
            wrong(&attempts, 100, from(&format!("198.51.100.{number}")), "ada");
        }
        assert!(right(&attempts, here, "ada").is_err() && right(&attempts, here, "alan").is_err());
        for _ in 0..100 {
            let known = attempts.guess_on(Device::new([1; 16]), here, "ada");
            known.map(Attempt::was_right).unwrap();
        }
        assert_eq!(wrong_on(&attempts, 1, 100, here), 10, "a device is limited too");
        assert_eq!(wrong_on(&attempts, 2, 100, here), 10, "each by itself");
    }

    /// As if nobody had ever logged in on it, from there on.
    #[test]
    fn a_device_that_is_used_up_is_like_any_other() {
        let attempts = Attempts::new(10, 100);
        assert_eq!(wrong_on(&attempts, 1, 100, from("192.0.2.1")), 20);
        assert_eq!(wrong(&attempts, 100, from("192.0.2.1"), "ada"), 0);
        assert_eq!(
            wrong(&attempts, 100, from("192.0.2.2"), "ada"),
            10,
            "elsewhere nothing is lost"
        );
    }

    #[test]
    fn many_devices_have_no_more_than_many_addresses() {
        let attempts = Attempts::new(10, 0);
        let looked_at: usize =
            (0..=255).map(|device| wrong_on(&attempts, device, 20, from("192.0.2.1"))).sum();
        assert_eq!(looked_at, 5 * 10 + 10, "all devices together, and their address");
        let attempts = Attempts::new(0, 7);
        assert_eq!(wrong_on(&attempts, 1, 100, from("192.0.2.1")), 14, "of the address's size");
        let unlimited = Attempts::new(0, 0);
        assert_eq!(wrong_on(&unlimited, 1, 100, from("192.0.2.1")), 100);
    }

    #[test]
    fn zero_is_no_limit() {
        let attempts = Attempts::new(0, 0);
        assert_eq!(wrong(&attempts, 100, from("192.0.2.1"), "ada"), 100);
        assert_eq!(wrong(&attempts, 100, behind("192.0.2.1", "192.0.2.2"), "ada"), 100);
    }

    #[test]
    fn seconds_are_rounded_up() {
        let table = [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)];
        for (milliseconds, seconds) in table {
            assert_eq!(RetryAfter(Duration::from_millis(milliseconds)).seconds(), seconds);
        }
    }
}
