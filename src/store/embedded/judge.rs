//! Judges a permit by what the file says of its author, and of the root staff, where it is carried out.
//!
//! Reads in the transaction that carries it out, after the changes that came before it: a ban of the same batch counts. Must
//! not know who may do what (that is [`policy`](crate::domain::policy)).

use rusqlite::{Connection, params};

use super::change::{Refused, end_of, has_ended, number_of_group, standing};
use super::error::StoreError;
use super::log::{first, parsed};
use crate::domain::bounds::{Bounds, Tally};
use crate::domain::directory::{Holding, Record, Standing};
use crate::domain::membership::Roster;
use crate::domain::policy::{Permit, Refusal, Withdrawn, keeps_root_staff};
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// Whether the change is permitted still.
pub(super) fn judge(
    connection: &Connection,
    permit: &Permit,
    now: Timestamp,
) -> Result<(), Refused> {
    let (record, made) = match permit.actor() {
        Some(author) => (
            record(connection, author, &permit.deciding(), now)?,
            made(connection, author, permit.change().adds(), permit.bounds())?,
        ),
        None => <_>::default(),
    };
    permit.judge_again(record, made, now).map_err(|withdrawn| Refused::State(withdrawn.into()))?;
    if let Some(session) = permit.session()
        && has_ended(connection, session, now)?
    {
        return Err(Refused::State(Withdrawn::Refused(Refusal::SessionEnded).into()));
    }
    if permit.actor().is_some() && takes_the_last(connection, permit, now)? {
        return Err(Refused::State(WriteError::LastRootStaff));
    }
    Ok(())
}

/// Whether a change leaves nobody who can act as root staff.
fn takes_the_last(
    connection: &Connection,
    permit: &Permit,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(user) = permit.change().weakens_root_staff() else { return Ok(false) };
    if end_of(connection, 0, &Roster::RootStaff, user, now)?.is_none() {
        return Ok(false);
    }
    let sql = "SELECT user, expires_at, coalesce(banned, 0) FROM memberships LEFT JOIN standings USING (user)
               WHERE group_id = 0 AND user <> ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut others = statement.query(params![user.as_str()])?;
    while let Some(row) = others.next()? {
        let end = row.get::<_, Option<i64>>(1)?.and_then(Timestamp::from_unix);
        let standing = Standing { banned: row.get(2)?, ..Standing::default() };
        // Who is called what nobody can be called any more cannot act.
        let Ok(other) = parsed::<UserId>(row, 0) else { continue };
        if keeps_root_staff(&other, end, standing, permit.possible(), now) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many of a kind a user has made, as far as it matters: it is asked before each change, whoever has made a million.
const GROUPS_MADE: &str = "SELECT count(*) FROM (SELECT 1 FROM groups WHERE author = ?1 LIMIT ?2)";
const MEMBERSHIPS_MADE: &str =
    "SELECT count(*) FROM (SELECT 1 FROM memberships WHERE author = ?1 LIMIT ?2)";

/// What a user has made of the kinds that they are about to make more of, up to what is too much.
fn made(
    connection: &Connection,
    author: &UserId,
    more: Tally,
    bounds: Bounds,
) -> Result<Tally, StoreError> {
    let count = |more: u64, most: Option<u64>, sql: &str| match most.filter(|_| more > 0) {
        None => Ok(0),
        Some(most) => {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let count = first::<i64>(connection, sql, params![author.as_str(), most])?;
            Ok::<u64, StoreError>(count.unwrap_or(0).unsigned_abs())
        }
    };
    Ok(Tally {
        groups: count(more.groups, bounds.groups, GROUPS_MADE)?,
        memberships: count(more.memberships, bounds.memberships, MEMBERSHIPS_MADE)?,
    })
}

/// What the file says of a user: their standing, and which of these rosters they are on.
fn record(
    connection: &Connection,
    user: &UserId,
    rosters: &[Roster],
    now: Timestamp,
) -> Result<Record, StoreError> {
    let mut holdings = Vec::new();
    for roster in rosters {
        let group = match roster.group() {
            None => Some(0),
            Some(group) => number_of_group(connection, group)?,
        };
        let Some(group) = group else { continue };
        if let Some(expires_at) = end_of(connection, group, roster, user, now)? {
            holdings.push(Holding { roster: roster.clone(), expires_at });
        }
    }
    Ok(Record { standing: standing(connection, user)?, holdings })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::embedded::schema;

    /// Steps of SQLite, which are the same however slow the machine is.
    fn steps(connection: &Connection, sql: &str, most: i64) -> (i64, i32) {
        let mut statement = connection.prepare(sql).unwrap();
        let count = statement.query_row(params!["k-root", most], |row| row.get(0)).unwrap();
        (count, statement.get_status(StatementStatus::VmStep))
    }

    #[test]
    fn nobody_is_counted_past_what_is_too_much() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, None).unwrap();
        let numbers =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)";
        for insertion in [
            "INSERT INTO groups (name, parent, author) SELECT 'g' || i, 0, 'k-root' FROM n",
            "INSERT INTO memberships (group_id, role, user, author) SELECT 0, 1, 'k-' || i, 'k-root' FROM n",
        ] {
            let (table, values) = insertion.split_once(" SELECT ").unwrap();
            connection.execute_batch(&format!("{table} {numbers} SELECT {values}")).unwrap();
        }
        for sql in [GROUPS_MADE, MEMBERSHIPS_MADE] {
            let ((few, short), (all, long)) =
                (steps(&connection, sql, 10), steps(&connection, sql, 30_000));
            assert_eq!((few, all), (10, 20_000));
            assert!(short * 100 < long, "{short} {long}");
        }
        let (root, one) = ("k-root".parse().unwrap(), Tally { groups: 1, memberships: 0 });
        let bounds = |groups| Bounds { groups, memberships: None };
        let made = |bounds| made(&connection, &root, one, bounds).unwrap();
        assert_eq!(made(bounds(Some(7))), Tally { groups: 7, memberships: 0 });
        assert_eq!(made(bounds(None)), Tally::default(), "what has no bound is not counted");
        assert_eq!(made(bounds(Some(u64::MAX))), Tally { groups: 20_000, memberships: 0 });
    }
}
