//! What lies beside the file: whether its write-ahead log is its own, and moving that into the file.
//!
//! A restored backup is refused while the log of the database before it lies there, as SQLite would play that over it.
//! Must not know what is in the tables.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::beside::beside;
use super::beside::written;
pub(super) use super::beside::{files, length, log_of, shared_memory_of};
use super::error::StoreError;
use super::patience::{PATIENCE, be_patient};
use super::stamp::{self, History, Stamp, Why};
use super::{load, schema};

/// SQLite moves no log into the database by itself: it is moved by [`move_in`], which says so first.
pub(super) const BY_HAND: &str = "PRAGMA wal_autocheckpoint = 0;";

/// A log of a megabyte or four is moved into the database before writes pause.
pub(super) const LARGE: u64 = 4 << 20;

/// Looks at files that others may be writing, until what one look saw was so.
const LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Sizes in the format of a write-ahead log (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// First byte of a page that holds rows.
const ROWS: u8 = 0x0d;

/// Refuses a database with what another one has left beside it. Nothing is changed; to be called before SQLite opens it,
/// also while other processes write it.
///
/// # Errors
/// Something of another database lies there, or the files cannot be read.
pub(super) fn check(database: &Path) -> Result<(), StoreError> {
    let (log, journal) = (log_of(database), beside(database, "-journal"));
    if length(database) == 0 {
        // SQLite would delete the log without a word.
        return if length(&log) > 0 { Err(StoreError::Orphan { log }) } else { Ok(()) };
    }
    let since = Instant::now();
    while length(&journal) > 0 && alone(database).is_ok_and(|alone| alone.is_in_use) {
        // Another process may be about to begin a log in its place.
        if since.elapsed() > PATIENCE {
            return Err(StoreError::StaleJournal { journal });
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    let mut changes = 0;
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        let there = files(database)?;
        let history = if there.is_log_empty() { None } else { history(&log)? };
        let Some(history) = history else { return Ok(()) };
        changes = history.length();
        match alone(database) {
            Ok(alone) if history.belongs_to(alone.stamp.as_ref(), there) => return Ok(()),
            // A database that is being written, and needs its log to be whole.
            Err(_) if history.last().is_moving() => return Ok(()),
            Ok(_) | Err(_) => {}
        }
    }
    Err(StoreError::StaleLog { until: written(&log), log, changes })
}

/// What a database holds without its log.
pub(super) struct Alone {
    pub(super) stamp: Option<Stamp>,
    /// Whether there is something in it. While a database is made, until its first tables have their log, it has a journal, and
    /// so it has for whoever is killed meanwhile: it is made anew then.
    is_in_use: bool,
}

/// Reads a database without its log.
pub(super) fn alone(database: &Path) -> Result<Alone, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable(database), flags)?;
    let stamp = stamp::last(&connection)?;
    let is_in_use = match schema::check(&connection) {
        Ok(0) => false,
        Ok(_) => stamp.is_some() || !load::is_nothing(&connection)?,
        // Another program's, or a newer Pasee's.
        Err(_) => true,
    };
    Ok(Alone { stamp, is_in_use })
}

/// The URI by which SQLite reads the database and nothing else.
pub(super) fn immutable(database: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = "file:".to_owned();
    for byte in database.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri + "?immutable=1"
}

/// The stamps that were committed to a log. Logs of programs that know no stamps have none.
fn history(log: &Path) -> Result<Option<History>, StoreError> {
    match read_log(log) {
        // As far as it goes: the last transaction may be half there.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map_err(StoreError::Unseen),
    }
}

fn read_log(log: &Path) -> io::Result<Option<History>> {
    let mut log = BufReader::with_capacity(64 << 10, File::open(log)?);
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(None);
    }
    let number = |bytes: &[u8], at: usize| {
        bytes
            .get(at..at + 4)
            .map_or(0, |four| four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    };
    let page = usize::try_from(number(&header, 8)).unwrap_or(usize::MAX).clamp(512, 65_536);
    let mut frame = vec![0; FRAME_HEADER + page];
    let (mut committed, mut pending) = (None::<History>, None::<Stamp>);
    // Frames of an earlier log may lie behind the last one.
    while fill(&mut log, &mut frame)? && frame.get(8..16) == header.get(16..24) {
        if frame.get(FRAME_HEADER) == Some(&ROWS) {
            let found = frame.get(FRAME_HEADER..).and_then(Stamp::find);
            pending = match (pending, found) {
                (Some(one), Some(two)) => Some(Stamp::later(one, two)),
                (one, two) => one.or(two),
            };
        }
        if number(&frame, 4) > 0 {
            match (&mut committed, pending.take()) {
                (Some(history), Some(stamp)) => history.push(stamp),
                (None, Some(stamp)) => committed = Some(History::begin(stamp)),
                (_, None) => {}
            }
        }
    }
    Ok(committed)
}

/// Whether there was as much as that.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Moves the log into the database, as far as nobody reads it, and empties it when all of it is there: from then on a copy
/// of the one file holds everything. Waits for nobody.
pub(super) fn move_in(connection: &mut Connection, database: &Path) -> Result<(), StoreError> {
    if files(database)?.is_log_empty() {
        return Ok(());
    }
    without_patience(connection, |connection| {
        if !stamp::last(connection)?.is_some_and(|last| last.is_moving()) {
            say(connection, database, Why::MoveIn)?;
        }
        empty(connection)
    })
}

/// Before a log is begun: has the database hold what no copy of it holds. Waits for nobody; while another process reads, the
/// log is begun all the same.
pub(super) fn set_apart(connection: &mut Connection, database: &Path) -> Result<(), StoreError> {
    without_patience(connection, |connection| {
        say(connection, database, Why::SetApart)?;
        empty(connection)
    })
}

fn without_patience(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = work(connection);
    be_patient(connection)?;
    match done {
        Err(StoreError::Locked(_)) => Ok(()),
        done => done,
    }
}

/// Its row says how far it came; what is left is moved another time.
fn empty(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Whether a connection shows what the files at the path hold, and not what was there before somebody wrote over them.
pub(super) fn shows(connection: &Connection, database: &Path) -> Result<bool, StoreError> {
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(BETWEEN_LOOKS);
        }
        let shown = stamp::last(connection)?;
        let there = match history(&log_of(database))? {
            None => alone(database)?.stamp,
            Some(history) => Some(*history.last()),
        };
        if shown == there {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says what is about to be done, should this process not live to the end of it.
fn say(connection: &mut Connection, database: &Path, why: Why) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    stamp::put(&transaction, files(database)?, why)?;
    Ok(transaction.commit()?)
}
