//! What an identity provider said at login that decides something here: who may log in, and which groups it adds.
//!
//! A refresh token carries it, so that the settings of the day decide again at each refresh. Must not know what any of it
//! decides; that is the settings' business.

use std::fmt;
use std::str::FromStr;

/// Longest fact, in bytes.
pub const MAX_FACT: usize = 200;
/// Most facts about one login.
pub const MAX_FACTS: usize = 32;

/// One thing that a provider said: 1 to 200 bytes without control characters, such as
/// `groups="engineering"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact(String);

/// A value that a provider says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text, alone or in a list.
    Text(&'a str),
}

impl Fact {
    /// That a provider says a value at a place, whose name holds no `=`. A text is another fact than the number or truth
    /// value it looks like.
    ///
    /// # Errors
    /// [`FactError`] when it gets too long.
    pub fn new(place: &str, said: Said<'_>) -> Result<Self, FactError> {
        match said {
            Said::Bool(value) => format!("{place}={value}"),
            Said::Integer(value) => format!("{place}={value}"),
            Said::Text(value) => format!("{place}=\"{value}\""),
        }
        .parse()
    }

    /// The fact as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fact {
    type Err = FactError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=MAX_FACT).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(FactError)
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the claim and its value have together 1 to 197 bytes and no control characters, such as groups and engineering"
)]
pub struct FactError;

/// The facts about one login: in order, each once, at most [`MAX_FACTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence(Vec<Fact>);

impl Evidence {
    /// Whether the provider said so.
    #[must_use]
    pub fn holds(&self, fact: &Fact) -> bool {
        self.0.binary_search(fact).is_ok()
    }

    /// The facts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Fact> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Facts beyond the bound are left out.
impl FromIterator<Fact> for Evidence {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        let mut facts: Vec<Fact> = facts.into_iter().collect();
        facts.sort();
        facts.dedup();
        facts.truncate(MAX_FACTS);
        Self(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        for text in ["", "a\nb", &"x".repeat(MAX_FACT + 1)] {
            assert_eq!(text.parse::<Fact>(), Err(FactError), "{text:?}");
        }
        let fact = |number: usize| format!("groups={number}").parse::<Fact>().unwrap();
        let evidence: Evidence = (0..100).chain(0..100).map(fact).collect();
        assert_eq!(evidence.iter().len(), MAX_FACTS);
        assert!(evidence.holds(&fact(0)) && !evidence.holds(&fact(101)));
    }
}
