//! The state as numbers, and the updates that it is fed with.
//!
//! Must not know locks, nor where updates come from.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::edge::RosterId;
use super::groups::{Dead, Groups, ROOT};
use super::users::{Added, Counts, Users};
use crate::domain::description::Description;
use crate::domain::directory::{Ending, Holding, Page, Record, Standing};
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;

/// A fact that has come to pass. Facts may come in any order: what speaks of a group that is not there waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// A group exists.
    Created(GroupName),
    /// A group, everything under it, and all their memberships are no more.
    Deleted(GroupName),
    /// What a group is for, if anything is said of that.
    Described(GroupName, Option<Description>),
    /// Invitations to a group have another mark, which is not kept here.
    Marked(GroupName),
    /// A user is on a roster, until the moment said and no other.
    Joined(Membership),
    /// A user is on a roster no more.
    Left {
        /// Which list.
        roster: Roster,
        /// Who.
        user: UserId,
    },
    /// What root staff says of a user now.
    Stands {
        /// Who.
        user: UserId,
        /// All of it.
        standing: Standing,
    },
    /// A user is on no roster any more.
    Cleared(UserId),
    /// A session was ended, and is to be remembered until it would have ended anyway.
    Ended(SessionId, Timestamp),
    /// It is not said any more that a session was ended.
    Forgotten(SessionId),
    /// Sessions that would have ended by then need not be remembered.
    Over(Timestamp),
}

/// Whether deleted groups still take up memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// All is clean.
    Done,
    /// There is more to sweep.
    More,
}

/// Groups, memberships and standings, ready to be read.
#[derive(Debug, Default)]
pub struct Contents {
    users: Users,
    groups: Groups,
    ended: HashMap<SessionId, Timestamp>,
    /// Of few groups.
    descriptions: BTreeMap<GroupName, Description>,
}

impl Contents {
    /// Takes in a fact.
    pub fn apply(&mut self, update: &Update) {
        match update {
            Update::Created(group) => self.groups.create(group),
            Update::Deleted(group) => {
                self.groups.delete(group);
                self.forget_descriptions(group);
            }
            Update::Described(group, Some(description)) => {
                self.descriptions.insert(group.clone(), description.clone());
            }
            Update::Described(group, None) => drop(self.descriptions.remove(group)),
            Update::Marked(_) => {}
            Update::Joined(membership) => self.join(membership),
            Update::Left { roster, user } => {
                if let Some(user) = self.users.find(user)
                    && let Some(roster) = self.groups.find_roster(roster)
                {
                    self.leave(user, roster);
                    self.users.release(user);
                }
            }
            Update::Stands { user, standing } => {
                let user = self.users.intern(user);
                self.users.stand(user, *standing);
                self.users.release(user);
            }
            Update::Ended(session, until) => drop(self.ended.insert(*session, *until)),
            Update::Forgotten(session) => drop(self.ended.remove(session)),
            Update::Over(now) => {
                self.ended.retain(|_, until| now < until);
                self.ended.shrink_to(2 * self.ended.len());
            }
            Update::Cleared(user) => {
                let Some(user) = self.users.find(user) else { return };
                while let Some(edge) = self.users.edges(user).last() {
                    self.leave(user, edge.roster);
                }
                self.users.release(user);
            }
        }
    }

    /// What a fact ends that is taken in next.
    pub(super) fn ending(&self, update: &Update) -> Option<Ending> {
        match update {
            Update::Stands { user, standing } if self.standing(user) != *standing => {
                Some(Ending::OfUser(user.clone(), *standing))
            }
            Update::Ended(session, _) if !self.ended.contains_key(session) => {
                Some(Ending::OfSession(*session))
            }
            _ => None,
        }
    }

    /// What has ended by these contents and had not by those of before.
    pub(super) fn endings_since(&self, before: &Self) -> Vec<Ending> {
        let of_user = |user: UserId, now| {
            (before.standing(&user) != now).then_some(Ending::OfUser(user, now))
        };
        let said = self.users.standings();
        let said = said.filter_map(|(user, now)| of_user(user.clone(), now));
        let unsaid =
            before.users.standings().filter(|(user, _)| self.standing(user) == Standing::default());
        let unsaid = unsaid.map(|(user, _)| Ending::OfUser(user.clone(), Standing::default()));
        let sessions = self.ended.keys().filter(|session| !before.ended.contains_key(*session));
        said.chain(unsaid).chain(sessions.copied().map(Ending::OfSession)).collect()
    }

    fn standing(&self, user: &UserId) -> Standing {
        self.users.find(user).map(|user| self.users.standing(user)).unwrap_or_default()
    }

    /// Of a group and all below it.
    fn forget_descriptions(&mut self, group: &GroupName) {
        let from = self.descriptions.range(group..).map(|(name, _)| name);
        // Between the two may stand names such as `top-x`.
        let from = from.take_while(|name| name.as_str().starts_with(group.as_str()));
        let gone: Vec<GroupName> = from.filter(|name| group.covers(name)).cloned().collect();
        gone.iter().for_each(|name| drop(self.descriptions.remove(name)));
    }

    fn join(&mut self, membership: &Membership) {
        let Membership { roster, user: id, expires_at } = membership;
        let roster = self.groups.ensure_roster(roster);
        let user = self.users.intern(id);
        if self.users.add_edge(user, roster, *expires_at) == Added::Now {
            let users = &self.users;
            self.groups.people_mut(roster).insert(user, |other| users.order(other, id));
        }
    }

    fn leave(&mut self, user: u32, roster: RosterId) {
        if self.users.remove_edge(user, roster).is_none() {
            return;
        }
        if let Some(id) = self.users.id(user) {
            let people = self.groups.people_mut(roster);
            people.remove(|other| self.users.order(other, id));
        }
        self.groups.release(roster.group());
    }

    /// Frees a little of what deleted groups took up: at most `most` memberships and groups.
    pub fn sweep(&mut self, most: usize) -> Sweep {
        for _ in 0..most {
            match self.groups.next_dead() {
                Dead::Nothing => return Sweep::Done,
                Dead::Slot => {}
                Dead::Edge { user, roster } => {
                    _ = self.users.remove_edge(user, roster);
                    self.users.release(user);
                }
            }
        }
        Sweep::More
    }

    /// How many users and groups have a number, deleted groups that are not swept yet among them.
    #[must_use]
    pub fn numbers(&self) -> (usize, usize) {
        (self.users.len(), self.groups.len() - 1)
    }

    /// For how many ended sessions there is room.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.ended.capacity()
    }

    /// How many slots there are for users and groups, used or free.
    #[cfg(test)]
    pub(super) fn room(&self) -> (usize, usize) {
        (self.users.room(), self.groups.room())
    }

    /// As [`Directory::record`](crate::domain::directory::Directory::record), in no order.
    pub(super) fn record(&self, user: &UserId, now: Timestamp) -> Record {
        let Some(user) = self.users.find(user) else { return Record::default() };
        let edges = self.users.edges(user);
        let mut holdings = Vec::with_capacity(edges.len());
        for edge in edges {
            if let Counts::Until(expires_at) = self.users.counts(user, *edge, now)
                && self.groups.in_effect(edge.roster.group())
                && let Some(roster) = self.groups.roster(edge.roster)
            {
                holdings.push(Holding { roster, expires_at });
            }
        }
        Record { standing: self.users.standing(user), holdings }
    }

    pub(super) fn has_ended(&self, session: SessionId) -> bool {
        self.ended.contains_key(&session)
    }

    pub(super) fn has_group(&self, group: &GroupName) -> bool {
        self.groups.find(group).is_some_and(|slot| self.groups.in_effect(slot))
    }

    pub(super) fn description(&self, group: &GroupName) -> Option<Description> {
        self.descriptions.get(group).filter(|_| self.has_group(group)).cloned()
    }

    pub(super) fn rosters(&self, page: Page<'_, Roster>) -> Vec<Roster> {
        let of_groups = self.groups.from(page.after.and_then(Roster::group)).flat_map(|group| {
            [Role::Member, Role::Staff].map(|role| Roster::of(group.clone(), role))
        });
        std::iter::once(Roster::RootStaff)
            .chain(of_groups)
            .filter(|roster| page.after.is_none_or(|after| roster > after))
            .take(page.limit)
            .collect()
    }

    pub(super) fn members(
        &self,
        roster: &Roster,
        page: Page<'_, UserId>,
        now: Timestamp,
    ) -> Option<Vec<UserId>> {
        let roster = self.groups.find_roster(roster)?;
        if roster.group() != ROOT && !self.groups.in_effect(roster.group()) {
            return None;
        }
        let order = page.after.map(|after| |user| self.users.order(user, after));
        let people = self.groups.people(roster).after(order);
        let current = people.filter(|user| self.users.is_on(*user, roster, now));
        Some(current.filter_map(|user| self.users.id(user).cloned()).take(page.limit).collect())
    }

    pub(super) fn until(
        &self,
        user: &UserId,
        roster: &Roster,
        now: Timestamp,
    ) -> Option<Option<Timestamp>> {
        let (user, roster) = (self.users.find(user)?, self.groups.find_roster(roster)?);
        let edges = self.users.edges(user);
        let place = edges.binary_search_by_key(&roster, |edge| edge.roster).ok()?;
        match self.users.counts(user, edges[place], now) {
            Counts::Until(end) if self.groups.in_effect(roster.group()) => Some(end),
            _ => None,
        }
    }

    pub(super) fn users(&self, page: Page<'_, UserId>, now: Timestamp) -> Vec<UserId> {
        let spoken_of = |user: &u32| {
            self.users.standing(*user) != Standing::default()
                || self.users.edges(*user).iter().any(|edge| {
                    self.users.counts(*user, *edge, now) != Counts::No
                        && self.groups.in_effect(edge.roster.group())
                })
        };
        let users = self.users.after(page.after).filter(spoken_of);
        users.filter_map(|user| self.users.id(user).cloned()).take(page.limit).collect()
    }
}
