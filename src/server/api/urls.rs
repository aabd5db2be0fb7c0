//! Where users, groups and the next page of a list are found over HTTP, and how users and groups stand in such lists.
//!
//! Must not know who may look at them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::domain::description::Description;
use crate::domain::directory::Holding;
use crate::domain::membership::Roster;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::server::Api;
use crate::server::document::{Document, Link};
use crate::server::moment::text_of;

impl Api {
    pub(super) fn user_url(&self, user: &UserId) -> String {
        self.url(&format!("/users/{}", encoded(user.as_str())))
    }

    pub(super) fn session_url(&self, user: &UserId, session: SessionId) -> String {
        format!("{}/sessions/{session}", self.user_url(user))
    }

    pub(super) fn user_document(&self, user: &UserId) -> Document {
        Document::new(&self.user_url(user), "User").with("username", user.as_str())
    }

    pub(super) fn group_url(&self, roster: &Roster) -> String {
        self.url(&format!("/groups/{roster}/"))
    }

    pub(super) fn member_url(&self, roster: &Roster, user: &UserId) -> String {
        format!("{}{}/", self.group_url(roster), encoded(user.as_str()))
    }

    pub(super) fn group_document(&self, roster: &Roster) -> Document {
        let description = match roster {
            Roster::Members(group) => self.service.description(group),
            Roster::RootStaff | Roster::Staff(_) => None,
        };
        Document::new(&self.group_url(roster), "Group")
            .with("group", roster.to_string())
            .with_some("description", description.as_ref().map(Description::as_str))
    }

    /// Groups as documents in a list, with when somebody's being in them ends.
    pub(super) fn group_documents(&self, holdings: &[Holding]) -> Vec<Value> {
        let document = |holding: &Holding| {
            let end = holding.expires_at.map(text_of);
            self.group_document(&holding.roster).with_some("expires_at", end).into()
        };
        holdings.iter().map(document).collect()
    }
}

/// A name as it stands in a path or a query.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string().replace("%2D", "-").replace("%5F", "_")
}

/// The link to the next page.
pub(super) fn next_page(url: &str, title: &str) -> Link {
    Link::new("get", url, title, "There is more: the next page.")
}
