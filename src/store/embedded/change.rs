//! Carries out one change in the file, judged by what the file says.
//!
//! Must not know transactions, nor the index.

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::load::number_of;
use super::log::first;
use super::past::Moment;
use crate::domain::bounds::has_room_for_ended;
use crate::domain::change::{Ban, Change};
use crate::domain::description::Description;
use crate::domain::directory::Standing;
use crate::domain::group::GroupName;
use crate::domain::invitation::{GroupMark, Joining};
use crate::domain::membership::{Membership, Role, Roster};
use crate::domain::name::PersonName;
use crate::domain::realm::WriteError;
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;
use crate::index::Update;

/// Why a change was not carried out.
#[derive(Debug)]
pub(super) enum Refused {
    /// The state speaks against it.
    State(WriteError),
    /// The file failed.
    File(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error.into())
    }
}

/// Carries out a change by a user, or the operator, and says what has come to pass by it.
pub(super) fn execute(
    connection: &Connection,
    change: &Change,
    author: Option<&UserId>,
    moment: Moment,
) -> Result<Vec<Update>, Refused> {
    let now = moment.now;
    match change {
        // Nothing waits for a group here: there is nothing without its group.
        Change::CreateGroup { group, creator } | Change::AdoptGroup { group, creator } => {
            create(connection, group, creator.as_ref(), author)
        }
        Change::DeleteGroup(group) => delete(connection, group),
        Change::Describe { group, description } => {
            describe(connection, group, description.as_ref())
        }
        Change::AddMember(membership) => {
            let updates = add(connection, membership, None, author, now)?;
            with_end(connection, membership, updates)
        }
        Change::Leave { roster, user } => leave(connection, roster, user),
        Change::RemoveMember { roster, user } => {
            let mut updates = remove(connection, roster, user)?;
            updates.extend(void(connection, roster)?);
            Ok(updates)
        }
        Change::SetExpiry(membership) => {
            let updates = set_expiry(connection, membership, now)?;
            with_end(connection, membership, updates)
        }
        Change::Invite(group) => invite(connection, group),
        Change::VoidInvitations(group) => {
            let roster = Roster::Members(group.clone());
            group_of(connection, &roster)?;
            Ok(void(connection, &roster)?)
        }
        Change::Join(joining) => join(connection, joining, author, now),
        Change::SetBanned { user, banned } => {
            let before = standing(connection, user)?;
            let after = match banned {
                Ban::Impose => before.banned(now),
                Ban::Lift => before.lifted(now),
            };
            Ok(stand(connection, user, after)?)
        }
        Change::Revoke(user) => {
            Ok(stand(connection, user, standing(connection, user)?.revoked(now))?)
        }
        Change::Declare { user, banned, not_before } => {
            let before = standing(connection, user)?;
            Ok(stand(connection, user, before.declared(*banned, *not_before, now))?)
        }
        Change::EndSession { user, session, until } => {
            end(connection, user, *session, *until, moment)
        }
        Change::DeleteUser(user) => {
            let sql = "UPDATE groups SET mark = NULL
                       WHERE mark IS NOT NULL AND id IN (SELECT group_id FROM memberships WHERE user = ?)";
            connection.prepare_cached(sql)?.execute([user.as_str()])?;
            let sql = "DELETE FROM memberships WHERE user = ?";
            connection.prepare_cached(sql)?.execute([user.as_str()])?;
            Ok(vec![Update::Cleared(user.clone())])
        }
    }
}

fn delete(connection: &Connection, group: &GroupName) -> Result<Vec<Update>, Refused> {
    let sql = "DELETE FROM groups WHERE name = ?";
    match connection.prepare_cached(sql)?.execute([group.as_str()])? {
        0 => Err(Refused::State(WriteError::GroupMissing)),
        _ => Ok(vec![Update::Deleted(group.clone())]),
    }
}

fn describe(
    connection: &Connection,
    group: &GroupName,
    description: Option<&Description>,
) -> Result<Vec<Update>, Refused> {
    let text = description.map(Description::as_str);
    let sql = "UPDATE groups SET description = ? WHERE name = ?";
    match connection.prepare_cached(sql)?.execute(params![text, group.as_str()])? {
        0 => Err(Refused::State(WriteError::GroupMissing)),
        _ => Ok(vec![Update::Described(group.clone(), description.cloned())]),
    }
}

/// Remembers that a session was ended. When too many are remembered already, of its user or of all, all of its user's are ended
/// instead.
fn end(
    connection: &Connection,
    user: &UserId,
    session: SessionId,
    until: Timestamp,
    Moment { now, over: past, .. }: Moment,
) -> Result<Vec<Update>, Refused> {
    let over = "DELETE FROM ended_sessions WHERE until <= ?";
    let over = connection.prepare_cached(over)?.execute([past.as_unix()])?;
    let mut updates = if over > 0 { vec![Update::Over(past)] } else { Vec::new() };
    if until <= now || has_ended(connection, session, now)? {
        return Ok(updates);
    }
    let of_all = first::<i64>(connection, "SELECT count(*) FROM ended_sessions", [])?;
    let of_user = "SELECT count(*) FROM ended_sessions_of WHERE user = ?";
    let of_user = first::<i64>(connection, of_user, [user.as_str()])?;
    let [of_all, of_user] = [of_all, of_user].map(|count| count.unwrap_or(0).unsigned_abs());
    if !has_room_for_ended(of_user, of_all) {
        updates.extend(stand(connection, user, standing(connection, user)?.revoked(now))?);
        return Ok(updates);
    }
    let sql = "INSERT INTO ended_sessions (session, until) VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute(params![session.bytes(), until.as_unix()])?;
    let sql = "INSERT INTO ended_sessions_of (session, user) VALUES (?, ?)";
    connection.prepare_cached(sql)?.execute(params![session.bytes(), user.as_str()])?;
    updates.push(Update::Ended(session, until));
    Ok(updates)
}

/// Whether a session was ended.
pub(super) fn has_ended(
    connection: &Connection,
    session: SessionId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM ended_sessions WHERE session = ? AND until > ?";
    Ok(first::<i64>(connection, sql, params![session.bytes(), now.as_unix()])?.is_some())
}

fn create(
    connection: &Connection,
    group: &GroupName,
    creator: Option<&UserId>,
    author: Option<&UserId>,
) -> Result<Vec<Update>, Refused> {
    if number_of_group(connection, group)?.is_some() {
        return Err(Refused::State(WriteError::GroupExists));
    }
    let parent = match group.parent() {
        None => 0,
        Some(parent) => number_of_group(connection, &parent)?
            .ok_or(Refused::State(WriteError::ParentMissing))?,
    };
    let sql = "INSERT INTO groups (name, parent, author) VALUES (?, ?, ?)";
    let row = params![group.as_str(), parent, author.map(UserId::as_str)];
    connection.prepare_cached(sql)?.execute(row)?;
    let mut updates = vec![Update::Created(group.clone())];
    if let Some(creator) = creator {
        let staff = Membership {
            roster: Roster::of(group.clone(), Role::Staff),
            user: creator.clone(),
            expires_at: None,
        };
        put(connection, connection.last_insert_rowid(), &staff, None, None)?;
        updates.push(Update::Joined(staff));
    }
    Ok(updates)
}

/// The mark of a group, if there is one of it.
pub(super) fn mark(
    connection: &Connection,
    group: &GroupName,
) -> Result<Option<GroupMark>, StoreError> {
    let Some(id) = number_of_group(connection, group)? else { return Ok(None) };
    let sql = "SELECT lower(hex(mark)) FROM groups WHERE id = ? AND mark IS NOT NULL";
    let text = first::<String>(connection, sql, [id])?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Makes the mark that invitations name, if there is none.
fn invite(connection: &Connection, group: &GroupName) -> Result<Vec<Update>, Refused> {
    if number_of_group(connection, group)?.is_none() {
        return Err(Refused::State(WriteError::GroupMissing));
    }
    let sql = "UPDATE groups SET mark = randomblob(16) WHERE name = ? AND mark IS NULL";
    let made = connection.prepare_cached(sql)?.execute([group.as_str()])?;
    Ok(if made > 0 { vec![Update::Marked(group.clone())] } else { Vec::new() })
}

/// Takes back what was made of invitations to a group: by hand, and where somebody was taken off, given an end, or leaves before
/// theirs, who may hold one and would come back by it without an end.
fn void(connection: &Connection, roster: &Roster) -> Result<Vec<Update>, StoreError> {
    let Some(group) = roster.group() else { return Ok(Vec::new()) };
    let sql = "UPDATE groups SET mark = NULL WHERE name = ? AND mark IS NOT NULL";
    let voided = connection.prepare_cached(sql)?.execute([group.as_str()])?;
    Ok(if voided > 0 { vec![Update::Marked(group.clone())] } else { Vec::new() })
}

/// Puts somebody onto a roster who was invited there, while the invitation counts.
fn join(
    connection: &Connection,
    joining: &Joining,
    author: Option<&UserId>,
    now: Timestamp,
) -> Result<Vec<Update>, Refused> {
    let void = || Refused::State(WriteError::InvitationVoid);
    let group = joining.membership.roster.group().ok_or_else(void)?;
    if mark(connection, group)?.as_ref() != Some(&joining.mark) {
        return Err(void());
    }
    add(connection, &joining.membership, joining.name.as_ref(), author, now)
}

fn add(
    connection: &Connection,
    membership: &Membership,
    name: Option<&PersonName>,
    author: Option<&UserId>,
    now: Timestamp,
) -> Result<Vec<Update>, Refused> {
    let group = group_of(connection, &membership.roster)?;
    if is_on(connection, group, &membership.roster, &membership.user, now)? {
        return Err(Refused::State(WriteError::AlreadyMember));
    }
    put(connection, group, membership, name, author)?;
    Ok(vec![Update::Joined(membership.clone())])
}

fn set_expiry(
    connection: &Connection,
    membership: &Membership,
    now: Timestamp,
) -> Result<Vec<Update>, Refused> {
    let group = group_of(connection, &membership.roster)?;
    if !is_on(connection, group, &membership.roster, &membership.user, now)? {
        return Err(Refused::State(WriteError::NotMember));
    }
    let sql = "UPDATE memberships SET expires_at = ? WHERE group_id = ? AND role = ? AND user = ?";
    let Membership { roster, user, expires_at } = membership;
    let end = expires_at.map(Timestamp::as_unix);
    let row = params![end, group, number_of(roster.role()), user.as_str()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(vec![Update::Joined(membership.clone())])
}

fn remove(connection: &Connection, roster: &Roster, user: &UserId) -> Result<Vec<Update>, Refused> {
    let group = group_of(connection, roster)?;
    // Also one that has ended, which is still there.
    let sql = "DELETE FROM memberships WHERE group_id = ? AND role = ? AND user = ?";
    let key = params![group, number_of(roster.role()), user.as_str()];
    match connection.prepare_cached(sql)?.execute(key)? {
        0 => Err(Refused::State(WriteError::NotMember)),
        _ => Ok(vec![Update::Left { roster: roster.clone(), user: user.clone() }]),
    }
}

/// What has come to pass where somebody was given a membership: an end takes invitations back, which would take it away.
fn with_end(
    connection: &Connection,
    membership: &Membership,
    mut updates: Vec<Update>,
) -> Result<Vec<Update>, Refused> {
    if membership.expires_at.is_some() {
        updates.extend(void(connection, &membership.roster)?);
    }
    Ok(updates)
}

/// Takes somebody off who wants to go: with an end, they come back by nothing that was made before.
fn leave(connection: &Connection, roster: &Roster, user: &UserId) -> Result<Vec<Update>, Refused> {
    let has_end = has_end(connection, roster, user)?;
    let mut updates = remove(connection, roster, user)?;
    if has_end {
        updates.extend(void(connection, roster)?);
    }
    Ok(updates)
}

/// Whether the user's place on a roster has an end, also one that is over.
fn has_end(connection: &Connection, roster: &Roster, user: &UserId) -> Result<bool, Refused> {
    let group = group_of(connection, roster)?;
    let sql = "SELECT 1 FROM memberships
               WHERE group_id = ? AND role = ? AND user = ? AND expires_at IS NOT NULL";
    let key = params![group, number_of(roster.role()), user.as_str()];
    Ok(first::<i64>(connection, sql, key)?.is_some())
}

fn is_on(
    connection: &Connection,
    group: i64,
    roster: &Roster,
    user: &UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    Ok(end_of(connection, group, roster, user, now)?.is_some())
}

/// Until when the user is on the roster, if they are now: an expired membership counts as none.
pub(super) fn end_of(
    connection: &Connection,
    group: i64,
    roster: &Roster,
    user: &UserId,
    now: Timestamp,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    let sql = "SELECT expires_at FROM memberships WHERE group_id = ? AND role = ? AND user = ?";
    let key = params![group, number_of(roster.role()), user.as_str()];
    let found = first::<Option<i64>>(connection, sql, key)?;
    let current = found.filter(|end| end.is_none_or(|end| now.as_unix() < end));
    Ok(current.map(|end| end.and_then(Timestamp::from_unix)))
}

fn put(
    connection: &Connection,
    group: i64,
    membership: &Membership,
    name: Option<&PersonName>,
    author: Option<&UserId>,
) -> Result<(), StoreError> {
    let sql =
        "INSERT OR REPLACE INTO memberships (group_id, role, user, expires_at, author, called)
               VALUES (?, ?, ?, ?, ?, ?)";
    let Membership { roster, user, expires_at } = membership;
    let end = expires_at.map(Timestamp::as_unix);
    let author = author.map(UserId::as_str);
    let called = name.map(PersonName::as_str);
    let row = params![group, number_of(roster.role()), user.as_str(), end, author, called];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn group_of(connection: &Connection, roster: &Roster) -> Result<i64, Refused> {
    group_id(connection, roster)?.ok_or(Refused::State(WriteError::GroupMissing))
}

/// The number of the group whose roster it is.
pub(super) fn group_id(
    connection: &Connection,
    roster: &Roster,
) -> Result<Option<i64>, StoreError> {
    match roster.group() {
        None => Ok(Some(0)),
        Some(group) => number_of_group(connection, group),
    }
}

pub(super) fn number_of_group(
    connection: &Connection,
    group: &GroupName,
) -> Result<Option<i64>, StoreError> {
    first(connection, "SELECT id FROM groups WHERE name = ?", [group.as_str()])
}

pub(super) fn standing(connection: &Connection, user: &UserId) -> Result<Standing, StoreError> {
    let sql = "SELECT banned FROM standings WHERE user = ?";
    let banned = first(connection, sql, [user.as_str()])?.unwrap_or(false);
    let sql = "SELECT not_before FROM standings WHERE user = ?";
    let not_before = first::<Option<i64>>(connection, sql, [user.as_str()])?.flatten();
    Ok(Standing { banned, not_before: not_before.and_then(Timestamp::from_unix) })
}

pub(super) fn stand(
    connection: &Connection,
    user: &UserId,
    standing: Standing,
) -> Result<Vec<Update>, StoreError> {
    if standing == Standing::default() {
        let sql = "DELETE FROM standings WHERE user = ?";
        connection.prepare_cached(sql)?.execute([user.as_str()])?;
    } else {
        let sql = "INSERT OR REPLACE INTO standings (user, banned, not_before) VALUES (?, ?, ?)";
        let Standing { banned, not_before } = standing;
        let row = params![user.as_str(), banned, not_before.map(Timestamp::as_unix)];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    Ok(vec![Update::Stands { user: user.clone(), standing }])
}
