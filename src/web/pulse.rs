//! When a connection's client must have done its next step.
//!
//! Must not know sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::Version;
use tokio::sync::Notify;
use tokio::time::Instant;

/// No request yet; HTTP/1; HTTP/2.
const NEW: u8 = 0;
const ONE_BY_ONE: u8 = 1;
const MANY: u8 = 2;

/// A time that makes sense to wait: neither none at all nor for ever.
fn bounded(time: Duration) -> Duration {
    time.clamp(Duration::from_millis(100), Duration::from_secs(24 * 3600))
}

/// The signs of life that count: requests and answers, not bytes and pings. Times are milliseconds after `born`.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    header_timeout: Duration,
    idle_timeout: Duration,
    protocol: AtomicU8,
    /// Handlers at work.
    running: AtomicUsize,
    /// Those of them that wait for more of a body.
    waiting: AtomicUsize,
    /// When the first of those at work began.
    busy: AtomicU64,
    /// When the last answer was given.
    answered: AtomicU64,
    /// When the first byte of the next request came, plus one; 0 when none did.
    head: AtomicU64,
    /// Told when the connection is to give way to others.
    leave: Notify,
}

/// What a connection without a request under way is at, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leisure {
    /// Between two requests.
    Idle(Instant),
    /// In the middle of a request head, or before the first.
    Headless(Instant),
    /// In the middle of its bodies: every handler at work waits for the client, and one of them since then or later.
    Bodiless(Instant),
}

/// One handler at work.
#[derive(Debug)]
pub(super) struct Running(Arc<Pulse>);

/// One handler that waits for more of a body.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Pulse>);

impl Pulse {
    /// Starts now.
    pub(super) fn new(header_timeout: Duration, idle_timeout: Duration) -> Self {
        Self {
            born: Instant::now(),
            // A little early, so that the bound holds on a busy machine too.
            header_timeout: bounded(header_timeout) * 19 / 20,
            idle_timeout: bounded(idle_timeout),
            protocol: AtomicU8::new(NEW),
            running: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            busy: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            head: AtomicU64::new(0),
            leave: Notify::new(),
        }
    }

    /// What the client is at; `None` while handlers work, unless all of them wait for it.
    pub(super) fn leisure(&self) -> Option<Leisure> {
        match (self.running.load(Relaxed), self.waiting.load(Relaxed)) {
            (0, _) => {}
            (running, waiting) if running <= waiting => {
                return Some(Leisure::Bodiless(self.at(self.busy.load(Relaxed))));
            }
            _ => return None,
        }
        Some(match (self.protocol.load(Relaxed), self.head.load(Relaxed)) {
            (NEW, _) => Leisure::Headless(self.born),
            (ONE_BY_ONE, head @ 1..) => Leisure::Headless(self.at(head - 1)),
            _ => Leisure::Idle(self.at(self.answered.load(Relaxed))),
        })
    }

    /// Asks whoever serves the connection to close it.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    /// Done when somebody has asked so.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Bytes came from the client.
    pub(super) fn received(&self) {
        if self.running.load(Relaxed) == 0 && self.head.load(Relaxed) == 0 {
            self.head.store(self.now() + 1, Relaxed);
        }
    }

    /// A whole request head came.
    pub(super) fn begin(pulse: &Arc<Self>, version: Version) -> Running {
        let protocol = if version == Version::HTTP_2 { MANY } else { ONE_BY_ONE };
        pulse.protocol.store(protocol, Relaxed);
        if pulse.running.fetch_add(1, Relaxed) == 0 {
            pulse.busy.store(pulse.now(), Relaxed);
        }
        pulse.head.store(0, Relaxed);
        Running(pulse.clone())
    }

    /// A handler waits for more of a body.
    pub(super) fn wait(pulse: &Arc<Self>) -> Waiting {
        pulse.waiting.fetch_add(1, Relaxed);
        Waiting(pulse.clone())
    }

    /// When the connection is to be closed, unless something happens. While handlers work, only when to ask again.
    pub(super) fn due(&self) -> Instant {
        if self.running.load(Relaxed) > 0 {
            return Instant::now() + self.idle_timeout;
        }
        match (self.protocol.load(Relaxed), self.head.load(Relaxed)) {
            (NEW, _) => self.born + self.header_timeout,
            (ONE_BY_ONE, head @ 1..) => self.at(head - 1) + self.header_timeout,
            _ => self.at(self.answered.load(Relaxed)) + self.idle_timeout,
        }
    }

    /// Whether the client is between two requests, not in the middle of one.
    pub(super) fn is_idle(&self) -> bool {
        match self.protocol.load(Relaxed) {
            NEW => false,
            ONE_BY_ONE => self.head.load(Relaxed) == 0,
            _ => true,
        }
    }

    fn at(&self, milliseconds: u64) -> Instant {
        self.born + Duration::from_millis(milliseconds)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.answered.store(self.0.now(), Relaxed);
        self.0.running.fetch_sub(1, Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);

    fn left(pulse: &Pulse) -> Duration {
        pulse.due().saturating_duration_since(Instant::now())
    }

    fn is_about(left: Duration, whole: Duration) -> bool {
        left <= whole && left + Duration::from_secs(1) >= whole
    }

    #[test]
    fn first_head_is_due_soon_whatever_bytes_come() {
        let pulse = Pulse::new(HEADER, IDLE);
        assert!(is_about(left(&pulse), HEADER));
        pulse.received();
        assert!(is_about(left(&pulse), HEADER));
        assert!(!pulse.is_idle());
    }

    #[test]
    fn idle_after_an_answer_until_the_next_head_begins() {
        let pulse = Arc::new(Pulse::new(HEADER, IDLE));
        drop(Pulse::begin(&pulse, Version::HTTP_11));
        assert!(is_about(left(&pulse), IDLE) && pulse.is_idle());
        pulse.received();
        assert!(is_about(left(&pulse), HEADER) && !pulse.is_idle());
    }

    #[test]
    fn bodies_are_not_heads() {
        let pulse = Arc::new(Pulse::new(HEADER, IDLE));
        let running = Pulse::begin(&pulse, Version::HTTP_11);
        pulse.received();
        drop(running);
        assert!(pulse.is_idle());
    }

    #[test]
    fn who_waits_for_the_client_is_not_at_work() {
        let pulse = Arc::new(Pulse::new(HEADER, IDLE));
        let first = Pulse::begin(&pulse, Version::HTTP_2);
        let since = pulse.at(pulse.busy.load(Relaxed));
        assert_eq!(pulse.leisure(), None);
        let waiting = Pulse::wait(&pulse);
        assert_eq!(pulse.leisure(), Some(Leisure::Bodiless(since)));
        let second = Pulse::begin(&pulse, Version::HTTP_2);
        assert_eq!(pulse.leisure(), None, "the other works");
        let both = Pulse::wait(&pulse);
        assert_eq!(pulse.leisure(), Some(Leisure::Bodiless(since)));
        drop((waiting, first));
        assert_eq!(pulse.leisure(), Some(Leisure::Bodiless(since)));
        drop(both);
        assert_eq!(pulse.leisure(), None);
        drop(second);
        assert!(matches!(pulse.leisure(), Some(Leisure::Idle(_))));
    }

    #[test]
    fn pings_neither_hurry_nor_prolong() {
        let pulse = Arc::new(Pulse::new(HEADER, IDLE));
        drop(Pulse::begin(&pulse, Version::HTTP_2));
        let due = pulse.due();
        pulse.received();
        assert_eq!(pulse.due(), due);
        assert!(pulse.is_idle());
    }

    #[test]
    fn handlers_at_work_are_waited_for() {
        let pulse = Arc::new(Pulse::new(HEADER, Duration::ZERO));
        let first = Pulse::begin(&pulse, Version::HTTP_2);
        let second = Pulse::begin(&pulse, Version::HTTP_2);
        drop(first);
        std::thread::sleep(Duration::from_millis(150));
        assert!(pulse.due() > Instant::now());
        drop(second);
        assert!(pulse.due() > Instant::now(), "idle from now on");
        std::thread::sleep(Duration::from_millis(150));
        assert!(pulse.due() <= Instant::now());
    }

    #[test]
    fn no_time_is_too_long() {
        let pulse = Arc::new(Pulse::new(Duration::MAX, Duration::MAX));
        assert!(pulse.due() > Instant::now());
        drop(Pulse::begin(&pulse, Version::HTTP_2));
        assert!(pulse.due() > Instant::now());
    }
}
