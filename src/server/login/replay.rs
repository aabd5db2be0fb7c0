//! No login in a browser ends twice.
//!
//! Must not know what ends it.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Mutex;

use super::PATIENCE;
use crate::domain::time::Timestamp;

/// Most logins whose end is remembered in each of two halves; a few MiB in all.
const MAX_ENDED: usize = 100_000;

/// The logins that have ended here and could otherwise end once more, as keyed hashes.
///
/// Whoever wants to fill this has to begin and end logins of their own, within the limit on attempts. A flood from many
/// addresses makes it forget early rather than refuse: nobody's login waits for it, and a code is good once at the
/// provider anyway.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    hasher: RandomState,
    halves: Mutex<Halves>,
}

/// What has ended in this while, and in the one before.
#[derive(Debug, Default)]
struct Halves {
    since: i64,
    new: HashSet<u64>,
    old: HashSet<u64>,
}

impl Default for ReplayGuard {
    fn default() -> Self {
        Self { hasher: RandomState::new(), halves: Mutex::default() }
    }
}

impl ReplayGuard {
    /// Takes note of an end; false when it had ended before.
    pub(crate) fn is_first(&self, provider: &str, state: &str, now: Timestamp) -> bool {
        let login = self.hasher.hash_one((provider, state));
        let Ok(mut halves) = self.halves.lock() else { return false };
        let is_over = now.as_unix() - halves.since >= PATIENCE.as_secs().cast_signed();
        if is_over || halves.new.len() >= MAX_ENDED {
            halves.since = now.as_unix();
            halves.old = mem::take(&mut halves.new);
        }
        !halves.old.contains(&login) && halves.new.insert(login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A login ends once for as long as its cookie holds, and a flood of others does not keep anybody from ending theirs.
    #[test]
    fn a_login_ends_once() {
        let (guard, start) = (ReplayGuard::default(), 1_800_000_000);
        let at = |seconds: i64| Timestamp::from_unix(start + seconds).unwrap();
        assert!(guard.is_first("github", "state", at(0)));
        assert!(guard.is_first("twitter", "state", at(0)), "another provider's is another");
        for seconds in [0, 1, 300, 599, 600, 601, 900] {
            assert!(!guard.is_first("github", "state", at(seconds)), "{seconds}");
        }
        for flood in 0..300_000 {
            assert!(guard.is_first("github", &format!("flood {flood}"), at(901)));
        }
        let halves = guard.halves.lock().unwrap();
        assert!(halves.new.len() <= MAX_ENDED && halves.old.len() <= MAX_ENDED);
    }
}
