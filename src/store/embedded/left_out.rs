//! Rows that were right when they were written, by rules that have become stricter since: they are left out of what is
//! read, told of, and stay in the file.
//!
//! What no version has ever written is a fault of the file all the same. Must not know what is read.

use std::fmt;

use rusqlite::{Error, Row};

use crate::domain::group::{GroupNameError, MAX_LENGTH};
use crate::domain::user::UserIdError;

/// How many are named.
const NAMED: usize = 5;
/// How many characters are told of each.
const SHOWN: usize = 64;

/// What was left out.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    named: Vec<String>,
    count: usize,
}

impl LeftOut {
    /// What was read of a row; `None` for one that is left out.
    pub(super) fn unless<T>(
        &mut self,
        row: &Row<'_>,
        read: rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        let error = match read {
            Ok(read) => return Ok(Some(read)),
            Err(error) => error,
        };
        let Some(text) = former(row, &error) else { return Err(error) };
        self.count += 1;
        if self.named.len() < NAMED {
            // Nobody sees what makes it wrong, so that all but ASCII is told by number.
            let shown: String = text.chars().take(SHOWN).flat_map(char::escape_default).collect();
            let more = if text.chars().nth(SHOWN).is_some() { "…" } else { "" };
            let told = format!("{shown}{more}");
            if !self.named.contains(&told) {
                self.named.push(told);
            }
        }
        Ok(None)
    }

    /// One more, which belongs to what was left out before.
    pub(super) fn with_it(&mut self) {
        self.count += 1;
    }

    /// Warns, if there is anything to tell.
    pub(super) fn tell(&self) {
        if self.count > 0 {
            tracing::warn!("{self}");
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, named) = (self.count, self.named.join(", "));
        write!(
            f,
            "rows of the file that are left out and stay in it, as no user id or group name is written like that any more: \
             {count}, such as {named}; user ids have no characters that nobody sees, and group names at most 253 characters with each \
             _ counting as two"
        )
    }
}

/// The text in a row that was a user id or the name of a group once, and is none any more.
fn former(row: &Row<'_>, error: &Error) -> Option<String> {
    let Error::FromSqlConversionFailure(column, _, error) = error else { return None };
    let text = row.get_ref(*column).ok()?.as_str().ok()?;
    let is_user = matches!(error.downcast_ref(), Some(UserIdError::SubjectUnseen(_)));
    let is_group = matches!(error.downcast_ref(), Some(GroupNameError::TooLong))
        && text.strip_suffix(".staff").unwrap_or(text).len() <= MAX_LENGTH;
    (is_user || is_group).then(|| text.to_owned())
}
