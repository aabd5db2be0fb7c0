//! Values that are good once, for a while: codes, pushed requests, logins on a device. They live in the memory of the process
//! that made them and are taken out by their first use.
//!
//! Owns the bounds on how many there are, in all and of one owner, and that one which was used is known for a while. Time and
//! randomness come in as parameters. Must not know what the values are of.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::process::ProcessId;
use crate::domain::time::Timestamp;

/// How long it is remembered that a value was used.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The process that made a value, by what was sent out for it; `None` where it is no such value.
#[must_use]
pub fn maker_of(shown: &str) -> Option<ProcessId> {
    read(shown).map(|(process, _)| process)
}

fn read(shown: &str) -> Option<(ProcessId, Key)> {
    let (process, random) = shown.split_once('.')?;
    let process = URL_SAFE_NO_PAD.decode(process).ok()?;
    let random = URL_SAFE_NO_PAD.decode(random).ok()?;
    Some((ProcessId::new(process.try_into().ok()?), random.try_into().ok()?))
}

/// How many there may be, and for how long each is good.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// At once, in all.
    pub most: usize,
    /// At once, of one owner.
    pub most_of_one: usize,
    /// How long one is good.
    pub lifetime: Duration,
}

/// Values by what was sent out for them: `<process id>.<128 random bits>`, in base64url. Of one that was used, what its use left
/// behind.
#[derive(Debug)]
pub struct OnceMap<T, U> {
    process: ProcessId,
    bounds: Bounds,
    live: HashMap<Key, Live<T>>,
    owners: HashMap<String, usize>,
    /// In the order in which they end; those that were taken are still here until then.
    ends: VecDeque<(Timestamp, Key)>,
    used: HashMap<Key, U>,
    forgotten: VecDeque<(Timestamp, Key)>,
}

type Key = [u8; 16];

#[derive(Debug)]
struct Live<T> {
    owner: String,
    until: Timestamp,
    value: T,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// As many as there may be.
    #[error("there are too many of these at the moment; try again in a minute")]
    Everybody,
    /// As many as one may have.
    #[error("you have too many of these at the moment; try again in a minute")]
    Owner,
}

/// What became of a value that is shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T, U> {
    /// It is good, and is not any more.
    First(T),
    /// It was good once: what its use left behind.
    Again(U),
    /// It never was, or its time is over, or it is another process's.
    Unknown,
}

impl<T, U: Clone> OnceMap<T, U> {
    /// No values yet.
    #[must_use]
    pub fn new(process: ProcessId, bounds: Bounds) -> Self {
        Self {
            process,
            bounds,
            live: HashMap::new(),
            owners: HashMap::new(),
            ends: VecDeque::new(),
            used: HashMap::new(),
            forgotten: VecDeque::new(),
        }
    }

    /// Puts a value in, and says what to send out for it.
    ///
    /// # Errors
    /// [`Full`].
    pub fn insert(
        &mut self,
        owner: &str,
        value: T,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<String, Full> {
        self.sweep(now);
        if self.live.len() >= self.bounds.most {
            return Err(Full::Everybody);
        }
        let count = self.owners.get(owner).copied().unwrap_or_default();
        if count >= self.bounds.most_of_one {
            return Err(Full::Owner);
        }
        self.owners.insert(owner.to_owned(), count + 1);
        let until = now.after(self.bounds.lifetime);
        self.live.insert(random, Live { owner: owner.to_owned(), until, value });
        self.ends.push_back((until, random));
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Ok([encode(&self.process.bytes()), encode(&random)].join("."))
    }

    /// Takes a value out. Whatever comes of it, it is good no more; `used` is what is left behind of it.
    pub fn take(&mut self, shown: &str, used: impl FnOnce(&T) -> U, now: Timestamp) -> Taken<T, U> {
        self.sweep(now);
        let Some(key) = self.key(shown) else { return Taken::Unknown };
        let is_over = self.live.get(&key).is_some_and(|live| live.until <= now);
        let Some(value) = self.remove(key) else {
            return self.used.get(&key).cloned().map_or(Taken::Unknown, Taken::Again);
        };
        if is_over {
            return Taken::Unknown;
        }
        self.used.insert(key, used(&value));
        self.forgotten.push_back((now.after(REMEMBERED), key));
        if self.forgotten.len() > self.bounds.most
            && let Some((_, oldest)) = self.forgotten.pop_front()
        {
            self.used.remove(&oldest);
        }
        Taken::First(value)
    }

    /// Looks at a value, which stays as good as it was.
    pub fn peek(&mut self, shown: &str, now: Timestamp) -> Option<&mut T> {
        self.sweep(now);
        let key = self.key(shown)?;
        self.live.get_mut(&key).filter(|live| now < live.until).map(|live| &mut live.value)
    }

    /// The first value of which this is true.
    pub fn find(&mut self, is_it: impl Fn(&T) -> bool, now: Timestamp) -> Option<&mut T> {
        self.sweep(now);
        let live = self.live.values_mut().filter(|live| now < live.until);
        live.map(|live| &mut live.value).find(|value| is_it(value))
    }

    /// Whether any is still good.
    #[must_use]
    pub fn has_any(&self, now: Timestamp) -> bool {
        self.live.values().any(|live| now < live.until)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    fn key(&self, shown: &str) -> Option<Key> {
        read(shown).filter(|(process, _)| *process == self.process).map(|(_, key)| key)
    }

    fn remove(&mut self, key: Key) -> Option<T> {
        let Live { owner, value, .. } = self.live.remove(&key)?;
        if let Some(count) = self.owners.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.owners.remove(&owner);
            }
        }
        Some(value)
    }

    /// Forgets what is over. Each ends as long after it began as any other, so the oldest end first, unless the clock went back.
    fn sweep(&mut self, now: Timestamp) {
        while let Some((until, key)) = self.ends.front().copied()
            && (until <= now || !self.live.contains_key(&key))
        {
            self.ends.pop_front();
            self.remove(key);
        }
        // A clock that went back leaves what ends later in front.
        if self.ends.len() > 2 * self.bounds.most {
            let live = &self.live;
            self.ends.retain(|(_, key)| live.contains_key(key));
        }
        while let Some((until, key)) = self.forgotten.front().copied()
            && until <= now
        {
            self.forgotten.pop_front();
            self.used.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { most: 5, most_of_one: 2, lifetime: Duration::from_secs(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    fn map() -> OnceMap<u8, String> {
        OnceMap::new(ProcessId::new([7; 8]), BOUNDS)
    }

    fn take(map: &mut OnceMap<u8, String>, shown: &str, seconds: i64) -> Taken<u8, String> {
        map.take(shown, |value| format!("was {value}"), at(seconds))
    }

    #[test]
    fn the_first_use_is_the_only_one() {
        let mut map = map();
        let shown = map.insert("ada", 1, [1; 16], at(0)).unwrap();
        assert_eq!(shown, "BwcHBwcHBwc.AQEBAQEBAQEBAQEBAQEBAQ");
        assert_eq!(map.peek(&shown, at(1)), Some(&mut 1));
        assert_eq!(take(&mut map, &shown, 59), Taken::First(1));
        assert_eq!(map.peek(&shown, at(59)), None);
        for seconds in [59, 60, 600, 658] {
            assert_eq!(take(&mut map, &shown, seconds), Taken::Again("was 1".to_owned()));
        }
        assert_eq!(take(&mut map, &shown, 659), Taken::Unknown);
        assert!(map.is_empty() && map.used.is_empty() && map.ends.is_empty());
    }

    #[test]
    fn its_time_is_over() {
        let mut map = map();
        let shown = map.insert("ada", 1, [1; 16], at(0)).unwrap();
        assert_eq!(map.find(|value| *value == 1, at(59)), Some(&mut 1));
        assert_eq!(map.find(|value| *value == 1, at(60)), None);
        assert_eq!(take(&mut map, &shown, 60), Taken::Unknown, "that is no second use");
        assert!(map.owners.is_empty());
    }

    #[test]
    fn what_others_made_is_unknown() {
        let mut map = map();
        let shown = map.insert("ada", 1, [1; 16], at(0)).unwrap();
        let other = shown.replace("BwcHBwcHBwc", "CAgICAgICAg");
        for wrong in
            ["", ".", &shown[1..], &shown[..20], &other, &format!("{shown}A"), &format!("{shown}=")]
        {
            assert_eq!(take(&mut map, wrong, 0), Taken::Unknown, "{wrong}");
        }
        assert_eq!(maker_of(&shown), Some(ProcessId::new([7; 8])));
        assert_eq!(maker_of(&other), Some(ProcessId::new([8; 8])));
        for none in ["", ".", &shown[1..], &shown[..20], &format!("{shown}A"), "AAAA.AAAA"] {
            assert_eq!(maker_of(none), None, "{none}");
        }
        assert!(map.has_any(at(59)) && !map.has_any(at(60)));
        assert_eq!(take(&mut map, &shown, 0), Taken::First(1));
    }

    #[test]
    fn there_are_no_more_than_there_may_be() {
        let mut map = map();
        let mut insert =
            |owner: &str, number: u8, seconds| map.insert(owner, number, [number; 16], at(seconds));
        assert!(insert("ada", 1, 0).is_ok());
        let second = insert("ada", 2, 1).unwrap();
        assert_eq!(insert("ada", 3, 2), Err(Full::Owner));
        for number in 3..6 {
            assert!(insert(&format!("user {number}"), number, 2).is_ok());
        }
        assert_eq!(insert("alan", 6, 3), Err(Full::Everybody));
        assert_eq!(map.len(), 5);
        assert_eq!(take(&mut map, &second, 3), Taken::First(2));
        assert!(map.insert("alan", 6, [6; 16], at(3)).is_ok());
        assert_eq!(map.insert("ada", 7, [7; 16], at(4)), Err(Full::Everybody));
        assert!(map.insert("ada", 7, [7; 16], at(60)).is_ok(), "the first one is over");
    }

    /// However many come and go, memory is bounded.
    #[test]
    fn memory_is_bounded() {
        let mut map = map();
        for number in 0..10_000_u128 {
            let shown = map.insert("ada", 1, number.to_be_bytes(), at(0)).unwrap();
            assert_eq!(take(&mut map, &shown, 0), Taken::First(1));
            assert!(map.used.len() <= 5 && map.forgotten.len() <= 5 && map.ends.len() <= 11);
        }
    }

    /// A clock that goes back makes nothing good for longer than it was meant to be, by that clock.
    #[test]
    fn a_clock_that_goes_back() {
        let mut map = map();
        let late = map.insert("ada", 1, [1; 16], at(1000)).unwrap();
        let early = map.insert("ada", 2, [2; 16], at(0)).unwrap();
        assert_eq!(take(&mut map, &early, 60), Taken::Unknown);
        assert_eq!(take(&mut map, &late, 61), Taken::First(1));
    }
}
