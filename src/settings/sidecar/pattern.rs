//! Paths, hosts and groups as rules write them.
//!
//! Owns their form. Must not know a request: what they match is the sidecar's business.

use std::fmt;
use std::str::FromStr;

/// Longest pattern, in bytes.
const MAX_LENGTH: usize = 1024;

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// No path.
    #[error(
        "is no path; right ones are \"/articles\", \"/articles/*\" (one segment), \"/articles/{{section}}\" (one, with a name) and \
         \"/articles/**\" (all below, and the path itself), without query, // and dot segments"
    )]
    Path,
    /// Two holes of one name.
    #[error("has two holes of the same name; a right one is \"/{{team}}/{{project}}/**\"")]
    Twice,
    /// No host.
    #[error(
        "is no host; right ones are \"app.example.com\" and \"*.example.com\" (one name or more before it), without scheme and port"
    )]
    Host,
    /// No group.
    #[error(
        "is no group; right ones are \"articles\", \"articles.*\" (each group right below it) and \"articles.{{section}}\" (filled \
         from the rule's path)"
    )]
    Group,
}

/// One part of a path between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// This text, decoded.
    Literal(String),
    /// `*`: one part, whatever it says; never an empty one.
    Any,
    /// `{name}`: the same, kept under a name.
    Hole(String),
}

/// A path as rules write it, such as `/articles/{section}/**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    parts: Vec<PathPart>,
    is_open: bool,
}

impl PathPattern {
    /// The parts between its slashes; the last is an empty literal where it ends in a slash.
    #[must_use]
    pub fn parts(&self) -> &[PathPart] {
        &self.parts
    }

    /// Whether it ends in `**`: it is about all paths below, too.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a hole of it has this name.
    #[must_use]
    pub fn has_hole(&self, name: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, PathPart::Hole(hole) if hole == name))
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').filter(|_| text.len() <= MAX_LENGTH);
        let mut parts: Vec<&str> = rest.ok_or(PatternError::Path)?.split('/').collect();
        let is_open = parts.last() == Some(&"**");
        if is_open {
            parts.pop();
        }
        let last = parts.len().saturating_sub(1);
        let read = parts.iter().enumerate().map(|(place, part)| match *part {
            "" if place == last && !is_open => Ok(PathPart::Literal(String::new())),
            "*" => Ok(PathPart::Any),
            part => match hole(part) {
                Some(name) => Ok(PathPart::Hole(name.to_owned())),
                None if is_literal(part) => Ok(PathPart::Literal(part.to_owned())),
                None => Err(PatternError::Path),
            },
        });
        let parts = read.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&PathPart> =
            parts.iter().filter(|part| matches!(part, PathPart::Hole(_))).collect();
        if (1..names.len()).any(|at| names[..at].contains(&names[at])) {
            return Err(PatternError::Twice);
        }
        Ok(Self { text: text.to_owned(), parts, is_open })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `{name}`.
fn hole(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_name = name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit());
    is_name.then_some(name)
}

/// A part as it is once it is decoded, of what a path may have at all.
fn is_literal(part: &str) -> bool {
    let is_odd = |c: char| c.is_control() || "%*{}?#;\\/".contains(c);
    !matches!(part, "" | "." | "..") && !part.contains(is_odd)
}

/// Hosts as rules write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This one, in small letters.
    One(String),
    /// `*.example.com`: all whose names end so, kept with the dot in front.
    Below(String),
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("*.");
        if name.unwrap_or(&lower).contains('*') {
            return Err(PatternError::Host);
        }
        let of_host = url::Host::parse(name.unwrap_or(&lower)).map_err(|_| PatternError::Host)?;
        if of_host.to_string() != name.unwrap_or(&lower) || lower.ends_with('.') {
            return Err(PatternError::Host);
        }
        match (name, of_host) {
            (None, _) => Ok(Self::One(lower)),
            (Some(name), url::Host::Domain(_)) => Ok(Self::Below(format!(".{name}"))),
            (Some(_), _) => Err(PatternError::Host),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*{name}"),
        }
    }
}

/// One part of a group's name between dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupPart {
    /// This text.
    Literal(String),
    /// `*`: one part, whatever it says but `staff`, which names no group.
    Any,
    /// `{name}`: what the path says there.
    Hole(String),
}

/// Groups as rules write them: a name, or parts of which some are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPattern {
    text: String,
    /// `None` for a name that is compared as a whole, such as another issuer's, which may have any form.
    parts: Option<Vec<GroupPart>>,
}

impl GroupPattern {
    /// The parts between its dots, where it has open ones; else [`GroupPattern::as_str`] is the one group.
    #[must_use]
    pub fn parts(&self) -> Option<&[GroupPart]> {
        self.parts.as_deref()
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its holes.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flatten().filter_map(|part| match part {
            GroupPart::Hole(name) => Some(name.as_str()),
            GroupPart::Literal(_) | GroupPart::Any => None,
        })
    }
}

impl FromStr for GroupPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let is_shown = !text.is_empty()
            && text.len() <= MAX_LENGTH
            && text.trim() == text
            && !text.contains(|c: char| c.is_control() || c == ',');
        if !is_shown {
            return Err(PatternError::Group);
        }
        if !text.contains(['*', '{', '}']) {
            return Ok(Self { text: text.to_owned(), parts: None });
        }
        let part = |part: &str| match (part, hole(part)) {
            ("*", _) => Some(GroupPart::Any),
            (_, Some(name)) => Some(GroupPart::Hole(name.to_owned())),
            ("", _) => None,
            (part, None) if part.contains(['*', '{', '}']) => None,
            (part, None) => Some(GroupPart::Literal(part.to_owned())),
        };
        let parts: Option<Vec<GroupPart>> = text.split('.').map(part).collect();
        let parts = parts.ok_or(PatternError::Group)?;
        Ok(Self { text: text.to_owned(), parts: Some(parts) })
    }
}

impl fmt::Display for GroupPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let literal = |text: &str| PathPart::Literal(text.to_owned());
        let hole = |name: &str| PathPart::Hole(name.to_owned());
        for (text, parts, is_open) in [
            ("/", vec![literal("")], false),
            ("/**", vec![], true),
            ("/a", vec![literal("a")], false),
            ("/a/", vec![literal("a"), literal("")], false),
            ("/a/*/b", vec![literal("a"), PathPart::Any, literal("b")], false),
            ("/articles/{section}/**", vec![literal("articles"), hole("section")], true),
            ("/caf\u{e9} au lait", vec![literal("caf\u{e9} au lait")], false),
        ] {
            let pattern: PathPattern = text.parse().unwrap();
            assert_eq!((pattern.parts(), pattern.is_open()), (&*parts, is_open), "{text}");
            assert_eq!(pattern.to_string(), text);
        }
        for wrong in [
            "", "a", "**", "//", "/a//b", "/a/../b", "/./a", "/a?b", "/a#b", "/a;b", "/a\\b",
            "/a*", "/***", "/**/a", "/{}", "/{A}", "/a{b}", "/{a", "/%61", "/a\n", "//**",
        ] {
            assert_eq!(wrong.parse::<PathPattern>(), Err(PatternError::Path), "{wrong}");
        }
        assert_eq!("/{a}/{b}/{a}".parse::<PathPattern>(), Err(PatternError::Twice));
    }

    #[test]
    fn hosts() {
        for (text, right) in [
            ("App.Example.com", HostPattern::One("app.example.com".to_owned())),
            ("*.example.com", HostPattern::Below(".example.com".to_owned())),
            ("192.0.2.1", HostPattern::One("192.0.2.1".to_owned())),
            ("[::1]", HostPattern::One("[::1]".to_owned())),
        ] {
            assert_eq!(text.parse::<HostPattern>(), Ok(right), "{text}");
        }
        for wrong in
            ["", "*", "*.", "a:80", "http://a", "a/b", "a.", "*.192.0.2.1", "a b", "*.*.a", "127.1"]
        {
            assert_eq!(wrong.parse::<HostPattern>(), Err(PatternError::Host), "{wrong}");
        }
    }

    #[test]
    fn groups() {
        for (text, holes) in [
            ("articles", vec![]),
            ("articles.*", vec![]),
            ("articles.{section}", vec!["section"]),
            ("{a}.{b}.staff", vec!["a", "b"]),
            ("ci:CN=Admins/DC=example", vec![]),
        ] {
            let pattern: GroupPattern = text.parse().unwrap();
            assert_eq!(pattern.holes().collect::<Vec<_>>(), holes, "{text}");
            assert_eq!(pattern.as_str(), text);
        }
        for wrong in ["", " a", "a,b", "a\n", "a.b*", "a..*", "{a", "a.{A}", ".*", "a.**"] {
            assert_eq!(wrong.parse::<GroupPattern>(), Err(PatternError::Group), "{wrong}");
        }
    }
}
