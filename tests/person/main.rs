//! A person's tools, as the built program against running servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod browser;
mod device;
mod groups;
mod issuer;
mod kubectl;
mod own;
mod password;
mod state;
#[path = "../support/mod.rs"]
mod support;
mod trust;
