//! Waiting for what happens elsewhere, in its own time.
//!
//! Must not know what is waited for.

use std::time::{Duration, Instant};

/// Waits until something holds; a minute at most.
#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(60), "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
