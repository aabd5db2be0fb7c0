//! Judges a permit by what the file says of its author, where it is carried out.
//!
//! Reads in the transaction that carries it out, after the changes that came before it: a ban of the same batch counts. Must
//! not know who may do what (that is [`policy`](crate::domain::policy)).

use rusqlite::Connection;

use super::change::{Refused, end_of, number_of_group, standing};
use super::error::StoreError;
use crate::domain::directory::{Holding, Record};
use crate::domain::membership::Roster;
use crate::domain::policy::{Permit, deciding};
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// Whether the change is permitted still.
pub(super) fn judge(
    connection: &Connection,
    permit: &Permit,
    now: Timestamp,
) -> Result<(), Refused> {
    let record = match permit.actor() {
        Some(author) => record(connection, author, &deciding(permit.change()), now)?,
        None => Record::default(),
    };
    permit.judge_again(record, now).map_err(|withdrawn| Refused::State(WriteError::from(withdrawn)))
}

/// What the file says of a user: their standing, and which of these rosters they are on.
fn record(
    connection: &Connection,
    user: &UserId,
    rosters: &[Roster],
    now: Timestamp,
) -> Result<Record, StoreError> {
    let mut holdings = Vec::new();
    for roster in rosters {
        let group = match roster.group() {
            None => Some(0),
            Some(group) => number_of_group(connection, group)?,
        };
        let Some(group) = group else { continue };
        if let Some(expires_at) = end_of(connection, group, roster, user, now)? {
            holdings.push(Holding { roster: roster.clone(), expires_at });
        }
    }
    Ok(Record { standing: standing(connection, user)?, holdings })
}
