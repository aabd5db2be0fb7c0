//! Time, on a machine that may be busy with anything else: waiting for what happens elsewhere, and measuring what must not
//! depend on it.
//!
//! Must not know what is waited for, or measured.

use std::fs;
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

/// Waits until a process that was sent SIGSTOP has stopped, each of its threads: the signal is on its way for a while, and
/// on a busy machine a thread may still answer somebody meanwhile.
#[track_caller]
pub fn wait_until_stopped(process: u32) {
    let tasks = format!("/proc/{process}/task");
    eventually("every thread has stopped", || {
        let mut threads = fs::read_dir(&tasks).unwrap();
        threads.all(|thread| {
            // One that has ended meanwhile does not run either.
            let status = fs::read_to_string(thread.unwrap().path().join("stat"));
            // Behind the name, in which a `)` may stand, comes the state.
            let state = status
                .as_deref()
                .map_or(Some("T"), |text| text.rsplit_once(") ").map(|(_, rest)| &rest[..1]));
            matches!(state, Some("T" | "t" | "Z" | "X"))
        })
    });
}

/// How long this thread has been at work, whatever else the machine does.
pub fn work() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

/// How often something is measured: another's load only ever adds, so the least of them is what it takes.
const ROUNDS: usize = 5;

/// The median and the 99th percentile of many times, each the least of some rounds.
#[derive(Clone, Copy, Debug)]
pub struct Typical {
    median: Duration,
    p99: Duration,
}

impl Typical {
    /// Does something that takes its time, so often in a round.
    pub async fn of(times: usize, mut once: impl AsyncFnMut() -> Duration) -> Self {
        let mut least = Self { median: Duration::MAX, p99: Duration::MAX };
        for _ in 0..ROUNDS {
            let mut found = Vec::with_capacity(times);
            for _ in 0..times {
                found.push(once().await);
            }
            found.sort_unstable();
            least.median = least.median.min(found[times / 2]);
            least.p99 = least.p99.min(found[times * 99 / 100 - 1]);
        }
        least
    }

    /// That something else beside it made no difference: 20 %, and what a machine does by itself.
    #[track_caller]
    pub fn is_also(&self, beside: &Self) {
        println!("alone {self:?}, beside {beside:?}");
        let small = Duration::from_millis(2);
        assert!(beside.median < self.median.mul_f64(1.2) + small, "{self:?} to {beside:?}");
        assert!(beside.p99 < self.p99.mul_f64(1.2) + 10 * small, "{self:?} to {beside:?}");
    }
}
