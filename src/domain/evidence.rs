//! What an identity provider said at login that decides something here: who may log in, and which groups it adds.
//!
//! A refresh token carries which rules of the settings held, so that those of them that are still there decide again at each
//! refresh. Must not know what a rule decides; that is the settings' business.

use std::fmt;
use std::str::FromStr;

/// Longest fact, in bytes.
pub const MAX_FACT: usize = 200;

/// One thing that a provider said: 1 to 200 bytes without control characters, such as
/// `groups="engineering"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact(String);

/// The value of a claim, as far as a rule can compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed<'a> {
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
    pub fn new(place: &str, value: Claimed<'_>) -> Result<Self, FactError> {
        match value {
            Claimed::Bool(value) => format!("{place}={value}"),
            Claimed::Integer(value) => format!("{place}={value}"),
            Claimed::Text(value) => format!("{place}=\"{value}\""),
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

/// The name of one rule of the settings: 8 bytes of a hash of all it says. A rule that is changed is another rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; Self::LENGTH]);

impl Fingerprint {
    /// Length, in bytes.
    pub const LENGTH: usize = 8;
}

/// The rules that held for one login: in order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence(Vec<Fingerprint>);

impl Evidence {
    /// Whether this rule held.
    #[must_use]
    pub fn holds(&self, rule: Fingerprint) -> bool {
        self.0.binary_search(&rule).is_ok()
    }

    /// The rules in order.
    #[must_use]
    pub fn rules(&self) -> &[Fingerprint] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Fingerprint> for Evidence {
    fn from_iter<I: IntoIterator<Item = Fingerprint>>(rules: I) -> Self {
        let mut rules: Vec<Fingerprint> = rules.into_iter().collect();
        rules.sort_unstable();
        rules.dedup();
        Self(rules)
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
        assert!("x".repeat(MAX_FACT).parse::<Fact>().is_ok());
    }

    /// Values that look alike are told apart.
    #[test]
    fn facts_as_text() {
        for (value, text) in [
            (Claimed::Bool(true), "it=true"),
            (Claimed::Integer(-1), "it=-1"),
            (Claimed::Text("true"), "it=\"true\""),
        ] {
            let fact = Fact::new("it", value).unwrap();
            assert_eq!((fact.as_str(), fact.to_string().as_str()), (text, text));
        }
    }

    #[test]
    fn rules_are_in_order_and_once() {
        let rule = |number: u8| Fingerprint([number; 8]);
        let evidence: Evidence = (0..100).rev().chain(0..100).map(rule).collect();
        assert_eq!(evidence.rules().len(), 100);
        assert!(evidence.rules().is_sorted());
        assert!(evidence.holds(rule(0)) && !evidence.holds(rule(101)));
        assert!(!evidence.is_empty() && Evidence::default().is_empty());
    }
}
