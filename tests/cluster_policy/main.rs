//! The policy in a real API server: every actor and action beside `domain::policy`, attacks on it, and Pasee's own processes
//! under the roles that `pasee policy` prints. `tests/run cluster` runs these; a plain `cargo test` leaves them out.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

// The two that take longest have the first names: tests start in that order.
mod access_tokens;
mod actors;
mod agreement;
mod attacks;
mod client;
mod deeds;
mod page;
mod roles;
mod stage;
