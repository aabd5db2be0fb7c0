//! People who log in to a real API server by Pasee: it is configured as docs/kubernetes.md says, and they type what stands there.
//! `tests/run cluster` runs these.
#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod keys;
mod logins;
mod stage;
