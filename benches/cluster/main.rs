//! The Kubernetes store and the controller with a realm of 1,000,000 memberships in 10,000 Groups and 2,000 Memberships,
//! on a real control plane: each figure against a limit measured in the same run.
//!
//! `cargo bench --bench cluster`, or with `-- PART...`: `ready` (time and memory), `latency`, `relist`, `work` (the
//! controller), `steady` (five minutes). The programs of the control plane are taken from KUBEBUILDER_ASSETS, or built.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints, or stops when something is wrong"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod latency;
mod ready;
mod relist;
mod stage;
mod work;

use std::os::unix::process::CommandExt;
use std::process::Command;

use stage::{Stage, load};

const ASSETS: &str = "KUBEBUILDER_ASSETS";
const PARTS: [&str; 5] = ["ready", "latency", "relist", "work", "steady"];

fn main() {
    if std::env::var_os(ASSETS).is_none_or(|named| named.is_empty()) {
        build();
    }
    let named: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    let unknown = named.iter().find(|one| !PARTS.contains(&one.as_str()));
    assert!(unknown.is_none(), "no part {unknown:?}; there are {PARTS:?}");
    let wanted = |part: &str| named.is_empty() || named.iter().any(|one| one == part);
    let mut stage = Stage::start();
    println!("load average at the start: {}", load());
    if wanted("work") {
        work::reconcile(&stage);
    }
    if ["ready", "latency", "relist", "steady"].iter().any(|part| wanted(part)) {
        let realm = stage.realm();
        println!("a million memberships written in {:.0?}", stage.fill(&realm));
        let server = ready::serve(&stage, &realm);
        if wanted("latency") {
            latency::measure(&stage, &realm, &server);
        }
        if wanted("steady") {
            work::rest(&stage, &realm, &server);
        }
        if wanted("relist") {
            relist::measure(&mut stage, &realm, &server);
        }
    }
    println!("load average at the end: {}", load());
}

/// Builds the programs of the control plane, as the tests do, and starts all over with them.
fn build() -> ! {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/controlplane/build");
    let built = Command::new(script).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let assets = String::from_utf8(built.stdout).unwrap();
    let again = std::env::current_exe().unwrap();
    let error =
        Command::new(again).args(std::env::args().skip(1)).env(ASSETS, assets.trim()).exec();
    panic!("{error}");
}
