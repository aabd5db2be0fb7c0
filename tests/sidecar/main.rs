//! `pasee sidecar`, as the built command: its settings, what it explains, its check endpoint, and its proxy in front of an
//! application, beside a running Pasee.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../sidecar_proxy/app.rs"]
#[allow(dead_code, reason = "another test asks more of it")]
mod app;
mod check;
mod documented;
mod ending;
mod front;
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
