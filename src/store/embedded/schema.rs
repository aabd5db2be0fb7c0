//! The tables, and the steps from each version of them to the next.
//!
//! Must not know what rows mean to the index.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::beside;
use super::error::StoreError;
use super::stamp::{self, Why};

/// "Pase" in ASCII, where SQLite keeps whose file it is.
const APPLICATION: u32 = u32::from_be_bytes(*b"Pase");

/// One step for each version: the first makes an empty file version 1. Released steps never change.
const STEPS: [&str; 12] = [
    TABLES,
    CHANGES,
    STAMP,
    AUTHORS,
    SESSIONS,
    DESCRIPTIONS,
    ENDS,
    MAKERS,
    SHARES,
    PAST,
    SEALS,
    INVITATIONS,
];

/// Group 0 is the realm itself: parent of the root groups, and its staff is the root staff. Deleting a group takes its
/// subgroups and memberships along. `role`: 0 member, 1 staff. Moments are seconds since 1970; NULL = no end, or never.
const TABLES: &str = "
    CREATE TABLE groups (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        parent INTEGER REFERENCES groups (id) ON DELETE CASCADE,
        CHECK ((id = 0) = (parent IS NULL))
    ) STRICT;
    CREATE INDEX groups_by_parent ON groups (parent);
    INSERT INTO groups (id, name, parent) VALUES (0, '', NULL);
    CREATE TABLE memberships (
        group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
        role INTEGER NOT NULL CHECK (role IN (0, 1)),
        user TEXT NOT NULL,
        expires_at INTEGER,
        PRIMARY KEY (group_id, role, user),
        CHECK (group_id <> 0 OR role = 1)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX memberships_by_user ON memberships (user);
    CREATE TABLE standings (
        user TEXT PRIMARY KEY,
        banned INTEGER NOT NULL CHECK (banned IN (0, 1)),
        not_before INTEGER
    ) STRICT, WITHOUT ROWID;
";

/// What has come to pass lately, for other processes that have the file open.
const CHANGES: &str = "
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT,
        user TEXT,
        banned INTEGER,
        moment INTEGER
    ) STRICT;
";

/// What the last transaction said of its files.
const STAMP: &str = "
    CREATE TABLE stamp (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        text TEXT NOT NULL
    ) STRICT;
";

/// Who made each change, as a user id, `system:` and the system user at the command line, or `pasee:` and what does it by
/// itself, and when; unknown of older ones.
const AUTHORS: &str = "
    ALTER TABLE changes ADD COLUMN actor TEXT;
    ALTER TABLE changes ADD COLUMN at INTEGER;
";

/// Sessions that were ended, until they would have ended anyway.
const SESSIONS: &str = "
    CREATE TABLE ended_sessions (
        session BLOB PRIMARY KEY CHECK (length(session) = 16),
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ended_sessions_by_until ON ended_sessions (until);
";

/// What a group is for, and in the log what was said of that.
const DESCRIPTIONS: &str = "
    ALTER TABLE groups ADD COLUMN description TEXT;
    ALTER TABLE changes ADD COLUMN description TEXT;
";

/// By which memberships are found that ended long ago, of those that end.
const ENDS: &str = "
    CREATE INDEX memberships_by_end ON memberships (expires_at) WHERE expires_at IS NOT NULL;
";

/// Which user has made a group, or put somebody on a roster; NULL = the operator, a staff's creator for having made the group, or
/// unknown of older ones.
const MAKERS: &str = "
    ALTER TABLE groups ADD COLUMN author TEXT;
    ALTER TABLE memberships ADD COLUMN author TEXT;
    CREATE INDEX groups_by_author ON groups (author) WHERE author IS NOT NULL;
    CREATE INDEX memberships_by_author ON memberships (author) WHERE author IS NOT NULL;
";

/// Whose the ended sessions are; unknown of older ones.
const SHARES: &str = "
    CREATE TABLE ended_sessions_of (
        session BLOB PRIMARY KEY REFERENCES ended_sessions (session) ON DELETE CASCADE,
        user TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ended_sessions_by_user ON ended_sessions_of (user);
";

/// Until when the file was written, by a clock that was believed.
const PAST: &str = "
    CREATE TABLE past (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        moment INTEGER NOT NULL
    ) STRICT;
";

/// What each transaction writes besides its changes goes into the last of their entries, so that it costs no page of its own: what it
/// says of its files, as bytes that no text is, and until when the file was written. First, so that both lie in the page
/// however long the rest is. Whoever still writes as before, without what is said of the files, is refused by SQLite.
const SEALS: &str = "
    CREATE TABLE sealed_changes (
        seq INTEGER PRIMARY KEY,
        stamp BLOB,
        past INTEGER,
        kind TEXT NOT NULL,
        name TEXT,
        user TEXT,
        banned INTEGER,
        moment INTEGER,
        actor TEXT,
        at INTEGER,
        description TEXT
    ) STRICT;
    INSERT INTO sealed_changes (seq, kind, name, user, banned, moment, actor, at, description)
        SELECT seq, kind, name, user, banned, moment, actor, at, description FROM changes;
    INSERT INTO sealed_changes (seq, kind) SELECT 0, 'sealed' WHERE NOT EXISTS (SELECT 1 FROM changes);
    UPDATE sealed_changes SET
            stamp = (SELECT CAST(unhex('fffe7061736565fffe7374616d70' || replace(substr(text, 12), ' ', '')) AS BLOB) FROM stamp),
            past = (SELECT moment FROM past)
        WHERE seq = (SELECT max(seq) FROM sealed_changes);
    DROP TABLE changes;
    ALTER TABLE sealed_changes RENAME TO changes;
    DROP TABLE stamp;
    DROP TABLE past;
";

/// The mark that invitations to a group name, while they count; and what members were called when they took one up.
const INVITATIONS: &str = "
    ALTER TABLE groups ADD COLUMN mark BLOB;
    ALTER TABLE memberships ADD COLUMN called TEXT;
";

/// Makes the file Pasee's own, in the latest version; two processes may do so at once. With its path, it has a write-ahead
/// log.
pub(super) fn migrate(
    connection: &mut Connection,
    database: Option<&Path>,
) -> Result<(), StoreError> {
    if check(connection)? == latest() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let files = database.map(beside::files).transpose()?;
    let found = version(&transaction)?; // again, now that nobody else can change it
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", latest())?;
    if let Some(files) = files {
        stamp::put(&transaction, files, Why::Change)?;
    }
    Ok(transaction.commit()?)
}

/// The version of the file's tables: 0 when it is empty. Changes nothing.
///
/// # Errors
/// The file is of another program or a newer Pasee, or cannot be read.
pub(super) fn check(connection: &Connection) -> Result<u32, StoreError> {
    let transaction = connection.unchecked_transaction()?; // all of one moment
    let found = version(&transaction)?;
    transaction.rollback()?;
    Ok(found)
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, found) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, u32::try_from(found)) {
        (0, Ok(0)) if tables == 0 => Ok(0),
        (application, Ok(found)) if application == i64::from(APPLICATION) && found > 0 => {
            let known = latest();
            if found > known { Err(StoreError::Newer { found, known }) } else { Ok(found) }
        }
        _ if is_of_python(connection)? => Err(StoreError::OfPython),
        _ => Err(StoreError::Foreign),
    }
}

/// Whether it has the tables of the Python Pasee.
pub(super) fn is_of_python(connection: &Connection) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) = 3 FROM sqlite_schema
               WHERE type = 'table' AND name IN ('users', 'groups', 'user_in_group')";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// The latest version that there is.
pub(super) fn latest() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}
