//! Which questions came before: none is answered twice.
//!
//! Must not know what is asked.

use std::collections::{HashSet, VecDeque};

use super::message::{MAX_AGE, MessageId};
use crate::domain::time::Timestamp;

/// Most that are remembered. Only who has the key fills it, and when it is full, nothing is answered.
const MOST: usize = 100_000;

/// The questions that may still come again.
#[derive(Debug, Default)]
pub(super) struct SeenQuestions {
    seen: HashSet<MessageId>,
    /// In the order in which they came, with when each is too old to be believed.
    ends: VecDeque<(Timestamp, MessageId)>,
}

impl SeenQuestions {
    /// Whether a question of this time, which is of now, comes for the first time.
    pub(super) fn is_first(&mut self, id: MessageId, now: Timestamp) -> bool {
        self.is_first_of(id, now, MOST)
    }

    fn is_first_of(&mut self, id: MessageId, now: Timestamp, most: usize) -> bool {
        while let Some((end, oldest)) = self.ends.front().copied()
            && end < now
        {
            self.ends.pop_front();
            self.seen.remove(&oldest);
        }
        if self.seen.len() >= most || !self.seen.insert(id) {
            return false;
        }
        // Its clock may be ahead by as much as it may be old.
        self.ends.push_back((now.after(2 * MAX_AGE), id));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn none_comes_twice_while_it_would_be_believed() {
        let mut seen = SeenQuestions::default();
        assert!(seen.is_first([1; 16], at(0)));
        for seconds in [0, 1, 30, 60] {
            assert!(!seen.is_first([1; 16], at(seconds)), "{seconds}");
        }
        assert!(seen.is_first([2; 16], at(60)));
        assert!(seen.is_first([1; 16], at(61)), "its own time says by now that it is old");
    }

    #[test]
    fn when_there_is_no_room_nothing_is_answered() {
        let mut seen = SeenQuestions::default();
        for number in 0..3_u8 {
            assert!(seen.is_first_of([number; 16], at(0), 3));
        }
        assert!(!seen.is_first_of([9; 16], at(60), 3));
        assert!(seen.is_first_of([9; 16], at(61), 3));
        assert_eq!((seen.seen.len(), seen.ends.len()), (1, 1));
    }
}
