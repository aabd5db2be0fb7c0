//! Reads everything in the file into memory.
//!
//! Must not know who reads it.

use std::collections::HashMap;

use rusqlite::{Connection, Params, Row};

use super::error::StoreError;
use super::left_out::LeftOut;
use super::log::{self, Cursor, described, moment, parsed};
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::token::SessionId;
use crate::index::{Contents, Update};

/// All there is but rows that are left out, which it warns of, and the place in the log up to which it goes; to be asked in a transaction.
pub(super) fn everything(connection: &Connection) -> Result<(Contents, Cursor), StoreError> {
    let mut contents = Contents::default();
    let mut left_out = LeftOut::default();
    let mut groups: HashMap<i64, Option<GroupName>> = HashMap::new();
    let holds = ("groups", "group name");
    each(
        connection,
        "SELECT id, name, description FROM groups WHERE id <> 0 ORDER BY id",
        [],
        holds,
        |row| {
            let name: Option<GroupName> = left_out.unless(row, parsed(row, 1))?;
            if let Some(name) = &name {
                contents.apply(&Update::Created(name.clone()));
                if let Some(description) = described(row, 2)? {
                    contents.apply(&Update::Described(name.clone(), Some(description)));
                }
            }
            groups.insert(row.get(0)?, name);
            Ok(())
        },
    )?;
    let sql = "SELECT group_id, role, user, expires_at FROM memberships
               ORDER BY group_id, role, user";
    let holds = ("memberships", "membership");
    each(connection, sql, [], holds, |row| {
        let roster = match (row.get(0)?, row.get(1)?) {
            (0, _) => Some(Roster::RootStaff),
            (group, role) => {
                let group = groups.get(&group).ok_or(rusqlite::Error::InvalidQuery)?;
                group.clone().map(|group| Roster::of(group, role_of(role)))
            }
        };
        let Some(roster) = roster else {
            left_out.with_it();
            return Ok(());
        };
        let Some(user) = left_out.unless(row, parsed(row, 2))? else { return Ok(()) };
        contents.apply(&Update::Joined(Membership { roster, user, expires_at: moment(row, 3)? }));
        Ok(())
    })?;
    let holds = ("standings", "standing");
    each(connection, "SELECT user, banned, not_before FROM standings", [], holds, |row| {
        let standing = Standing { banned: row.get(1)?, not_before: moment(row, 2)? };
        let Some(user) = left_out.unless(row, parsed(row, 0))? else { return Ok(()) };
        contents.apply(&Update::Stands { user, standing });
        Ok(())
    })?;
    let holds = ("ended_sessions", "session");
    each(connection, "SELECT session, until FROM ended_sessions", [], holds, |row| {
        let until = moment(row, 1)?.ok_or(rusqlite::Error::InvalidQuery)?;
        contents.apply(&Update::Ended(SessionId::new(row.get(0)?), until));
        Ok(())
    })?;
    left_out.tell();
    Ok((contents, log::end(connection)?))
}

/// Whether there is neither a group, nor a membership, nor a standing.
pub(super) fn is_nothing(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM groups WHERE id <> 0)
               AND NOT EXISTS (SELECT 1 FROM memberships)
               AND NOT EXISTS (SELECT 1 FROM standings)";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// Reads the rows of a query one by one; `table` and `what` say in an error what should have been there.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    (table, what): (&'static str, &'static str),
    mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(parameters)?;
    while let Some(next) = rows.next()? {
        row(next).map_err(|error| match error {
            error @ rusqlite::Error::SqliteFailure(..) => error.into(),
            _ => StoreError::Content { table, what },
        })?;
    }
    Ok(())
}

/// The number of a role in the file.
pub(super) fn number_of(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Staff => 1,
    }
}

pub(super) fn role_of(number: i64) -> Role {
    if number == 0 { Role::Member } else { Role::Staff }
}
