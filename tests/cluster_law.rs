//! The law in a real API server: every actor and action beside `domain::policy`, attacks on it, and Pasee's own processes
//! under the roles that `pasee policy` prints. `tests/run cluster` runs these; a plain `cargo test` leaves them out.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

mod support;

#[path = "cluster_law/actors.rs"]
mod actors;
#[path = "cluster_law/attacks.rs"]
mod attacks;
#[path = "cluster_law/client.rs"]
mod client;
#[path = "cluster_law/deeds.rs"]
mod deeds;
#[path = "cluster_law/roles.rs"]
mod roles;
#[path = "cluster_law/stage.rs"]
mod stage;
#[path = "cluster_law/table.rs"]
mod table;
#[path = "cluster_law/tokens.rs"]
mod tokens;
