//! What is passed on to a provider untouched: registration and password recovery.
//!
//! Must not know which provider takes it.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// What is passed on to a provider untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward<'a> {
    /// Registration of a new user.
    Users,
    /// A change of one user's password, by their subject.
    User(&'a str),
    /// Password recovery.
    PasswordRecoveries,
}

/// A request to pass on: its method, the headers that matter (`Authorization`, `Content-Type`, `Accept`) and its body.
#[derive(Debug)]
pub struct ForwardedRequest {
    /// As it came.
    pub method: Method,
    /// `Authorization`, `Content-Type` and `Accept`; nothing else is passed on.
    pub headers: HeaderMap,
    /// As it came, unread.
    pub body: Bytes,
}

/// A provider's answer to what was passed on.
#[derive(Debug)]
pub struct ForwardedAnswer {
    /// As the server sent it.
    pub status: StatusCode,
    /// Its headers; the caller picks what to show.
    pub headers: HeaderMap,
    /// Its body, at most 256 KiB.
    pub body: Bytes,
}
