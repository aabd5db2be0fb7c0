//! Why a call came to nothing: whoever was called is away, or breaks the protocol.
//!
//! Must not know what the answer would have meant.

use std::error::Error;
use std::io;

/// Why a call came to nothing. What was wrong in detail is logged here, without the URL: it may hold what a user typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or no answer in time.
    #[error("the other server cannot be reached now")]
    Unreachable,
    /// More calls are under way than are allowed at once.
    #[error("too many calls of the other server at once")]
    Busy,
    /// What was answered is invalid; says where.
    #[error("the other server's answer is invalid: {0}")]
    InvalidResponse(&'static str),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        tracing::warn!(error = %describe(&error), "a call to another server failed");
        if error.is_builder() {
            Self::InvalidResponse("a place that cannot be called")
        } else if !error.is_connect() && is_protocol_violation(&error) {
            Self::InvalidResponse("a broken HTTP answer")
        } else {
            Self::Unreachable
        }
    }
}

/// What lies below an error, from the outside in.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// Whether bytes came, but not HTTP: a head that does not parse, or a body whose chunks do not.
fn is_protocol_violation(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let head = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        let chunk = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        head || matches!(chunk, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
    })
}

/// Whether the connection was made, and was gone before an answer began.
pub(super) fn was_dropped(error: &reqwest::Error) -> bool {
    let gone = |kind| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset)
    };
    error.is_request()
        && !error.is_connect()
        && causes(error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| gone(error.kind()))
                || cause.downcast_ref::<hyper::Error>().is_some_and(|error| {
                    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
                })
        })
}

/// The error with its causes, without the URL.
fn describe(error: &reqwest::Error) -> String {
    causes(error).fold("failed".to_owned(), |text, cause| format!("{text}: {cause}"))
}
