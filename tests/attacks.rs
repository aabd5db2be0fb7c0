//! The HTTP API under attack, through real sockets against the real program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

#[path = "attacks/bodies.rs"]
mod bodies;
#[path = "attacks/disclosure.rs"]
mod disclosure;
#[path = "attacks/grants.rs"]
mod grants;
#[path = "attacks/guessing.rs"]
mod guessing;
#[path = "attacks/matrix.rs"]
mod matrix;
#[path = "attacks/names.rs"]
mod names;
#[path = "attacks/slow.rs"]
mod slow;
mod support;
