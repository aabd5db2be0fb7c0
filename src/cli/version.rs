//! `pasee version`: which version this is, and what it was built for.
//!
//! Must not know when or of which commit: the same sources give the same program.

use std::env::consts::{ARCH, OS};
use std::sync::LazyLock;

use crate::resources::{API_GROUP, API_VERSION};
use crate::store::embedded;

/// The version, and below it a line each what it was built for and what it reads.
pub(super) static TOLD: LazyLock<String> = LazyLock::new(|| {
    let build = if cfg!(debug_assertions) { "for tests" } else { "for use" };
    let library = match () {
        () if cfg!(target_env = "musl") => " with musl",
        () if cfg!(target_env = "gnu") => " with glibc",
        () => "",
    };
    format!(
        "{version}\nbuilt {build} on {OS} {ARCH}{library}, with Rust {rust} or newer\n\
         reads files of groups up to version {schema}, with SQLite {sqlite}\n\
         reads custom resources {API_GROUP}/{API_VERSION}",
        version = env!("CARGO_PKG_VERSION"),
        rust = env!("CARGO_PKG_RUST_VERSION"),
        schema = embedded::schema_version(),
        sqlite = embedded::sqlite_version(),
    )
});
