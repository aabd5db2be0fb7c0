//! What is to be done about an object: a list of steps, made without a client and carried out by
//! [`apply`](super::apply).
//!
//! Must not know how a step is done. Steps stand in the order in which they are done; after any of them the process may
//! end, and the plan that is made then leads to the same state.

use kube::runtime::events::EventType;

use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::objects::owner::Owner;
use crate::resources::Membership;

/// What is to be done about one object, whose status is an `S`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<S> {
    /// The steps, in order.
    pub steps: Vec<Step<S>>,
    /// When to look again though nothing has changed; `None` = not before something does.
    pub again_at: Option<Timestamp>,
}

impl<S> Default for Plan<S> {
    /// Nothing is to be done.
    fn default() -> Self {
        Self { steps: Vec::new(), again_at: None }
    }
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<S> {
    /// Make the object belong to a Group, with which it is deleted.
    Own(Owner),
    /// Make the Membership by which the creator of the Group is staff. It must not exist.
    Enrol(Box<Membership>),
    /// Write an annotation of Pasee's own.
    Annotate(Annotation),
    /// End all sessions of a user whom an object bans, by a revocation made at this moment.
    Revoke(UserId, Timestamp),
    /// Delete the object, unless it has changed.
    Delete,
    /// Write the status.
    Status(S),
    /// Send an Event. Best effort: when it fails, nobody tries again.
    Record(Event),
}

/// An annotation that tells what no status may be trusted to keep: backups leave statuses out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The key.
    pub key: &'static str,
    /// The value.
    pub value: &'static str,
}

/// What Kubernetes shows beside an object to whoever asks what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How it matters.
    pub type_: EventType,
    /// Why, in one word.
    pub reason: String,
    /// The same for people.
    pub message: String,
}
