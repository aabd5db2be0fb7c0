//! The SQLite database of the Python Pasee: `groups`, `users` and `user_in_group`, as its `DemoSqliteStorage` makes them.
//!
//! There a group's staff were a group of their own, by the name and `.staff`. Who was put into a group that is not there was in none.
//! The file is only read. Must not know which names are right here.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};

use super::found::{Found, Meant};
use crate::domain::group::{MAX_LENGTH, STAFF};

/// "Pase" in ASCII, by which this Pasee's own files are known.
const APPLICATION: i64 = 0x5061_7365;

/// Longest name that is taken apart, in bytes: longer than a group's can be, with the staff of it.
const LONGEST: usize = 2 * MAX_LENGTH;

/// Longest row, in bytes, and longest value.
const LONGEST_ROW: i32 = 64 * 1024;
/// Most bytes of names in a table.
const MOST: usize = 128 << 20;

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It is another one, or none.
    #[error(
        "this is no database of the Python Pasee: {0}; a right one is the file that options of [storage_backend] name in its settings, with \
         the tables groups, users and user_in_group"
    )]
    Foreign(String),
    /// It is of this Pasee.
    #[error(
        "this is a file of this Pasee, not of the Python one: pasee export writes its groups as manifests"
    )]
    Ours,
    /// It would take more memory than a realm.
    #[error("the names in one of its tables have more than {} MiB; nobody has as many groups and users", MOST >> 20)]
    TooMuch,
    /// Something in it is of another type.
    #[error("a row of {0} holds what is no text: {1}")]
    Row(&'static str, #[source] rusqlite::Error),
}

/// Reads a database.
///
/// # Errors
/// It is none, another one, or damaged.
pub fn python(path: &Path) -> Result<Found, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let foreign = |error: rusqlite::Error| DatabaseError::Foreign(error.to_string());
    let connection = Connection::open_with_flags(path, flags).map_err(foreign)?;
    bound(&connection).map_err(foreign)?;
    // All of one moment.
    let connection = connection.unchecked_transaction().map_err(foreign)?;
    let number = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    if number.map_err(foreign)? == APPLICATION {
        return Err(DatabaseError::Ours);
    }
    for table in ["groups", "users", "user_in_group"] {
        check_columns(&connection, table)?;
    }
    let mut reading = Reading::default();
    reading.groups(&connection)?;
    reading.users(&connection)?;
    reading.members(&connection)?;
    Ok(reading.finish())
}

/// Has SQLite do no more for a file of others than reading it takes. A view may be a program that never ends, and a value longer than
/// everything there is; the Python Pasee made none.
fn bound(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_ROW)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 0)?;
    Ok(())
}

/// That a table is one, and each column holds what was written into it: of what is computed, a few bytes of a file make as much
/// as one likes.
fn check_columns(connection: &Connection, table: &'static str) -> Result<(), DatabaseError> {
    let count = |sql: &str| connection.query_row(sql, [table], |row| row.get::<_, i64>(0));
    let foreign = |error: rusqlite::Error| DatabaseError::Foreign(error.to_string());
    let other =
        "SELECT count(*) FROM pragma_table_list(?1) WHERE schema <> 'main' OR type <> 'table'";
    if count(other).map_err(foreign)? > 0 {
        return Err(DatabaseError::Foreign(format!("{table} is no plain table")));
    }
    let computed = "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0";
    if count(computed).map_err(foreign)? > 0 {
        return Err(DatabaseError::Foreign(format!("{table} has columns that are computed")));
    }
    Ok(())
}

struct Reading {
    found: Found,
    groups: HashMap<String, usize>,
    users: HashMap<String, usize>,
    /// Who was put where nothing is.
    astray: Vec<(String, String)>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            found: Found::of("a database of the Python Pasee"),
            groups: HashMap::new(),
            users: HashMap::new(),
            astray: Vec::new(),
        }
    }
}

impl Reading {
    fn groups(&mut self, connection: &Connection) -> Result<(), DatabaseError> {
        let mut names = Vec::new();
        each(connection, "groups", "SELECT name FROM groups ORDER BY name", |row| {
            names.push(text(row, 0)?);
            Ok(())
        })?;
        for name in names {
            self.group(&name);
        }
        Ok(())
    }

    /// The place of a group, and of all that its name says is above it.
    fn group(&mut self, name: &str) -> usize {
        if let Some(place) = self.groups.get(name) {
            return *place;
        }
        let meant = match name.rsplit_once('.') {
            _ if name.len() > LONGEST => {
                Meant::Nothing(format!("it has more than {LONGEST} bytes"))
            }
            None if name == STAFF => Meant::RootStaff,
            None => Meant::Root(name.to_owned()),
            Some((of, STAFF)) if of.rsplit('.').next() == Some(STAFF) => {
                Meant::Nothing("the staff of a staff were staff of nothing".to_owned())
            }
            Some((of, STAFF)) => Meant::StaffOf(self.group(of)),
            Some((above, part)) => Meant::Below(self.group(above), part.to_owned()),
        };
        let place = self.found.group(name, meant);
        self.groups.insert(name.to_owned(), place);
        place
    }

    fn users(&mut self, connection: &Connection) -> Result<(), DatabaseError> {
        let sql = "SELECT name, is_banned FROM users ORDER BY name";
        each(connection, "users", sql, |row| {
            let place = self.user(&text(row, 0)?);
            self.found.users[place].is_banned = is_banned(row.get_ref(1)?);
            Ok(())
        })
    }

    fn user(&mut self, name: &str) -> usize {
        if let Some(place) = self.users.get(name) {
            return *place;
        }
        let meant = name.parse().map_err(|error| format!("it is no user id: {error}"));
        let place = self.found.user(vec![name.to_owned()], meant);
        self.users.insert(name.to_owned(), place);
        place
    }

    fn members(&mut self, connection: &Connection) -> Result<(), DatabaseError> {
        let sql =
            "SELECT user_in_group.user, group_name, groups.name IS NOT NULL FROM user_in_group
                   LEFT JOIN groups ON groups.name = group_name ORDER BY group_name, user";
        each(connection, "user_in_group", sql, |row| {
            let (user, group) = (text(row, 0)?, text(row, 1)?);
            if row.get::<_, bool>(2)? {
                let member = (self.group(&group), self.user(&user));
                self.found.members.push(member);
            } else {
                self.astray.push((user, group));
            }
            Ok(())
        })
    }

    fn finish(mut self) -> Found {
        for (user, group) in &self.astray {
            self.found.left_out.push(format!(
                "that {user} is in {group} is left out: there is no such group, so it gave nothing there either"
            ));
        }
        let somewhere: HashSet<usize> = self.found.members.iter().map(|(_, user)| *user).collect();
        let is_idle =
            |place: &usize| !self.found.users[*place].is_banned && !somewhere.contains(place);
        let idle = (0..self.found.users.len()).filter(is_idle).count();
        if idle > 0 {
            self.found
                .notes
                .push(format!("users of whom nothing is to be said: {idle}; they log in without"));
        }
        self.found
    }
}

fn each(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    mut row: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), DatabaseError> {
    let foreign = |error: rusqlite::Error| DatabaseError::Foreign(error.to_string());
    let mut statement = connection.prepare(sql).map_err(foreign)?;
    let mut rows = statement.query([]).map_err(foreign)?;
    let mut left = MOST;
    while let Some(next) = rows.next().map_err(foreign)? {
        let length = |column| next.get_ref(column).ok()?.as_str().ok().map(str::len);
        let taken: usize = (0..2).filter_map(length).sum();
        left = left.checked_sub(taken).ok_or(DatabaseError::TooMuch)?;
        row(next).map_err(|error| DatabaseError::Row(table, error))?;
    }
    Ok(())
}

/// The text in a column. SQLite keeps numbers that Python gave it as text where the column is text.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// Whether whatever stands there is a ban: what is not surely none is one.
fn is_banned(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null | ValueRef::Integer(0) => false,
        // What old versions of SQLite made of DEFAULT FALSE.
        ValueRef::Text(text) => !text.eq_ignore_ascii_case(b"false"),
        _ => true,
    }
}
