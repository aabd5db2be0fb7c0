//! In which order changes are made that wait: bans and revocations first, and of all others each author has a turn.
//!
//! Whoever asks for much waits for themselves; what they ask for keeps its order. Must not know how a change is made.

use std::collections::{HashMap, VecDeque};

use crate::domain::policy::Permit;
use crate::domain::user::UserId;

/// Most urgent changes that wait, and most others.
const MOST: usize = 1024;
/// Most changes of one user that wait, urgent ones aside: so there is room for others, whoever floods.
const MOST_OF_ONE: usize = 512;

/// Who asks for a change: a user, or the operator.
pub(super) type Author = Option<UserId>;

/// Changes that wait.
#[derive(Debug)]
pub(super) struct Turns<T> {
    urgent: VecDeque<T>,
    /// Whose turn it is, in order: everybody who has something waiting, each once.
    order: VecDeque<Author>,
    waiting: HashMap<Author, VecDeque<T>>,
    count: usize,
}

/// Among which changes one waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// It goes before all others.
    Urgent,
    /// Among those of its author.
    Of(Author),
}

impl From<&Permit> for Rank {
    fn from(permit: &Permit) -> Self {
        if permit.change().is_urgent() { Self::Urgent } else { Self::Of(permit.actor().cloned()) }
    }
}

/// A change that has come to its turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn<T> {
    /// Before all others.
    Urgent(T),
    /// One of an author's.
    Of(Author, T),
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { urgent: VecDeque::new(), order: VecDeque::new(), waiting: HashMap::new(), count: 0 }
    }
}

impl<T> Turns<T> {
    /// Lets a change wait for its turn; gives it back when too many wait already.
    pub(super) fn push(&mut self, rank: Rank, item: T) -> Result<(), T> {
        let Rank::Of(author) = rank else {
            if self.urgent.len() == MOST {
                return Err(item);
            }
            self.urgent.push_back(item);
            return Ok(());
        };
        let most = if author.is_some() { MOST_OF_ONE } else { MOST };
        let own = self.waiting.get(&author).map_or(0, VecDeque::len);
        if self.count == MOST || own == most {
            return Err(item);
        }
        if own == 0 {
            self.order.push_back(author.clone());
        }
        self.waiting.entry(author).or_default().push_back(item);
        self.count += 1;
        Ok(())
    }

    /// The next: whatever is urgent, else of the first author in order who `may` have one made.
    pub(super) fn pop(&mut self, may: impl Fn(&Author) -> bool) -> Option<Turn<T>> {
        if let Some(item) = self.urgent.pop_front() {
            return Some(Turn::Urgent(item));
        }
        let place = self.order.iter().position(may)?;
        let author = self.order.remove(place)?;
        let own = self.waiting.get_mut(&author)?;
        let item = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&author);
        } else {
            self.order.push_back(author.clone());
        }
        self.count -= 1;
        Some(Turn::Of(author, item))
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::change::{Ban, Change};
    use crate::domain::directory::{Holding, Standing};
    use crate::domain::membership::{Membership, Roster};
    use crate::domain::policy::{Actor, Grant, Login, admit, permit};
    use crate::domain::time::Timestamp;

    fn by(author: &str, change: Change) -> Permit {
        if author == "operator" {
            return permit(&Actor::operator(), change).unwrap();
        }
        let grant = Grant::Login(Login::of(author.parse().unwrap()));
        let admission =
            admit(grant, Standing::default(), Duration::from_secs(9), Timestamp::MIN).unwrap();
        let root = Holding { roster: Roster::RootStaff, expires_at: None };
        permit(&Actor::user(&admission, vec![root]), change).unwrap()
    }

    fn add() -> Change {
        let (roster, user) = ("a".parse().unwrap(), "k-new".parse().unwrap());
        Change::AddMember(Membership { roster, user, expires_at: None })
    }

    fn ban(banned: Ban) -> Change {
        Change::SetBanned { user: "k-john".parse().unwrap(), banned }
    }

    fn popped(turns: &mut Turns<&'static str>) -> Vec<&'static str> {
        let mut all = Vec::new();
        while let Some(Turn::Urgent(item) | Turn::Of(_, item)) = turns.pop(|_| true) {
            all.push(item);
        }
        assert!(turns.is_empty());
        all
    }

    #[test]
    fn bans_first_then_everybody_in_turn() {
        let mut turns = Turns::default();
        let revoke = Change::Revoke("k-john".parse().unwrap());
        for (author, change, item) in [
            ("k-john", add(), "john 1"),
            ("k-john", add(), "john 2"),
            ("k-john", add(), "john 3"),
            ("operator", add(), "operator 1"),
            ("k-ann", add(), "ann 1"),
            ("k-ann", add(), "ann 2"),
            ("k-root", ban(Ban::Lift), "lift"),
            ("k-root", ban(Ban::Impose), "ban"),
            ("operator", revoke, "revoke"),
        ] {
            turns.push(Rank::from(&by(author, change)), item).unwrap();
        }
        assert_eq!(
            popped(&mut turns),
            ["ban", "revoke", "john 1", "operator 1", "ann 1", "lift", "john 2", "ann 2", "john 3"]
        );
    }

    /// Whoever floods fills their own part only, and bans have room of their own.
    #[test]
    fn a_flood_leaves_room() {
        let mut turns = Turns::default();
        let push = |turns: &mut Turns<_>, author: &str, change| {
            turns.push((&by(author, change)).into(), "")
        };
        let flood = |turns: &mut Turns<_>, author: &str| {
            (0..2 * MOST).filter(|_| push(turns, author, add()).is_ok()).count()
        };
        assert_eq!(flood(&mut turns, "k-john"), MOST_OF_ONE);
        assert!(push(&mut turns, "k-ann", add()).is_ok());
        assert_eq!(flood(&mut turns, "k-eve"), MOST - MOST_OF_ONE - 1);
        assert!(push(&mut turns, "operator", add()).is_err(), "all is full");
        assert!(push(&mut turns, "k-root", ban(Ban::Impose)).is_ok(), "but not to a ban");
    }

    #[test]
    fn whoever_may_not_is_passed_over() {
        let mut turns = Turns::default();
        for (author, item) in [("k-john", "john"), ("k-ann", "ann")] {
            turns.push(Rank::from(&by(author, add())), item).unwrap();
        }
        let john: Author = "k-john".parse().ok();
        let ann: Author = "k-ann".parse().ok();
        assert_eq!(turns.pop(|author| *author != john), Some(Turn::Of(ann, "ann")));
        assert_eq!(turns.pop(|author| *author != john), None);
        assert_eq!(popped(&mut turns), ["john"]);
    }
}
