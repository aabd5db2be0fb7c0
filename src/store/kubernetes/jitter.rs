//! Waits of which no two are alike.
//!
//! Must not know what is waited for.

use std::time::Duration;

/// Half of the time to all of it, so that many replicas do not come back at once.
pub(super) fn jittered(wait: Duration) -> Duration {
    let mut random = [0; 4];
    // Without random numbers, the same wait for all.
    _ = getrandom::fill(&mut random);
    let fraction = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
    wait.mul_f64(0.5 + fraction / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_waits_are_alike() {
        let wait = Duration::from_secs(60);
        let waits: Vec<Duration> = (0..20).map(|_| jittered(wait)).collect();
        assert!(waits.iter().all(|it| (wait / 2..=wait).contains(it)), "{waits:?}");
        assert!(waits.iter().any(|it| it != &waits[0]), "{waits:?}");
    }
}
