//! Invitations to a group: what lets somebody in who was not named before.
//!
//! Must not know how one travels, nor who may make one.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::membership::Membership;
use super::name::PersonName;
use super::time::Timestamp;
use super::user::UserId;

/// How long an invitation is good at most.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Longest mark, in bytes.
const MAX_MARK: usize = 128;

/// Which group it is, of all that ever have its name, and which of its invitations count. Where they are made void there is
/// another one, and none in the meantime. Only the store that makes it knows what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMark(String);

impl GroupMark {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a mark is a text of 1 to {MAX_MARK} visible characters of ASCII")]
pub struct GroupMarkError;

impl FromStr for GroupMark {
    type Err = GroupMarkError;

    fn from_str(text: &str) -> Result<Self, GroupMarkError> {
        let is_right = (1..=MAX_MARK).contains(&text.len());
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_right && is_plain { Ok(Self(text.to_owned())) } else { Err(GroupMarkError) }
    }
}

impl fmt::Display for GroupMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who has made an invitation.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Who.
    pub by: UserId,
    /// Their revocation that was in force then: whoever ends all their sessions takes back what was made in them.
    pub revocation: Option<Timestamp>,
}

/// Somebody who takes an invitation up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Where they are from then on.
    pub membership: Membership,
    /// Which group they were invited to.
    pub mark: GroupMark,
    /// What they are called where they log in, if anything is said of that. Nothing is judged by it.
    pub name: Option<PersonName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_mark() {
        for right in ["a", "00ff", "9d2e/7", &"x".repeat(MAX_MARK)] {
            assert_eq!(
                right.parse::<GroupMark>().map(|mark| mark.to_string()),
                Ok(right.to_owned())
            );
        }
        for wrong in ["", " ", "a b", "a\n", "é", &"x".repeat(MAX_MARK + 1)] {
            assert_eq!(wrong.parse::<GroupMark>(), Err(GroupMarkError), "{wrong:?}");
        }
    }

    #[test]
    fn a_week_at_most() {
        assert_eq!(LONGEST.as_secs(), 604_800);
    }
}
