//! What is to be changed in a realm so that it holds what manifests ask.
//!
//! Must not know how changes are carried out; the time comes in as a parameter. A membership that has ended counts as
//! none, in the realm and in the manifests.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::wanted::{End, Kind, Named, Object, Place, Says, Wanted};
use crate::domain::change::{Ban, Change};
use crate::domain::directory::{Directory, Page, Standing};
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::policy::keeps_root_staff;
use crate::domain::provider::PossibleUsers;
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
    /// It goes, if the manifests have any object of its kind: other groups, other memberships, other bans. Revocations
    /// stay, as they are never taken back, and so does the root staff if nobody would be left.
    Prune,
}

/// Whether somebody has to be left who can act as root staff, where there was somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootStaff<'a> {
    /// Somebody has to, of those who could log in.
    Needed(&'a PossibleUsers),
    /// Nobody has to.
    Dispensable,
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
    /// Kinds of which the manifests have no object, so that nothing of them goes.
    pub unpruned: Vec<Kind>,
    /// Root staff that the manifests do not name and that stay, as nobody else would be left.
    pub kept: Vec<UserId>,
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

/// A group that an object needs, and that is neither in the manifests nor in the realm, or would be pruned; or root staff.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// The parent of a group.
    #[error("{0}: {1} is below the group {2}, which is nowhere; write a Group for it")]
    Parent(Place, Named, GroupName),
    /// The group of a Membership.
    #[error("{0}: {1} is of the group {2}, which is nowhere; write a Group for it")]
    Group(Place, Named, GroupName),
    /// Somebody who can act as root staff.
    #[error(
        "nobody would be left who can act as root staff: name somebody else in a Membership with role: Staff and no group, who can \
         log in as the settings are (a ServiceAccount may be gone, and counts for nobody), \
         or say with --allow-no-root-staff that this is meant"
    )]
    RootStaff,
}

/// Makes the plan.
///
/// # Errors
/// Every group that is needed and not there, or that nobody would be left of the root staff.
pub fn plan(
    wanted: &Wanted,
    there: &dyn Directory,
    rest: Rest,
    root_staff: RootStaff<'_>,
    now: Timestamp,
) -> Result<Plan, Vec<Lack>> {
    let planner = Planner { wanted, there, rest, root_staff, now };
    let lacks: Vec<Lack> = wanted.objects.iter().filter_map(|it| planner.lack(it)).collect();
    if !lacks.is_empty() {
        return Err(lacks);
    }
    let outcome = |object: &Object| (object.named.clone(), planner.outcome(&object.says));
    let mut plan = Plan {
        changes: Vec::new(),
        outcomes: wanted.objects.iter().map(outcome).collect(),
        pruned: Vec::new(),
        unpruned: Vec::new(),
        kept: Vec::new(),
        revoked_later: Vec::new(),
        far_ahead: Vec::new(),
    };
    planner.create(&mut plan);
    planner.enlist(&mut plan);
    planner.stand(&mut plan);
    if rest == Rest::Prune {
        planner.prune(&mut plan);
    }
    if matches!(root_staff, RootStaff::Needed(_)) && planner.takes_the_last(&plan) {
        return Err(vec![Lack::RootStaff]);
    }
    Ok(plan)
}

/// A user's place on a roster: none, or until when.
type Presence = Option<End>;

struct Planner<'a> {
    wanted: &'a Wanted,
    there: &'a dyn Directory,
    rest: Rest,
    root_staff: RootStaff<'a>,
    now: Timestamp,
}

impl Planner<'_> {
    fn lack(&self, object: &Object) -> Option<Lack> {
        let will_be = |group: &GroupName| {
            self.wanted.groups.contains_key(group)
                || (!self.prunes(Kind::Group) && self.there.has_group(group))
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

    /// Whether what the manifests do not say goes of a kind.
    fn prunes(&self, kind: Kind) -> bool {
        self.rest == Rest::Prune && self.wanted.has(kind)
    }

    fn outcome(&self, says: &Says) -> Outcome {
        match says {
            Says::Group(group) if !self.there.has_group(group) => Outcome::Created,
            Says::Group(group) if self.new_description(group).is_some() => Outcome::Configured,
            Says::Group(_) => Outcome::Unchanged,
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

    /// What is to be said of a user of whom something is said now. A revocation is never taken back, and a ban only where
    /// a manifest says so.
    fn standing(&self, user: &UserId, before: Standing) -> Standing {
        let wanted = self.wanted.standings.get(user).copied().unwrap_or_default();
        before.declared(wanted.ban, wanted.not_before, self.now)
    }

    /// What is to be said of what a group is for, if that is not what is said.
    fn new_description(&self, group: &GroupName) -> Option<Change> {
        let wanted = self.wanted.descriptions.get(group)?;
        let (group, description) = (group.clone(), wanted.clone());
        let is_new = self.there.description(&group) != description;
        is_new.then_some(Change::Describe { group, description })
    }

    /// New groups, parents first, as their names sort; with their creators and what all are for.
    fn create(&self, plan: &mut Plan) {
        for (group, creator) in &self.wanted.groups {
            if self.there.has_group(group) {
                plan.changes.extend(self.new_description(group));
                continue;
            }
            plan.changes.push(Change::CreateGroup { group: group.clone(), creator: None });
            plan.changes.extend(self.new_description(group));
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
                let (banned, not_before) = (wanted.ban, wanted.not_before);
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
        let kinds = [Kind::Group, Kind::Membership, Kind::User];
        plan.unpruned = kinds.into_iter().filter(|kind| !self.prunes(*kind)).collect();
        let rosters = self.there.rosters(Page { after: None, limit: usize::MAX });
        let mut gone: BTreeSet<GroupName> = BTreeSet::new();
        for roster in rosters {
            match roster.group() {
                Some(group)
                    if self.prunes(Kind::Group) && !self.wanted.groups.contains_key(group) =>
                {
                    // Everything below goes with it, and is told of by it.
                    let is_told = group.parent().is_some_and(|parent| gone.contains(&parent));
                    if gone.insert(group.clone()) && !is_told {
                        plan.changes.push(Change::DeleteGroup(group.clone()));
                        plan.pruned.push(Pruned::Group(group.clone()));
                    }
                }
                _ if !self.prunes(Kind::Membership) => {}
                None if matches!(self.root_staff, RootStaff::Needed(_))
                    && !self.names_root_staff() =>
                {
                    plan.kept = self.on_root_staff();
                }
                _ => self.thin_out(&roster, plan),
            }
        }
        if self.prunes(Kind::User) {
            self.lift(plan);
        }
    }

    fn on_root_staff(&self) -> Vec<UserId> {
        let all = Page { after: None, limit: usize::MAX };
        self.there.members(&Roster::RootStaff, all, self.now).unwrap_or_default()
    }

    /// Whether anybody can act as root staff by the manifests alone.
    fn names_root_staff(&self) -> bool {
        let named = self.wanted.rosters.get(&Roster::RootStaff);
        named.is_some_and(|users| users.keys().any(|user| self.will_act(user)))
    }

    /// Whether a user, who is on the root staff by the manifests or is left there, can act as one.
    fn will_act(&self, user: &UserId) -> bool {
        let roster = Roster::RootStaff;
        let is_named = self.wanted.rosters.get(&roster).is_some_and(|it| it.contains_key(user));
        let end = if is_named {
            self.wish(&roster, user)
        } else {
            self.there.until(user, &roster, self.now)
        };
        let before = self.there.record(user, self.now).standing;
        end.is_some_and(|end| self.can_act(user, end, self.standing(user, before)))
    }

    /// Whether somebody can act as root staff who is there until then, and of whom this is said.
    fn can_act(&self, user: &UserId, end: End, standing: Standing) -> bool {
        let possible = match self.root_staff {
            RootStaff::Needed(possible) => Some(possible),
            RootStaff::Dispensable => None,
        };
        keeps_root_staff(user, end, standing, possible, self.now)
    }

    /// Whether somebody can act as root staff now, and nobody can after the plan.
    fn takes_the_last(&self, plan: &Plan) -> bool {
        let before = self.on_root_staff();
        let can_act = |user: &UserId| {
            let end = self.there.until(user, &Roster::RootStaff, self.now).flatten();
            self.can_act(user, end, self.there.record(user, self.now).standing)
        };
        let gone: BTreeSet<&UserId> = plan
            .pruned
            .iter()
            .filter_map(|pruned| match pruned {
                Pruned::Member(Roster::RootStaff, user) => Some(user),
                _ => None,
            })
            .collect();
        let stays = |user: &&UserId| !gone.contains(user);
        before.iter().any(can_act)
            && !self.names_root_staff()
            && !before.iter().filter(stays).any(|user| self.will_act(user))
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

#[cfg(test)]
mod tests;
