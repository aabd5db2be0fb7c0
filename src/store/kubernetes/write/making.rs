//! What changes under way add to what their authors have made: from their judgement until it is shown, or came to nothing.
//!
//! Must not know who may make how much.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::bounds::Tally;
use crate::domain::user::UserId;

/// What each author is about to make.
#[derive(Default)]
pub(super) struct Making(Mutex<HashMap<UserId, Tally>>);

/// A part of it, until it is dropped.
pub(super) struct Share<'a> {
    making: &'a Making,
    author: UserId,
    more: Tally,
}

impl Making {
    /// Has something judged together with what the author has made and is about to make already, and counts it from then on
    /// if nothing speaks against it: of two who ask at once the second is judged with the first.
    pub(super) fn share<E>(
        &self,
        author: &UserId,
        more: Tally,
        made: impl FnOnce() -> Tally,
        judge: impl FnOnce(Tally) -> Result<(), E>,
    ) -> Result<Option<Share<'_>>, E> {
        let mut all = self.lock();
        let before = all.get(author).copied().unwrap_or_default();
        judge(made() + before)?;
        if more == Tally::default() {
            return Ok(None);
        }
        all.insert(author.clone(), before + more);
        Ok(Some(Share { making: self, author: author.clone(), more }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut all = self.making.lock();
        let Some(tally) = all.get_mut(&self.author) else { return };
        tally.groups = tally.groups.saturating_sub(self.more.groups);
        tally.memberships = tally.memberships.saturating_sub(self.more.memberships);
        if *tally == Tally::default() {
            all.remove(&self.author);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_counts_until_it_is_over() {
        let making = Making::default();
        let john: UserId = "k-john".parse().unwrap();
        let one = Tally { groups: 0, memberships: 1 };
        let made = Tally { groups: 3, memberships: 7 };
        let share = |right: u64| {
            let judge = |all: Tally| if all.memberships == right { Ok(()) } else { Err(all) };
            making.share(&john, one, || made, judge)
        };
        let first = share(7).unwrap();
        let second = share(8).unwrap();
        assert!(share(8).is_err(), "what is refused counts nothing");
        drop(first);
        drop(share(8).unwrap());
        drop(second);
        assert!(share(7).is_ok());
        assert!(making.lock().is_empty());
    }
}
