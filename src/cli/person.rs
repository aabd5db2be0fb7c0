//! What a person's tools have in common: who they are logged in as, what is kept of it, and how Pasee is asked.
//!
//! Must not know which command is run. How OpenID logins go is in [`crate::relying`].
//!
//! | File | Owns |
//! |---|---|
//! | `private_file` | files that nobody else can read or put there |
//! | `state` | the directory of what is kept, one file for each issuer, and its lock |
//! | `kept` | what is kept of a login, as JSON |
//! | `issuer` | which Pasee is meant |
//! | `desk` | tokens that are good now: from what is kept, or renewed, by one process at a time |
//! | `sign_in` | the three ways to log in |
//! | `browser` | how a page is opened |
//! | `api` | the HTTP API, as its user calls it |
//! | `roster` | how a group, its staff and an end are named on the command line |
//! | `table` | how lists are shown |

pub(super) mod api;
mod browser;
pub(super) mod desk;
pub(super) mod issuer;
pub(super) mod kept;
mod private_file;
pub(super) mod roster;
pub(super) mod sign_in;
pub(super) mod state;
pub(super) mod table;

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing::level_filters::LevelFilter;

use crate::relying::IssuerUrl;

/// The exit code of a command that lacks nothing but a login.
pub(super) const LOG_IN_FIRST: u8 = 4;

/// Nobody is logged in, or not any more.
#[derive(Debug, thiserror::Error)]
#[error("{why}; log in with: pasee login --issuer {issuer}")]
pub(super) struct LoginNeeded {
    why: String,
    issuer: IssuerUrl,
}

impl LoginNeeded {
    pub(super) fn new(why: impl Into<String>, issuer: &IssuerUrl) -> Self {
        Self { why: why.into(), issuer: issuer.clone() }
    }
}

/// Does what has to wait for others. Warnings on the way, such as of a proxy or a certificate, go to standard error.
pub(super) fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).without_time();
    // Whoever has set up a log before has one.
    let log = log.with_ansi(io::stderr().is_terminal()).with_target(false);
    let _ = log.with_writer(io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("the system gives nothing to wait with")?.block_on(work)
}

/// A text of somebody else, as a terminal may be shown it: nothing that it obeys, and nothing that cannot be seen.
pub(super) fn shown(text: &str) -> String {
    let is_invisible = |letter: char| matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let harmless = |letter: char| {
        if letter.is_control() || is_invisible(letter) {
            char::REPLACEMENT_CHARACTER
        } else {
            letter
        }
    };
    text.chars().take(1000).map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_terminal_obeys_nobody() {
        assert_eq!(
            shown("Ada \u{1b}[2J\r\nL\u{202e}."),
            "Ada \u{fffd}[2J\u{fffd}\u{fffd}L\u{fffd}."
        );
        assert_eq!(shown("Zoë Łukasiewicz 你好"), "Zoë Łukasiewicz 你好");
    }
}
