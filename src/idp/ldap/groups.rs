//! The groups of a user of a directory: listed in their entry or searched for, and the groups of those.
//!
//! However many a directory has, or says it has, so many are looked at; what is left out is left out loudly. Must not know
//! what a group means here.

use std::collections::HashSet;

use super::connection::{Completeness, Connection, Found, Trouble};
use super::entry::Entry;
use super::message::{Filling, NO_ATTRIBUTES, Search, SearchFilter, SearchScope};
use crate::settings::{Hole, LdapFilter, LdapGroups, Nesting};

/// Most groups of one user, and most bytes of all their names.
const MAX_GROUPS: usize = 1000;
const MAX_NAMES: usize = 1024 * 1024;
/// Most groups whose own groups are asked for one by one.
const MAX_ASKED: usize = 200;
/// How many groups within one another are followed.
const MAX_LEVELS: usize = 16;
/// Groups whose own groups are asked for with one search.
const AT_ONCE: usize = 32;

/// The names of a user's groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GroupNames {
    pub names: Vec<String>,
    /// What there was to leave out.
    pub left_out: Option<&'static str>,
}

impl GroupNames {
    fn leave_out(&mut self, what: &'static str) {
        self.left_out.get_or_insert(what);
    }
}

/// Groups as they are found, each once, and no more of them than may be kept.
#[derive(Default)]
struct Gathered {
    found: GroupNames,
    seen: HashSet<String>,
    bytes: usize,
}

impl Gathered {
    /// Whether there is room for a group that was not there before; then it is there.
    fn meets(&mut self, dn: &str) -> bool {
        if !self.has_room(dn) {
            return false;
        }
        if self.seen.contains(&same(dn)) {
            return false;
        }
        if self.seen.len() >= MAX_GROUPS {
            self.found.leave_out("more than 1000 groups");
            return false;
        }
        self.bytes += dn.len();
        self.seen.insert(same(dn))
    }

    fn add(&mut self, name: &str) {
        if self.has_room(name) {
            self.bytes += name.len();
            self.found.names.push(name.to_owned());
        }
    }

    fn has_room(&mut self, name: &str) -> bool {
        let has_room = self.bytes + name.len() <= MAX_NAMES;
        if !has_room {
            self.found.leave_out("groups with more than 1 MiB of names");
        }
        has_room
    }

    /// Adds groups by the names of their entries; those that were not there before are what is left.
    fn listed<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Vec<String> {
        let new: Vec<String> = names.filter(|dn| self.meets(dn)).map(str::to_owned).collect();
        new.iter().for_each(|dn| self.add(dn));
        new
    }
}

/// The groups of a user whose entry is at hand.
pub(super) async fn groups(
    connection: &mut Connection,
    settings: &LdapGroups,
    user: &Entry,
    (username, seconds): (&str, u32),
) -> Result<GroupNames, Trouble> {
    match settings {
        LdapGroups::Listed { attribute, nesting } => {
            listed(connection, attribute, *nesting, user, seconds).await
        }
        LdapGroups::Searched { base, filter, name, nesting } => {
            let searched = Searched { base, filter, name: name.as_deref(), seconds };
            searched.groups(connection, *nesting, user, username).await
        }
    }
}

/// A name of an entry, for comparison: directories do not tell capital letters apart.
fn same(dn: &str) -> String {
    dn.to_lowercase()
}

/// Groups that the user's entry lists, and what their entries list.
async fn listed(
    connection: &mut Connection,
    attribute: &str,
    nesting: Nesting,
    user: &Entry,
    seconds: u32,
) -> Result<GroupNames, Trouble> {
    let mut gathered = Gathered::default();
    let mut level = gathered.listed(user.texts(attribute));
    let mut asked = 0;
    for _ in 1..MAX_LEVELS {
        if nesting == Nesting::None || level.is_empty() {
            return Ok(gathered.found);
        }
        let mut next = Vec::new();
        for dn in &level {
            if asked >= MAX_ASKED {
                gathered.found.leave_out("the groups of more than 200 groups");
                return Ok(gathered.found);
            }
            asked += 1;
            match entry_of(connection, dn, attribute, seconds).await {
                Ok(Some(entry)) => next.extend(gathered.listed(entry.texts(attribute))),
                Ok(None) => {}
                Err(Trouble::Answered(outcome)) if outcome.is_elsewhere() => {
                    gathered.found.leave_out("the groups of a group that is in another directory");
                }
                Err(trouble) => return Err(trouble),
            }
        }
        level = next;
    }
    gathered.found.leave_out("groups within more than 16 others");
    Ok(gathered.found)
}

/// The entry of a group with what it lists; none when it cannot be seen.
async fn entry_of(
    connection: &mut Connection,
    dn: &str,
    attribute: &str,
    seconds: u32,
) -> Result<Option<Entry>, Trouble> {
    let search = Search {
        base: dn,
        scope: SearchScope::Base,
        filter: SearchFilter::Any,
        attributes: &[attribute],
        most: 1,
        seconds,
    };
    match connection.search(&search).await {
        Ok(Found { mut entries, .. }) => Ok(entries.pop()),
        Err(Trouble::Answered(outcome)) if outcome.hides_an_entry() => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// How groups are searched for.
struct Searched<'a> {
    base: &'a str,
    filter: &'a LdapFilter,
    name: Option<&'a str>,
    seconds: u32,
}

impl Searched<'_> {
    async fn groups(
        &self,
        connection: &mut Connection,
        nesting: Nesting,
        user: &Entry,
        username: &str,
    ) -> Result<GroupNames, Trouble> {
        let mut gathered = Gathered::default();
        if username.is_empty() && self.filter.asks_for(Hole::Username) {
            gathered.found.leave_out("all groups: the user's entry has no username");
            return Ok(gathered.found);
        }
        let mut level = vec![user.dn.clone()];
        for depth in 0..MAX_LEVELS {
            let mut next = Vec::new();
            for some in level.chunks(AT_ONCE) {
                let username = if depth == 0 { username } else { "" };
                let fillings: Vec<Filling<'_>> =
                    some.iter().map(|dn| Filling { dn, username, login: "" }).collect();
                let Found { entries, completeness } = self.of(connection, &fillings).await?;
                if completeness == Completeness::More {
                    let what = "more groups than the directory shows at once, or than 1000";
                    gathered.found.leave_out(what);
                }
                for entry in entries {
                    if gathered.meets(&entry.dn) {
                        self.name(&entry, &mut gathered);
                        next.push(entry.dn);
                    }
                }
            }
            if nesting == Nesting::None || next.is_empty() {
                return Ok(gathered.found);
            }
            level = next;
        }
        gathered.found.leave_out("groups within more than 16 others");
        Ok(gathered.found)
    }

    async fn of(
        &self,
        connection: &mut Connection,
        fillings: &[Filling<'_>],
    ) -> Result<Found, Trouble> {
        let search = Search {
            base: self.base,
            scope: SearchScope::Subtree,
            filter: SearchFilter::OneOf(self.filter.root(), fillings),
            attributes: &[self.name.unwrap_or(NO_ATTRIBUTES)],
            most: 1000,
            seconds: self.seconds,
        };
        connection.search(&search).await.map_err(|trouble| match trouble {
            Trouble::Answered(outcome) if outcome.is_missing() => {
                Trouble::Invalid("it has no such group_base, or does not show it to us")
            }
            other => other,
        })
    }

    /// Takes a group by its name, if it has one: whoever may give theirs a second one could give it any.
    fn name(&self, entry: &Entry, gathered: &mut Gathered) {
        match self.name {
            None => gathered.add(&entry.dn),
            Some(attribute) => match entry.text(attribute) {
                Some(name) => gathered.add(name),
                None => gathered.found.leave_out("a group that has not one name"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However many answers a directory gives, and however long the names in them are.
    #[test]
    fn what_is_kept_is_bounded() {
        let (mut many, mut long) = (Gathered::default(), Gathered::default());
        for answer in 0..200 {
            let names: Vec<String> =
                (0..1000).map(|number| format!("cn={answer}-{number}")).collect();
            many.listed(names.iter().map(String::as_str));
            let name = format!("cn={answer}{}", "x".repeat(100_000));
            long.listed(std::iter::once(name.as_str()));
        }
        assert_eq!((many.found.names.len(), many.seen.len()), (1000, 1000));
        assert_eq!(many.found.left_out, Some("more than 1000 groups"));
        let kept = |texts: &mut dyn Iterator<Item = &String>| texts.map(String::len).sum::<usize>();
        let kept = kept(&mut long.found.names.iter().chain(&long.seen));
        assert!((900_000..=MAX_NAMES).contains(&kept), "{kept}");
        assert_eq!(long.found.left_out, Some("groups with more than 1 MiB of names"));
    }

    #[test]
    fn each_once() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.listed(["cn=a", "CN=A", "cn=b"].into_iter()), ["cn=a", "cn=b"]);
        assert_eq!(gathered.listed(["cn=B", "cn=c"].into_iter()), ["cn=c"]);
        assert_eq!(gathered.found.names, ["cn=a", "cn=b", "cn=c"]);
        assert_eq!(gathered.found.left_out, None);
    }
}
