//! `pasee sidecar`, as the built command: its settings, what it explains, and its check endpoint beside a running Pasee.
#![allow(clippy::panic, clippy::unwrap_used)]

mod check;
mod documented;
mod login;
mod mistakes;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Output};

/// The command with arguments, in an environment without settings of its own.
fn sidecar(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pasee"));
    command.arg("sidecar").args(arguments).env_remove("PASEE_SIDECAR").env_remove("RUST_LOG");
    command
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
