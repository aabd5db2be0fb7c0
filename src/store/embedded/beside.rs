//! The files beside the database, and what the system says of them.
//!
//! Must not know what is in them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::stamp::{Files, OnDisk};
use crate::domain::time::Timestamp;

/// The write-ahead log of a file.
pub(super) fn log_of(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

/// The memory that processes with the file share.
pub(super) fn shared_memory_of(database: &Path) -> PathBuf {
    beside(database, "-shm")
}

/// Beside the file itself, also when the path is a link to it: SQLite follows links before it names the others.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    // This is asked of every transaction, and to resolve a path asks the system of each directory of it: links among those lead to
    // the others just as well.
    let is_link = database.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let file = if is_link { database.canonicalize().ok() } else { None };
    let mut path = file.unwrap_or_else(|| database.to_owned()).into_os_string();
    path.push(ending);
    path.into()
}

/// Length of a file; nothing when it is not there.
pub(super) fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// When a file was last written, if that can be told.
pub(super) fn written(path: &Path) -> Option<Timestamp> {
    Timestamp::from_unix(path.metadata().ok()?.mtime())
}

/// What the system says of the database and its log.
pub(super) fn files(database: &Path) -> Result<Files, StoreError> {
    let metadata = database.metadata().map_err(StoreError::Unseen)?;
    let log = log_of(database).metadata().ok();
    Ok(Files {
        database: OnDisk::of(&metadata),
        log: log.as_ref().map(MetadataExt::ino),
        log_length: log.map_or(0, |log| log.len()),
    })
}
