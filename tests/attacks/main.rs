//! The HTTP API under attack, through real sockets against the real program.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that goes wrong should stop"
)]

mod bodies;
mod disclosure;
mod grants;
mod guessing;
mod lockouts;
mod matrix;
mod names;
mod races;
mod slow;
#[path = "../support/mod.rs"]
mod support;
