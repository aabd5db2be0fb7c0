//! In which order changes are made that wait: bans and other revocations by root staff first, then what users end of their
//! own, then all others; within each of these every author has a turn.
//!
//! Whoever asks for much waits for themselves; what they ask for keeps its order. Must not know how a change is made.

use std::collections::{HashMap, VecDeque};

use crate::domain::change::Urgency;
use crate::domain::policy::Permit;
use crate::domain::user::UserId;

/// Most changes of one class that wait.
const MOST: usize = 1024;
/// Most of one user among them: so there is room for others, whoever floods.
const MOST_OF_ONE: usize = 512;
/// Most changes of one user that wait to end their own sessions: each one ends what the next would.
const MOST_OF_OWN: usize = 16;

/// Who asks for a change: a user, or the operator.
pub(super) type Author = Option<UserId>;

/// What is waited for apart from all else, the first before the second, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Somebody is stopped by those in charge.
    Stop,
    /// Somebody ends their own sessions.
    Own,
    /// All else.
    Rest,
}

const CLASSES: [Class; 3] = [Class::Stop, Class::Own, Class::Rest];

/// Among which changes one waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rank {
    pub(super) class: Class,
    pub(super) author: Author,
}

impl From<&Permit> for Rank {
    fn from(permit: &Permit) -> Self {
        let class = match permit.change().urgency(permit.actor()) {
            Urgency::Stops => Class::Stop,
            Urgency::EndsOwn => Class::Own,
            Urgency::Waits => Class::Rest,
        };
        Self { class, author: permit.actor().cloned() }
    }
}

/// Changes that wait.
#[derive(Debug)]
pub(super) struct Turns<T> {
    lines: [Line<T>; CLASSES.len()],
}

/// Changes of one class.
#[derive(Debug)]
struct Line<T> {
    /// Whose turn it is, in order: everybody who has something waiting, each once.
    order: VecDeque<Author>,
    waiting: HashMap<Author, VecDeque<T>>,
    count: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { lines: std::array::from_fn(|_| Line::default()) }
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), waiting: HashMap::new(), count: 0 }
    }
}

impl<T> Turns<T> {
    /// Lets a change wait for its turn; gives it back when too many wait already.
    pub(super) fn push(&mut self, rank: Rank, item: T) -> Result<(), T> {
        let Rank { class, author } = rank;
        let most = match (class, &author) {
            (_, None) => MOST,
            (Class::Own, Some(_)) => MOST_OF_OWN,
            (Class::Stop | Class::Rest, Some(_)) => MOST_OF_ONE,
        };
        self.lines[class as usize].push(author, item, most)
    }

    /// The next: of the first class that has one, of the first author in order who `may` have one made.
    pub(super) fn pop(&mut self, may: impl Fn(&Rank) -> bool) -> Option<(Rank, T)> {
        CLASSES.iter().zip(&mut self.lines).find_map(|(&class, line)| {
            let (author, item) = line.pop(|author| may(&Rank { class, author: author.clone() }))?;
            Some((Rank { class, author }, item))
        })
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.count == 0)
    }
}

impl<T> Line<T> {
    fn push(&mut self, author: Author, item: T, most: usize) -> Result<(), T> {
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

    fn pop(&mut self, may: impl Fn(&Author) -> bool) -> Option<(Author, T)> {
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
        Some((author, item))
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
        while let Some((_, item)) = turns.pop(|_| true) {
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

    /// Ends of their own sessions go before what is not urgent, of one user a few only, and stand in the way of no ban.
    #[test]
    fn ends_of_ones_own_sessions_crowd_nobody_out() {
        let mut turns = Turns::default();
        let own = |id: &str| by(id, Change::Revoke(id.parse().unwrap()));
        let push = |turns: &mut Turns<_>, permit: &Permit, item| turns.push(permit.into(), item);
        push(&mut turns, &by("k-ann", add()), "add").unwrap();
        for id in (0..2 * MOST).map(|n| format!("k-{n}")) {
            let taken = (0..3 * MOST_OF_OWN).filter(|_| push(&mut turns, &own(&id), "own").is_ok());
            assert!(taken.count() <= MOST_OF_OWN, "{id}");
        }
        assert!(push(&mut turns, &own("k-ann"), "own").is_err(), "all is full");
        for _ in 0..MOST_OF_ONE {
            push(&mut turns, &by("k-root", ban(Ban::Impose)), "ban").unwrap();
        }
        push(&mut turns, &by("k-other", ban(Ban::Impose)), "other's ban").unwrap();
        push(&mut turns, &by("k-root", Change::Revoke("k-x".parse().unwrap())), "no").unwrap_err();
        let all = popped(&mut turns);
        assert_eq!(all[..3], ["ban", "other's ban", "ban"], "each in turn");
        let (stops, rest) = all.split_at(MOST_OF_ONE + 1);
        assert!(!stops.contains(&"own") && rest[..MOST].iter().all(|item| *item == "own"));
        assert_eq!(rest[MOST..], ["add"]);
    }

    #[test]
    fn one_user_has_few_ends_of_their_own_waiting() {
        let mut turns = Turns::default();
        let mut taken = 0;
        for _ in 0..MOST {
            let permit = by("k-ann", Change::Revoke("k-ann".parse().unwrap()));
            taken += usize::from(turns.push((&permit).into(), "").is_ok());
        }
        assert_eq!(taken, MOST_OF_OWN);
    }

    #[test]
    fn whoever_may_not_is_passed_over() {
        let mut turns = Turns::default();
        for (author, item) in [("k-john", "john"), ("k-ann", "ann")] {
            turns.push(Rank::from(&by(author, add())), item).unwrap();
        }
        let john: Author = "k-john".parse().ok();
        let ann: Author = "k-ann".parse().ok();
        let not_john = |rank: &Rank| rank.author != john;
        assert_eq!(turns.pop(not_john), Some((Rank { class: Class::Rest, author: ann }, "ann")));
        assert_eq!(turns.pop(not_john), None);
        assert_eq!(popped(&mut turns), ["john"]);
    }
}
