//! Where things stand in a stream of manifests, for whoever has to correct them.
//!
//! Must not know which fields there are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Longest value that is shown, in characters.
const MAX_SHOWN: usize = 60;

/// The objects of a stream, each with where its fields stand.
#[derive(Debug, Default)]
pub struct Lines(Vec<Node>);

/// Where a value stands: the line from 1, and the value where it is no list and no fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: u64,
    /// The value as text, shortened, without what could reach a terminal.
    pub value: Option<String>,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "line {}: {value}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

impl Lines {
    /// Of a text that is YAML; of another nothing is known.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let documents: Vec<Node> =
            serde_saphyr::from_multiple_with_options(text, super::options()).unwrap_or_default();
        Self(documents.into_iter().flat_map(Node::items).collect())
    }

    /// Where a field of an object stands, which is counted from 1, such as `spec.users[1]`; else the nearest around it that
    /// is there.
    #[must_use]
    pub fn find(&self, object: usize, path: &str) -> Option<Spot> {
        let mut node = self.0.get(object.checked_sub(1)?)?;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let below = match (&node.content, step.strip_suffix(']')) {
                (Content::Entries(entries), Some(place)) => {
                    place.parse::<usize>().ok().and_then(|place| entries.get(place))
                }
                (Content::Fields(fields), None) => {
                    fields.iter().find(|(name, _)| name == step).map(|(_, node)| node)
                }
                _ => None,
            };
            match below {
                Some(below) => node = below,
                None => return Some(Spot { line: node.line, value: None }),
            }
        }
        let value = match &node.content {
            Content::Scalar(value) => Some(value.clone()),
            Content::Fields(_) | Content::Entries(_) => None,
        };
        Some(Spot { line: node.line, value })
    }
}

#[derive(Debug)]
struct Node {
    line: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar(String),
    Entries(Vec<Node>),
    Fields(Vec<(String, Node)>),
}

impl Node {
    /// As objects are counted: those of a `List` one by one, and nothing is none.
    fn items(self) -> Vec<Self> {
        let is_list = |fields: &[(String, Self)]| {
            fields.iter().any(|(name, node)| {
                name == "kind"
                    && matches!(&node.content, Content::Scalar(kind) if kind == "\"List\"")
            })
        };
        match self.content {
            Content::Scalar(value) if value == "null" => Vec::new(),
            Content::Fields(fields) if is_list(&fields) => {
                let items = fields.into_iter().find(|(name, _)| name == "items");
                match items.map(|(_, node)| node) {
                    Some(Self { content: Content::Entries(entries), .. }) => entries,
                    Some(other) => vec![other],
                    None => vec![Self { line: self.line, content: Content::Fields(Vec::new()) }],
                }
            }
            content => vec![Self { line: self.line, content }],
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

fn shown(value: impl fmt::Debug) -> Content {
    let text = format!("{value:?}");
    let mut short: String = text.chars().take(MAX_SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    Content::Scalar(short)
}

impl<'de> Visitor<'de> for Any {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(shown(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(shown(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(shown(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(shown(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        // What means something to a terminal is not repeated, in whatever form.
        if value.chars().any(char::is_control) {
            return Ok(Content::Scalar("it has control characters".to_owned()));
        }
        Ok(shown(value))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar("null".to_owned()))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar("null".to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = sequence.next_element()? {
            entries.push(entry);
        }
        Ok(Content::Entries(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Content::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A comment
---
kind: Group
metadata: {name: a}
spec:
  creator: kisee-ada
---
---
kind: List
items:
- kind: Membership
  spec:
    users:
    - kisee-ada
    - ada
    group: 7
- kind: User
";

    #[test]
    fn fields_and_their_values() {
        let lines = Lines::of(TEXT);
        for (object, path, line, value) in [
            (1, "spec.creator", 6, Some("\"kisee-ada\"")),
            (1, "metadata.name", 4, Some("\"a\"")),
            (1, "spec.creater", 6, None),
            (2, "spec.users[1]", 15, Some("\"ada\"")),
            (2, "spec.users[7]", 14, None),
            (2, "spec.group", 16, Some("7")),
            (3, "spec", 17, None),
            (3, "", 17, None),
        ] {
            let found = lines.find(object, path).unwrap();
            assert_eq!((found.line, found.value.as_deref()), (line, value), "{object} {path}");
        }
        assert_eq!(lines.find(4, "spec"), None);
        assert_eq!(lines.find(0, "spec"), None);
        assert_eq!(Lines::of("[").find(1, ""), None);
    }

    #[test]
    fn long_and_odd_values_are_harmless() {
        let shown = |value: &str| Lines::of(&format!("a: \"{value}\"")).find(1, "a").unwrap().value;
        assert_eq!(shown(&"x".repeat(500)).unwrap().chars().count(), MAX_SHOWN + 1);
        assert_eq!(shown("\\e[31m").as_deref(), Some("it has control characters"));
        assert_eq!(shown("\\u202e").as_deref(), Some("\"\\u{202e}\""));
    }
}
