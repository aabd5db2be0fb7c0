//! The map of names that an import is given: what is called so there, is to be called otherwise here, or is left out on purpose.
//!
//! On each line a name there and the one here; `user` or `group` before them where one of each has the name; `-` in the place of the
//! second for what is left out on purpose; and with `-` at the end of both, everybody whose name begins so. Must not know what there is.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use crate::domain::group::GroupNameError;
use crate::domain::membership::Roster;
use crate::domain::renaming::{LineError, lines, quoted};
use crate::domain::user::{ProviderName, UserId, UserIdError};

/// The lines of a map, and which of them were of use.
#[derive(Debug, Default)]
pub struct Names {
    lines: Vec<NameLine>,
    by_name: HashMap<String, Vec<usize>>,
    used: RefCell<BTreeSet<usize>>,
}

#[derive(Debug)]
struct NameLine {
    number: usize,
    kind: Option<Kind>,
    old: String,
    new: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
}

/// What a line says of somebody or something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said<T> {
    /// It is called so.
    Named(T),
    /// It is left out on purpose.
    LeftOut,
}

/// What is wrong with the map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A line cannot be read.
    #[error("line {0}: {1}")]
    Line(usize, #[source] LineError),
    /// It has another number of names.
    #[error(
        "line {0}: has not two names but {1}; a right one has what is called so there and how it is called here, such as \"Dev Ops\" dev-ops"
    )]
    Words(usize, usize),
    /// Two lines say something of the same.
    #[error("line {0}: {1} has a line already, line {2}")]
    Twice(usize, String, usize),
    /// Both a user and a group have the name.
    #[error("line {0}: both a user and a group are called {1}; write user or group before it")]
    Both(usize, String),
    /// No user can be called so.
    #[error("line {0}: {1:?} is no user id: {2}")]
    User(usize, String, #[source] UserIdError),
    /// No group can be called so.
    #[error("line {0}: {1:?} is no group: {2}")]
    Group(usize, String, #[source] GroupNameError),
    /// A beginning of names that is to be a whole one.
    #[error(
        "line {0}: {1} ends with a - and stands for all whose name begins so; the other name has to be a provider with a -, such as ldap-"
    )]
    Beginning(usize, String),
}

impl Names {
    /// Reads a map.
    ///
    /// # Errors
    /// Everything that can be seen to be wrong without what it is a map of.
    pub fn read(text: &str) -> Result<Self, Vec<NameError>> {
        let (mut names, mut wrong) = (Self::default(), Vec::new());
        for (number, line) in lines(text) {
            let taken = line
                .map_err(|error| NameError::Line(number, error))
                .and_then(|line| names.take(number, line.words));
            wrong.extend(taken.err());
        }
        if wrong.is_empty() { Ok(names) } else { Err(wrong) }
    }

    fn take(&mut self, number: usize, words: Vec<String>) -> Result<(), NameError> {
        let count = words.len();
        let mut words = words.into_iter();
        let first = words.next().unwrap_or_default();
        let kind = match (first.as_str(), count) {
            ("user", 3) => Some(Kind::User),
            ("group", 3) => Some(Kind::Group),
            (_, 2) => None,
            _ => return Err(NameError::Words(number, count)),
        };
        let old = if kind.is_some() { words.next().unwrap_or_default() } else { first };
        let new = words.next().unwrap_or_default();
        if is_beginning(&old) != is_beginning(&new) && new != "-" {
            let beginning = if is_beginning(&old) { old } else { new };
            return Err(NameError::Beginning(number, beginning));
        }
        let place = self.lines.len();
        let others = self.by_name.entry(old.clone()).or_default();
        let clashes = |other: &&usize| {
            let other = self.lines[**other].kind;
            kind.is_none() || other.is_none() || other == kind
        };
        if let Some(other) = others.iter().find(clashes) {
            return Err(NameError::Twice(number, quoted(&old), self.lines[*other].number));
        }
        others.push(place);
        self.lines.push(NameLine { number, kind, old, new });
        Ok(())
    }

    /// Lines that say something of what is called both a user and a group, and do not say of which.
    pub(super) fn both(
        &self,
        is_user: impl Fn(&str) -> bool,
        is_group: impl Fn(&str) -> bool,
    ) -> Vec<NameError> {
        let plain = self.lines.iter().filter(|line| line.kind.is_none());
        let both = plain.filter(|line| is_user(&line.old) && is_group(&line.old));
        both.map(|line| NameError::Both(line.number, quoted(&line.old))).collect()
    }

    /// What the map says of a user who has these names.
    pub(super) fn user(&self, names: &[String]) -> Option<Result<Said<UserId>, NameError>> {
        let exact = names.iter().find_map(|name| self.line(name, Kind::User));
        if let Some((place, line)) = exact {
            self.used.borrow_mut().insert(place);
            return Some(match line.new.as_str() {
                "-" => Ok(Said::LeftOut),
                new => user(line.number, new).map(Said::Named),
            });
        }
        let beginnings = names.iter().flat_map(|name| {
            let of_name = self.lines.iter().enumerate().filter(|(_, line)| {
                line.kind != Some(Kind::Group)
                    && is_beginning(&line.old)
                    && name.len() > line.old.len()
                    && name.starts_with(&line.old)
            });
            of_name.map(move |(place, line)| (place, line, &name[line.old.len()..]))
        });
        let (place, line, rest) = beginnings.max_by_key(|(_, line, _)| line.old.len())?;
        self.used.borrow_mut().insert(place);
        Some(match line.new.strip_suffix('-') {
            Some("") | None => Ok(Said::LeftOut),
            Some(provider) => match provider.parse::<ProviderName>() {
                Ok(provider) => user(line.number, &format!("{provider}-{rest}")).map(Said::Named),
                Err(error) => Err(NameError::User(line.number, line.new.clone(), error)),
            },
        })
    }

    /// What the map says of a group.
    pub(super) fn group(&self, name: &str) -> Option<Result<Said<Roster>, NameError>> {
        let (place, line) = self.line(name, Kind::Group)?;
        self.used.borrow_mut().insert(place);
        Some(match line.new.as_str() {
            "-" => Ok(Said::LeftOut),
            new => {
                let wrong = |error| NameError::Group(line.number, new.to_owned(), error);
                new.parse().map(Said::Named).map_err(wrong)
            }
        })
    }

    /// Lines that were of no use: what nobody and nothing is called.
    pub(super) fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let unused = self.lines.iter().enumerate().filter(|(place, _)| !used.contains(place));
        unused
            .map(|(_, line)| {
                format!(
                    "line {} of the map is of no use: nothing is called {}",
                    line.number,
                    quoted(&line.old)
                )
            })
            .collect()
    }

    fn line(&self, name: &str, kind: Kind) -> Option<(usize, &NameLine)> {
        let places = self.by_name.get(name)?;
        let lines = places.iter().map(|place| (*place, &self.lines[*place]));
        let is_whole = |line: &NameLine| kind == Kind::Group || !is_beginning(&line.old);
        let of_kind = |line: &NameLine| line.kind.is_none_or(|it| it == kind) && is_whole(line);
        let mut of_kind = lines.filter(|(_, line)| of_kind(line));
        of_kind.next()
    }
}

/// Whether a line's name stands for all whose name begins so.
fn is_beginning(text: &str) -> bool {
    text.len() > 1 && text.ends_with('-')
}

fn user(number: usize, new: &str) -> Result<UserId, NameError> {
    new.parse().map_err(|error| NameError::User(number, new.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_of(names: &Names, name: &str) -> Option<Result<Said<UserId>, NameError>> {
        names.user(&[name.to_owned()])
    }

    #[test]
    fn users_groups_and_beginnings() {
        let names = Names::read(
            "ada ldap-ada\n\"Dev Ops\" dev-ops\nuser x k-x\ngroup x xs\nmy-ldap- ldap-\nmy-ldap-old- -\nmallory -\nunused y\n",
        )
        .unwrap();
        let named = |id: &str| Some(Ok(Said::Named(id.parse().unwrap())));
        assert_eq!(user_of(&names, "ada"), named("ldap-ada"));
        assert_eq!(user_of(&names, "x"), named("k-x"));
        assert_eq!(user_of(&names, "my-ldap-1"), named("ldap-1"));
        assert_eq!(user_of(&names, "my-ldap-old-1"), Some(Ok(Said::LeftOut)), "the longest");
        assert_eq!(user_of(&names, "mallory"), Some(Ok(Said::LeftOut)));
        assert_eq!(user_of(&names, "grace"), None);
        assert_eq!(user_of(&names, "my-ldap-"), None);
        let group = |name: &str| names.group(name);
        assert_eq!(group("Dev Ops"), Some(Ok(Said::Named("dev-ops".parse().unwrap()))));
        assert_eq!(group("x"), Some(Ok(Said::Named("xs".parse().unwrap()))));
        assert_eq!(group("dev ops"), None);
        assert_eq!(names.unused(), ["line 8 of the map is of no use: nothing is called unused"]);
        let both = names.both(|name| name == "ada", |name| name == "ada");
        assert_eq!(both, [NameError::Both(1, "ada".into())]);
    }

    #[test]
    fn mistakes() {
        for (text, told) in [
            ("a", "line 1: has not two names but 1;"),
            ("a b c", "line 1: has not two names but 3;"),
            ("\nuser a", "line 2: "),
            ("a k-a\na k-b", "line 2: a has a line already, line 1"),
            ("user a k-a\na b", "line 2: a has a line already"),
            ("my- ldap-ada", "line 1: my- ends with a -"),
            ("my ldap-", "line 1: ldap- ends with a -"),
            ("\"a", "line 1: a \" is missing"),
        ] {
            let told_now = match Names::read(text) {
                Ok(names) => names.user(&["user".into()]).unwrap().unwrap_err().to_string(),
                Err(wrong) => wrong[0].to_string(),
            };
            let told = if text == "\nuser a" { "line 2: \"a\" is no user id" } else { told };
            assert!(told_now.starts_with(told), "{text}: {told_now}");
        }
        let names = Names::read("x no\ng staff.x\nmy- NO-").unwrap();
        assert!(matches!(user_of(&names, "x"), Some(Err(NameError::User(1, _, _)))));
        assert!(matches!(names.group("g"), Some(Err(NameError::Group(2, _, _)))));
        assert!(matches!(user_of(&names, "my-a"), Some(Err(NameError::User(3, _, _)))));
        assert!(Names::read("user a k-a\ngroup a as").is_ok());
    }
}
