//! The proxy of the sidecar through real sockets: what reaches the application, what comes back, and what is cut.
//!
//! Must not know how the judge judges.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod app;
mod faults;
mod passing;
mod sockets;
mod stage;
mod streams;
mod strict;
