//! How long the locks of other processes are waited for.
//!
//! Must not know what is done with the file.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;

/// How long a lock that another process holds is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two looks whether a lock is free: short, so that a busy process does not keep another out.
pub(super) const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Has a connection wait for locks.
pub(super) fn be_patient(connection: &mut Connection) -> Result<(), StoreError> {
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
