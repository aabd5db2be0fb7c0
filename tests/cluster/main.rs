//! What only a real Kubernetes control plane can show. `tests/run cluster` builds one and runs these; a plain `cargo test`
//! leaves them out, since they need it (`test = false` in Cargo.toml).

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod lifetime;
mod stage;

use support::patience::eventually;
