//! Memberships that ended long ago, taken out of the file bit by bit, as the controller does on Kubernetes.
//!
//! They count for nobody since they ended, so that no permit is needed. Must not know when there is time for that.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::log::{self, Made, parsed};
use super::past::Moment;
use crate::domain::group::GroupName;
use crate::domain::membership::{KEPT_ENDED, Role, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Update;

/// Most memberships that are taken at once: others wait meanwhile.
const AT_ONCE: usize = 256;
/// Who takes them, in the log of changes; no user id, and no system user.
const SWEEP: &str = "pasee:sweep";

/// A membership, as the file knows it and as all others do.
struct Ended {
    group: i64,
    role: i64,
    roster: Roster,
    user: UserId,
}

/// Whether there is something to take, of what had ended by then.
pub(super) fn is_due(connection: &Connection, by: Timestamp) -> Result<bool, StoreError> {
    Ok(!ended(connection, by, 1)?.is_empty())
}

/// Takes some, in the transaction that is under way, and says what has come to pass by that.
pub(super) fn sweep(connection: &Connection, moment: Moment) -> Result<Vec<Update>, StoreError> {
    let sql = "DELETE FROM memberships WHERE group_id = ? AND role = ? AND user = ?";
    let mut deletion = connection.prepare_cached(sql)?;
    let mut updates = Vec::new();
    for Ended { group, role, roster, user } in ended(connection, moment.ended, AT_ONCE)? {
        deletion.execute(params![group, role, user.as_str()])?;
        let update = Update::Left { roster, user };
        log::append(connection, &update, Made { by: SWEEP, at: moment.now })?;
        updates.push(update);
    }
    Ok(updates)
}

/// Those that ended longest ago. What today's rules refuse is known to nobody, and stays.
fn ended(connection: &Connection, by: Timestamp, most: usize) -> Result<Vec<Ended>, StoreError> {
    let sql = "SELECT group_id, role, user, name FROM memberships JOIN groups ON id = group_id
               WHERE expires_at <= ? ORDER BY expires_at";
    let kept = i64::try_from(KEPT_ENDED.as_secs()).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([by.as_unix() - kept])?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        let (group, role): (i64, i64) = (row.get(0)?, row.get(1)?);
        let roster = if group == 0 {
            Ok(Roster::RootStaff)
        } else {
            let role = if role == 0 { Role::Member } else { Role::Staff };
            parsed::<GroupName>(row, 3).map(|group| Roster::of(group, role))
        };
        if let (Ok(roster), Ok(user)) = (roster, parsed::<UserId>(row, 2)) {
            found.push(Ended { group, role, roster, user });
        }
    }
    Ok(found)
}
