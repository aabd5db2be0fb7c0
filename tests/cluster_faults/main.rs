//! The whole program against a real control plane that is away for minutes, and against objects at and beyond every
//! bound. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod hostile;
mod outage;
mod stage;
