//! What is wrong with the way to the API server, told once: many ask it, over and over, and all fail for one reason.
//!
//! A fault is logged with all its causes when it comes, and now and then while it stays, less and less often; and once that
//! it is over. Must not know who asks for what.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connect::proxy;

/// Until the same fault is told once more: the first time, doubled for each, up to the last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// The faults that there are now.
#[derive(Debug, Default)]
pub struct Outage(Mutex<Faults>);

#[derive(Debug, Default)]
struct Faults {
    /// The fault of each that asks, as text.
    now: BTreeMap<&'static str, String>,
    /// When each is to be told again, and how long to wait after that.
    told: HashMap<String, (Instant, Duration)>,
}

/// What is to be done about a fault that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Tell,
    WasTold,
}

impl Outage {
    /// Takes note that somebody failed, and logs it unless that was done already.
    pub fn met(&self, who: &'static str, error: &(dyn Error + 'static)) {
        let reason = reason(error);
        match self.faults().meet(who, &reason, Instant::now()) {
            Telling::Tell => tracing::warn!(who, reason, "the Kubernetes API server fails Pasee"),
            Telling::WasTold => tracing::debug!(who, reason, "failed again"),
        }
    }

    /// Takes note that somebody succeeded, and logs it when that was the last who had failed.
    pub fn over(&self, who: &'static str) {
        let mut faults = self.faults();
        if faults.now.remove(who).is_some() && faults.now.is_empty() {
            faults.told.clear();
            tracing::info!("the Kubernetes API server can be used again");
        }
    }

    /// What is wrong now, if anything.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.faults().now.values().next().cloned()
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faults {
    fn meet(&mut self, who: &'static str, reason: &str, now: Instant) -> Telling {
        self.now.insert(who, reason.to_owned());
        match self.told.get_mut(reason) {
            Some((again, _)) if now < *again => Telling::WasTold,
            Some((again, wait)) => {
                *wait = (*wait * 2).min(AGAIN.1);
                *again = now + *wait;
                Telling::Tell
            }
            None => {
                self.told.insert(reason.to_owned(), (now + AGAIN.0, AGAIN.0));
                Telling::Tell
            }
        }
    }
}

/// What went wrong, with all causes, in one line; a proxy whose fault it is has its name there.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    with_proxy(with_causes(error), proxy::told())
}

/// What the client library begins its words about a proxy with.
const OF_TUNNEL: &str = "tunnel error: ";

/// Names the proxy whose fault it is, and says what to look at.
fn with_proxy(reason: String, proxy: Option<&str>) -> String {
    let (Some(proxy), Some((_, of_tunnel))) = (proxy, reason.split_once(OF_TUNNEL)) else {
        return reason;
    };
    let advice = match of_tunnel {
        fault if fault.starts_with("proxy authorization required") => {
            "asks for another user and password"
        }
        fault if fault.starts_with("failed to create") => "cannot be reached",
        _ => "does not lead to the API server: its rules forbid it, or it does not reach it itself",
    };
    format!("{reason}; the proxy {proxy} {advice}")
}

/// An error with its causes, in one line; a cause that an error above it has told already is left out.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_fault_is_told_once_whoever_meets_it_and_then_rarely() {
        let mut faults = Faults::default();
        let start = Instant::now();
        let mut told = Vec::new();
        for second in 0..3600 {
            for who in ["groups", "users"] {
                let now = start + Duration::from_secs(second);
                if faults.meet(who, "refused", now) == Telling::Tell {
                    told.push(second);
                }
            }
        }
        assert_eq!(told, [0, 60, 180, 420, 900, 1860]);
        assert_eq!(faults.meet("users", "certificate", start), Telling::Tell, "another fault");
    }

    #[test]
    fn it_is_there_until_all_who_met_it_are_well() {
        let outage = Outage::default();
        assert_eq!(outage.reason(), None);
        outage.met("groups", &io::Error::other("refused"));
        outage.met("users", &io::Error::other("refused"));
        outage.over("groups");
        assert_eq!(outage.reason().as_deref(), Some("refused"));
        outage.over("users");
        assert_eq!(outage.reason(), None);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("it cannot be used")]
    struct Hides(#[source] io::Error);

    #[test]
    fn causes_are_told() {
        assert_eq!(with_causes(&Hides(io::Error::other("no room"))), "it cannot be used: no room");
    }
}
