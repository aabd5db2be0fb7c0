//! Applications that log people in through Pasee: the OpenID provider through real sockets, as it is promised and as it is attacked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod attacks;
mod bound;
mod certification;
mod clients;
mod codes;
mod conditions;
mod devices;
mod ends;
mod floods;
mod follower;
mod machines;
mod modules;
mod peer_port;
mod replicas;
mod revocations;
mod stage;
mod step_up;
#[path = "../support/mod.rs"]
mod support;
