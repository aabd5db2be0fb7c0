//! Pages for people, through real sockets: what a browser without scripts sees and sends, and attacks on it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod attacks;
mod frame;
mod invitations;
mod logins;
#[path = "../support/mod.rs"]
mod support;
