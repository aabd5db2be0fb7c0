//! Whose turn it is: a bounded line in which nobody waits for all that somebody else asks at once.
//!
//! Must not know what is waited for.

/// For whom something is asked: the client's network, and the name that is to log in, both hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    pub client: u64,
    pub login: u64,
}

/// A line in fair turns (start-time fair queueing, by client and by name).
///
/// Whoever asks comes one turn behind the last that the same client, or anybody for the same name, is still waiting for. So
/// a hundred at once of one client stand behind one another, and the first of another client beside the first of them. When the
/// line is full, the last in it gives way to whoever has an earlier turn.
#[derive(Debug)]
pub(super) struct FairLine<T> {
    most: usize,
    /// The turn of the last that came out.
    now: u64,
    /// In the order in which they came; few enough to look at each.
    waiting: Vec<Waiting<T>>,
}

#[derive(Debug)]
struct Waiting<T> {
    turn: u64,
    asking: Asking,
    what: T,
}

impl<T> FairLine<T> {
    /// An empty line for so many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, now: 0, waiting: Vec::new() }
    }

    /// Takes somebody in. Comes back with whoever had to give way, which may be the same.
    pub(super) fn push(&mut self, asking: Asking, what: T) -> Option<T> {
        let of_the_same = |other: &&Waiting<T>| {
            other.asking.client == asking.client || other.asking.login == asking.login
        };
        let before = self.waiting.iter().filter(of_the_same).map(|other| other.turn).max();
        let turn = before.unwrap_or(self.now).max(self.now) + 1;
        let mut out = None;
        if self.waiting.len() >= self.most {
            let last = self.waiting.iter().enumerate().max_by_key(|(_, other)| other.turn);
            match last {
                Some((place, other)) if other.turn > turn => {
                    out = Some(self.waiting.remove(place).what);
                }
                _ => return Some(what),
            }
        }
        self.waiting.push(Waiting { turn, asking, what });
        out
    }

    /// The next: of those with the earliest turn, who came first.
    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| waiting.turn);
        let place = first.map(|(place, _)| place)?;
        let Waiting { turn, what, .. } = self.waiting.remove(place);
        self.now = turn;
        Some(what)
    }

    /// Lets go of those who do not wait any more.
    pub(super) fn retain(&mut self, still: impl Fn(&T) -> bool) {
        self.waiting.retain(|waiting| still(&waiting.what));
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(client: u64, login: u64) -> Asking {
        Asking { client, login }
    }

    fn rest(turns: &mut FairLine<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.pop()).collect()
    }

    /// Of one client with many names, of many clients with one name: the first of anybody else waits for one of them.
    #[test]
    fn a_crowd_stands_behind_itself() {
        for crowd in [|n: u64| asking(1, 100 + n), |n| asking(100 + n, 1), |_| asking(1, 1)] {
            let mut turns = FairLine::new(100);
            for n in 0..80 {
                assert!(turns.push(crowd(n), "crowd").is_none());
            }
            turns.pop();
            assert!(turns.push(asking(2, 2), "other").is_none());
            assert!(turns.push(asking(3, 3), "third").is_none());
            let order = rest(&mut turns);
            assert_eq!(order.iter().position(|who| *who == "other"), Some(1));
            assert_eq!(order.iter().position(|who| *who == "third"), Some(2));
            assert_eq!(order.len(), 81);
        }
    }

    #[test]
    fn two_crowds_take_turns() {
        let mut turns = FairLine::new(100);
        for client in [1, 2] {
            for n in 0..3 {
                turns.push(asking(client, 10 * client + n), if client == 1 { "a" } else { "b" });
            }
        }
        assert_eq!(rest(&mut turns), ["a", "b", "a", "b", "a", "b"]);
    }

    /// When it is full, the last of a crowd gives way; the crowd itself cannot push anybody out.
    #[test]
    fn a_full_line_has_room_for_others() {
        let mut turns = FairLine::new(4);
        for n in 0..4 {
            assert!(turns.push(asking(1, 10 + n), "crowd").is_none());
        }
        assert_eq!(turns.push(asking(1, 20), "late"), Some("late"));
        assert_eq!(turns.push(asking(2, 2), "other"), Some("crowd"));
        assert_eq!(turns.push(asking(1, 21), "late"), Some("late"));
        assert_eq!(rest(&mut turns), ["crowd", "other", "crowd", "crowd"]);
    }

    #[test]
    fn who_left_is_not_waited_for() {
        let mut turns = FairLine::new(2);
        turns.push(asking(1, 1), "gone");
        turns.push(asking(1, 1), "there");
        turns.retain(|who| *who != "gone");
        assert_eq!(turns.len(), 1);
        assert_eq!(rest(&mut turns), ["there"]);
    }
}
