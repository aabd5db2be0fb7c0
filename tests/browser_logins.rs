//! Logins in a browser, through real sockets: a Pasee, a browser, and providers that speak what the well-known ones
//! document.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

#[path = "browser_logins/attacks.rs"]
mod attacks;
#[path = "browser_logins/hostile.rs"]
mod hostile;
#[path = "browser_logins/legacy.rs"]
mod legacy;
#[path = "browser_logins/presets.rs"]
mod presets;
mod support;
