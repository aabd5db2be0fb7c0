//! Groups: what surrounds one, and what is to be done about it.
//!
//! [`plan`] is pure. Must not know how its steps are done.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::cache::{Cache, Counts, ENROLS};
use super::plan::{Annotation, Plan, Step};
use super::status::{self, Obstacle, Verdict};
use crate::domain::group::parent_of;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::effect::{Above, Objects};
use crate::objects::enrolment::{Enrolment, enrolment_name};
use crate::objects::owner::Owner;
use crate::resources::condition::Reason;
use crate::resources::group::{GroupContent, is_annotated};
use crate::resources::labels_annotations::{ENROLLED, TRUE};
use crate::resources::membership::MembershipRole;
use crate::resources::{Group, GroupStatus, Invalid, Membership, MembershipSpec};

/// What a Group says and what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// What it says.
    pub content: Result<GroupContent, Invalid>,
    /// How its parent stands.
    pub above: Above,
    /// The Group that it is to be given to: its parent, once.
    pub owner_to_be: Option<Owner>,
    /// What is in effect in it.
    pub counts: Counts,
    /// When the first Membership in effect ends.
    pub until: Option<Timestamp>,
    /// What is where its creator's Membership belongs.
    pub enrolment: Enrolment,
}

/// Looks up what surrounds a Group; `None` when there is no such Group.
#[must_use]
pub fn dereference(cache: &Cache, name: &str, now: Timestamp) -> Option<Surroundings> {
    let facts = cache.group(name)?;
    let (counts, until) = cache.counts(name, now);
    Some(Surroundings {
        content: facts.content.clone(),
        above: cache.container(parent_of(name)).above(&facts.owners),
        owner_to_be: cache.owner_to_be(parent_of(name), &facts.owners),
        counts,
        until,
        enrolment: cache.enrolment(name, &facts.uid),
    })
}

/// What is to be done about a Group.
#[must_use]
pub fn plan(object: &Group, around: &Surroundings, now: Timestamp) -> Plan<GroupStatus> {
    if object.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    let Surroundings { content, above, owner_to_be, counts, until, enrolment } = around;
    let generation = object.metadata.generation;
    let before = object.status.clone().unwrap_or_default();
    let verdict = verdict(object, content, *above);
    let mut steps: Vec<Step<GroupStatus>> =
        owner_to_be.clone().map(Step::Own).into_iter().collect();
    let mut conditions = status::ready(&before.conditions, &verdict, generation, now);
    conditions.extend(status::stalled(&before.conditions, &verdict, generation, now));
    let not_enrolled = |obstacle| {
        let name = enrolment_name(&object.uid().unwrap_or_default());
        status::not_enrolled(&before.conditions, obstacle, &name, generation, now)
    };
    let was_enrolled = crate::resources::group::is_creator_enrolled(object);
    let mut creator_enrolled = was_enrolled.then_some(true).or(before.creator_enrolled);
    if let (Some(creator), Reason::InEffect) = (to_enrol(object, content), verdict.reason) {
        match enrolment {
            Enrolment::Free => {
                steps.push(Step::Enrol(Box::new(enrolment_of(object, creator))));
                creator_enrolled = Some(true);
            }
            Enrolment::Ours => creator_enrolled = Some(true),
            Enrolment::Taken => conditions.push(not_enrolled(Obstacle::NameTaken)),
            Enrolment::Refused => conditions.push(not_enrolled(Obstacle::Refused)),
        }
    }
    if creator_enrolled == Some(true) && !is_annotated(object) {
        steps.push(Step::Annotate(Annotation { key: ENROLLED, value: TRUE }));
    }
    let count = |number: usize| i64::try_from(number).ok();
    let after = GroupStatus {
        observed_generation: generation,
        members: count(counts.members),
        staff: count(counts.staff),
        subgroups: count(counts.subgroups),
        creator_enrolled,
        conditions,
    };
    let before = GroupStatus { conditions: status::own(&before.conditions), ..before };
    if after != before {
        let events = status::events(&before.conditions, &after.conditions);
        steps.push(Step::Status(after));
        steps.extend(events.into_iter().map(Step::Record));
    }
    Plan { steps, again_at: *until }
}

fn verdict(object: &Group, content: &Result<GroupContent, Invalid>, above: Above) -> Verdict {
    if let Err(invalid) = content {
        return Verdict::new(invalid.reason(), invalid.to_string());
    }
    let name = object.name_any();
    let parent = parent_of(&name).unwrap_or_default();
    match above {
        Above::Nothing | Above::Ready => Verdict::new(Reason::InEffect, "the group is in effect"),
        Above::Missing => Verdict::new(
            Reason::ParentMissing,
            format!("there is no Group {parent}; make it first"),
        ),
        Above::Former => Verdict::new(
            Reason::ParentMissing,
            format!(
                "the Group {parent} that this one was made under is deleted, and this one with it"
            ),
        ),
        Above::NotReady => Verdict::new(
            Reason::ParentNotReady,
            format!("the Group {parent} is not in effect; its own conditions say why"),
        ),
    }
}

/// The creator, while they are staff by `spec.creator` only.
fn to_enrol<'a>(object: &Group, content: &'a Result<GroupContent, Invalid>) -> Option<&'a UserId> {
    let is_enrolled = crate::resources::group::is_creator_enrolled(object);
    content.as_ref().ok().and_then(|content| content.creator.as_ref()).filter(|_| !is_enrolled)
}

/// The Membership by which the creator is staff.
fn enrolment_of(object: &Group, creator: &UserId) -> Membership {
    let owner = Owner { name: object.name_any(), uid: object.uid().unwrap_or_default() };
    let spec = MembershipSpec {
        group: Some(owner.name.clone()),
        role: MembershipRole::Staff,
        users: vec![creator.to_string()],
        ..MembershipSpec::default()
    };
    let mut membership = Membership::new(&enrolment_name(&owner.uid), spec);
    membership.metadata.owner_references = Some(vec![owner.reference()]);
    membership.metadata.annotations = Some(BTreeMap::from([(ENROLS.to_owned(), owner.uid)]));
    membership
}

#[cfg(test)]
mod tests;
