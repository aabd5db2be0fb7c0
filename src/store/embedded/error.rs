//! Why the file cannot be used, in words that say what to do.
//!
//! Must not know what was being done.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::resources::rfc3339;

/// Something is wrong with the file or around it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left where the file is.
    #[error("the disk is full; free some space")]
    Full(#[source] rusqlite::Error),
    /// Another process has held the file for five seconds.
    #[error("another process keeps the file locked; is a backup or a shell open on it?")]
    Locked(#[source] rusqlite::Error),
    /// The file or its directory cannot be written.
    #[error("the file is read-only; Pasee needs to write it, and beside it")]
    ReadOnly(#[source] rusqlite::Error),
    /// The file cannot be opened any more.
    #[error(
        "the file cannot be opened; check that it is a file, who owns it, and that files can be made beside it"
    )]
    CannotOpen(#[source] rusqlite::Error),
    /// Reading or writing fails.
    #[error("reading or writing the file fails; check the disk")]
    Io(#[source] rusqlite::Error),
    /// What is in the file is damaged.
    #[error("the file is damaged; restore it from a backup")]
    Damaged(#[source] rusqlite::Error),
    /// The file is no database.
    #[error("the file is no SQLite database; name another one, or move it away")]
    NotADatabase(#[source] rusqlite::Error),
    /// A row holds something that Pasee never writes.
    #[error("table {table} holds what is no {what}; restore the file from a backup")]
    Content {
        /// As the schema names it.
        table: &'static str,
        /// What belongs there.
        what: &'static str,
    },
    /// A newer Pasee has changed the file.
    #[error("the file has schema version {found}, this Pasee knows up to {known}; use a newer one")]
    Newer {
        /// The version in the file.
        found: u32,
        /// The latest this program knows.
        known: u32,
    },
    /// The file system cannot share memory between processes, as SQLite's write-ahead log needs.
    #[error("the file system cannot hold a write-ahead log; keep the file on a local disk")]
    NoLog,
    /// The file was put in the place of another one, whose log lies there still.
    #[error(
        "{log}, which lies beside it, is not its own: the file was put in the place of another one, and what that one's log holds, {changes} changes{until}, would be written over it. Stop Pasee. To have the former state, put the former file back. To keep the file as it is, such as a restored backup, move {log} away: what is in it is nowhere else, and the realm is without it then",
        log = log.display(),
        until = until.map(|until| format!(" up to {}", rfc3339::write(until))).unwrap_or_default(),
    )]
    StaleLog {
        /// The log of the other file.
        log: PathBuf,
        /// How many changes are in it.
        changes: usize,
        /// When it was last written.
        until: Option<Timestamp>,
    },
    /// A log lies there, and the file that it belongs to does not.
    #[error(
        "it is empty, and {log} beside it holds changes of a file that is missing. Put that file back; to begin with an empty realm, move {log} away",
        log = log.display()
    )]
    Orphan {
        /// The log of the missing file.
        log: PathBuf,
    },
    /// A rollback journal lies there, which Pasee does not keep.
    #[error(
        "{journal}, which lies beside it, is of another file, or of another program that was stopped while it wrote this one, and would be written over it. To keep the file as it is, such as a restored backup, move {journal} away",
        journal = journal.display()
    )]
    StaleJournal {
        /// The journal.
        journal: PathBuf,
    },
    /// The file was copied without the log that holds what it is about.
    #[error(
        "it holds nothing yet, as its log is missing: it is the copy of one file of two. Put the file that ends with -wal beside it; to begin with an empty realm, move it away"
    )]
    WithoutLog,
    /// The file of a running server was replaced by one that holds nothing.
    #[error(
        "the realm that was here is gone: the file is empty now. Put the right one there; to begin with an empty realm, restart Pasee"
    )]
    Emptied,
    /// The system does not tell of a file, or does not let it be read.
    #[error("the file, or what belongs to it, cannot be seen; check who owns it")]
    Unseen(#[source] io::Error),
    /// The file belongs to another program.
    #[error("the file is a SQLite database of another program; name another one")]
    Foreign,
    /// The file belongs to the Python Pasee.
    #[error(
        "the file is the database of the Python Pasee, whose groups are taken over once: name another file, and run pasee import --from \
         python with this one, which prints manifests for pasee apply"
    )]
    OfPython,
    /// Too many writes wait already.
    #[error("too many changes are waiting to be written")]
    Crowded,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Something SQLite says, and nothing above.
    #[error("SQLite fails")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly(error),
            Some(ErrorCode::CannotOpen) => Self::CannotOpen(error),
            Some(ErrorCode::SystemIoFailure) => Self::Io(error),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error),
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(error),
            _ => Self::Sqlite(error),
        }
    }
}

impl From<Arc<StoreError>> for WriteError {
    fn from(error: Arc<StoreError>) -> Self {
        Self::Unavailable(error)
    }
}

impl StoreError {
    /// Whether it passes by itself, so that what is in memory is up to date all the same in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Locked(_) | Self::Full(_) | Self::Crowded)
    }

    /// Whether a fresh connection to the file may do better than this one.
    pub(super) fn calls_for_reopening(&self) -> bool {
        !matches!(self, Self::Locked(_) | Self::Full(_))
    }
}
