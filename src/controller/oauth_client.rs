//! OAuthClients: what is to be done about one.
//!
//! Must not know who logs in to the client, nor why it is served or not.

use super::plan::{Plan, Step};
use super::status::{self, Verdict};
use crate::domain::time::Timestamp;
use crate::resources::{OAuthClient, OAuthClientStatus};

/// What is to be done about an OAuthClient of which this is known.
#[must_use]
pub fn plan(object: &OAuthClient, verdict: &Verdict, now: Timestamp) -> Plan<OAuthClientStatus> {
    if object.metadata.deletion_timestamp.is_some() {
        return Plan::default();
    }
    let generation = object.metadata.generation;
    let before = object.status.clone().unwrap_or_default();
    let after = OAuthClientStatus {
        observed_generation: generation,
        conditions: [
            status::ready(&before.conditions, verdict, generation, now),
            status::stalled(&before.conditions, verdict, generation, now),
        ]
        .concat(),
    };
    let before = OAuthClientStatus { conditions: status::own(&before.conditions), ..before };
    if after == before {
        return Plan::default();
    }
    let events = status::events(&before.conditions, &after.conditions);
    let steps = [Step::Status(after)].into_iter().chain(events.into_iter().map(Step::Record));
    Plan { steps: steps.collect(), again_at: None }
}

#[cfg(test)]
mod tests;
