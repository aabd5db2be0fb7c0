//! Whether a file could be opened as the state, found out without making or changing anything.
//!
//! Must not know who asks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::file::OpenError;
use super::patience::be_patient;
use super::{leftover, load, schema};
use crate::files::{Kind, could_make_in, may_change};

/// What was found at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// Nothing; a file is made at the first start.
    Nothing,
    /// A file that can be opened, with nothing in it.
    Empty,
    /// A file that can be opened.
    Realm,
}

/// Whether a file is the database of the Python Pasee.
#[must_use]
pub fn is_of_python(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI;
    let opened =
        path.is_file().then(|| Connection::open_with_flags(leftover::immutable(path), flags));
    opened.is_some_and(|opened| {
        opened.is_ok_and(|opened| schema::is_of_python(&opened).unwrap_or(false))
    })
}

/// Whether [`Embedded::open`](super::Embedded::open) would open the file, also beside a running server. Reads all of it.
///
/// # Errors
/// As there.
pub fn look(path: &Path) -> Result<There, OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    match path.metadata() {
        Ok(_) => look_into(path).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            let directory = path.parent().unwrap_or(Path::new(""));
            let uncreated =
                |source| OpenError::Create { path: directory_or(directory, path), source };
            could_make_in(directory).map_err(uncreated)?;
            let log = leftover::log_of(path);
            if leftover::length(&log) > 0 {
                return Err(failed(StoreError::Orphan { log }));
            }
            Ok(There::Nothing)
        }
        Err(source) => Err(OpenError::Create { path: path.to_owned(), source }),
    }
}

/// What could not be made: the directory, or the file in it.
fn directory_or(directory: &Path, path: &Path) -> PathBuf {
    let is_there = directory.as_os_str().is_empty() || directory.is_dir();
    if is_there { path.to_owned() } else { directory.to_owned() }
}

fn look_into(path: &Path) -> Result<There, StoreError> {
    if !path.metadata().map_err(StoreError::Unseen)?.is_file() {
        let cannot = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        return Err(StoreError::CannotOpen(rusqlite::Error::SqliteFailure(cannot, None)));
    }
    leftover::check(path)?;
    changeable(path)?;
    let mut connection = reading(path)?;
    be_patient(&mut connection)?;
    let found = schema::check(&connection)?;
    let is_log_there = leftover::log_of(path).exists();
    if found == 0 && !is_log_there && says_it_has_a_log(path).map_err(StoreError::Unseen)? {
        return Err(StoreError::WithoutLog);
    }
    if found == 0 {
        return Ok(There::Empty);
    }
    if found == schema::latest() {
        let transaction = connection.unchecked_transaction()?;
        load::everything(&transaction)?;
        transaction.rollback()?;
    } else {
        // It is brought up to date at the start; until then its tables are others.
        let told: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if told != "ok" {
            let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
            let error = rusqlite::Error::SqliteFailure(damaged, Some(told));
            return Err(StoreError::Damaged(error));
        }
    }
    Ok(if load::is_nothing(&connection)? { There::Empty } else { There::Realm })
}

/// A connection that changes nothing. Without a log the file alone is read. A log that a killed server has left is read without
/// the memory that servers share; that takes the file for ourselves, and when a server has it, that memory is right.
fn reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !leftover::log_of(path).exists() {
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        return Ok(Connection::open_with_flags(leftover::immutable(path), flags)?);
    }
    let ours = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    ours.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    ours.execute_batch("PRAGMA query_only = ON; PRAGMA locking_mode = EXCLUSIVE;")?;
    let first = ours.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    match first.map_err(StoreError::from) {
        Ok(()) => Ok(ours),
        Err(StoreError::Locked(_)) => {
            Ok(Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?)
        }
        Err(error) => Err(error),
    }
}

/// Whether the file says that it has a write-ahead log
/// (<https://sqlite.org/fileformat2.html#file_format_version_numbers>).
fn says_it_has_a_log(path: &Path) -> io::Result<bool> {
    let mut header = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header.get(19) == Some(&2))
}

/// SQLite writes the file, and makes others beside it.
fn changeable(path: &Path) -> Result<(), StoreError> {
    let file = path.canonicalize().map_err(StoreError::Unseen)?;
    let directory = file.parent().unwrap_or(Path::new("/"));
    let may = may_change(&file, Kind::File).and_then(|()| may_change(directory, Kind::Directory));
    may.map_err(|error| {
        let failure = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        StoreError::ReadOnly(rusqlite::Error::SqliteFailure(failure, Some(error.to_string())))
    })
}
