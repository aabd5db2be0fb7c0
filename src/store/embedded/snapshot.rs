//! All that a file holds at one moment, read row by row; beside a running server.
//!
//! Must not know what is made of it.

use std::cell::RefCell;
use std::io;
use std::path::Path;

use rusqlite::{Row, params};

use super::error::StoreError;
use super::file::{Database, OpenError, Place};
use super::left_out::LeftOut;
use super::load::{each, number_of};
use super::log::{described, moment, parsed};
use crate::domain::description::Description;
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// The file as it is when this is made, whatever others write meanwhile.
#[derive(Debug)]
pub struct Snapshot {
    database: Database,
    left_out: RefCell<LeftOut>,
}

impl Snapshot {
    /// Opens the file, which has to be there.
    ///
    /// # Errors
    /// The file is not there, cannot be used, is damaged, or is no file of this program or an older one.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if let Err(source) = path.metadata()
            && source.kind() == io::ErrorKind::NotFound
        {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        let database = Place::File(path.to_owned()).connect().map_err(failed)?;
        // The first reading fixes the moment; nothing is written, so that nothing is lost when this is dropped.
        let begun = database.connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;");
        begun.map_err(|error| failed(error.into()))?;
        Ok(Self { database, left_out: RefCell::default() })
    }

    /// Every group, in order, with what it is for.
    ///
    /// # Errors
    /// The file fails, or is damaged.
    pub fn groups(&self) -> Result<Vec<(GroupName, Option<Description>)>, StoreError> {
        let mut groups = Vec::new();
        let sql = "SELECT name, description FROM groups WHERE id <> 0";
        each(&self.database.connection, sql, [], ("groups", "group name"), |row| {
            let (name, description) =
                (self.unless_left_out(row, parsed(row, 0))?, described(row, 1)?);
            groups.extend(name.map(|name| (name, description)));
            Ok(())
        })?;
        groups.sort_unstable_by(|(one, _): &(GroupName, _), (two, _)| one.cmp(two));
        Ok(groups)
    }

    /// Every user on a roster at a moment, with the end: first those without one, then by end, and by id.
    ///
    /// # Errors
    /// The file fails, or is damaged.
    pub fn members(
        &self,
        roster: &Roster,
        now: Timestamp,
        mut each_member: impl FnMut(UserId, Option<Timestamp>),
    ) -> Result<(), StoreError> {
        let group = roster.group().map_or("", GroupName::as_str);
        let role = number_of(roster.role());
        // In the order of the primary key, so that nothing is sorted.
        let endless = "SELECT user, NULL FROM memberships WHERE expires_at IS NULL AND role = ?2
                       AND group_id = (SELECT id FROM groups WHERE name = ?1) ORDER BY user";
        let ending = "SELECT user, expires_at FROM memberships WHERE expires_at > ?3 AND role = ?2
                      AND group_id = (SELECT id FROM groups WHERE name = ?1) ORDER BY expires_at, user";
        let holds = ("memberships", "membership");
        each(&self.database.connection, endless, params![group, role], holds, |row| {
            let user = self.unless_left_out(row, parsed(row, 0))?;
            user.into_iter().for_each(|user| each_member(user, None));
            Ok(())
        })?;
        each(&self.database.connection, ending, params![group, role, now.as_unix()], holds, |row| {
            let (user, end) = (self.unless_left_out(row, parsed(row, 0))?, moment(row, 1)?);
            user.into_iter().for_each(|user| each_member(user, end));
            Ok(())
        })
    }

    /// Every user that root staff has said something of, by id.
    ///
    /// # Errors
    /// The file fails, or is damaged.
    pub fn standings(
        &self,
        mut each_standing: impl FnMut(UserId, Standing),
    ) -> Result<(), StoreError> {
        let sql = "SELECT user, banned, not_before FROM standings ORDER BY user";
        each(&self.database.connection, sql, [], ("standings", "standing"), |row| {
            let standing = Standing { banned: row.get(1)?, not_before: moment(row, 2)? };
            let user = self.unless_left_out(row, parsed(row, 0))?;
            user.into_iter().for_each(|user| each_standing(user, standing));
            Ok(())
        })
    }

    /// What is to be told of rows that were left out of what was read so far, as they are not written by today's rules.
    #[must_use]
    pub fn left_out(&self) -> Option<String> {
        let left_out = self.left_out.borrow();
        (!left_out.is_nothing()).then(|| left_out.to_string())
    }

    fn unless_left_out<T>(
        &self,
        row: &Row<'_>,
        read: rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.left_out.borrow_mut().unless(row, read)
    }
}
