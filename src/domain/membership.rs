//! Memberships: a user, in a roster, perhaps until a moment.
//!
//! Must not know how memberships are stored or who may change them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::group::{GroupName, GroupNameError, STAFF};
use super::time::Timestamp;
use super::user::UserId;

/// How long a membership that has ended can still be seen, before what Pasee keeps of it is swept away.
pub const KEPT_ENDED: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What somebody is to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// In the group: the token says `admin`.
    Member,
    /// Runs the group: the token says `admin.staff`. Not a member by that, nor staff of the groups below.
    Staff,
}

/// One list of people: the root staff, the members of a group, or its staff. Its text is what tokens and the HTTP API
/// call a group: `staff`, `admin`, `admin.staff`. Ordered by group, the root staff first, members before staff.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Roster {
    /// `staff`: may do everything the policy knows.
    RootStaff,
    /// `admin`.
    Members(GroupName),
    /// `admin.staff`.
    Staff(GroupName),
}

impl Roster {
    /// The roster of a role in a group.
    #[must_use]
    pub fn of(group: GroupName, role: Role) -> Self {
        match role {
            Role::Member => Self::Members(group),
            Role::Staff => Self::Staff(group),
        }
    }

    /// The group whose list this is; `None` for the root staff.
    #[must_use]
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::RootStaff => None,
            Self::Members(group) | Self::Staff(group) => Some(group),
        }
    }

    /// The role that being on the list gives.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::RootStaff | Self::Staff(_) => Role::Staff,
            Self::Members(_) => Role::Member,
        }
    }

    /// How long its text is, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::RootStaff => STAFF.len(),
            Self::Members(group) => group.as_str().len(),
            Self::Staff(group) => group.as_str().len() + ".".len() + STAFF.len(),
        }
    }
}

impl Ord for Roster {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.group(), self.role()).cmp(&(other.group(), other.role()))
    }
}

impl PartialOrd for Roster {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Roster {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == STAFF {
            return Ok(Self::RootStaff);
        }
        match text.strip_suffix(STAFF).and_then(|rest| rest.strip_suffix('.')) {
            Some(group) => group.parse().map(Self::Staff),
            None => text.parse().map(Self::Members),
        }
    }
}

impl fmt::Display for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootStaff => f.write_str(STAFF),
            Self::Members(group) => f.write_str(group.as_str()),
            Self::Staff(group) => write!(f, "{group}.{STAFF}"),
        }
    }
}

/// A user on a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which list.
    pub roster: Roster,
    /// Who.
    pub user: UserId,
    /// The first second it no longer counts; `None` = no end.
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_both_ways() {
        for text in ["staff", "admin", "admin.staff", "a.b.staff", "my-staff", "staffing"] {
            assert_eq!(
                text.parse::<Roster>().map(|roster| roster.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["staff.staff", "a.staff.staff", "staff.a", ".staff", "", "a.Staff"] {
            assert!(text.parse::<Roster>().is_err(), "{text:?}");
        }
        assert_eq!("staff".parse(), Ok(Roster::RootStaff));
        assert_eq!("a.staff".parse(), Ok(Roster::Staff("a".parse().unwrap())));
    }

    /// Whoever looks for what has become of a membership has a week to do so, in every store.
    #[test]
    fn how_long_an_ended_one_is_seen() {
        assert_eq!(KEPT_ENDED.as_secs(), 604_800);
    }

    #[test]
    fn order() {
        let mut rosters: Vec<Roster> = ["b", "a.b", "a.staff", "staff", "a"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        rosters.sort();
        let texts: Vec<String> = rosters.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["staff", "a", "a.staff", "a.b", "b"]);
    }
}
