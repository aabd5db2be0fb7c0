//! Judges a permit by what the file says of its author, and of the root staff, where it is carried out.
//!
//! Reads in the transaction that carries it out, after the changes that came before it: a ban of the same batch counts. Must
//! not know who may do what (that is [`policy`](crate::domain::policy)).

use rusqlite::{Connection, params};

use super::change::{Refused, end_of, has_ended, number_of_group, standing};
use super::error::StoreError;
use super::log::{first, parsed};
use crate::domain::bounds::Tally;
use crate::domain::change::Change;
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
            made(connection, author, permit.change().adds())?,
        ),
        None => <_>::default(),
    };
    permit.judge_again(record, made, now).map_err(|withdrawn| Refused::State(withdrawn.into()))?;
    if let Some(session) = permit.session()
        && has_ended(connection, session, now)?
    {
        return Err(Refused::State(Withdrawn::Refused(Refusal::SessionEnded).into()));
    }
    if permit.actor().is_some() && takes_the_last(connection, permit.change(), now)? {
        return Err(Refused::State(WriteError::LastRootStaff));
    }
    Ok(())
}

/// Whether a change leaves nobody who can act as root staff.
fn takes_the_last(
    connection: &Connection,
    change: &Change,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(user) = change.weakens_root_staff() else { return Ok(false) };
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
        if keeps_root_staff(end, standing, now) && parsed::<UserId>(row, 0).is_ok() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a user has made of the kinds that they are about to make more of.
fn made(connection: &Connection, author: &UserId, more: Tally) -> Result<Tally, StoreError> {
    let count = |more: u64, sql: &str| match more {
        0 => Ok(0),
        _ => {
            let count = first::<i64>(connection, sql, [author.as_str()])?.unwrap_or(0);
            Ok::<u64, StoreError>(count.unsigned_abs())
        }
    };
    Ok(Tally {
        groups: count(more.groups, "SELECT count(*) FROM groups WHERE author = ?")?,
        memberships: count(more.memberships, "SELECT count(*) FROM memberships WHERE author = ?")?,
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
