//! The `pasee` command.

fn main() {}
