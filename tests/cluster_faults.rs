//! The whole program against a real control plane that is away for minutes, and against objects at and beyond every
//! bound. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

mod support;

#[path = "cluster_faults/hostile.rs"]
mod hostile;
#[path = "cluster_faults/outage.rs"]
mod outage;
#[path = "cluster_faults/stage.rs"]
mod stage;
