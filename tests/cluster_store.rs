//! The Kubernetes store on a real control plane: it behaves as every home of the state does, outlives faults of the API
//! server, and never touches what others have written. `tests/run cluster` runs these.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "this is all tests")]

#[macro_use]
#[path = "conformance/suite.rs"]
mod suite;
mod support;

#[path = "cluster_store/faults.rs"]
mod faults;
#[path = "cluster_store/others.rs"]
mod others;
#[path = "cluster_store/permissions.rs"]
mod permissions;
#[path = "cluster_store/served.rs"]
mod served;
#[path = "cluster_store/stage.rs"]
mod stage;

use stage::{Stage, noon};
use suite::Home;
use support::controlplane;

conforms!(kubernetes, crate::with_a_namespace);

fn with_a_namespace(case: fn(&Home<'_>)) {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    case(&Home::new(&stage.store, noon()));
}
