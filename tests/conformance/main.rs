//! One suite for every store: whatever keeps it, it behaves the same.

#![allow(clippy::panic, clippy::unwrap_used, reason = "this is all tests")]

#[path = "../support/mod.rs"]
mod support;

use pasee::domain::time::Timestamp;
use pasee::store::embedded::Embedded;
use support::conformance::{Subject, conforms};

conforms!(embedded_file, crate::with_a_file);
conforms!(embedded_memory, crate::with_memory);

fn with_a_file(case: fn(&Subject<'_>)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pasee.db");
    let store = Embedded::open(&path, noon).unwrap();
    case(&Subject::new(&store, noon()));
}

fn with_memory(case: fn(&Subject<'_>)) {
    let store = Embedded::in_memory(noon).unwrap();
    case(&Subject::new(&store, noon()));
}

fn noon() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}
