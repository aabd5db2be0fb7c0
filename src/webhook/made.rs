//! How much authors have made, together with what they were just allowed to write, which nobody sees yet.
//!
//! Must not know who may make how much.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::bounds::Tally;
use crate::domain::user::UserId;

/// Long enough for what was allowed to be stored and seen.
const UNSEEN: Duration = Duration::from_secs(5);
/// Most authors that are remembered; of further ones what is seen counts.
const MOST: usize = 10_000;

/// Tells how much of what is there a user has made.
pub type Count = Box<dyn Fn(&UserId) -> Tally + Send + Sync>;

/// What is seen, and what is to come.
pub(super) struct Made {
    count: Count,
    /// What each author will have made when all is stored that they were allowed lately.
    expected: Mutex<HashMap<UserId, (Tally, Instant)>>,
}

impl Made {
    pub(super) fn new(count: Count) -> Self {
        Self { count, expected: Mutex::default() }
    }

    /// Has it judged whether an author may make so much more, and remembers that they do if so, and unless `keep` says that
    /// nothing comes of it.
    pub(super) fn judge<E>(
        &self,
        author: &UserId,
        more: Tally,
        now: Instant,
        keep: impl FnOnce() -> bool,
        judge: impl FnOnce(Tally) -> Result<(), E>,
    ) -> Result<(), E> {
        if more == Tally::default() {
            return Ok(());
        }
        let seen = (self.count)(author);
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at: Instant| now.saturating_duration_since(at) < UNSEEN;
        let made = match expected.get(author) {
            Some((tally, at)) if is_fresh(*at) => Tally {
                groups: tally.groups.max(seen.groups),
                memberships: tally.memberships.max(seen.memberships),
            },
            _ => seen,
        };
        judge(made)?;
        if keep() {
            if expected.len() >= MOST {
                expected.retain(|_, (_, at)| is_fresh(*at));
            }
            if expected.len() < MOST || expected.contains_key(author) {
                expected.insert(author.clone(), (made + more, now));
            }
        }
        Ok(())
    }

    /// Takes back what was remembered of a review that is refused for another reason.
    pub(super) fn take_back(&self, author: &UserId, more: Tally) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((tally, _)) = expected.get_mut(author) {
            tally.groups = tally.groups.saturating_sub(more.groups);
            tally.memberships = tally.memberships.saturating_sub(more.memberships);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_yet_counts() {
        let seen = Tally { groups: 2, memberships: 0 };
        let made = Made::new(Box::new(move |_| seen));
        let john: UserId = "k-john".parse().unwrap();
        let judged = |keeps: bool, right: u64| {
            let more = Tally { groups: 1, memberships: 0 };
            let judge = |all: Tally| if all.groups == right { Ok(()) } else { Err(all.groups) };
            made.judge(&john, more, Instant::now(), || keeps, judge)
        };
        assert_eq!(judged(false, 2), Ok(()));
        assert_eq!(judged(true, 2), Ok(()), "a dry run makes nothing");
        assert_eq!(judged(true, 3), Ok(()));
        assert_eq!(judged(true, 2), Err(4));
        made.take_back(&john, Tally { groups: 1, memberships: 0 });
        assert_eq!(judged(true, 3), Ok(()), "what was refused counts no more");
        let now = Instant::now();
        let free: Result<(), ()> = made.judge(&john, Tally::default(), now, || true, |_| Err(()));
        assert_eq!(free, Ok(()), "what adds nothing is not judged");
    }

    /// What an author has made as it is judged when they make one more group at a moment.
    fn one_more(made: &Made, author: &str, now: Instant) -> u64 {
        let (more, mut all) = (Tally { groups: 1, memberships: 0 }, 0);
        let judge = |made: Tally| {
            all = made.groups;
            Ok::<_, ()>(())
        };
        made.judge(&author.parse().unwrap(), more, now, || true, judge).unwrap();
        all
    }

    /// By then it is seen, or never was stored.
    #[test]
    fn what_was_allowed_is_expected_for_a_while() {
        let (made, start) = (Made::new(Box::new(|_| Tally::default())), Instant::now());
        let moment = Duration::from_nanos(1);
        assert_eq!(one_more(&made, "k-john", start), 0);
        assert_eq!(one_more(&made, "k-john", start + UNSEEN - moment), 1);
        assert_eq!(one_more(&made, "k-john", start + 2 * UNSEEN - 2 * moment), 2, "each anew");
        assert_eq!(one_more(&made, "k-john", start + 3 * UNSEEN - 2 * moment), 0);
    }

    /// Many who write at once take no memory without end, nor the place of those who come later.
    #[test]
    fn so_many_authors_are_remembered() {
        let (made, start) = (Made::new(Box::new(|_| Tally::default())), Instant::now());
        let moment = Duration::from_nanos(1);
        for number in 0..MOST {
            one_more(&made, &format!("k-{number}"), start);
        }
        let full = start + moment;
        assert_eq!([(); 2].map(|()| one_more(&made, "k-john", full)), [0, 0], "one too many");
        assert_eq!([(); 2].map(|()| one_more(&made, "k-7", full)), [1, 2], "one of them");
        let later = start + UNSEEN;
        assert_eq!([(); 2].map(|()| one_more(&made, "k-john", later)), [0, 1], "there is room");
        assert_eq!(one_more(&made, "k-7", later), 3, "and who wrote last is known still");
        assert_eq!(made.expected.lock().unwrap().len(), 2);
    }
}
