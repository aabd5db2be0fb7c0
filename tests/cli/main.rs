//! The command line, as the built command: what it prints where, and with what it ends.
#![allow(clippy::panic, clippy::unwrap_used)]

mod append;
mod check;
mod client_certificate;
mod files;
mod help;
mod import;
mod online;
mod rename;
mod serve;
#[path = "../support/mod.rs"]
mod support;
mod tools;
