//! How far a token reaches: limits of groups.
//!
//! Must not know what else a token says. OAuth scopes of other kinds are in [`authorization`](super::authorization).

use std::fmt;
use std::str::FromStr;

use super::group::GroupNameError;
use super::membership::Roster;

/// Most names in a scope.
pub const MAX_SCOPE: usize = 16;

/// What an OAuth scope starts with that limits groups.
const GROUPS: &str = "groups:";

/// How far a token reaches. Spelled as in RFC 6749 section 3.3: scopes with spaces between them, each `groups:` and a name.
/// `groups:articles` covers the group, everything below it, and their staff; `groups:articles.staff` covers just that;
/// `groups:staff` just the root staff. Several add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything the user is in.
    #[default]
    Unlimited,
    /// Only these: at most [`MAX_SCOPE`], at least one, sorted, each once.
    Limited(Vec<Roster>),
}

impl Scope {
    /// Whether a roster lies within.
    #[must_use]
    pub fn covers(&self, roster: &Roster) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Limited(limits) => limits.iter().any(|limit| reaches(limit, roster)),
        }
    }

    /// `asked`, if all of it lies within this scope; asking for nothing special keeps this scope.
    #[must_use]
    pub fn narrow(&self, asked: Self) -> Option<Self> {
        match asked {
            Self::Unlimited => Some(self.clone()),
            Self::Limited(ref limits) => {
                limits.iter().all(|limit| self.covers(limit)).then_some(asked)
            }
        }
    }

    /// What lies within both.
    ///
    /// # Errors
    /// [`ScopeError::Empty`] when nothing does, [`ScopeError::TooMany`] when it takes too many names to say.
    pub fn intersection(&self, other: &Self) -> Result<Self, ScopeError> {
        let (Self::Limited(ours), Self::Limited(theirs)) = (self, other) else {
            return Ok(if *self == Self::Unlimited { other.clone() } else { self.clone() });
        };
        // Of two limits one lies within the other, or they have nothing in common.
        let mut both: Vec<Roster> =
            ours.iter().filter(|limit| other.covers(limit)).cloned().collect();
        both.extend(theirs.iter().filter(|limit| self.covers(limit)).cloned());
        both.sort();
        both.dedup();
        match both.len() {
            0 => Err(ScopeError::Empty),
            1..=MAX_SCOPE => Ok(Self::Limited(both)),
            _ => Err(ScopeError::TooMany),
        }
    }

    /// Reads what is asked for where nothing but groups can be: there `articles` means `groups:articles`.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn asked(text: &str) -> Result<Self, ScopeError> {
        Self::read(text, |word| Ok(word.strip_prefix(GROUPS).unwrap_or(word)))
    }

    fn read(
        text: &str,
        name_of: impl Fn(&str) -> Result<&str, ScopeError>,
    ) -> Result<Self, ScopeError> {
        let mut limits = Vec::new();
        for word in text.split_ascii_whitespace() {
            if limits.len() == MAX_SCOPE {
                return Err(ScopeError::TooMany);
            }
            limits.push(name_of(word)?.parse()?);
        }
        if limits.is_empty() {
            return Err(ScopeError::Empty);
        }
        limits.sort();
        limits.dedup();
        Ok(Self::Limited(limits))
    }
}

fn reaches(limit: &Roster, roster: &Roster) -> bool {
    match (limit, roster.group()) {
        (Roster::Members(above), Some(group)) => above.covers(group),
        _ => limit == roster,
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text, |word| word.strip_prefix(GROUPS).ok_or(ScopeError::NoGroups))
    }
}

/// Writes the scopes with a space between; nothing for the unlimited one.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Limited(limits) = self else { return Ok(()) };
        for (place, limit) in limits.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{GROUPS}{limit}")?;
        }
        Ok(())
    }
}

/// Why a text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// No name in it.
    #[error("a scope names at least one group, such as articles")]
    Empty,
    /// More than [`MAX_SCOPE`] names.
    #[error("a scope names at most 16 groups")]
    TooMany,
    /// A scope in it limits no groups.
    #[error("a scope that limits groups is groups: and a name, such as groups:articles")]
    NoGroups,
    /// A name in it is no group's.
    #[error("a scope is made of group names with spaces between: {0}")]
    Name(#[from] GroupNameError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_parse() {
        let both = Ok("groups:a groups:b".to_owned());
        let text = |scope: Scope| scope.to_string();
        assert_eq!("groups:b groups:a  groups:a".parse::<Scope>().map(text), both);
        assert_eq!(Scope::asked("b groups:a a").map(text), both);
        for foreign in ["a", "groups:a b", "groups", "openid", "Groups:a", "group:a"] {
            assert_eq!(foreign.parse::<Scope>(), Err(ScopeError::NoGroups), "{foreign}");
        }
        for nameless in ["groups:", "groups:A", "groups:groups:a", "groups:a,b"] {
            assert!(matches!(nameless.parse::<Scope>(), Err(ScopeError::Name(_))), "{nameless}");
            assert!(matches!(Scope::asked(nameless), Err(ScopeError::Name(_))), "{nameless}");
        }
        assert_eq!("".parse::<Scope>(), Err(ScopeError::Empty));
        assert_eq!(" ".parse::<Scope>(), Err(ScopeError::Empty));
        assert_eq!(Scope::asked(""), Err(ScopeError::Empty));
        assert!(matches!(Scope::asked("A"), Err(ScopeError::Name(_))));
        let many: Vec<String> = (0..17).map(|n| format!("groups:g{n}")).collect();
        assert_eq!(many.join(" ").parse::<Scope>(), Err(ScopeError::TooMany));
        assert_eq!(Scope::Unlimited.to_string(), "");
    }
}
