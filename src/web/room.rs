//! Which connections are open, and which give way to others when there is no room.
//!
//! Must not know how connections are accepted, nor what happens on them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::occupancy::Occupancy;
use super::peer::network;
use super::pulse::{Leisure, Pulse};

/// How long a client that has opened a connection may take to the end of its first request head, and one that has sent a head to
/// the end of its body, while others wait for room.
const HEADLESS: Duration = Duration::from_secs(1);
/// How often it is looked for somebody who gives way, while nobody does.
const LOOK: Duration = Duration::from_millis(50);
/// When there is no room, so small a part of all gives way at once: looking for the next one then costs less.
const AT_ONCE: usize = 32;
/// How often the log says that an address has too many.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// All open connections of one listener.
#[derive(Debug)]
pub(super) struct Room {
    occupancy: Occupancy,
    most: usize,
    most_of_an_address: usize,
    open: Mutex<Open>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    guests: HashMap<u64, Guest>,
    /// Those that were not asked to leave, by address; not of trusted proxies.
    of_an_address: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Guest {
    /// `None` for a trusted proxy, which speaks for many.
    address: Option<IpAddr>,
    pulse: Arc<Pulse>,
    leaving: bool,
}

/// The place of an open connection, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    number: u64,
}

impl Room {
    pub(super) fn new(most: usize, most_of_an_address: usize, occupancy: Occupancy) -> Self {
        occupancy.0.most.store(most, Relaxed);
        Self { occupancy, most, most_of_an_address, open: Mutex::default(), left: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for one more. While there is none, idle connections are asked to leave.
    pub(super) async fn free(&self) {
        loop {
            let left = self.left.notified();
            {
                let mut open = self.open();
                if open.guests.len() < self.most {
                    self.occupancy.0.full.store(false, Relaxed);
                    return;
                }
                let leave = open.ask_to_leave(None, self.most.div_ceil(AT_ONCE));
                let leaving = open.guests.values().any(|guest| guest.leaving);
                self.occupancy.0.gave_way.fetch_add(leave, Relaxed);
                self.occupancy.0.full.store(!leaving, Relaxed);
            }
            let _ = tokio::time::timeout(LOOK, left).await;
        }
    }

    /// Takes a connection in; `None` when its address has as many as one may have and none of them is idle.
    pub(super) fn enter(
        room: &Arc<Self>,
        address: Option<IpAddr>,
        pulse: Arc<Pulse>,
    ) -> Option<Place> {
        let address = address.map(network);
        let mut open = room.open();
        if let Some(address) = address
            && open.of(address) >= room.most_of_an_address
        {
            let leave = open.ask_to_leave(Some(address), 1);
            room.occupancy.0.gave_way.fetch_add(leave, Relaxed);
            if leave == 0 {
                room.occupancy.0.refused.fetch_add(1, Relaxed);
                open.tell(address, room.most_of_an_address);
                return None;
            }
        }
        let number = open.next;
        open.next += 1;
        if let Some(address) = address {
            *open.of_an_address.entry(address).or_default() += 1;
        }
        open.guests.insert(number, Guest { address, pulse, leaving: false });
        room.occupancy.0.open.store(open.guests.len(), Relaxed);
        Some(Place { room: Arc::clone(room), number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.room.open();
        if let Some(guest) = open.guests.remove(&self.number)
            && !guest.leaving
        {
            open.forget(guest.address);
        }
        self.room.occupancy.0.open.store(open.guests.len(), Relaxed);
        drop(open);
        self.room.left.notify_one();
    }
}

impl Open {
    fn of(&self, address: IpAddr) -> usize {
        self.of_an_address.get(&address).copied().unwrap_or_default()
    }

    fn forget(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        if let Some(count) = self.of_an_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.of_an_address.remove(&address);
            }
        }
    }

    /// Asks some to leave on which no request is under way, of one address or of all: first the idle ones, then those that are
    /// slow to begin, then those that are slow to send what they began, of the address that has most, the longest at leisure
    /// first. How many were asked.
    fn ask_to_leave(&mut self, of: Option<IpAddr>, most: usize) -> u64 {
        let now = Instant::now();
        let mut found: Vec<_> = self
            .guests
            .iter()
            .filter(|(_, guest)| !guest.leaving && (of.is_none() || guest.address == of))
            .filter_map(|(number, guest)| {
                let (rank, since) = match guest.pulse.leisure()? {
                    Leisure::Idle(since) => (0, since),
                    Leisure::Headless(since) if now.duration_since(since) >= HEADLESS => (1, since),
                    Leisure::Bodiless(since) if now.duration_since(since) >= HEADLESS => (2, since),
                    Leisure::Headless(_) | Leisure::Bodiless(_) => return None,
                };
                let count = guest.address.map_or(0, |address| self.of(address));
                Some((rank, Reverse(count), since, *number))
            })
            .collect();
        found.sort_unstable();
        found.truncate(most);
        for (.., number) in &found {
            if let Some(guest) = self.guests.get_mut(number) {
                guest.leaving = true;
                guest.pulse.ask_to_leave();
                let address = guest.address;
                self.forget(address);
            }
        }
        found.len() as u64
    }

    fn tell(&mut self, address: IpAddr, most: usize) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(
                %address,
                most,
                "an address has as many connections as one may have: further ones of it are closed; for a proxy of yours, put it \
                 into [limits] trusted_proxies"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Version;

    use super::*;

    fn pulse() -> Arc<Pulse> {
        Arc::new(Pulse::new(Duration::from_secs(10), Duration::from_secs(60)))
    }

    fn idle() -> Arc<Pulse> {
        let pulse = pulse();
        drop(Pulse::begin(&pulse, Version::HTTP_11));
        pulse
    }

    fn address(number: u8) -> Option<IpAddr> {
        Some([192, 0, 2, number].into())
    }

    async fn is_full(room: &Room) -> bool {
        tokio::time::timeout(Duration::from_millis(20), room.free()).await.is_err()
    }

    #[tokio::test]
    async fn an_address_has_its_part() {
        let room = Arc::new(Room::new(10, 2, Occupancy::default()));
        let busy = pulse();
        let _working = Pulse::begin(&busy, Version::HTTP_11);
        let first = Room::enter(&room, address(1), busy.clone()).unwrap();
        let _second = Room::enter(&room, address(1), busy.clone()).unwrap();
        assert!(Room::enter(&room, address(1), pulse()).is_none(), "both are at work");
        assert!(Room::enter(&room, address(2), pulse()).is_some(), "another has its own");
        for _ in 0..5 {
            std::mem::forget(Room::enter(&room, None, busy.clone()).unwrap());
        }
        assert_eq!((room.occupancy.open(), room.occupancy.refused()), (7, 1));
        drop(first);
        let _third = Room::enter(&room, address(1), idle()).unwrap();
        assert!(Room::enter(&room, address(1), pulse()).is_some(), "the idle one gives way");
        assert_eq!(room.occupancy.gave_way(), 1);
    }

    /// Of those at leisure, the longest idle of the address with most.
    #[tokio::test]
    async fn who_gives_way() {
        let room = Arc::new(Room::new(5, 5, Occupancy::default()));
        let busy = pulse();
        let _working = Pulse::begin(&busy, Version::HTTP_2);
        let pulses = [busy, idle(), idle(), idle(), pulse()];
        let places = [1, 2, 3, 3, 4].into_iter().zip(pulses.clone());
        let places: Vec<_> = places
            .map(|(number, pulse)| Room::enter(&room, address(number), pulse).unwrap())
            .collect();
        assert!(is_full(&room).await, "nobody has left yet");
        assert!(!room.occupancy.is_full(), "but somebody will");
        assert_eq!(room.occupancy.gave_way(), 1);
        let asked = |at: usize| room.open().guests.get(&(at as u64)).unwrap().leaving;
        assert_eq!((0..5).map(asked).collect::<Vec<_>>(), [false, false, true, false, false]);
        drop(places);
        assert!(!is_full(&room).await);
        assert!(room.open().of_an_address.is_empty());
    }

    #[tokio::test]
    async fn nobody_gives_way_who_is_at_work_or_has_just_come() {
        let room = Arc::new(Room::new(2, 2, Occupancy::default()));
        let busy = pulse();
        let _working = Pulse::begin(&busy, Version::HTTP_11);
        let _places = [busy, pulse()].map(|pulse| Room::enter(&room, address(1), pulse).unwrap());
        assert!(is_full(&room).await);
        assert!(room.occupancy.is_full());
        // Who has just come may take a second, then others come first.
        tokio::time::sleep(HEADLESS).await;
        assert!(is_full(&room).await);
        assert!(!room.occupancy.is_full());
        assert_eq!(room.occupancy.gave_way(), 1);
    }
}
