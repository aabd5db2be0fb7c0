//! Many changes of a file, all of them or none, judged by what the file says at that moment; beside a running server.
//!
//! Must not know what the changes are for.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::change::Refused;
use super::error::StoreError;
use super::file::{self, OpenError, Place};
use super::past::Moment;
use super::stamp::{self, Why};
use super::writer::carry_out;
use super::{Clock, leftover, load};
use crate::domain::directory::Directory;
use crate::domain::policy::Permit;
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::index::Index;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TogetherError<E> {
    /// The file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file failed meanwhile.
    #[error("the state cannot be written now; nothing was changed")]
    Store(#[from] StoreError),
    /// The state speaks against one of the changes.
    #[error("nothing was changed: {0}")]
    Refused(#[source] WriteError),
    /// Whoever was asked for the changes had none.
    #[error("nothing was changed: {0}")]
    Plan(E),
}

impl<E> From<rusqlite::Error> for TogetherError<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Shows the state to `plan`, and makes the changes that it asks for: nobody changes the state in between, and whoever
/// looks sees all of them or none. Blocks; others can write while the plan is made, which is made anew if they did. The
/// file is made if it is not there.
///
/// # Errors
/// Why nothing was changed.
pub fn change_together<E>(
    path: &Path,
    clock: Clock,
    mut plan: impl FnMut(&dyn Directory, Timestamp) -> Result<Vec<Permit>, E>,
) -> Result<(), TogetherError<E>> {
    file::create(path)?;
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let mut database = Place::File(path.to_owned()).connect().map_err(failed)?;
    let connection = &mut database.connection;
    let mut plan_by = |connection: &Connection, now| {
        let index = Index::new(load::everything(connection)?.0);
        plan(&index, now).map_err(TogetherError::Plan)
    };
    let reading = connection.transaction()?;
    let seen = version(&reading)?;
    let mut now = clock();
    let mut permits = plan_by(&reading, now)?;
    reading.rollback()?;
    if permits.is_empty() {
        return Ok(());
    }
    if leftover::files(path)?.is_log_empty() {
        leftover::set_apart(connection, path)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let files = leftover::files(path)?;
    if version(&transaction)? != seen {
        now = clock();
        permits = plan_by(&transaction, now)?;
    }
    // At the moment of the plan: what has ended since then had not for it.
    for permit in permits {
        carry_out(&transaction, &permit, Moment::taking_nothing(now)).map_err(|refused| {
            match refused {
                Refused::State(error) => TogetherError::Refused(error),
                Refused::File(error) => TogetherError::Store(error),
            }
        })?;
    }
    stamp::put(&transaction, files, Why::Change)?;
    Ok(transaction.commit()?)
}

/// SQLite's number for the state of the file; another one when others have committed.
fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}
