//! The custom resource definitions: the committed files, every bound and every rule, and that what they let through is
//! just what `resources` reads.
//!
//! An API server is not needed: the structural part of the schema is judged by [`server`], its rules by kube's own
//! interpreter of CEL.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that goes wrong should stop")]

#[path = "crds/agreement.rs"]
mod agreement;
#[path = "crds/bounds.rs"]
mod bounds;
#[path = "crds/examples.rs"]
mod examples;
#[path = "crds/files.rs"]
mod files;
#[path = "crds/meaning.rs"]
mod meaning;
#[path = "crds/server.rs"]
mod server;
#[path = "crds/status.rs"]
mod status;
#[path = "crds/structure.rs"]
mod structure;
#[path = "crds/updates.rs"]
mod updates;
