//! Time, on a machine that may be busy with anything else: waiting for what happens elsewhere, showing by their order that
//! some do not wait for others, and measuring what must not depend on it.
//!
//! Must not know what is waited for, or measured.

use std::fmt::Debug;
use std::fs;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

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

/// Does something so often while others wait for what does not come. Whoever had to wait for these, or for their turns, would
/// be done after them: so none of them may have ended before the last is done.
pub async fn done_before<T: Debug + 'static>(
    waiting: &mut JoinSet<T>,
    times: usize,
    mut once: impl AsyncFnMut(),
) {
    for done in 1..=times {
        once().await;
        let ended = waiting.try_join_next();
        assert!(ended.is_none(), "one has ended when {done} of {times} were done: {ended:?}");
    }
    println!("{times} done while {} waited", waiting.len());
}
