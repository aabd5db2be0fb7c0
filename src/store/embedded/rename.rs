//! Users of a file who are called otherwise, all at once: one transaction, beside a running server.
//!
//! What is said of them goes first, then their places on rosters, and who made what. Must not know who may do that.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::Path;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::change::stand;
use super::error::StoreError;
use super::file::{OpenError, Place};
use super::left_out::LeftOut;
use super::load::{each, role_of};
use super::log::{self, Made, moment, parsed};
use super::stamp::{self, Why};
use super::together::TogetherError;
use super::{Clock, author, leftover};
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Roster};
use crate::domain::policy::{RenamingPermit, keeps_root_staff};
use crate::domain::provider::PossibleUsers;
use crate::domain::realm::WriteError;
use crate::domain::renaming::{Collision, Renamed, Renaming, Trial};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Update;

/// Why nobody was renamed.
pub type RenameError = TogetherError<Collision>;

/// Renames users in a file, which has to be there; whoever looks sees all of it or nothing.
///
/// # Errors
/// Why nothing was changed; also that nobody would be left who can act as root staff.
pub fn rename_users(
    path: &Path,
    clock: Clock,
    permit: &RenamingPermit,
    trial: Trial,
) -> Result<Vec<Renamed>, RenameError> {
    if path.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(OpenError::Missing { path: path.to_owned() }.into());
    }
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let mut database = Place::File(path.to_owned()).connect().map_err(failed)?;
    let connection = &mut database.connection;
    let reading = connection.transaction()?;
    let plan = Plan::read(&reading, permit.renaming(), clock())?;
    reading.rollback()?;
    plan.check(permit.possible())?;
    if trial == Trial::Dry || plan.is_empty() {
        return Ok(plan.renamed());
    }
    if leftover::files(path)?.is_log_empty() {
        leftover::set_apart(connection, path)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let files = leftover::files(path)?;
    // Once more, now that nobody else can change it.
    let now = clock();
    let plan = Plan::read(&transaction, permit.renaming(), now)?;
    plan.check(permit.possible())?;
    plan.write(&transaction, now)?;
    stamp::put(&transaction, files, Why::Change)?;
    transaction.commit()?;
    Ok(plan.renamed())
}

/// Somebody's place on a roster, as the file has it.
struct Held {
    group: i64,
    role: i64,
    /// `None` for a group that is left out of what is read.
    roster: Option<Roster>,
    user: UserId,
    end: Option<Timestamp>,
    author: Option<String>,
    called: Option<String>,
}

impl Held {
    fn key(&self, user: UserId) -> (i64, i64, UserId) {
        (self.group, self.role, user)
    }
}

/// What is to be changed.
#[derive(Default)]
struct Plan {
    renaming: Renaming,
    now: Option<Timestamp>,
    said: HashMap<UserId, Standing>,
    standings: BTreeMap<UserId, Standing>,
    gone: Vec<Held>,
    placed: Vec<Held>,
    /// Places whose user stays, and whose author is called otherwise.
    authored: Vec<Held>,
    made: Vec<(i64, UserId)>,
    root_staff: Vec<(UserId, Option<Timestamp>)>,
    counts: BTreeMap<UserId, (usize, usize)>,
}

impl Plan {
    fn read(
        connection: &Connection,
        renaming: &Renaming,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut plan = Self { renaming: renaming.clone(), now: Some(now), ..Self::default() };
        let mut left_out = LeftOut::default();
        let sql = "SELECT user, banned, not_before FROM standings";
        each(connection, sql, [], ("standings", "standing"), |row| {
            let standing = Standing { banned: row.get(1)?, not_before: moment(row, 2)? };
            let user = left_out.unless(row, parsed(row, 0))?;
            plan.said.extend(user.map(|user| (user, standing)));
            Ok(())
        })?;
        let sql = "SELECT id, author FROM groups WHERE author IS NOT NULL";
        each(connection, sql, [], ("groups", "author"), |row| {
            let author: String = row.get(1)?;
            if let Some((old, new)) = plan.renamed_author(&author) {
                plan.made.push((row.get(0)?, new));
                plan.counts.entry(old).or_default().1 += 1;
            }
            Ok(())
        })?;
        plan.read_memberships(connection, &mut left_out)?;
        plan.judge();
        Ok(plan)
    }

    fn read_memberships(
        &mut self,
        connection: &Connection,
        left_out: &mut LeftOut,
    ) -> Result<(), StoreError> {
        // Of those who stay, whom others may come to.
        let mut there: BTreeMap<(i64, i64, UserId), Held> = BTreeMap::new();
        let sql = "SELECT group_id, role, name, user, expires_at, memberships.author, called
                   FROM memberships JOIN groups ON id = group_id";
        each(connection, sql, [], ("memberships", "membership"), |row| {
            let Some(held) = held(row, left_out)? else { return Ok(()) };
            if held.group == 0 {
                self.root_staff.push((held.user.clone(), held.end));
            }
            let author = held.author.as_deref().and_then(|author| self.renamed_author(author));
            if let Some((old, _)) = &author {
                self.counts.entry(old.clone()).or_default().1 += 1;
            }
            if self.renaming.new_name(&held.user).is_some() {
                self.counts.entry(held.user.clone()).or_default().0 += 1;
                self.gone.push(held);
            } else if self.renaming.former_name(&held.user).is_some() {
                there.insert(held.key(held.user.clone()), held);
            } else if author.is_some() {
                self.authored.push(held);
            }
            Ok(())
        })?;
        for held in &self.gone {
            let Some(user) = self.renaming.new_name(&held.user) else { continue };
            let own = there.remove(&held.key(user.clone()));
            // Of two ends the later counts, as of two Memberships.
            let (end, author) = match own {
                None => (held.end, held.author.clone()),
                Some(own) => (own.end.zip(held.end).map(|(one, two)| one.max(two)), own.author),
            };
            let Held { group, role, roster, called, .. } = held;
            let (group, role, roster, called) = (*group, *role, roster.clone(), called.clone());
            let author = self.author_now(author);
            self.placed.push(Held { group, role, roster, user, end, author, called });
        }
        let rest = there.into_values().chain(std::mem::take(&mut self.authored));
        let rest = rest.map(|held| {
            let author = self.author_now(held.author.clone());
            (held.author != author).then_some(Held { author, ..held })
        });
        self.authored = rest.collect::<Vec<_>>().into_iter().flatten().collect();
        Ok(())
    }

    fn renamed_author(&self, author: &str) -> Option<(UserId, UserId)> {
        let author: UserId = author.parse().ok()?;
        let new = self.renaming.new_name(&author)?;
        Some((author, new))
    }

    fn author_now(&self, author: Option<String>) -> Option<String> {
        let new = author.as_deref().and_then(|author| self.renamed_author(author));
        new.map(|(_, new)| new.to_string()).or(author)
    }

    /// What is said of everybody from now on.
    fn judge(&mut self) {
        let Some(now) = self.now else { return };
        let seen = self.said.keys().chain(self.counts.keys());
        let seen = seen.filter_map(|user| self.renaming.new_name(user));
        let named = self.renaming.pairs().map(|(_, new)| new.clone());
        let new: BTreeSet<UserId> = seen.chain(named).collect();
        let before = |user: &UserId| self.said.get(user).copied().unwrap_or_default();
        let gaining: BTreeSet<&UserId> = self.placed.iter().map(|held| &held.user).collect();
        let after = |user: UserId| {
            let standing = self.renaming.standing(&user, before, gaining.contains(&user), now)?;
            Some((user, standing))
        };
        self.standings = new.into_iter().filter_map(after).collect();
    }

    /// That no two become one, and that somebody is left who can act as root staff, if there was somebody.
    fn check(&self, possible: Option<&PossibleUsers>) -> Result<(), RenameError> {
        let seen = self.said.keys().chain(self.counts.keys());
        self.renaming.check(seen).map_err(TogetherError::Plan)?;
        let Some(now) = self.now else { return Ok(()) };
        let before = |user: &UserId| self.said.get(user).copied().unwrap_or_default();
        let after = |user: &UserId| self.standings.get(user).copied().unwrap_or(before(user));
        let could_act = |(user, end): &(UserId, Option<Timestamp>)| {
            keeps_root_staff(user, *end, before(user), possible, now)
        };
        let will_act = |(user, end): &(UserId, Option<Timestamp>)| {
            let user = self.renaming.new_name(user).unwrap_or_else(|| user.clone());
            keeps_root_staff(&user, *end, after(&user), possible, now)
        };
        if self.root_staff.iter().any(could_act) && !self.root_staff.iter().any(will_act) {
            return Err(TogetherError::Refused(WriteError::LastRootStaff));
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.standings.is_empty()
            && self.gone.is_empty()
            && self.authored.is_empty()
            && self.made.is_empty()
    }

    fn write(&self, connection: &Connection, now: Timestamp) -> Result<(), RenameError> {
        let mut updates = Vec::new();
        for (user, standing) in &self.standings {
            updates.extend(stand(connection, user, *standing)?);
        }
        let sql = "DELETE FROM memberships WHERE group_id = ? AND role = ? AND user = ?";
        let mut deletion = connection.prepare(sql)?;
        for Held { group, role, roster, user, .. } in &self.gone {
            deletion.execute(params![group, role, user.as_str()])?;
            let left =
                |roster: &Roster| Update::Left { roster: roster.clone(), user: user.clone() };
            updates.extend(roster.as_ref().map(left));
        }
        let sql =
            "INSERT OR REPLACE INTO memberships (group_id, role, user, expires_at, author, called)
                   VALUES (?, ?, ?, ?, ?, ?)";
        let mut insertion = connection.prepare(sql)?;
        for held in self.placed.iter().chain(&self.authored) {
            let Held { group, role, roster, user, end, author, called } = held;
            let (until, user_id) = (end.map(Timestamp::as_unix), user.as_str());
            insertion.execute(params![group, role, user_id, until, author, called])?;
            let joined = |roster: &Roster| {
                let (roster, user, expires_at) = (roster.clone(), user.clone(), *end);
                Update::Joined(Membership { roster, user, expires_at })
            };
            updates.extend(roster.as_ref().map(joined));
        }
        let mut made = connection.prepare("UPDATE groups SET author = ? WHERE id = ?")?;
        for (group, author) in &self.made {
            made.execute(params![author.as_str(), group])?;
        }
        let made = Made { by: author::operator(), at: now };
        for update in &updates {
            log::append(connection, update, made)?;
        }
        Ok(())
    }

    /// Of whom something was said, and what.
    fn renamed(&self) -> Vec<Renamed> {
        let before = |user: &UserId| self.said.get(user).copied().unwrap_or_default();
        let seen: BTreeSet<&UserId> = self.said.keys().chain(self.counts.keys()).collect();
        let renamed = |old: &UserId| {
            let new = self.renaming.new_name(old)?;
            let (memberships, made) = self.counts.get(old).copied().unwrap_or_default();
            let standing = self.standings.get(&new).copied().unwrap_or_else(|| before(&new));
            Some(Renamed { old: old.clone(), new, memberships, made, is_banned: standing.banned })
        };
        seen.into_iter().filter_map(renamed).collect()
    }
}

fn held(row: &Row<'_>, left_out: &mut LeftOut) -> rusqlite::Result<Option<Held>> {
    let (group, role): (i64, i64) = (row.get(0)?, row.get(1)?);
    let roster = if group == 0 {
        Some(Roster::RootStaff)
    } else {
        let name: Option<GroupName> = left_out.unless(row, parsed(row, 2))?;
        name.map(|name| Roster::of(name, role_of(role)))
    };
    let Some(user) = left_out.unless(row, parsed(row, 3))? else { return Ok(None) };
    let (end, author, called) = (moment(row, 4)?, row.get(5)?, row.get(6)?);
    Ok(Some(Held { group, role, roster, user, end, author, called }))
}
