//! `docs/openapi.json`: every route and no other is in it, and answers are what it says, through real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod answers;
mod described;
mod routes;
#[path = "../oauth/stage.rs"]
#[allow(dead_code, reason = "it has more than is asked for here")]
mod stage;
#[path = "../support/mod.rs"]
mod support;
