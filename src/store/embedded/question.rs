//! What is asked of the file itself, since nobody keeps it in memory: the marks of groups, and what people are called.
//!
//! Answered by the thread that has the file, between its writes. Must not know who asks.

use std::fmt;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::change::group_id;
use super::error::StoreError;
use super::load::number_of;
use super::log::parsed;
use crate::domain::membership::Roster;
use crate::domain::name::PersonName;
use crate::domain::realm::Names;
use crate::domain::user::UserId;

/// Most questions that wait.
pub(super) const MOST: usize = 1024;

/// The file, or why there is none.
type Found<'c> = Result<&'c Connection, Arc<StoreError>>;

/// What to do with it.
pub(super) struct Question(Box<dyn FnOnce(Found<'_>) + Send>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

impl Question {
    /// What is asked, and whom to tell.
    pub(super) fn new<T>(
        ask: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        reply: impl FnOnce(Result<T, Arc<StoreError>>) + Send + 'static,
    ) -> Self {
        Self(Box::new(|found: Found<'_>| {
            reply(found.and_then(|connection| ask(connection).map_err(Arc::new)));
        }))
    }

    /// Answers it.
    pub(super) fn answer(self, found: Found<'_>) {
        (self.0)(found);
    }
}

/// What these users were called when they came onto a roster.
pub(super) fn names(
    connection: &Connection,
    roster: &Roster,
    users: &[UserId],
) -> Result<Names, StoreError> {
    let mut names = Names::new();
    let (Some(group), Some(from), Some(to)) =
        (group_id(connection, roster)?, users.iter().min(), users.iter().max())
    else {
        return Ok(names);
    };
    let sql = "SELECT user, called FROM memberships
               WHERE group_id = ? AND role = ? AND user BETWEEN ? AND ? AND called IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let range = params![group, number_of(roster.role()), from.as_str(), to.as_str()];
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        let Ok(user) = parsed::<UserId>(row, 0) else { continue };
        let called: String = row.get(1)?;
        if let Some(name) = PersonName::read(&called) {
            names.insert(user, name);
        }
    }
    names.retain(|user, _| users.contains(user));
    Ok(names)
}
