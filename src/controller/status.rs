//! What statuses say: the verdict on an object as conditions, and which change of it is worth an Event.
//!
//! Must not know how a verdict is reached.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff;
use kube::runtime::events::EventType;

use super::plan::Event;
use super::strangers::Strangers;
use crate::domain::time::Timestamp;
use crate::resources::condition::{IN_EFFECT, READY, Reason, STALLED, with_ready};

/// The condition that a Group has while its creator cannot be enrolled.
pub const CREATOR_ENROLLED: &str = "CreatorEnrolled";

/// The condition that a Membership or a User has while it names somebody whom no identity provider could prove.
pub const PROVIDERS_KNOWN: &str = "ProvidersKnown";

/// The conditions that the controller writes; those of others are left alone.
const OURS: [&str; 5] = [READY, IN_EFFECT, STALLED, CREATOR_ENROLLED, PROVIDERS_KNOWN];

/// Whether an object is in effect, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub message: String,
}

impl Verdict {
    /// A verdict.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// The controller's own among the conditions, in a fixed order.
#[must_use]
pub fn own(conditions: &[Condition]) -> Vec<Condition> {
    let of = |type_: &&str| conditions.iter().find(|condition| condition.type_ == *type_).cloned();
    OURS.iter().filter_map(of).collect()
}

/// The condition `Ready` that tells the verdict.
#[must_use]
pub fn ready(
    before: &[Condition],
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let before: Vec<Condition> = own(before).into_iter().filter(|one| one.type_ == READY).collect();
    with_ready(&before, verdict.reason, &verdict.message, generation, now)
}

/// The condition `InEffect`, of what may be right and have no effect any more, as a Membership that has ended.
#[must_use]
pub fn in_effect(
    before: &[Condition],
    effect: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = if effect.reason == Reason::InEffect { "True" } else { "False" };
    condition(before, IN_EFFECT, status, effect, generation, now)
}

/// The condition `Stalled`, while nothing will come of an object until somebody corrects it: whoever waits for it to be ready
/// (`kubectl wait`, kstatus) need not.
#[must_use]
pub fn stalled(
    before: &[Condition],
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let stalls = verdict.reason.is_mistake();
    let stalled = || condition(before, STALLED, "True", verdict, generation, now);
    stalls.then(stalled).into_iter().collect()
}

fn condition(
    before: &[Condition],
    type_: &str,
    status: &str,
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let old = before.iter().find(|old| old.type_ == type_ && old.status == status);
    let now = || Time(jiff::Timestamp::from_second(now.as_unix()).unwrap_or(jiff::Timestamp::MAX));
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.as_str().to_owned(),
        message: verdict.message.clone(),
        observed_generation: generation,
        last_transition_time: old.map_or_else(now, |old| old.last_transition_time.clone()),
    }
}

/// Why a creator cannot be enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// A Membership of somebody else has the name that the creator's would have.
    NameTaken,
    /// The API server does not take the creator's Membership.
    Refused,
}

/// The condition that tells why the creator is not staff by a Membership of this name.
#[must_use]
pub fn not_enrolled(
    before: &[Condition],
    obstacle: Obstacle,
    name: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let (reason, message) = match obstacle {
        Obstacle::NameTaken => (
            "NameTaken",
            format!(
                "the Membership {name} was not made by the controller and is left alone; delete it, and the creator \
                 becomes staff by a Membership of that name"
            ),
        ),
        Obstacle::Refused => (
            "Refused",
            format!(
                "the API server does not take the Membership {name} that makes the creator staff; the controller's log \
                 says why, and it goes on trying"
            ),
        ),
    };
    let message = format!("{message}; until then they are staff by spec.creator");
    amiss(before, (CREATOR_ENROLLED, reason), message, generation, now)
}

/// The condition that tells of users whom no identity provider could prove, if there are any. The object is as it should be
/// for all that: whoever sets up a provider may have written its users down before.
#[must_use]
pub fn providers_known(
    before: &[Condition],
    strangers: Option<&Strangers>,
    generation: Option<i64>,
    now: Timestamp,
) -> Option<Condition> {
    let message = strangers?.to_string();
    Some(amiss(before, (PROVIDERS_KNOWN, "UnknownProvider"), message, generation, now))
}

/// A condition that is there only while something is amiss.
fn amiss(
    before: &[Condition],
    (type_, reason): (&str, &str),
    message: String,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let old = before.iter().find(|condition| condition.type_ == type_);
    let since = old.filter(|old| old.status == "False").map(|old| old.last_transition_time.clone());
    let now = || Time(jiff::Timestamp::from_second(now.as_unix()).unwrap_or(jiff::Timestamp::MAX));
    Condition {
        type_: type_.to_owned(),
        status: "False".to_owned(),
        reason: reason.to_owned(),
        message,
        observed_generation: generation,
        last_transition_time: since.unwrap_or_else(now),
    }
}

/// The Events that a change of conditions is worth: of readiness, but not that a new object is ready; of a name found taken;
/// and of an effect that ends or begins while the object is as ready as before.
#[must_use]
pub fn events(before: &[Condition], after: &[Condition]) -> Vec<Event> {
    let changed = |after: &&Condition| {
        let old = before.iter().find(|old| old.type_ == after.type_);
        old.map_or("True", |old| old.status.as_str()) != after.status
    };
    let event = |condition: &Condition| Event {
        type_: if condition.status == "True" || condition.type_ == IN_EFFECT {
            EventType::Normal
        } else {
            EventType::Warning
        },
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    };
    let changed: Vec<&Condition> = after.iter().filter(changed).collect();
    let is_told = changed.iter().any(|condition| condition.type_ == READY);
    let worth = changed.into_iter().filter(|condition| match condition.type_.as_str() {
        STALLED => false,
        IN_EFFECT => !is_told,
        _ => true,
    });
    worth.map(event).collect()
}
