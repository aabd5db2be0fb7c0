//! Many changes of a file, all of them or none, judged by what the file says at that moment; beside a running server.
//!
//! Must not know what the changes are for.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::change::{Refused, execute};
use super::fault::Fault;
use super::file::{self, OpenError, Place};
use super::{Clock, load, log};
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
    Fault(#[from] Fault),
    /// The state speaks against one of the changes.
    #[error("nothing was changed: {0}")]
    Refused(#[source] WriteError),
    /// Whoever was asked for the changes had none.
    #[error("nothing was changed: {0}")]
    Plan(E),
}

impl<E> From<rusqlite::Error> for TogetherError<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// Shows the state to `plan`, and makes the changes that it asks for: nobody changes the state in between, and whoever
/// looks sees all of them or none. Blocks. The file is made if it is not there.
///
/// # Errors
/// Why nothing was changed.
pub fn change_together<E>(
    path: &Path,
    clock: Clock,
    plan: impl FnOnce(&dyn Directory, Timestamp) -> Result<Vec<Permit>, E>,
) -> Result<(), TogetherError<E>> {
    file::create(path)?;
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let mut connection = Place::File(path.to_owned()).connect().map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let index = Index::new(load::everything(&transaction)?.0);
    let now = clock();
    let permits = plan(&index, now).map_err(TogetherError::Plan)?;
    drop(index); // as large as the state
    if permits.is_empty() {
        return Ok(transaction.rollback()?);
    }
    for permit in permits {
        carry_out(&transaction, &permit, now).map_err(|refused| match refused {
            Refused::State(error) => TogetherError::Refused(error),
            Refused::File(fault) => TogetherError::Fault(fault),
        })?;
    }
    log::trim(&transaction)?;
    Ok(transaction.commit()?)
}

fn carry_out(connection: &Connection, permit: &Permit, now: Timestamp) -> Result<(), Refused> {
    for update in execute(connection, permit.change(), now)? {
        log::append(connection, &update)?;
    }
    Ok(())
}
