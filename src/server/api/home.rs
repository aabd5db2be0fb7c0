//! The start for clients of Core API, which follow links; everybody else gets the JSON home document.
//!
//! Must not know what is behind the links.

use http::StatusCode;

use crate::server::Api;
use crate::server::document::{Document, Link};
use crate::server::reply::Reply;
use crate::server::request::Call;
use crate::web::respond::names_core_json;

impl Api {
    /// GET `/`.
    pub(in crate::server) fn show_home(&self, call: &Call<'_>) -> Reply {
        if !names_core_json(&call.parts.headers) {
            return self.well_known.home();
        }
        let links = [
            (
                "tokens",
                "/tokens/",
                "How to log in",
                "Identity providers, and how to refresh tokens.",
            ),
            ("users", "/users/", "Users", "How to register; to root staff, who there is."),
            ("me", "/users/me", "Who you are", "With an access token."),
            ("groups", "/groups/", "Groups", "Your own, to root staff all, with an access token."),
            (
                "password_recoveries",
                "/password_recoveries/",
                "Forgotten passwords",
                "How to get a new one from the identity provider that registers users.",
            ),
        ];
        let document = Document::new(&self.url("/"), "Pasee");
        let document = links.iter().fold(document, |document, (name, path, title, about)| {
            document.with(name, Link::new("get", self.url(path), title, about))
        });
        Reply::document(StatusCode::OK, &document)
    }
}
