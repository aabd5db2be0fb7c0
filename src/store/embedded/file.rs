//! Opens the file: makes it if need be, and sets the connection up.
//!
//! Must not know what is in the tables.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::error::StoreError;
use super::schema;

/// How long a lock that another process holds is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two looks whether a lock is free: short, so that a busy process does not keep another out.
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

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
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    /// Gone with the store.
    Memory,
}

/// Which file a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Place {
    /// Which file is there now; the same for ever in memory.
    pub(super) fn identity(&self) -> Option<Identity> {
        match self {
            Self::Memory => Some(Identity(0, 0)),
            Self::File(path) => {
                let metadata = path.metadata().ok()?;
                Some(Identity(metadata.dev(), metadata.ino()))
            }
        }
    }

    /// A connection to what is there, in the latest version.
    pub(super) fn connect(&self) -> Result<Connection, StoreError> {
        let mut connection = match self {
            Self::Memory => Connection::open_in_memory()?,
            Self::File(path) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                Connection::open_with_flags(path, flags)?
            }
        };
        be_patient(&mut connection)?;
        schema::check(&connection)?; // before anything is written: it may be another program's
        if connection.is_readonly(MAIN_DB)? {
            return Err(StoreError::ReadOnly(read_only()));
        }
        if let Self::File(_) = self {
            keep_a_log_ahead(&connection)?;
        }
        connection.execute_batch(SETUP)?;
        connection.set_prepared_statement_cache_capacity(32);
        schema::migrate(&mut connection)?;
        Ok(connection)
    }
}

fn read_only() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)
}

fn be_patient(connection: &mut Connection) -> Result<(), StoreError> {
    let mut since = Instant::now();
    let wait = move |tries| {
        if tries == 0 {
            since = Instant::now();
        }
        std::thread::sleep(BETWEEN_TRIES);
        since.elapsed() < PATIENCE
    };
    Ok(connection.busy_handler(Some(wait))?)
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
