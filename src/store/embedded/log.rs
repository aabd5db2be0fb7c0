//! The log of what has come to pass: how processes that share the file learn of each other's changes.
//!
//! Must not know the other tables.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::StoreError;
use super::left_out::LeftOut;
use crate::domain::description::Description;
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::membership::{Membership, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Update;

/// How many entries are kept, at least. Whoever is further behind reads everything anew.
const KEPT: i64 = 10_000;
/// How many more are dropped at once: each time costs as much as a few.
const DROPPED: i64 = 1_000;

/// The number of an entry that no change is in, for what is sealed before there is one: nobody has not seen it.
const NO_CHANGE: i64 = 0;

/// A place in the log: the number of the last entry seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor(i64);

/// What came after a place.
#[derive(Debug)]
pub(super) enum News {
    /// These, in order.
    Updates(Vec<Update>),
    /// More than the log has kept, or the file is another one than before.
    TooMuch,
}

/// The end of the log.
pub(super) fn end(connection: &Connection) -> Result<Cursor, StoreError> {
    let sql = "SELECT coalesce(max(seq), 0) FROM changes";
    Ok(Cursor(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
}

/// What came after a place, to be asked in a transaction.
pub(super) fn since(connection: &Connection, seen: Cursor) -> Result<News, StoreError> {
    let end = end(connection)?;
    if end == seen {
        return Ok(News::Updates(Vec::new()));
    }
    let sql = "SELECT min(seq) FROM changes";
    let first: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    if end.0 < seen.0 || first.is_some_and(|first| first > seen.0 + 1) {
        return Ok(News::TooMuch);
    }
    let sql = "SELECT kind, name, user, banned, moment, description FROM changes WHERE seq > ? ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut left_out = LeftOut::default();
    let updates = statement.query_map([seen.0], |row| left_out.unless(row, read(row)))?;
    let updates = updates.filter_map(Result::transpose).collect::<Result<_, _>>();
    left_out.tell();
    updates.map(News::Updates).map_err(content)
}

/// Who made a change, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made<'a> {
    pub(super) by: &'a str,
    pub(super) at: Timestamp,
}

/// Adds an entry.
pub(super) fn append(
    connection: &Connection,
    update: &Update,
    made: Made<'_>,
) -> Result<(), StoreError> {
    let (roster_name, session_id);
    let mut description = None;
    let (kind, name, user, banned, moment) = match update {
        Update::Created(group) => ("created", Some(group.as_str()), None, None, None),
        Update::Deleted(group) => ("deleted", Some(group.as_str()), None, None, None),
        Update::Described(group, text) => {
            description = text.as_ref().map(Description::as_str);
            ("described", Some(group.as_str()), None, None, None)
        }
        Update::Marked(group) => ("marked", Some(group.as_str()), None, None, None),
        Update::Joined(Membership { roster, user, expires_at }) => {
            roster_name = roster.to_string();
            ("joined", Some(roster_name.as_str()), Some(user), None, *expires_at)
        }
        Update::Left { roster, user } => {
            roster_name = roster.to_string();
            ("left", Some(roster_name.as_str()), Some(user), None, None)
        }
        Update::Stands { user, standing: Standing { banned, not_before } } => {
            ("stands", None, Some(user), Some(*banned), *not_before)
        }
        Update::Cleared(user) => ("cleared", None, Some(user), None, None),
        Update::Ended(session, until) => {
            session_id = session.to_string();
            ("ended", Some(session_id.as_str()), None, None, Some(*until))
        }
        Update::Forgotten(session) => {
            session_id = session.to_string();
            ("forgotten", Some(session_id.as_str()), None, None, None)
        }
        Update::Over(now) => ("over", None, None, None, Some(*now)),
    };
    let sql = "INSERT INTO changes (kind, name, user, banned, moment, actor, at, description)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let (user, moment) = (user.map(UserId::as_str), moment.map(Timestamp::as_unix));
    let row = params![kind, name, user, banned, moment, made.by, made.at.as_unix(), description];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// What a transaction leaves behind besides its changes, in its last entry, which is written anyhow.
#[derive(Debug)]
pub(super) struct Seal {
    /// What it says of the files it was written for.
    pub(super) stamp: Option<Vec<u8>>,
    /// How much was past; what was known before goes on otherwise.
    pub(super) past: Option<Timestamp>,
}

/// Seals the transaction that is under way, in which nothing is changed afterwards, and drops entries older than the last [`KEPT`],
/// now and then.
pub(super) fn seal(connection: &Connection, seal: &Seal) -> Result<(), StoreError> {
    let past = match seal.past {
        Some(past) => Some(past.as_unix()),
        None => last_past(connection)?,
    };
    let ends = "SELECT (SELECT min(seq) FROM changes), (SELECT max(seq) FROM changes)";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (first, last): (Option<i64>, Option<i64>) =
        connection.prepare_cached(ends)?.query_row([], read)?;
    let Some((first, last)) = first.zip(last) else {
        let sql = "INSERT INTO changes (seq, kind, stamp, past) VALUES (?, 'sealed', ?, ?)";
        connection.prepare_cached(sql)?.execute(params![NO_CHANGE, seal.stamp, past])?;
        return Ok(());
    };
    let sql = "UPDATE changes SET stamp = ?, past = ? WHERE seq = ?";
    connection.prepare_cached(sql)?.execute(params![seal.stamp, past, last])?;
    if first == NO_CHANGE && last != NO_CHANGE || last - first >= KEPT + DROPPED {
        let sql = "DELETE FROM changes WHERE seq <= ?";
        connection.prepare_cached(sql)?.execute([NO_CHANGE.max(last - KEPT)])?;
    }
    Ok(())
}

/// What the last transaction that was sealed says of its files.
pub(super) fn last_stamp(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT stamp FROM changes WHERE stamp IS NOT NULL ORDER BY seq DESC LIMIT 1";
    first(connection, sql, [])
}

/// How much was past then.
pub(super) fn last_past(connection: &Connection) -> Result<Option<i64>, StoreError> {
    first(
        connection,
        "SELECT past FROM changes WHERE past IS NOT NULL ORDER BY seq DESC LIMIT 1",
        [],
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Update> {
    let kind: String = row.get(0)?;
    Ok(match kind.as_str() {
        "created" => Update::Created(parsed::<GroupName>(row, 1)?),
        "deleted" => Update::Deleted(parsed::<GroupName>(row, 1)?),
        "described" => Update::Described(parsed(row, 1)?, described(row, 5)?),
        "marked" => Update::Marked(parsed(row, 1)?),
        "joined" => Update::Joined(Membership {
            roster: parsed(row, 1)?,
            user: parsed(row, 2)?,
            expires_at: moment(row, 4)?,
        }),
        "left" => Update::Left { roster: parsed::<Roster>(row, 1)?, user: parsed(row, 2)? },
        "stands" => Update::Stands {
            user: parsed(row, 2)?,
            standing: Standing { banned: row.get(3)?, not_before: moment(row, 4)? },
        },
        "cleared" => Update::Cleared(parsed(row, 2)?),
        "ended" => Update::Ended(parsed(row, 1)?, needed_moment(row, 4)?),
        "forgotten" => Update::Forgotten(parsed(row, 1)?),
        "over" => Update::Over(needed_moment(row, 4)?),
        _ => return Err(rusqlite::Error::InvalidColumnType(0, "kind".to_owned(), Type::Text)),
    })
}

fn content(error: rusqlite::Error) -> StoreError {
    match error {
        error @ rusqlite::Error::SqliteFailure(..) => error.into(),
        _ => StoreError::Content { table: "changes", what: "change" },
    }
}

/// A name in a column.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// A moment in a column, if there is one.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let Some(seconds) = row.get::<_, Option<i64>>(column)? else { return Ok(None) };
    let out_of_range = rusqlite::Error::IntegralValueOutOfRange(column, seconds);
    Timestamp::from_unix(seconds).map(Some).ok_or(out_of_range)
}

/// The description in a column, if there is one.
pub(super) fn described(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Description>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    Description::read(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// A moment in a column, which has to be there.
fn needed_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let missing = || rusqlite::Error::InvalidColumnType(column, "moment".to_owned(), Type::Null);
    moment(row, column)?.ok_or_else(missing)
}

/// Whether there is any such row: the first column of the first one.
pub(super) fn first<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<T>, StoreError> {
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?)
}
