//! What a file of another program says: groups, people, and who is where, each by the name that it has there.
//!
//! Must not know which of it has a place in a realm.

use crate::domain::description::Description;
use crate::domain::user::UserId;

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What it is, for people: `the realm demo of Keycloak`.
    pub(super) source: String,
    pub(super) groups: Vec<FoundGroup>,
    pub(super) users: Vec<FoundUser>,
    /// Places in both lists: who is in which group.
    pub(super) members: Vec<(usize, usize)>,
    /// What has no place, whatever the map says.
    pub(super) left_out: Vec<String>,
    /// What is good to know.
    pub(super) notes: Vec<String>,
}

/// A group, a role, or whatever else has people there.
#[derive(Debug)]
pub(super) struct FoundGroup {
    /// As the map calls it, and people there.
    pub(super) name: String,
    pub(super) meant: Meant,
    pub(super) description: Option<Description>,
}

/// What a group would be in a realm, if no line of the map says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The root staff.
    RootStaff,
    /// A group without one above it.
    Root(String),
    /// A group below another one, by its place in the list, and its own part of the name.
    Below(usize, String),
    /// The staff of another one, by its place in the list.
    StaffOf(usize),
    /// Nothing: why.
    Nothing(String),
}

/// Somebody.
#[derive(Debug)]
pub(super) struct FoundUser {
    /// As the map may call them; the first one is what they are told by.
    pub(super) names: Vec<String>,
    /// Who they are in the realm, if no line of the map says otherwise; else why they are nobody.
    pub(super) meant: Result<UserId, String>,
    pub(super) is_banned: bool,
}

impl Found {
    pub(super) fn of(source: impl Into<String>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }

    /// One more group; comes back with its place.
    pub(super) fn group(&mut self, name: impl Into<String>, meant: Meant) -> usize {
        self.groups.push(FoundGroup { name: name.into(), meant, description: None });
        self.groups.len() - 1
    }

    /// One more user; comes back with their place.
    pub(super) fn user(&mut self, names: Vec<String>, meant: Result<UserId, String>) -> usize {
        self.users.push(FoundUser { names, meant, is_banned: false });
        self.users.len() - 1
    }
}
