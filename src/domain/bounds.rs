//! How much of what one author has made may be there: groups, and memberships.
//!
//! Whom the bounds bind is [`policy`](super::policy)'s to say. Must not know how it is counted.

/// What an author has made that is still there, or is about to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Groups.
    pub groups: u64,
    /// Users put on rosters, one by one; what names nobody and is kept all the same counts as one. Staff for having made a group
    /// does not count.
    pub memberships: u64,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            groups: self.groups.saturating_add(other.groups),
            memberships: self.memberships.saturating_add(other.memberships),
        }
    }
}

/// How much one author may have made; `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Groups.
    pub groups: Option<u64>,
    /// Users put on rosters, one by one.
    pub memberships: Option<u64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { groups: Some(1_000), memberships: Some(10_000) }
    }
}
