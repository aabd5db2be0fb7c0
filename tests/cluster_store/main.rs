//! The Kubernetes store on a real control plane: it behaves as every store does, says what it does not know to be
//! done, and never touches what others have written. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod doubt;
mod others;
mod permissions;
mod proxied;
mod quota;
mod renaming;
mod root_staff;
mod served;
mod sessions;
mod stage;
mod turns;

use stage::{Stage, noon};
use support::conformance::{Subject, conforms};
use support::controlplane;

conforms!(kubernetes, crate::with_a_namespace);

fn with_a_namespace(case: fn(&Subject<'_>)) {
    let cluster = controlplane::shared();
    let stage = Stage::without_policy(&cluster);
    let end_many = |user: &str, count: u64| sessions::end_many(&stage, user, count);
    case(&Subject::new(&stage.store, noon()).ending_many(&end_many));
}
