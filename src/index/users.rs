//! Users as numbers: their ids, their edges to rosters, and what root staff has said of them.
//!
//! A user that nothing is said about any more loses their number, and the next new user gets it. Must not know groups.

use std::cmp::Ordering;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::hash::BuildHasher;

use super::edge::{Edge, End, RosterId};
use super::run::{Run, grow, shrink};
use crate::domain::directory::Standing;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// All users something is said about.
#[derive(Debug, Default)]
pub(super) struct Users {
    slots: Vec<User>,
    free: Vec<u32>,
    by_id: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Every user, in the order of their ids.
    order: Run,
    /// Only those that differ from the default.
    standings: HashMap<u32, Standing>,
    /// Ends of memberships that an edge cannot hold.
    far: HashMap<(u32, RosterId), Timestamp>,
}

#[derive(Debug)]
struct User {
    /// `None` while the slot is free.
    id: Option<UserId>,
    /// In the order of their rosters' numbers.
    edges: Vec<Edge>,
}

impl Users {
    /// The number of a user.
    pub(super) fn find(&self, id: &UserId) -> Option<u32> {
        let hash = self.hasher.hash_one(id.as_str());
        let same = |user: &u32| self.slots[*user as usize].id.as_ref() == Some(id);
        self.by_id.find(hash, same).copied()
    }

    /// The number of a user, a new one if need be.
    pub(super) fn intern(&mut self, id: &UserId) -> u32 {
        if let Some(user) = self.find(id) {
            return user;
        }
        let slot = User { id: Some(id.clone()), edges: Vec::new() };
        let user = if let Some(user) = self.free.pop() {
            self.slots[user as usize] = slot;
            user
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).expect("memory ends before numbers do")
        };
        let Self { slots, hasher, by_id, order, .. } = self;
        let hash_of = |user: &u32| hasher.hash_one(text(slots, *user));
        by_id.insert_unique(hasher.hash_one(id.as_str()), user, hash_of);
        order.insert(user, |other| text(slots, other).cmp(id.as_str()));
        user
    }

    /// Takes the number from a user that nothing is said about.
    pub(super) fn release(&mut self, user: u32) {
        let slot = &mut self.slots[user as usize];
        if !slot.edges.is_empty() || self.standings.contains_key(&user) {
            return;
        }
        let Some(id) = slot.id.clone() else { return };
        let hash = self.hasher.hash_one(id.as_str());
        if let Ok(entry) = self.by_id.find_entry(hash, |other| *other == user) {
            entry.remove();
        }
        let slots = &self.slots;
        self.order.remove(|other| text(slots, other).cmp(id.as_str()));
        self.slots[user as usize] = User { id: None, edges: Vec::new() };
        self.free.push(user);
    }

    /// How a user stands to an id in the order of ids.
    pub(super) fn order(&self, user: u32, id: &UserId) -> Ordering {
        text(&self.slots, user).cmp(id.as_str())
    }

    pub(super) fn id(&self, user: u32) -> Option<&UserId> {
        self.slots[user as usize].id.as_ref()
    }

    /// Every user after an id, in order.
    pub(super) fn after(&self, id: Option<&UserId>) -> impl Iterator<Item = u32> {
        self.order.after(id.map(|id| |user| self.order(user, id)))
    }

    /// How many users there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.slots.len()
    }

    /// Puts a user on a roster until a moment, or changes the moment.
    pub(super) fn add_edge(
        &mut self,
        user: u32,
        roster: RosterId,
        until: Option<Timestamp>,
    ) -> Added {
        let end = End::new(until);
        match until.filter(|_| end.is_far()) {
            Some(at) => _ = self.far.insert((user, roster), at),
            None => _ = self.far.remove(&(user, roster)),
        }
        let edges = &mut self.slots[user as usize].edges;
        match edges.binary_search_by_key(&roster, |edge| edge.roster) {
            Ok(place) => {
                edges[place].end = end;
                Added::Before
            }
            Err(place) => {
                grow(edges, usize::MAX);
                edges.insert(place, Edge { roster, end });
                Added::Now
            }
        }
    }

    /// Takes a user off a roster; `None` if they are not on it.
    pub(super) fn remove_edge(&mut self, user: u32, roster: RosterId) -> Option<()> {
        let edges = &mut self.slots[user as usize].edges;
        let place = edges.binary_search_by_key(&roster, |edge| edge.roster).ok()?;
        let edge = edges.remove(place);
        shrink(edges);
        if edge.end.is_far() {
            self.far.remove(&(user, roster));
        }
        Some(())
    }

    /// The rosters a user is on, expired ones too.
    pub(super) fn edges(&self, user: u32) -> &[Edge] {
        &self.slots[user as usize].edges
    }

    /// Whether and until when a membership of a user counts at a moment.
    pub(super) fn counts(&self, user: u32, edge: Edge, now: Timestamp) -> Counts {
        match edge.end.moment(|| self.far.get(&(user, edge.roster)).copied()) {
            Some(end) if end <= now => Counts::No,
            end => Counts::Until(end),
        }
    }

    /// Whether a user is on a roster at a moment.
    pub(super) fn is_on(&self, user: u32, roster: RosterId, now: Timestamp) -> bool {
        let edges = self.edges(user);
        edges
            .binary_search_by_key(&roster, |edge| edge.roster)
            .is_ok_and(|place| self.counts(user, edges[place], now) != Counts::No)
    }

    /// What root staff has said of a user.
    pub(super) fn standing(&self, user: u32) -> Standing {
        self.standings.get(&user).copied().unwrap_or_default()
    }

    /// Whom root staff has said something of, and what.
    pub(super) fn standings(&self) -> impl Iterator<Item = (&UserId, Standing)> {
        let named = |(user, standing): (&u32, &Standing)| Some((self.id(*user)?, *standing));
        self.standings.iter().filter_map(named)
    }

    /// Notes what root staff says of a user.
    pub(super) fn stand(&mut self, user: u32, standing: Standing) {
        if standing == Standing::default() {
            self.standings.remove(&user);
        } else {
            self.standings.insert(user, standing);
        }
    }
}

fn text(slots: &[User], user: u32) -> &str {
    slots[user as usize].id.as_ref().map_or("", UserId::as_str)
}

/// Whether a user was on the roster already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Before,
    Now,
}

/// Whether a membership counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    No,
    /// And until when; `None` = no end.
    Until(Option<Timestamp>),
}
