//! What is to be written of a realm's objects so that users are called otherwise, and what of it only others can write.
//!
//! Standings come first, then places on rosters: a ban is there before what it holds back. An object is rewritten at once for all
//! who are in it. Where an id passes from one person to another, it matters how often that is done: what was is remembered in a
//! [`Begun`], and what is done carries its mark. Must not know a client.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use kube::api::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::backup::Objects;
use super::effect::strictest;
use super::enrolment::{enrolment_name, is_enrolment};
use crate::domain::directory::Standing;
use crate::domain::membership::Roster;
use crate::domain::policy::keeps_root_staff;
use crate::domain::provider::PossibleUsers;
use crate::domain::renaming::{Collision, Renamed, Renaming};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::resources::labels_annotations::{AUTHOR, ENROLS, MANAGED_BY, PASEE, RENAMED};
use crate::resources::membership::understand;
use crate::resources::user::parse;
use crate::resources::{Group, Membership, User, group};

/// What a renaming began with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Which map it is by.
    pub map: String,
    /// What the objects carry that it has rewritten.
    pub mark: String,
    /// Who was banned of those whose id passes to somebody else.
    pub banned: BTreeSet<String>,
}

/// What is to be written, in this order.
#[derive(Debug, Default)]
pub struct RenamePlan<'a> {
    /// What is to be said of users; of a user who was banned nothing less.
    pub standings: Vec<Restated<'a>>,
    /// Memberships that name others from now on.
    pub memberships: Vec<Rewritten<'a>>,
    /// Groups whose creator is staff for having made them only, and who that is from now on.
    pub creators: Vec<(&'a Group, UserId)>,
    /// What is said of users once all else is done: less than before.
    pub lifted: Vec<Restated<'a>>,
    /// What only others change.
    pub elsewhere: Vec<String>,
    /// What is only others' to change and says of an id what it would say of somebody else.
    pub in_the_way: Vec<String>,
    /// What becomes of whom.
    pub renamed: Vec<Renamed>,
    /// Two people would be one.
    pub collision: Option<Collision>,
    /// Whether nobody is left who can act as root staff, though somebody was.
    pub takes_the_last: bool,
}

/// What is to be said of a user.
#[derive(Debug)]
pub struct Restated<'a> {
    /// Of whom.
    pub user: UserId,
    /// What.
    pub standing: Standing,
    /// Our own objects that say something else; none = one is to be made.
    pub own: Vec<&'a User>,
}

/// A Membership, and what it is to say.
#[derive(Debug)]
pub struct Rewritten<'a> {
    /// As it is.
    pub object: &'a Membership,
    /// Who is to be in it.
    pub users: Vec<String>,
    /// Who has put them there.
    pub author: Option<UserId>,
}

impl RenamePlan<'_> {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.standings.is_empty()
            && self.memberships.is_empty()
            && self.creators.is_empty()
            && self.lifted.is_empty()
    }
}

/// Who is banned of those whose id passes to somebody else: to be remembered before anything is written.
#[must_use]
pub fn banned_before(objects: &Objects, renaming: &Renaming) -> BTreeSet<String> {
    let said = objects.users.iter().filter_map(|object| parse(object).ok());
    let banned = said.filter(|content| content.standing.banned);
    banned.map(|it| it.user).filter(|it| renaming.passes_on(it)).map(|it| it.to_string()).collect()
}

/// Makes the plan.
#[must_use]
pub fn plan<'a>(
    objects: &'a Objects,
    renaming: &'a Renaming,
    begun: &'a Begun,
    possible: Option<&'a PossibleUsers>,
    now: Timestamp,
) -> RenamePlan<'a> {
    let mut planner = Planner {
        objects,
        renaming,
        begun,
        possible,
        now,
        about: BTreeMap::new(),
        counts: BTreeMap::new(),
        gaining: BTreeSet::new(),
        plan: RenamePlan::default(),
    };
    for object in &objects.users {
        if let Ok(content) = parse(object) {
            planner.about.entry(content.user).or_default().push(object);
        }
    }
    objects.groups.iter().for_each(|group| planner.group(group));
    objects.memberships.iter().for_each(|membership| planner.membership(membership));
    objects.users.iter().for_each(|user| planner.foreign_user(user));
    planner.stand();
    planner.root_staff();
    planner.plan
}

struct Planner<'a> {
    objects: &'a Objects,
    renaming: &'a Renaming,
    begun: &'a Begun,
    possible: Option<&'a PossibleUsers>,
    now: Timestamp,
    about: BTreeMap<UserId, Vec<&'a User>>,
    /// How many memberships each has that is called otherwise, and how much they have made.
    counts: BTreeMap<UserId, (usize, usize)>,
    gaining: BTreeSet<UserId>,
    plan: RenamePlan<'a>,
}

impl<'a> Planner<'a> {
    /// What all objects said of a user when this began.
    fn before(&self, user: &UserId) -> Standing {
        let said = self.said(user);
        if self.renaming.passes_on(user) {
            Standing { banned: self.begun.banned.contains(user.as_str()), ..said }
        } else {
            said
        }
    }

    fn said(&self, user: &UserId) -> Standing {
        let objects = self.about.get(user).into_iter().flatten();
        strictest(objects.filter_map(|object| Some(parse(object).ok()?.standing)))
    }

    /// The new name of a user that an object has, unless the object was rewritten already: then it may be that of somebody else.
    fn new_name(&self, user: &UserId, metadata: &ObjectMeta) -> Option<UserId> {
        let mark = metadata.annotations.as_ref().and_then(|annotations| annotations.get(RENAMED));
        let is_done = !self.begun.mark.is_empty() && mark == Some(&self.begun.mark);
        let new = self.renaming.new_name(user)?;
        (!is_done || !self.renaming.passes_on(user)).then_some(new)
    }

    fn group(&mut self, object: &'a Group) {
        let Ok(content) = group::parse(object) else { return };
        let Some(creator) = content.creator else { return };
        let Some(new) = self.renaming.new_name(&creator) else { return };
        self.counts.entry(creator.clone()).or_default().1 += 1;
        if !is_own(&object.metadata) {
            let name = object.name_any();
            self.plan.elsewhere.push(format!(
                "Group/{name}: spec.creator is {creator}, who made it; where it is applied anew, write {new}"
            ));
        }
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        let enrolment = enrolment_name(uid);
        let is_there = |membership: &&Membership| {
            membership.metadata.name.as_deref() == Some(&*enrolment)
                && membership.annotations().get(ENROLS).is_some_and(|it| it == uid)
        };
        let is_leaving = object.metadata.deletion_timestamp.is_some();
        let is_enrolled = group::is_creator_enrolled(object)
            || self.objects.memberships.iter().any(|it| is_there(&it));
        if !is_enrolled && !is_leaving {
            self.counts.entry(creator).or_default().0 += 1;
            self.gaining.insert(new.clone());
            self.plan.creators.push((object, new));
        }
    }

    fn membership(&mut self, object: &'a Membership) {
        if is_own(&object.metadata) {
            self.own_membership(object);
        } else {
            self.foreign_membership(object);
        }
    }

    fn own_membership(&mut self, object: &'a Membership) {
        let mut users: Vec<String> = Vec::new();
        for text in &object.spec.users {
            let user = text.parse::<UserId>().ok();
            let new = user.as_ref().and_then(|user| self.new_name(user, &object.metadata));
            if let (Some(user), Some(new)) = (user, &new) {
                self.counts.entry(user).or_default().0 += 1;
                self.gaining.insert(new.clone());
            }
            let now = new.map_or_else(|| text.clone(), |new| new.to_string());
            if !users.contains(&now) {
                users.push(now);
            }
        }
        let author = object.annotations().get(AUTHOR).and_then(|it| it.parse::<UserId>().ok());
        let new_author = author.as_ref().and_then(|it| self.new_name(it, &object.metadata));
        if let (Some(author), Some(_)) = (author, &new_author) {
            self.counts.entry(author).or_default().1 += 1;
        }
        if users != object.spec.users || new_author.is_some() {
            self.plan.memberships.push(Rewritten { object, users, author: new_author });
        }
        self.accounts(object);
    }

    fn foreign_membership(&mut self, object: &'a Membership) {
        let name = object.name_any();
        for user in object.spec.users.iter().filter_map(|text| text.parse::<UserId>().ok()) {
            self.tell(&user, &format!("Membership/{name}: spec.users has"));
        }
        self.accounts(object);
    }

    /// ServiceAccounts stand in a list of their own, where nobody else can.
    fn accounts(&mut self, object: &'a Membership) {
        let name = object.name_any();
        for user in object.spec.service_accounts.iter().filter_map(|account| account.user().ok()) {
            self.tell(&user, &format!("Membership/{name}: spec.serviceAccounts has"));
        }
    }

    fn foreign_user(&mut self, object: &'a User) {
        let Ok(content) = parse(object) else { return };
        if !is_own(&object.metadata) {
            let name = object.name_any();
            self.tell(&content.user, &format!("User/{name}: spec.username is"));
        }
    }

    /// What only others change.
    fn tell(&mut self, user: &UserId, place: &str) {
        let Some(new) = self.renaming.new_name(user) else { return };
        self.counts.entry(user.clone()).or_default();
        let told = format!("{place} {user}; write {new}");
        if self.renaming.passes_on(user) {
            self.plan.in_the_way.push(told.clone());
        }
        self.plan.elsewhere.push(told);
    }

    fn stand(&mut self) {
        let seen: BTreeSet<UserId> = self.about.keys().chain(self.counts.keys()).cloned().collect();
        let from_seen = seen.iter().filter_map(|user| self.renaming.new_name(user));
        let named = self.renaming.pairs().map(|(_, new)| new.clone());
        let new: BTreeSet<UserId> = from_seen.chain(named).collect();
        for user in new {
            let is_gaining = self.gaining.contains(&user);
            let there = self.said(&user);
            let before = |other: &UserId| if *other == user { there } else { self.before(other) };
            let after = self.renaming.standing(&user, before, is_gaining, self.now);
            let Some(after) = after else { continue };
            // The ban of whoever had the id before holds until all else is done.
            let is_lifting = there.banned && !after.banned;
            let own = self.own(&user, |standing| standing.banned);
            if is_lifting && !own.is_empty() {
                self.plan.lifted.push(Restated { user: user.clone(), standing: after, own });
            }
            if is_gaining || !is_lifting {
                let standing = Standing { banned: after.banned || there.banned, ..after };
                let own = self.own(&user, |_| true).into_iter().take(1).collect();
                self.plan.standings.push(Restated { user, standing, own });
            }
        }
        self.plan.collision = self.renaming.check(&seen).err();
        // Whoever is stopped is stopped first.
        self.plan.standings.sort_by_key(|restated| !restated.standing.banned);
        let renamed = |old: &UserId| {
            let new = self.renaming.new_name(old)?;
            let (memberships, made) = self.counts.get(old).copied().unwrap_or_default();
            let is_banned = self.before(old).banned
                || (self.renaming.new_name(&new).is_none() && self.said(&new).banned);
            Some(Renamed { old: old.clone(), new, memberships, made, is_banned })
        };
        self.plan.renamed = seen.iter().filter_map(renamed).collect();
    }

    fn own(&self, user: &UserId, is_meant: impl Fn(Standing) -> bool) -> Vec<&'a User> {
        let objects = self.about.get(user).into_iter().flatten().copied();
        let own = objects.filter(|object| is_own(&object.metadata));
        own.filter(|object| parse(object).is_ok_and(|it| is_meant(it.standing))).collect()
    }

    /// Whether somebody can act as root staff now, and nobody can afterwards.
    fn root_staff(&mut self) {
        let (mut could, mut will) = (false, false);
        for object in &self.objects.memberships {
            let content = understand(object).ok().map(|understood| understood.content);
            let Some(content) = content.filter(|it| it.roster == Roster::RootStaff) else {
                continue;
            };
            if object.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let can = |user: &UserId, standing| {
                keeps_root_staff(user, content.expires_at, standing, self.possible, self.now)
            };
            for user in &content.users {
                let own = Some(&object.metadata).filter(|metadata| is_own(metadata));
                let new = own.and_then(|metadata| self.new_name(user, metadata));
                let new = new.as_ref().unwrap_or(user);
                could |= can(user, self.said(user));
                will |= can(new, self.after(new));
            }
        }
        self.plan.takes_the_last = could && !will;
    }

    /// What is said of a user once all is done.
    fn after(&self, user: &UserId) -> Standing {
        let there = self.said(user);
        let before = |other: &UserId| if other == user { there } else { self.before(other) };
        self.renaming.standing(user, before, false, self.now).unwrap_or(there)
    }
}

/// Whether this program made an object, and so may change it.
fn is_own(metadata: &ObjectMeta) -> bool {
    let name = metadata.name.as_deref().unwrap_or_default();
    let label = metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY));
    let enrols = metadata.annotations.as_ref().and_then(|annotations| annotations.get(ENROLS));
    label.is_some_and(|label| label == PASEE) || is_enrolment(name, enrols.map(String::as_str))
}

#[cfg(test)]
mod tests;
