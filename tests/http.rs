//! The HTTP API as it is promised, through real sockets against the real program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

#[path = "http/documents.rs"]
mod documents;
#[path = "http/forwarding.rs"]
mod forwarding;
#[path = "http/headers.rs"]
mod headers;
#[path = "http/law.rs"]
mod law;
#[path = "http/mapping.rs"]
mod mapping;
#[path = "http/paging.rs"]
mod paging;
#[path = "http/process.rs"]
mod process;
#[path = "http/rows.rs"]
mod rows;
#[path = "http/scope.rs"]
mod scope;
mod support;
