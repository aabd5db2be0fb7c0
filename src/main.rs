//! The `pasee` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pasee::cli::run()
}
