//! Users: what one says, and what is to be done about it.
//!
//! Must not know whether the user is in any group: what is said of a user holds either way.

use super::plan::{Plan, Step};
use super::status::{self, Verdict};
use super::strangers::Strangers;
use crate::domain::time::Timestamp;
use crate::resources::condition::Reason;
use crate::resources::user::UserContent;
use crate::resources::{Invalid, User, UserStatus};

/// What is to be done about a User.
#[must_use]
pub fn plan(
    object: &User,
    content: &Result<UserContent, Invalid>,
    stranger: Option<&Strangers>,
    now: Timestamp,
) -> Plan<UserStatus> {
    if object.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    let verdict = match content {
        Ok(_) => Verdict::new(Reason::InEffect, "what is said of the user holds"),
        Err(invalid) => Verdict::new(invalid.reason(), invalid.to_string()),
    };
    let generation = object.metadata.generation;
    let before = object.status.clone().unwrap_or_default();
    let banned = content.as_ref().ok().filter(|content| content.standing.banned);
    // First, so that a process that ends in between does it again: nobody who is banned has a session to lose.
    let revoke = banned.filter(|_| !before.sessions_ended);
    let revoke = revoke.map(|content| Step::Revoke(content.user.clone(), now));
    let stranger = status::providers_known(&before.conditions, stranger, generation, now);
    let after = UserStatus {
        observed_generation: generation,
        sessions_ended: banned.is_some(),
        conditions: [
            status::ready(&before.conditions, &verdict, generation, now),
            status::stalled(&before.conditions, &verdict, generation, now),
            stranger.into_iter().collect(),
        ]
        .concat(),
    };
    let before = UserStatus { conditions: status::own(&before.conditions), ..before };
    if after == before {
        return Plan::default();
    }
    let events = status::events(&before.conditions, &after.conditions);
    let told = [Step::Status(after)].into_iter().chain(events.into_iter().map(Step::Record));
    let steps = revoke.into_iter().chain(told);
    Plan { steps: steps.collect(), again_at: None }
}

#[cfg(test)]
mod tests;
