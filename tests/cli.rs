//! The command line, as the built command: what it prints where, and with what it ends.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "cli/append.rs"]
mod append;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/machine.rs"]
mod machine;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/tools.rs"]
mod tools;
