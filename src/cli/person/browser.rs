//! How a page is opened: by the program that the desktop has for it. That there is none is no mistake, as the address is shown too.
//!
//! Must not know which page.

use std::env::consts::OS;
use std::process::{Command, Stdio};

use url::Url;

/// Asks the desktop to open a page, and does not wait for it.
pub(super) fn open(page: &Url) {
    let program = if OS == "macos" { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    // What it says is its own; what we say to the terminal is to be read.
    let command = command.arg(page.as_str()).stdin(Stdio::null()).stdout(Stdio::null());
    if let Ok(mut opened) = command.stderr(Stdio::null()).spawn() {
        std::thread::spawn(move || opened.wait());
    }
}
