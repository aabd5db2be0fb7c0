//! What each transaction says of the files it was written for, so that a write-ahead log that was left by another file is
//! told from the file's own.
//!
//! SQLite ties a write-ahead log to the database beside it by nothing but its name: it plays a log that was left there by
//! the former database over the one that was restored in its place. Must not know how files are read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use rusqlite::Connection;

use super::error::StoreError;
use super::log::{self, Seal, first};

/// How a stamp begins, by which it is found in a write-ahead log: no text holds that, whatever somebody calls a group, as it is no
/// UTF-8. Numbers follow it, of eight bytes each.
const BEGINNING: &[u8] = b"\xff\xfepasee\xff\xfestamp";
/// How one began in former versions, which kept it as a text in a table of its own: each number has a space before, and 16
/// hexadecimal digits.
const FORMER_BEGINNING: &str = "pasee stamp";
/// Bits of the number that says what the transaction is part of.
const MOVING: u64 = 1;
const SETS_APART: u64 = 2;
const IS_APART: u64 = 4;
/// Numbers in a stamp.
const NUMBERS: usize = 9;
/// Length of a stamp.
const LENGTH: usize = BEGINNING.len() + NUMBERS * 8;
/// Length of a former stamp.
const FORMER_LENGTH: usize = FORMER_BEGINNING.len() + NUMBERS * 17;

/// How a stamp is written; a better one comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Former,
    Own,
}

/// What the file held after one transaction: the how many-th, and what no other has by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edition {
    count: u64,
    random: u64,
}

/// The database file by itself, as the system sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OnDisk {
    inode: u64,
    /// When it was last written: seconds and nanoseconds.
    written: (u64, u64),
}

/// What a transaction says of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    form: Form,
    edition: Edition,
    /// What it held before that; `None` if it had no stamp.
    before: Option<Edition>,
    /// Whether the log may have been moved into the database in part since it was begun.
    moving: bool,
    /// Whether this was written for nothing but the next log, see [`Why::SetApart`].
    sets_apart: bool,
    /// Whether the log that this is in was begun right after such a one: no copy holds what the database did by itself then.
    is_apart: bool,
    /// The database when this was written.
    database: OnDisk,
    /// The inode of the write-ahead log that this was written to.
    log: u64,
}

/// The files that there are, as far as the system tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    pub(super) database: OnDisk,
    pub(super) log: Option<u64>,
    /// How long the write-ahead log is.
    pub(super) log_length: u64,
}

impl Files {
    /// Whether the write-ahead log holds nothing.
    pub(super) fn is_log_empty(self) -> bool {
        self.log_length == 0
    }
}

impl OnDisk {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let written = (metadata.mtime().cast_unsigned(), metadata.mtime_nsec().cast_unsigned());
        Self { inode: metadata.ino(), written }
    }

    pub(super) fn inode(self) -> u64 {
        self.inode
    }
}

/// The stamps of a write-ahead log, in order.
#[derive(Debug)]
pub(super) struct History {
    /// What the database held by itself when the log was begun.
    begun: Option<Edition>,
    editions: Vec<Edition>,
    last: Stamp,
}

impl History {
    pub(super) fn begin(stamp: Stamp) -> Self {
        Self { begun: stamp.before, editions: vec![stamp.edition], last: stamp }
    }

    pub(super) fn push(&mut self, stamp: Stamp) {
        // What looks like a former one is what somebody wrote, once there are our own.
        if stamp.form >= self.last.form && stamp.edition.count > self.last.edition.count {
            self.editions.push(stamp.edition);
            self.last = stamp;
        }
    }

    pub(super) fn last(&self) -> &Stamp {
        &self.last
    }

    /// Whether the log belongs to a database that holds `alone` by itself.
    pub(super) fn belongs_to(&self, alone: Option<&Stamp>, there: Files) -> bool {
        let alone = alone.map(|stamp| stamp.edition);
        if alone == Some(self.last.edition) {
            return true; // all of it is in the database
        }
        let Stamp { moving, is_apart, log, database, .. } = self.last;
        if alone == self.begun && is_apart && !moving {
            return true; // nobody has put a copy there, as there is none
        }
        let is_moved_in_part = || alone.is_some_and(|alone| self.editions.contains(&alone));
        let continues = alone == self.begun || is_moved_in_part();
        // Copies have other inodes, all of them.
        let is_same_log = there.log == Some(log);
        continues && (!is_same_log || there.database.inode == database.inode)
    }

    /// How many transactions are in the log.
    pub(super) fn length(&self) -> usize {
        self.editions.len()
    }
}

impl Stamp {
    /// The latest stamp in a page of a write-ahead log.
    pub(super) fn find(page: &[u8]) -> Option<Self> {
        let own = page.windows(LENGTH).filter_map(Self::parse);
        own.max_by_key(|stamp| stamp.edition.count).or_else(|| {
            let former = page.windows(FORMER_LENGTH).filter_map(Self::parse_former);
            former.max_by_key(|stamp| stamp.edition.count)
        })
    }

    /// The later of two that one transaction has written.
    pub(super) fn later(self, other: Self) -> Self {
        let key = |stamp: &Self| (stamp.form, stamp.edition.count);
        if key(&other) > key(&self) { other } else { self }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.strip_prefix(BEGINNING)?.as_chunks() else { return None };
        Self::of(Form::Own, numbers.iter().map(|eight| u64::from_be_bytes(*eight)).collect())
    }

    fn parse_former(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(FORMER_BEGINNING.as_bytes())?;
        let text = std::str::from_utf8(text).ok()?;
        let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let numbers: Option<Vec<u64>> = text.split_ascii_whitespace().map(number).collect();
        Self::of(Form::Former, numbers?)
    }

    fn of(form: Form, numbers: Vec<u64>) -> Option<Self> {
        let numbers: [u64; NUMBERS] = numbers.try_into().ok()?;
        let [count, random, count_before, before, part, inode, seconds, nanoseconds, log] = numbers;
        Some(Self {
            form,
            edition: Edition { count, random },
            before: (count_before > 0).then_some(Edition { count: count_before, random: before }),
            moving: part & MOVING > 0,
            sets_apart: part & SETS_APART > 0,
            is_apart: part & IS_APART > 0,
            database: OnDisk { inode, written: (seconds, nanoseconds) },
            log,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let before = self.before.unwrap_or(Edition { count: 0, random: 0 });
        let bit = |holds, bit| if holds { bit } else { 0 };
        let part = bit(self.moving, MOVING)
            | bit(self.sets_apart, SETS_APART)
            | bit(self.is_apart, IS_APART);
        let numbers: [u64; NUMBERS] = [
            self.edition.count,
            self.edition.random,
            before.count,
            before.random,
            part,
            self.database.inode,
            self.database.written.0,
            self.database.written.1,
            self.log,
        ];
        [BEGINNING, numbers.map(u64::to_be_bytes).as_flattened()].concat()
    }

    /// Whether the log may have been moved in part.
    pub(super) fn is_moving(&self) -> bool {
        self.moving
    }
}

/// The stamp of the last transaction, in whatever version the file is.
pub(super) fn last(connection: &Connection) -> Result<Option<Stamp>, StoreError> {
    let has = |sql: &str| Ok::<_, StoreError>(first::<i64>(connection, sql, [])?.is_some());
    if has("SELECT 1 FROM pragma_table_info('changes') WHERE name = 'stamp'")? {
        return Ok(log::last_stamp(connection)?.and_then(|bytes| Stamp::parse(&bytes)));
    }
    if !has("SELECT 1 FROM sqlite_schema WHERE name = 'stamp'")? {
        return Ok(None);
    }
    let text: Option<String> = first(connection, "SELECT text FROM stamp", [])?;
    Ok(text.and_then(|text| Stamp::parse_former(text.as_bytes())))
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// What is in it.
    Change,
    /// The log is moved into the database as soon as it is on the disk.
    MoveIn,
    /// As before; and the log that is begun next finds a database of which there is no copy yet: somebody may have made one of
    /// what it held before, and put that in its place, which nothing else would tell from the database itself.
    SetApart,
}

/// Stamps the transaction that is under way, in which nothing else is changed afterwards.
pub(super) fn put(transaction: &Connection, files: Files, why: Why) -> Result<(), StoreError> {
    let stamp = next(transaction, files, why)?;
    log::seal(transaction, &Seal { stamp: Some(stamp), past: None })
}

/// The stamp of the transaction that is under way.
pub(super) fn next(
    transaction: &Connection,
    files: Files,
    why: Why,
) -> Result<Vec<u8>, StoreError> {
    let before = log::last_stamp(transaction)?.and_then(|bytes| Stamp::parse(&bytes));
    let continued = before.filter(|_| !files.is_log_empty());
    // The log may be in the database in part, also when somebody else has written the database since.
    let was_moving =
        continued.is_some_and(|before| before.moving || before.database != files.database);
    let is_apart = match continued {
        Some(before) => before.is_apart,
        None => before.is_some_and(|before| before.sets_apart),
    };
    let (random, count) = begin(transaction)?;
    let stamp = Stamp {
        form: Form::Own,
        edition: Edition { count: before.map_or(count, |before| before.edition.count + 1), random },
        before: before.map(|before| before.edition),
        moving: was_moving || why != Why::Change,
        sets_apart: why == Why::SetApart,
        is_apart,
        database: files.database,
        log: files.log.unwrap_or_default(),
    };
    Ok(stamp.bytes())
}

/// What no other transaction has by chance, and the number of one that knows of none before. Somebody may have deleted what was
/// known: it counts for more than any of before all the same.
fn begin(transaction: &Connection) -> Result<(u64, u64), StoreError> {
    // By a statement that is kept: this is in every transaction.
    let sql = "SELECT random(), CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let number = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column);
    let read = |row: &rusqlite::Row<'_>| Ok((number(row, 0)?, number(row, 1)?));
    let (random, milliseconds) = transaction.prepare_cached(sql)?.query_row([], read)?;
    Ok((random.cast_unsigned(), milliseconds.cast_unsigned()))
}
