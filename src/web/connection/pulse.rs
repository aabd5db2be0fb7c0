//! When a connection's client must have done its next step.
//!
//! Must not know sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::Version;
use tokio::time::Instant;

/// No request yet; HTTP/1; HTTP/2.
const NEW: u8 = 0;
const ONE_BY_ONE: u8 = 1;
const MANY: u8 = 2;

/// The signs of life that count: requests and answers, not bytes and pings. Times are milliseconds after `born`.
#[derive(Debug)]
pub struct Pulse {
    born: Instant,
    header_timeout: Duration,
    idle_timeout: Duration,
    protocol: AtomicU8,
    /// Handlers at work.
    running: AtomicUsize,
    /// When the last answer was given.
    answered: AtomicU64,
    /// When the first byte of the next request came, plus one; 0 when none did.
    head: AtomicU64,
}

/// One handler at work.
#[derive(Debug)]
pub struct Running(Arc<Pulse>);

impl Pulse {
    /// Starts now.
    pub fn new(header_timeout: Duration, idle_timeout: Duration) -> Self {
        Self {
            born: Instant::now(),
            // A little early, so that the bound holds on a busy machine too.
            header_timeout: header_timeout * 19 / 20,
            idle_timeout,
            protocol: AtomicU8::new(NEW),
            running: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
            head: AtomicU64::new(0),
        }
    }

    /// Bytes came from the client.
    pub fn received(&self) {
        if self.running.load(Relaxed) == 0 && self.head.load(Relaxed) == 0 {
            self.head.store(self.now() + 1, Relaxed);
        }
    }

    /// A whole request head came.
    pub fn begin(pulse: &Arc<Self>, version: Version) -> Running {
        let protocol = if version == Version::HTTP_2 { MANY } else { ONE_BY_ONE };
        pulse.protocol.store(protocol, Relaxed);
        pulse.running.fetch_add(1, Relaxed);
        pulse.head.store(0, Relaxed);
        Running(pulse.clone())
    }

    /// When the connection is to be closed, unless something happens. While handlers work, only when to ask again.
    pub fn due(&self) -> Instant {
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
    pub fn is_idle(&self) -> bool {
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
