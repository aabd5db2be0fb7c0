//! Changes of one object that come soon after each other, gathered: the object is looked at once for all of them.
//!
//! The wait begins with the first and no later one makes it longer, so that what never comes to rest is looked at all the
//! same. Must not know what is looked at.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use futures::stream::{Stream, StreamExt, unfold};
use tokio::time::{Instant, sleep_until};

/// What waits, in the order in which it came.
struct Waiting<S, T> {
    changes: S,
    is_over: bool,
    due: VecDeque<(Instant, T)>,
    there: HashSet<T>,
    wait: Duration,
}

/// Each change so long after it came, and no more of the same in between; after the end of all, at once.
pub(super) fn gather<T: Clone + Eq + Hash>(
    changes: impl Stream<Item = T> + Unpin,
    wait: Duration,
) -> impl Stream<Item = T> {
    let (due, there) = (VecDeque::new(), HashSet::new());
    unfold(Waiting { changes, is_over: false, due, there, wait }, async |mut waiting| {
        let next = waiting.next().await?;
        Some((next, waiting))
    })
}

impl<S: Stream<Item = T> + Unpin, T: Clone + Eq + Hash> Waiting<S, T> {
    async fn next(&mut self) -> Option<T> {
        loop {
            let first = self.due.front().map(|(at, _)| *at);
            if self.is_over {
                return self.due.pop_front().map(|(_, thing)| thing);
            }
            tokio::select! {
                biased;
                () = sleep_until(first.unwrap_or_else(Instant::now)), if first.is_some() => {
                    let (_, thing) = self.due.pop_front()?;
                    self.there.remove(&thing);
                    return Some(thing);
                }
                change = self.changes.next() => match change {
                    Some(thing) if self.there.insert(thing.clone()) => {
                        self.due.push_back((Instant::now() + self.wait, thing));
                    }
                    Some(_) => {}
                    None => self.is_over = true,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const WAIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn what_never_rests_is_looked_at() {
        let edits = stream::repeat("a").then(async |edit| {
            tokio::task::yield_now().await;
            edit
        });
        let looked: Vec<_> = gather(Box::pin(edits), WAIT).take(2).collect().await;
        assert_eq!(looked, ["a", "a"]);
    }

    #[tokio::test]
    async fn a_burst_is_looked_at_once() {
        let burst = stream::iter(["a", "b", "a", "a", "b", "a", "c"]).chain(stream::pending());
        let begun = Instant::now();
        let looked: Vec<_> = gather(burst, WAIT).take(3).collect().await;
        assert_eq!(looked, ["a", "b", "c"]);
        assert!(begun.elapsed() >= WAIT, "what comes meanwhile is waited for");
    }

    #[tokio::test]
    async fn what_waits_at_the_end_is_still_told() {
        let looked: Vec<_> = gather(stream::iter(["a", "b", "a"]), WAIT).collect().await;
        assert_eq!(looked, ["a", "b"]);
    }
}
