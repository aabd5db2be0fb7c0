//! What users are called from now on: a map of former ids to new ones, and what becomes of what is said of them.
//!
//! All names change at once, so that two people can take each other's. Nobody is called as somebody else is. What
//! the lines of a map are: `line`. Must not know where a map is kept nor where users are.

mod line;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

pub use self::line::{Line, LineError, MAX_WORD, lines, quoted};
use super::directory::Standing;
use super::time::Timestamp;
use super::user::{ProviderName, UserId, UserIdError};

/// Former ids and new ones, each of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renaming {
    /// One line each; also of those who keep their name.
    users: BTreeMap<UserId, UserId>,
    former: HashMap<UserId, UserId>,
    /// All of a provider who have no line of their own.
    providers: BTreeMap<ProviderName, ProviderName>,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub struct MapError {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong with a line of a map of users.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It cannot be read at all.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It has another number of names.
    #[error(
        "has not two names but {0}; a right one has the former user id and the new one, such as kisee-john ldap-john, or kisee- ldap- for \
         everybody of a provider"
    )]
    Words(usize),
    /// One of the names is none.
    #[error("{0:?} is no user id: {1}")]
    User(String, #[source] UserIdError),
    /// All of a provider are to be one, or one all.
    #[error(
        "{0} is everybody of a provider and {1} is not; right are kisee- ldap- and kisee-john ldap-john"
    )]
    Mixed(String, String),
    /// It says of somebody what another line says too.
    #[error("{0} has a line already, line {1}")]
    Twice(String, usize),
    /// Two people would be one.
    #[error("{0} would be two people: {1} by this line, and {2} by line {3}")]
    Collision(String, String, String, usize),
}

/// Two people would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{new} would be two people: {old}, by a line of the map, and {other}, as everybody of the provider; give {other} a line too"
)]
pub struct Collision {
    /// Who they would be.
    pub new: UserId,
    /// Who has a line.
    pub old: UserId,
    /// Who has none.
    pub other: UserId,
}

/// Whether users are renamed, or it is only said what would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Nothing is written.
    Dry,
    /// It is done.
    Real,
}

/// What has become of a user who is called otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The former id.
    pub old: UserId,
    /// The new one.
    pub new: UserId,
    /// In how many places they are on a roster.
    pub memberships: usize,
    /// How many groups and memberships they have made.
    pub made: usize,
    /// Whether they are banned.
    pub is_banned: bool,
}

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, new, memberships, made, is_banned } = self;
        let s = if *memberships == 1 { "" } else { "s" };
        write!(f, "{old} is {new} now: {memberships} membership{s}")?;
        if *made > 0 {
            write!(f, ", {made} made by them")?;
        }
        if *is_banned { f.write_str(", banned") } else { Ok(()) }
    }
}

/// A line that was read.
enum Read {
    User(UserId, UserId),
    Provider(ProviderName, ProviderName),
}

impl Renaming {
    /// Reads a map: on each line a former id and the new one, or two providers, each followed by a `-`.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(text: &str) -> Result<Self, Vec<MapError>> {
        let (mut renaming, mut wrong) = (Self::default(), Vec::new());
        let mut by_line: HashMap<String, usize> = HashMap::new();
        for (number, line) in lines(text) {
            let taken = line
                .map_err(Mistake::from)
                .and_then(|line| read(&line))
                .and_then(|read| renaming.take(read, number, &mut by_line));
            wrong.extend(taken.err().map(|mistake| MapError { line: number, mistake }));
        }
        if wrong.is_empty() { Ok(renaming) } else { Err(wrong) }
    }

    fn take(
        &mut self,
        read: Read,
        number: usize,
        by_line: &mut HashMap<String, usize>,
    ) -> Result<(), Mistake> {
        let (old, new, other) = match &read {
            Read::User(old, new) => {
                (old.to_string(), new.to_string(), self.former.get(new).map(ToString::to_string))
            }
            Read::Provider(old, new) => {
                let other = self.providers.iter().find(|(_, taken)| *taken == new);
                (format!("{old}-"), format!("{new}-"), other.map(|(other, _)| format!("{other}-")))
            }
        };
        if let Some(before) = by_line.get(&old) {
            return Err(Mistake::Twice(old, *before));
        }
        if let Some(other) = other {
            let before = by_line.get(&other).copied().unwrap_or_default();
            return Err(Mistake::Collision(new, old, other, before));
        }
        by_line.insert(old, number);
        match read {
            Read::User(old, new) => {
                self.former.insert(new.clone(), old.clone());
                self.users.insert(old, new);
            }
            Read::Provider(old, new) => {
                self.providers.insert(old, new);
            }
        }
        Ok(())
    }

    /// Of whom something is said, and who would be one with somebody who has a line of their own: a line is missing.
    ///
    /// # Errors
    /// The first of them.
    pub fn check<'a>(&self, seen: impl IntoIterator<Item = &'a UserId>) -> Result<(), Collision> {
        for other in seen {
            if self.users.contains_key(other) {
                continue;
            }
            let Some(new) = self.new_name(other) else { continue };
            if let Some(old) = self.former.get(&new) {
                let (old, other) = (old.clone(), other.clone());
                return Err(Collision { new, old, other });
            }
        }
        Ok(())
    }

    /// Whether nobody is called otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs().next().is_none() && self.providers.iter().all(|(old, new)| old == new)
    }

    /// Those with a line of their own who are called otherwise: the former id and the new one.
    pub fn pairs(&self) -> impl Iterator<Item = (&UserId, &UserId)> {
        self.users.iter().filter(|(old, new)| old != new)
    }

    /// The providers whose users get names.
    pub fn new_providers(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.values()
    }

    /// What a user is called from now on, if otherwise than before.
    #[must_use]
    pub fn new_name(&self, user: &UserId) -> Option<UserId> {
        let (provider, subject) = user.split();
        let of_provider = || {
            let found = self.providers.iter().find(|(old, _)| old.as_str() == provider);
            found.map(|(_, new)| with_provider(new, subject))
        };
        let new = self.users.get(user).cloned().or_else(of_provider);
        new.filter(|new| new != user)
    }

    /// Who is called so from now on, if they were called otherwise.
    #[must_use]
    pub fn former_name(&self, user: &UserId) -> Option<UserId> {
        let own = self.former.get(user).cloned();
        let of_provider =
            || self.by_provider_before(user).filter(|old| !self.users.contains_key(old));
        own.or_else(of_provider).filter(|old| old != user)
    }

    /// Whether an id passes from one person to another: who had it is called otherwise, and somebody else is called so.
    #[must_use]
    pub fn passes_on(&self, user: &UserId) -> bool {
        self.new_name(user).is_some() && self.former_name(user).is_some()
    }

    /// Whether an id may pass from one person to another: then it matters how often this is done.
    #[must_use]
    pub fn has_chains(&self) -> bool {
        let is_left = |(old, new): (&ProviderName, &ProviderName)| {
            old != new && self.providers.get(new).is_some_and(|next| next != new)
        };
        self.pairs().any(|(_, new)| self.new_name(new).is_some())
            || self.pairs().any(|(old, _)| self.former_name(old).is_some())
            || self.providers.iter().any(is_left)
    }

    /// The lines in one order, whatever order they were written in: the same map gives the same text.
    #[must_use]
    pub fn canonical(&self) -> String {
        let users = self.users.iter().map(|(old, new)| format!("{old}\n{new}\n"));
        let providers = self.providers.iter().map(|(old, new)| format!("{old}-\n{new}-\n"));
        users.chain(providers).collect()
    }

    /// What is said from now on of whoever has this id, given what was said of each id before, and whether they get anything by
    /// it: `None` when that is what is said already. Who was banned stays so under the new id, and under the former one until
    /// somebody else has it. No session of the id goes on with more than it had.
    #[must_use]
    pub fn standing(
        &self,
        user: &UserId,
        before: impl Fn(&UserId) -> Standing,
        gains: bool,
        now: Timestamp,
    ) -> Option<Standing> {
        let former = before(&self.former_name(user)?);
        let there = before(user);
        let is_another = self.new_name(user).is_some();
        let banned = former.banned || (!is_another && there.banned);
        let not_before = there.not_before.max(former.not_before);
        let moved = Standing { banned: there.banned, not_before };
        let ends = gains || banned != there.banned;
        let after = if ends { moved.revoked(now) } else { moved };
        Some(Standing { banned, ..after }).filter(|after| *after != there)
    }

    /// The user of a provider who is called so from now on, as everybody there.
    fn by_provider_before(&self, user: &UserId) -> Option<UserId> {
        let (provider, subject) = user.split();
        let (old, _) = self.providers.iter().find(|(_, new)| new.as_str() == provider)?;
        Some(with_provider(old, subject))
    }
}

fn with_provider(provider: &ProviderName, subject: &str) -> UserId {
    format!("{provider}-{subject}").parse().expect("the subject is that of a user")
}

fn read(line: &Line) -> Result<Read, Mistake> {
    let [old, new] = line.words.as_slice() else { return Err(Mistake::Words(line.words.len())) };
    let provider = |text: &str| text.strip_suffix('-')?.parse::<ProviderName>().ok();
    match (provider(old), provider(new)) {
        (Some(old), Some(new)) => Ok(Read::Provider(old, new)),
        (Some(_), None) => Err(Mistake::Mixed(old.clone(), new.clone())),
        (None, Some(_)) => Err(Mistake::Mixed(new.clone(), old.clone())),
        (None, None) => {
            let user =
                |text: &str| text.parse().map_err(|error| Mistake::User(text.to_owned(), error));
            Ok(Read::User(user(old)?, user(new)?))
        }
    }
}

#[cfg(test)]
mod tests;
