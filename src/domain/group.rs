//! Group names: dotted paths such as `admin.developers`.
//!
//! Must not know who is in a group; `staff` names people, not a group, and is parsed by
//! [`Roster`](super::membership::Roster).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest group name, in characters (all ASCII, so bytes too).
pub const MAX_LENGTH: usize = 200;

/// The longest that a group name may be as Kubernetes spells it, with each `_` as two characters: the longest name of an
/// object there. It holds in every store, so that each legal name can go from one to the other.
pub const MAX_SPELLED: usize = 253;

/// The reserved segment: alone it is the root staff, last it names a group's staff.
pub const STAFF: &str = "staff";

/// The name of a group: dot-separated segments, each `[a-z0-9]+([_-][a-z0-9]+)*`, none of them `staff`, at most
/// [`MAX_LENGTH`] characters, and [`MAX_SPELLED`] with each `_` counting twice. Separators stand single and inside, so that
/// the Kubernetes spelling (`_` as `--`) is one-to-one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The group one level up; `None` for a root group.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        parent_of(&self.0).map(|parent| Self(parent.into()))
    }

    /// The name of the root group that this one is or is below.
    #[must_use]
    pub fn root(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// How many groups are above this one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.matches('.').count()
    }

    /// Whether `other` is this group or below it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other.0.strip_prefix(&*self.0) {
            Some(rest) => rest.is_empty() || rest.starts_with('.'),
            None => false,
        }
    }
}

/// The part of a dotted name before its last segment; `None` when there is one segment only.
#[must_use]
pub fn parent_of(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(parent, _)| parent)
}

impl FromStr for GroupName {
    type Err = GroupNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(GroupNameError::Empty);
        }
        if text.len() > MAX_LENGTH || text.len() + text.matches('_').count() > MAX_SPELLED {
            return Err(GroupNameError::TooLong);
        }
        for segment in text.split('.') {
            if segment == STAFF {
                return Err(GroupNameError::Reserved);
            }
            if !is_segment(segment) {
                return Err(GroupNameError::Segment);
            }
        }
        Ok(Self(text.into()))
    }
}

/// Whether the text is `[a-z0-9]+([_-][a-z0-9]+)*`.
fn is_segment(text: &str) -> bool {
    text.split(['_', '-']).all(|word| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is no group name. The text itself is left out: it may be hostile or secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupNameError {
    /// Nothing was given.
    #[error("a group name cannot be empty; a right one looks like admin.developers")]
    Empty,
    /// Longer than [`MAX_LENGTH`], or than [`MAX_SPELLED`] in Kubernetes.
    #[error(
        "a group name has at most {MAX_LENGTH} characters, and at most {MAX_SPELLED} with each _ counting as two"
    )]
    TooLong,
    /// `staff` where a group's own segment belongs.
    #[error(
        "the segment staff is reserved: alone it is the root staff, last it names a group's staff, as in admin.staff"
    )]
    Reserved,
    /// A segment with other characters, or none.
    #[error(
        "a group name is made of segments of a-z and 0-9, joined by single dots, with single - or _ inside a segment, \
         such as admin.dev-ops"
    )]
    Segment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in
            ["a", "0", "admin", "admin.developers", "my_group", "a-b_c.d-1", &"x".repeat(200)]
        {
            assert_eq!(good.parse::<GroupName>().map(|n| n.to_string()), Ok(good.to_owned()));
        }
        let bad = [
            ("", GroupNameError::Empty),
            ("staff", GroupNameError::Reserved),
            ("admin.staff", GroupNameError::Reserved),
            ("staff.admin", GroupNameError::Reserved),
            ("a.staff.b", GroupNameError::Reserved),
            (".", GroupNameError::Segment),
            ("a.", GroupNameError::Segment),
            (".a", GroupNameError::Segment),
            ("a..b", GroupNameError::Segment),
            ("A", GroupNameError::Segment),
            ("a b", GroupNameError::Segment),
            ("é", GroupNameError::Segment),
            ("a--b", GroupNameError::Segment),
            ("a__b", GroupNameError::Segment),
            ("a_-b", GroupNameError::Segment),
            ("-a", GroupNameError::Segment),
            ("a_", GroupNameError::Segment),
            ("a/b", GroupNameError::Segment),
            ("a\0", GroupNameError::Segment),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<GroupName>(), Err(error), "{text:?}");
        }
        assert!("x".repeat(200).parse::<GroupName>().is_ok());
        assert_eq!("x".repeat(201).parse::<GroupName>(), Err(GroupNameError::TooLong));
        let underscores = |count: usize| format!("{}a", "a_".repeat(count));
        assert!(underscores(84).parse::<GroupName>().is_ok(), "253 with each _ as two");
        assert_eq!(underscores(85).parse::<GroupName>(), Err(GroupNameError::TooLong));
        assert_eq!(underscores(99).parse::<GroupName>(), Err(GroupNameError::TooLong));
        assert!("staffing.my-staff".parse::<GroupName>().is_ok());
    }

    /// In what is logged a name is a text like others.
    #[test]
    fn shown() {
        let name = "a.b".parse::<GroupName>().unwrap();
        assert_eq!((name.as_str(), format!("{name:?}")), ("a.b", "\"a.b\"".to_owned()));
    }

    #[test]
    fn tree() {
        let name = |text: &str| text.parse::<GroupName>().unwrap();
        assert_eq!(name("a.b.c").parent(), Some(name("a.b")));
        assert_eq!(name("a").parent(), None);
        assert_eq!((name("ab.b.c").root(), name("ab.b.c").depth()), ("ab", 2));
        assert_eq!((name("ab").root(), name("ab").depth()), ("ab", 0));
        assert!(name("a").covers(&name("a")));
        assert!(name("a").covers(&name("a.b.c")));
        assert!(!name("a").covers(&name("ab")));
        assert!(!name("a.b").covers(&name("a")));
    }
}
