//! Memberships: what surrounds one, and what is to be done about it.
//!
//! [`plan`] is pure. Must not know how its steps are done.

use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::cache::{Cache, Content, made_at};
use super::plan::{Event, Plan, Step};
use super::status::{self, Verdict};
use super::strangers::Strangers;
use crate::domain::membership::KEPT_ENDED;
use crate::domain::time::Timestamp;
use crate::objects::effect::{Above, Objects, has_ended};
use crate::objects::enrolment::enrolled_uid;
use crate::objects::owner::Owner;
use crate::resources::condition::Reason;
use crate::resources::labels_annotations::{MANAGED_BY, PASEE};
use crate::resources::{Invalid, Membership, MembershipStatus, rfc3339};

/// What is told of a Membership that nobody had tied to a group when its group was made.
const ADOPTED: &str = "which was made later than this and has taken it in";

/// When one is looked at again that has ended long ago by this clock, and not by another.
const LATER: Duration = Duration::from_secs(60);

/// What a Membership says and what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// What it says.
    pub content: Result<Content, Invalid>,
    /// Whom of it nobody could ever prove.
    pub strangers: Option<Strangers>,
    /// How its Group stands.
    pub above: Above,
    /// The Group that it is to be given to: its own, once.
    pub owner_to_be: Option<Owner>,
    /// When that Group was made.
    pub group_made_at: Option<Timestamp>,
}

/// Looks up what surrounds a Membership; `None` when there is no such Membership.
#[must_use]
pub fn dereference(cache: &Cache, name: &str) -> Option<Surroundings> {
    let facts = cache.membership(name)?;
    Some(Surroundings {
        content: facts.content.clone(),
        strangers: facts.content.as_ref().ok().and_then(|content| cache.strangers(content)),
        above: cache.container(facts.group.as_deref()).above(&facts.owners),
        owner_to_be: cache.owner_to_be(facts.group.as_deref(), &facts.owners),
        group_made_at: facts.group.as_deref().and_then(|name| cache.group(name)?.made_at),
    })
}

/// What is to be done about a Membership. Its users are taken from the surroundings, not from the object. What has ended goes for good
/// when it has for long by `past`, which is no later than any clock; where nobody knows that, it stays.
#[must_use]
pub fn plan(
    object: &Membership,
    around: &Surroundings,
    now: Timestamp,
    past: Option<Timestamp>,
) -> Plan<MembershipStatus> {
    if object.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    let Surroundings { content, strangers, above, owner_to_be, group_made_at } = around;
    let end = content.as_ref().ok().and_then(|content| content.expires_at);
    let swept_at = end.filter(|_| is_own(object)).map(|end| end.after(KEPT_ENDED));
    if swept_at.zip(past).is_some_and(|(at, past)| at <= past) {
        return Plan { steps: vec![Step::Delete], again_at: None };
    }
    let is_older = made_at(object) < *group_made_at && made_at(object).is_some();
    let generation = object.metadata.generation;
    let before = object.status.clone().unwrap_or_default();
    let mut effect = effect(object, content, *above, now);
    if is_older && effect.reason == Reason::InEffect {
        effect.message = format!("{}, {ADOPTED}", effect.message);
    }
    let verdict = verdict(content, &effect);
    let strangers =
        status::providers_known(&before.conditions, strangers.as_ref(), generation, now);
    let users = content.as_ref().ok().and_then(|content| i64::try_from(content.people.len()).ok());
    let after = MembershipStatus {
        observed_generation: generation,
        conditions: [
            status::ready(&before.conditions, &verdict, generation, now),
            vec![status::in_effect(&before.conditions, &effect, generation, now)],
            status::stalled(&before.conditions, &verdict, generation, now),
            strangers.into_iter().collect(),
        ]
        .concat(),
        users,
    };
    let mut steps: Vec<Step<_>> = owner_to_be.clone().map(Step::Own).into_iter().collect();
    if let (true, Some(owner)) = (is_older, owner_to_be) {
        steps.push(Step::Record(Event {
            type_: EventType::Normal,
            reason: "Adopted".to_owned(),
            message: format!("it waited for a Group {}: {ADOPTED}", owner.name),
        }));
    }
    let before = MembershipStatus { conditions: status::own(&before.conditions), ..before };
    if after != before {
        let events = status::events(&before.conditions, &after.conditions);
        steps.push(Step::Status(after));
        steps.extend(events.into_iter().map(Step::Record));
    }
    // Its time has come by this clock, and not by another.
    let swept_at = swept_at.map(|at| if at <= now { now.after(LATER) } else { at });
    Plan { steps, again_at: end.filter(|end| *end > now).or(swept_at) }
}

/// Whether it is one that Pasee's server made, to put people on rosters and take them off: what others wrote is theirs, and an
/// enrolment stays, as a mark that the creator was made staff once.
fn is_own(object: &Membership) -> bool {
    let label = object.labels().get(MANAGED_BY);
    label.is_some_and(|by| by == PASEE) && enrolled_uid(&object.name_any()).is_none()
}

/// What is told of the whole: it is not ready while somebody in it counts for nobody, though the others are in the group.
fn verdict(content: &Result<Content, Invalid>, effect: &Verdict) -> Verdict {
    let left_out = content.as_ref().ok().and_then(|content| content.left_out);
    match left_out.filter(|_| effect.reason == Reason::InEffect) {
        Some(left_out) => Verdict::new(left_out.first.reason(), left_out.to_string()),
        None => effect.clone(),
    }
}

/// Whether the users are in the group by it, and why not.
fn effect(
    object: &Membership,
    content: &Result<Content, Invalid>,
    above: Above,
    now: Timestamp,
) -> Verdict {
    let content = match content {
        Ok(content) => content,
        Err(invalid) => return Verdict::new(invalid.reason(), invalid.to_string()),
    };
    if let Some(end) = content.expires_at.filter(|end| has_ended(Some(*end), now)) {
        return Verdict::new(Reason::Expired, format!("it ended at {}", rfc3339::write(end)));
    }
    let group = object.spec.group.as_deref().unwrap_or_default();
    match above {
        Above::Nothing | Above::Ready => {
            Verdict::new(Reason::InEffect, "the users are in the group")
        }
        Above::Missing => {
            Verdict::new(Reason::GroupMissing, format!("there is no Group {group}; make it first"))
        }
        Above::Former => Verdict::new(
            Reason::GroupMissing,
            format!("the Group {group} that this was made for is deleted, and this with it"),
        ),
        Above::NotReady => Verdict::new(
            Reason::GroupNotReady,
            format!("the Group {group} is not in effect; its own conditions say why"),
        ),
    }
}

#[cfg(test)]
mod tests;
