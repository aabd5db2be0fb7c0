//! The custom resource definitions: the committed files, every bound and every rule, and that what they let through is
//! just what `resources` reads.
//!
//! An API server is not needed: the structural part of the schema is judged by [`support::schema`], its rules by kube's own
//! interpreter of CEL.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that goes wrong should stop")]

mod agreement;
mod bounds;
mod examples;
mod files;
mod meaning;
mod oauth_clients;
mod sessions;
mod status;
mod structure;
#[path = "../support/mod.rs"]
mod support;
mod updates;
