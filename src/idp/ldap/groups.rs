//! The groups of a user of a directory: listed in their entry or searched for, and the groups of those.
//!
//! However many a directory has, or says it has, so many are looked at; what is left out is left out loudly. Must not know
//! what a group means here.

use std::collections::HashSet;

use super::connection::{Completeness, Connection, Found, Trouble};
use super::entry::Entry;
use super::message::{Filling, NO_ATTRIBUTES, Search, SearchFilter, SearchScope};
use crate::settings::{Hole, LdapFilter, LdapGroups, Nesting};

/// Most groups of one user.
const MAX_GROUPS: usize = 1000;
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

    fn add(&mut self, name: &str) {
        if self.names.len() < MAX_GROUPS {
            self.names.push(name.to_owned());
        } else {
            self.leave_out("more than 1000 groups");
        }
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
    let (mut found, mut seen) = (GroupNames::default(), HashSet::new());
    let mut level: Vec<String> = user.texts(attribute).map(str::to_owned).collect();
    let mut asked = 0;
    for _ in 0..MAX_LEVELS {
        level.retain(|dn| seen.len() < MAX_GROUPS + 1 && seen.insert(same(dn)));
        level.iter().for_each(|dn| found.add(dn));
        if nesting == Nesting::None || level.is_empty() {
            return Ok(found);
        }
        let mut next = Vec::new();
        for dn in &level {
            if asked >= MAX_ASKED {
                found.leave_out("the groups of more than 200 groups");
                return Ok(found);
            }
            asked += 1;
            next.extend(listed_in(connection, dn, attribute, seconds).await?);
        }
        level = next;
    }
    found.leave_out("groups within more than 16 others");
    Ok(found)
}

/// What the entry of a group lists; nothing when it cannot be seen.
async fn listed_in(
    connection: &mut Connection,
    dn: &str,
    attribute: &str,
    seconds: u32,
) -> Result<Vec<String>, Trouble> {
    let search = Search {
        base: dn,
        scope: SearchScope::Base,
        filter: SearchFilter::Any,
        attributes: &[attribute],
        most: 1,
        seconds,
    };
    match connection.search(&search).await {
        Ok(Found { entries, .. }) => {
            Ok(entries.iter().flat_map(|entry| entry.texts(attribute)).map(str::to_owned).collect())
        }
        Err(Trouble::Answered(outcome)) if outcome.hides_an_entry() => Ok(Vec::new()),
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
        let (mut found, mut seen) = (GroupNames::default(), HashSet::new());
        if username.is_empty() && self.filter.asks_for(Hole::Username) {
            found.leave_out("all groups: the user's entry has no username");
            return Ok(found);
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
                    found.leave_out("more groups than the directory shows at once, or than 1000");
                }
                for entry in entries {
                    if seen.len() <= MAX_GROUPS && seen.insert(same(&entry.dn)) {
                        self.name(&entry, &mut found);
                        next.push(entry.dn);
                    }
                }
            }
            if nesting == Nesting::None || next.is_empty() {
                return Ok(found);
            }
            level = next;
        }
        found.leave_out("groups within more than 16 others");
        Ok(found)
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
        connection.search(&search).await
    }

    /// Takes a group by its name, if it has one: whoever may give theirs a second one could give it any.
    fn name(&self, entry: &Entry, found: &mut GroupNames) {
        match self.name {
            None => found.add(&entry.dn),
            Some(attribute) => match entry.text(attribute) {
                Some(name) => found.add(name),
                None => found.leave_out("a group that has not one name"),
            },
        }
    }
}
