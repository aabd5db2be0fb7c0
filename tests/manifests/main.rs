//! `pasee apply` and `pasee export` with the groups in a file, as the built command: what manifests do to a realm, what is
//! refused, and that a realm written out and read in is the same realm.
#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

mod apply;
mod hostile;
mod renaming;
mod roundtrip;
mod running;
#[path = "../support/mod.rs"]
mod support;

use support::machine::{Machine, Ran, SETTINGS};

/// A manifest with a spec in YAML's flow style.
fn object(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: pasee.meltylab.fr/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    )
}

fn machine() -> Machine {
    Machine::new(SETTINGS)
}

/// Applies a text on standard input.
fn apply(machine: &Machine, text: &str) -> Ran {
    machine.run_with_input(&["apply", "-f", "-"], text.as_bytes())
}
