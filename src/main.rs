//! The `pasee` command.

use std::process::ExitCode;

/// Gives back what logins and large bodies took (docs/performance.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    pasee::cli::run()
}
