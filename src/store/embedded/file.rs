//! Opens the file: makes it if need be, sets the connection up, notices that another file is in its place, closes it.
//!
//! Must not know what is in the tables.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::error::StoreError;
use super::patience::{BETWEEN_TRIES, PATIENCE, be_patient};
use super::stamp::OnDisk;
use super::{leftover, schema};

/// For each connection. FULL: a commit is on the disk before it is reported. The cache is in KiB.
const SETUP: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -2048;
    PRAGMA temp_store = MEMORY;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA journal_size_limit = 16777216;
";

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its directory cannot be made.
    #[error("{file}: cannot be made", file = path.display())]
    Create {
        /// What was to be made.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file that was to be read only is not there.
    #[error("{file}: is not there: nothing was ever kept in it", file = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be used.
    #[error("{file}: cannot be used", file = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StoreError,
    },
    /// The system gives no thread.
    #[error("the store's thread cannot be started")]
    Thread(#[source] io::Error),
}

/// Where the state lives.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(PathBuf),
    /// Gone with the store.
    Memory,
}

/// Which files a path leads to, and when the database itself was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    database: OnDisk,
    log: Option<u64>,
    shared_memory: Option<u64>,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    place: Place,
    /// Which files were opened; nothing in memory.
    identity: Option<Identity>,
}

/// What has become of the files at the path since they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    /// They are the same.
    Same,
    /// Others are there, or none.
    Replaced,
}

impl Place {
    fn identity(&self) -> Option<Identity> {
        let Self::File(path) = self else { return None };
        let database = path.metadata().ok()?;
        let inode = |path: PathBuf| path.metadata().ok().map(|metadata| metadata.ino());
        Some(Identity {
            device: database.dev(),
            database: OnDisk::of(&database),
            log: inode(leftover::log_of(path)),
            shared_memory: inode(leftover::shared_memory_of(path)),
        })
    }

    /// Whether there is a file, and nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        let Self::File(path) = self else { return false };
        path.metadata().is_ok_and(|metadata| metadata.len() == 0)
    }

    /// A connection to what is there, in the latest version.
    ///
    /// # Errors
    /// Something is wrong with it, or with what lies beside it. SQLite has written nothing to it then.
    pub(super) fn connect(&self) -> Result<Database, StoreError> {
        let mut connection = match self {
            Self::Memory => Connection::open_in_memory()?,
            Self::File(path) => {
                leftover::check(path)?;
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(path, flags)?
            }
        };
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        be_patient(&mut connection)?;
        let had_log = match self {
            Self::Memory => true,
            Self::File(path) => leftover::log_of(path).exists(),
        };
        let found = schema::check(&connection)?; // before anything is written: it may be another program's
        if connection.is_readonly(MAIN_DB)? {
            return Err(StoreError::ReadOnly(read_only()));
        }
        connection.execute_batch(SETUP)?;
        connection.set_prepared_statement_cache_capacity(32);
        if let Self::File(path) = self {
            connection.execute_batch(leftover::BY_HAND)?;
            if found == 0 {
                // Tables first: a file whose log is missing is told from a new one by having none.
                if !had_log && keeps_a_log_ahead(&connection)? {
                    return Err(StoreError::WithoutLog);
                }
                schema::migrate(&mut connection, None)?;
            }
            keep_a_log_ahead(&connection)?;
            if found < schema::latest() {
                schema::migrate(&mut connection, Some(path))?;
                // As it was, without a stamp perhaps, nothing tells it from its backup.
                leftover::move_in(&mut connection, path)?;
            }
        } else {
            schema::migrate(&mut connection, None)?;
        }
        Ok(Database { connection, place: self.clone(), identity: self.identity() })
    }
}

impl Database {
    /// The path, unless it is in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Memory => None,
        }
    }

    /// Whether the files at the path are still those that were opened.
    ///
    /// # Errors
    /// The database is another one than before, and what lies beside it is not its own.
    pub(super) fn since(&mut self) -> Result<Since, StoreError> {
        let there = self.place.identity();
        if there == self.identity {
            return Ok(Since::Same);
        }
        let (Some(path), Some(there), Some(opened)) = (self.path(), there, self.identity) else {
            return Ok(Since::Replaced);
        };
        if !opened.is_same_files(there) {
            return Ok(Since::Replaced);
        }
        // Written by another process that shares it, or by somebody who knows nothing of that.
        leftover::check(path)?;
        if !leftover::shows(&self.connection, path)? {
            return Ok(Since::Replaced);
        }
        self.identity = Some(there);
        Ok(Since::Same)
    }

    /// Moves what the log holds into the database, as far as that can be done now.
    ///
    /// # Errors
    /// The file fails.
    pub(super) fn move_log_in(&mut self) -> Result<(), StoreError> {
        if let Place::File(path) = &self.place {
            leftover::move_in(&mut self.connection, path)?;
            self.identity = self.place.identity();
        }
        Ok(())
    }

    /// Has the database hold what no copy of it holds, before a log is begun.
    ///
    /// # Errors
    /// The file fails.
    pub(super) fn set_apart(&mut self) -> Result<(), StoreError> {
        if let Place::File(path) = &self.place {
            leftover::set_apart(&mut self.connection, path)?;
            self.identity = self.place.identity();
        }
        Ok(())
    }

    /// Closes it as it is: another file may be in its place, or it fails.
    pub(super) fn abandon(mut self) {
        if !self.log_is_lost() {
            self.place = Place::Memory;
        }
    }

    /// Whether nobody but this connection knows what the log holds any more, as its name was taken away.
    fn log_is_lost(&self) -> bool {
        let (Some(there), Some(opened)) = (self.place.identity(), self.identity) else {
            return false;
        };
        there.log.is_none() && there.device == opened.device && there.database == opened.database
    }
}

impl Identity {
    /// Whether they are the same files, perhaps written since.
    fn is_same_files(self, other: Self) -> bool {
        let files = |it: Self| (it.device, it.database.inode(), it.log, it.shared_memory);
        files(self) == files(other)
    }
}

impl Drop for Database {
    /// As nobody else may have the file any more, all of the log is moved into it; SQLite then takes the log away.
    fn drop(&mut self) {
        let Place::File(path) = &self.place else { return };
        if !self.connection.is_autocommit() {
            // What was begun and not finished is not wanted.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        let is_same = self.place.identity().zip(self.identity);
        let is_same = is_same.is_some_and(|(there, opened)| opened.is_same_files(there));
        let may_be_moved = if is_same {
            leftover::move_in(&mut self.connection, path).is_ok()
                && leftover::length(&leftover::log_of(path)) == 0
        } else {
            self.log_is_lost()
        };
        if may_be_moved {
            // Otherwise the log stays, and is played when the file is opened again: nothing is lost.
            let _ =
                self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
        }
    }
}

fn read_only() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)
}

/// Whether the file says that it has a write-ahead log.
fn keeps_a_log_ahead(connection: &Connection) -> Result<bool, StoreError> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal")
}

/// Write-ahead logging, so that reading and writing do not wait for each other. When two processes ask for it at the
/// same time, SQLite refuses one without patience.
fn keep_a_log_ahead(connection: &Connection) -> Result<(), StoreError> {
    let since = Instant::now();
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(StoreError::from) {
            Err(StoreError::Locked(_)) if since.elapsed() < PATIENCE => {
                std::thread::sleep(BETWEEN_TRIES);
            }
            Err(error) => return Err(error),
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(StoreError::NoLog),
        }
    }
}

/// Makes an empty file that only its owner reads, and the directories above, unless they are there.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Create { path, source }
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(failed(directory))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(path)(error)),
        _ => Ok(()),
    }
}
