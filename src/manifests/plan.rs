//! What is to be changed in a realm so that it holds what manifests ask.
//!
//! Must not know how changes are carried out; the time comes in as a parameter. A membership that has ended counts as
//! none, in the realm and in the manifests.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::wanted::{End, Named, Object, Place, Says, Wanted};
use crate::domain::change::{Ban, Change};
use crate::domain::directory::{Directory, Page, Standing};
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// Users looked at in one go.
const SLICE: usize = 10_000;

/// How far ahead a revocation may be before it is asked whether the year is right.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// What becomes of that of which the manifests say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It stays.
    Keep,
    /// It goes: other groups, other memberships, other bans. Revocations stay, as they are never taken back.
    Prune,
}

/// Changes, in an order in which they can be made, and what to say of them.
#[derive(Debug)]
pub struct Plan {
    /// To be made in this order.
    pub changes: Vec<Change>,
    /// Each object and what becomes of it, in the order of the manifests.
    pub outcomes: Vec<(Named, Outcome)>,
    /// What goes.
    pub pruned: Vec<Pruned>,
    /// Users whose sessions were ended later than the manifests say.
    pub revoked_later: Vec<UserId>,
    /// Users whose sessions end by a moment that is further ahead than a slip of the pen should go.
    pub far_ahead: Vec<(UserId, Timestamp)>,
}

/// What becomes of what an object says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it was there.
    Created,
    /// Some of it was not there, or was otherwise.
    Configured,
    /// All of it was there.
    Unchanged,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        })
    }
}

/// Something that the manifests do not say, and that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pruned {
    /// A group, with all below it.
    Group(GroupName),
    /// Somebody on a roster.
    Member(Roster, UserId),
    /// The ban of a user.
    Ban(UserId),
}

/// A group that an object needs, and that is neither in the manifests nor in the realm, or would be pruned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// The parent of a group.
    #[error("{0}: {1} is below the group {2}, which is nowhere; write a Group for it")]
    Parent(Place, Named, GroupName),
    /// The group of a Membership.
    #[error("{0}: {1} is of the group {2}, which is nowhere; write a Group for it")]
    Group(Place, Named, GroupName),
}

/// Makes the plan.
///
/// # Errors
/// Every group that is needed and not there.
pub fn plan(
    wanted: &Wanted,
    there: &dyn Directory,
    rest: Rest,
    now: Timestamp,
) -> Result<Plan, Vec<Lack>> {
    let planner = Planner { wanted, there, rest, now };
    let lacks: Vec<Lack> = wanted.objects.iter().filter_map(|it| planner.lack(it)).collect();
    if !lacks.is_empty() {
        return Err(lacks);
    }
    let outcome = |object: &Object| (object.named.clone(), planner.outcome(&object.says));
    let mut plan = Plan {
        changes: Vec::new(),
        outcomes: wanted.objects.iter().map(outcome).collect(),
        pruned: Vec::new(),
        revoked_later: Vec::new(),
        far_ahead: Vec::new(),
    };
    planner.create(&mut plan);
    planner.enlist(&mut plan);
    planner.stand(&mut plan);
    if rest == Rest::Prune {
        planner.prune(&mut plan);
    }
    Ok(plan)
}

/// A user's place on a roster: none, or until when.
type Presence = Option<End>;

struct Planner<'a> {
    wanted: &'a Wanted,
    there: &'a dyn Directory,
    rest: Rest,
    now: Timestamp,
}

impl Planner<'_> {
    fn lack(&self, object: &Object) -> Option<Lack> {
        let will_be = |group: &GroupName| {
            self.wanted.groups.contains_key(group)
                || (self.rest == Rest::Keep && self.there.has_group(group))
        };
        let (place, named) = (object.place.clone(), object.named.clone());
        match &object.says {
            Says::Group(group) => {
                let parent = group.parent().filter(|parent| !will_be(parent));
                parent.map(|parent| Lack::Parent(place, named, parent))
            }
            Says::Membership(content) => {
                let group = content.roster.group().filter(|group| !will_be(group));
                group.map(|group| Lack::Group(place, named, group.clone()))
            }
            Says::User(_) => None,
        }
    }

    fn outcome(&self, says: &Says) -> Outcome {
        match says {
            Says::Group(group) if self.there.has_group(group) => Outcome::Unchanged,
            Says::Group(_) => Outcome::Created,
            Says::Membership(content) => self.of_users(&content.roster, &content.users),
            Says::User(user) => {
                let before = self.there.record(user, self.now).standing;
                match self.standing(user, before) {
                    after if after == before => Outcome::Unchanged,
                    _ if before == Standing::default() => Outcome::Created,
                    _ => Outcome::Configured,
                }
            }
        }
    }

    fn of_users(&self, roster: &Roster, users: &[UserId]) -> Outcome {
        let (mut is_new, mut is_same) = (true, true);
        for user in users {
            let (before, after) = (self.presence(roster, user), self.wish(roster, user));
            is_new &= before.is_none();
            is_same &= before == after;
        }
        match (is_same, is_new) {
            (true, _) => Outcome::Unchanged,
            (false, true) => Outcome::Created,
            (false, false) => Outcome::Configured,
        }
    }

    /// How a user is on a roster.
    fn presence(&self, roster: &Roster, user: &UserId) -> Presence {
        let holdings = self.there.record(user, self.now).holdings;
        holdings.into_iter().find(|it| it.roster == *roster).map(|it| it.expires_at)
    }

    /// How a user is to be on a roster.
    fn wish(&self, roster: &Roster, user: &UserId) -> Presence {
        let is_new = |group| !self.there.has_group(group);
        if self.wanted.is_creator(roster, user) && roster.group().is_some_and(is_new) {
            return Some(None);
        }
        let end = self.wanted.rosters.get(roster)?.get(user)?;
        Some(*end).filter(|end| end.is_none_or(|end| self.now < end))
    }

    /// What is to be said of a user of whom something is said now. A revocation is never taken back.
    fn standing(&self, user: &UserId, before: Standing) -> Standing {
        let wanted = self.wanted.standings.get(user).copied().unwrap_or_default();
        before.declared(Some(ban(wanted)), wanted.not_before, self.now)
    }

    /// New groups, parents first, as their names sort; with their creators.
    fn create(&self, plan: &mut Plan) {
        for (group, creator) in &self.wanted.groups {
            if self.there.has_group(group) {
                continue;
            }
            plan.changes.push(Change::CreateGroup { group: group.clone(), creator: None });
            if let Some(creator) = creator {
                let roster = Roster::of(group.clone(), Role::Staff);
                let is_named = self.wanted.rosters.get(&roster);
                if is_named.is_none_or(|users| !users.contains_key(creator)) {
                    self.put(&roster, creator, plan);
                }
            }
        }
    }

    fn enlist(&self, plan: &mut Plan) {
        for (roster, users) in &self.wanted.rosters {
            users.keys().for_each(|user| self.put(roster, user, plan));
        }
    }

    /// Brings a user's place on a roster to what it is to be.
    fn put(&self, roster: &Roster, user: &UserId, plan: &mut Plan) {
        let (before, after) = (self.presence(roster, user), self.wish(roster, user));
        if before == after {
            return;
        }
        let (roster, user) = (roster.clone(), user.clone());
        if before.is_some() {
            let (roster, user) = (roster.clone(), user.clone());
            plan.changes.push(Change::RemoveMember { roster, user });
        }
        if let Some(expires_at) = after {
            plan.changes.push(Change::AddMember(Membership { roster, user, expires_at }));
        }
    }

    fn stand(&self, plan: &mut Plan) {
        for (user, wanted) in &self.wanted.standings {
            let before = self.there.record(user, self.now).standing;
            let after = self.standing(user, before);
            if after != before {
                let (banned, not_before) = (Some(ban(*wanted)), wanted.not_before);
                plan.changes.push(Change::Declare { user: user.clone(), banned, not_before });
                let moment = not_before.filter(|moment| self.now.after(AHEAD) < *moment);
                plan.far_ahead.extend(moment.map(|moment| (user.clone(), moment)));
            }
            if wanted.not_before < before.not_before.min(after.not_before) {
                plan.revoked_later.push(user.clone());
            }
        }
    }

    fn prune(&self, plan: &mut Plan) {
        let rosters = self.there.rosters(Page { after: None, limit: usize::MAX });
        let mut gone: BTreeSet<GroupName> = BTreeSet::new();
        for roster in rosters {
            match roster.group() {
                Some(group) if !self.wanted.groups.contains_key(group) => {
                    // Everything below goes with it, and is told of by it.
                    let is_told = group.parent().is_some_and(|parent| gone.contains(&parent));
                    if gone.insert(group.clone()) && !is_told {
                        plan.changes.push(Change::DeleteGroup(group.clone()));
                        plan.pruned.push(Pruned::Group(group.clone()));
                    }
                }
                _ => self.thin_out(&roster, plan),
            }
        }
        self.lift(plan);
    }

    /// Takes off a roster who is not wanted there.
    fn thin_out(&self, roster: &Roster, plan: &mut Plan) {
        let wanted = self.wanted.rosters.get(roster);
        let mut last = None;
        loop {
            let page = Page { after: last.as_ref(), limit: SLICE };
            let members = self.there.members(roster, page, self.now).unwrap_or_default();
            for user in &members {
                let is_wanted = wanted.is_some_and(|users| users.contains_key(user));
                if !is_wanted && !self.wanted.is_creator(roster, user) {
                    let (roster, user) = (roster.clone(), user.clone());
                    plan.pruned.push(Pruned::Member(roster.clone(), user.clone()));
                    plan.changes.push(Change::RemoveMember { roster, user });
                }
            }
            last = members.last().cloned();
            if last.is_none() {
                return;
            }
        }
    }

    /// Takes back the bans that are not wanted.
    fn lift(&self, plan: &mut Plan) {
        let mut last = None;
        loop {
            let users = self.there.users(Page { after: last.as_ref(), limit: SLICE }, self.now);
            for user in &users {
                let is_banned = self.there.record(user, self.now).standing.banned;
                if is_banned && !self.wanted.standings.contains_key(user) {
                    let banned = Ban::Lift;
                    plan.changes.push(Change::SetBanned { user: user.clone(), banned });
                    plan.pruned.push(Pruned::Ban(user.clone()));
                }
            }
            last = users.last().cloned();
            if last.is_none() {
                return;
            }
        }
    }
}

fn ban(wanted: Standing) -> Ban {
    if wanted.banned { Ban::Impose } else { Ban::Lift }
}

#[cfg(test)]
mod tests;
