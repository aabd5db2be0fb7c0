//! Logins in a browser, through real sockets: a Pasee, a browser, and providers that speak what the well-known ones
//! document.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod attacks;
mod echoes;
mod faults;
mod hostile;
mod legacy;
mod places;
mod presets;
mod real;
#[path = "../support/mod.rs"]
mod support;
