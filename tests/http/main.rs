//! The HTTP API as it is promised, through real sockets against the real program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod bounds;
mod descriptions;
mod documents;
mod ends;
mod forwarding;
mod headers;
mod mapping;
mod paging;
mod policy;
mod process;
mod room;
mod rows;
mod scope;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
