//! Pages that say one thing: what went wrong, or that something is done.
//!
//! Must not know which.

use askama::Template;

use super::Page;

/// A heading, what to know, and where to go on.
#[derive(Template)]
#[template(path = "message.html")]
pub(in crate::server) struct Message<'p> {
    pub page: &'p Page,
    /// What it is about, in a few words.
    pub heading: &'p str,
    /// What to know and to do.
    pub advice: String,
    /// What the machine says of it, in English.
    pub detail: Option<String>,
    /// Whether to say what the request is called.
    pub names_request: Option<&'p str>,
    /// Where to go on.
    pub onward: Option<Onward>,
}

/// A link on.
pub(in crate::server) struct Onward {
    pub href: String,
    pub label: &'static str,
}
