//! The real controller on a real Kubernetes control plane, with no more permissions than it says it needs.
//! `tests/run cluster` runs these; a plain `cargo test` leaves them out (`test = false` in Cargo.toml).

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod clock;
mod faults;
mod life;
mod permissions;
// Last: it has the control plane to itself, and whoever starts meanwhile waits.
mod while_away;

use support::patience::eventually;

/// Seconds since 1970 as a manifest writes them.
fn moment(seconds: i64) -> String {
    let at = pasee::domain::time::Timestamp::from_unix(seconds).unwrap();
    pasee::resources::rfc3339::write(at)
}
