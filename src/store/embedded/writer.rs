//! The thread that has the file: writes what comes, together what comes together, and looks for what others wrote.
//!
//! The file judges every write, not the index: another process may have written a moment ago. Must not know who waits.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::change::{Refused, execute};
use super::error::StoreError;
use super::file::{Database, Place, Since};
use super::judge::judge;
use super::leftover;
use super::log::{self, Cursor, Made, News, Seal};
use super::past::{Moment, Past};
use super::question::Question;
use super::queue::{Job, Queue, Taken};
use super::stamp::{self, Files, Why};
use super::status::Status;
use super::{Clock, author, load, room, sweep};
use crate::domain::directory::{Directory, Page};
use crate::domain::membership::Roster;
use crate::domain::policy::Permit;
use crate::domain::realm::WriteError;
use crate::index::{Index, Sweep, Update};

/// Most writes in one transaction.
const TOGETHER: usize = 256;
/// Time between two looks for what other processes wrote.
const LOOK: Duration = Duration::from_millis(250);
/// Time for readers between two slices of sweeping the index.
const PAUSE: Duration = Duration::from_millis(1);

/// The owner of the connection.
#[derive(Debug)]
pub(super) struct Writer {
    place: Place,
    clock: Clock,
    index: Arc<Index>,
    status: Arc<Status>,
    database: Option<Database>,
    /// Something was written since the last look, so that more may follow.
    is_busy: bool,
    /// Something failed; the connection is to be tried before it is used.
    suspect: bool,
    /// Up to where the index follows the log; `None`: not at all.
    cursor: Option<Cursor>,
    /// SQLite's number for the state of the file as last seen; it changes when others commit.
    seen: Option<i64>,
    /// What is past; `None` before a file was read.
    past: Option<Past>,
}

/// Which write-ahead log a transaction may go into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    /// One that there is.
    MayContinue,
    /// Also one that begins with it.
    MayBegin,
}

/// What has become of a transaction.
enum Tried<T> {
    /// It is written, if there was something to write.
    Done(T),
    /// Nothing is written: a log would begin with it.
    WouldBegin,
}

/// What has become of jobs.
struct Done {
    /// What each has come to.
    results: Vec<Result<(), WriteError>>,
    /// The file failed for one of them.
    trouble: Option<Arc<StoreError>>,
}

impl Writer {
    pub(super) fn new(place: Place, clock: Clock, index: Arc<Index>, status: Arc<Status>) -> Self {
        Self {
            place,
            clock,
            index,
            status,
            database: None,
            is_busy: false,
            suspect: false,
            cursor: None,
            seen: None,
            past: None,
        }
    }

    /// Works until the queue is closed and all that waited is done.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut next_look = Instant::now() + LOOK;
        loop {
            let wait = match self.index.sweep() {
                Sweep::More => PAUSE,
                Sweep::Done => next_look.saturating_duration_since(Instant::now()),
            };
            match queue.take(TOGETHER, wait) {
                Taken::Jobs(jobs, questions) => {
                    self.answer(questions);
                    if !jobs.is_empty() {
                        self.write(jobs);
                    }
                }
                Taken::End => return,
            }
            if Instant::now() >= next_look {
                let looked = self.look().and_then(|()| self.sweep()).and_then(|()| self.rest());
                let looked = looked.map_err(Arc::new);
                self.status.looked(looked.err());
                next_look = Instant::now() + LOOK;
            }
        }
    }

    /// Answers what is asked of the file as it is now.
    fn answer(&mut self, questions: Vec<Question>) {
        if questions.is_empty() {
            return;
        }
        let ready = self.ready().map_err(Arc::new);
        for question in questions {
            let found = ready.clone().and_then(|()| match &self.database {
                Some(database) => Ok(&database.connection),
                None => Err(Arc::new(StoreError::Closed)),
            });
            question.answer(found);
        }
    }

    /// Writes jobs in one transaction, and replies when it is on the disk and in the index.
    fn write(&mut self, batch: Vec<Job>) {
        match self.commit(&batch) {
            Ok(results) => {
                for (job, result) in batch.into_iter().zip(results) {
                    (job.reply)(result);
                }
            }
            Err(error) => {
                self.suspect |= error.calls_for_reopening();
                // Even what the state spoke against: it may have been spoken of a write that is undone now.
                let error = Arc::new(error);
                self.status.wrote(Some(Arc::clone(&error)));
                for job in batch {
                    (job.reply)(Err(Arc::clone(&error).into()));
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Job]) -> Result<Vec<Result<(), WriteError>>, StoreError> {
        let done =
            self.together(|transaction, moment| carry_out_all(transaction, batch, moment))?;
        self.status.wrote(done.trouble);
        Ok(done.results)
    }

    /// Does what changes the file, in one transaction, and has the index follow. It may be done twice: before it is found that a
    /// log begins with it, and afterwards.
    fn together<T>(
        &mut self,
        mut work: impl FnMut(&mut Transaction<'_>, Moment) -> Result<(Vec<Update>, T), StoreError>,
    ) -> Result<T, StoreError> {
        self.ready()?;
        let mut log = Log::MayContinue;
        loop {
            match (self.attempt(&mut work, log)?, &mut self.database) {
                (Tried::Done(done), _) => return Ok(done),
                (Tried::WouldBegin, Some(database)) => database.set_apart()?,
                (Tried::WouldBegin, None) => return Err(StoreError::Closed),
            }
            log = Log::MayBegin;
        }
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>, Moment) -> Result<(Vec<Update>, T), StoreError>,
        log: Log,
    ) -> Result<Tried<T>, StoreError> {
        let now = (self.clock)();
        let Some(database) = &mut self.database else { return Err(StoreError::Closed) };
        let past = match &mut self.past {
            Some(past) => past,
            past => past.insert(Past::read(&database.connection, now)?),
        };
        let moment = past.judge(now, Instant::now());
        let path = database.path().map(Path::to_owned);
        let mut transaction =
            database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let files = path.as_deref().map(leftover::files).transpose()?;
        self.cursor = Some(follow(&transaction, self.cursor, &self.index)?);
        let (updates, done) = work(&mut transaction, moment)?;
        let would_begin = files.is_some_and(Files::is_log_empty);
        if updates.is_empty() {
            transaction.rollback()?;
        } else if would_begin && log == Log::MayContinue {
            transaction.rollback()?;
            return Ok(Tried::WouldBegin);
        } else {
            let stamp = files.map(|files| stamp::next(&transaction, files, Why::Change));
            let (stamp, past) = (stamp.transpose()?, Some(moment.ended));
            log::seal(&transaction, &Seal { stamp, past })?;
            let end = log::end(&transaction)?;
            if let (Some(path), Some(files)) = (path, files) {
                room::make(&leftover::log_of(&path), files.log_length);
            }
            transaction.commit()?;
            self.status.committed();
            self.cursor = Some(end);
            self.index.apply(&updates);
            self.is_busy = true;
        }
        Ok(Tried::Done(done))
    }

    /// Brings the index up to what other processes have written.
    pub(super) fn look(&mut self) -> Result<(), StoreError> {
        let looked = self.look_closer();
        self.suspect |= looked.as_ref().is_err_and(StoreError::calls_for_reopening);
        looked
    }

    fn look_closer(&mut self) -> Result<(), StoreError> {
        self.ready()?;
        let Some(Database { connection, .. }) = &mut self.database else {
            return Err(StoreError::Closed);
        };
        let version = connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get::<_, i64>(0))?;
        if self.seen == Some(version) {
            return Ok(());
        }
        let transaction = connection.transaction()?;
        self.cursor = Some(follow(&transaction, self.cursor, &self.index)?);
        transaction.rollback()?;
        self.seen = Some(version);
        Ok(())
    }

    /// Takes some of what ended long ago out of the file.
    fn sweep(&mut self) -> Result<(), StoreError> {
        let Some(Database { connection, .. }) = &self.database else { return Ok(()) };
        let now = (self.clock)();
        let past = match &mut self.past {
            Some(past) => past,
            past => past.insert(Past::read(connection, now)?),
        };
        let moment = past.judge(now, Instant::now());
        if let Some(ahead) = moment.ahead {
            let is_kept = sweep::is_due(connection, now)?;
            if past.should_tell(is_kept) {
                tell_ahead(moment, ahead);
            }
        }
        if sweep::is_due(connection, moment.ended)? {
            self.together(|transaction, moment| Ok((sweep::sweep(transaction, moment)?, ())))?;
        }
        Ok(())
    }

    /// Moves what the write-ahead log holds into the database when writes pause, or when it has grown: a copy of the one
    /// file then holds all that is older.
    fn rest(&mut self) -> Result<(), StoreError> {
        let is_busy = std::mem::take(&mut self.is_busy);
        let Some(database) = &mut self.database else { return Ok(()) };
        let held = database.path().map_or(0, |path| leftover::length(&leftover::log_of(path)));
        if held > leftover::LARGE || held > 0 && !is_busy {
            database.move_log_in()?;
        }
        Ok(())
    }

    /// Whether the index holds no group and nobody.
    fn knows_nothing(&self) -> bool {
        let has_group = |roster: &Roster| roster.group().is_some();
        !self.index.rosters(Page { after: None, limit: 2 }).iter().any(has_group)
            && self.index.users(Page { after: None, limit: 1 }, (self.clock)()).is_empty()
    }

    /// Makes sure of a connection to the file that is at the path now.
    fn ready(&mut self) -> Result<(), StoreError> {
        if let Some(database) = &mut self.database {
            let since = database.since();
            let tried = match since {
                Ok(Since::Same) if self.suspect => {
                    database.connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")
                }
                _ => Ok(()),
            };
            match (since, tried.map_err(StoreError::from)) {
                (_, Err(error)) if !error.calls_for_reopening() => return Err(error),
                (Ok(Since::Same), Ok(())) => {
                    self.suspect = false;
                    return Ok(());
                }
                (Ok(Since::Same), Err(_)) => {}
                // Whatever comes there is another file.
                (Ok(Since::Replaced) | Err(_), _) => self.cursor = None,
            }
            if let Place::Memory = self.place {
                return Err(StoreError::Closed);
            }
        }
        if let Some(database) = self.database.take() {
            database.abandon();
        }
        self.seen = None;
        let may_be_empty = self.cursor.is_some() || self.knows_nothing();
        if !may_be_empty && self.place.is_empty() {
            return Err(StoreError::Emptied);
        }
        let database = self.place.connect()?;
        if !may_be_empty && load::is_nothing(&database.connection)? {
            return Err(StoreError::Emptied);
        }
        self.database = Some(database);
        self.suspect = false;
        Ok(())
    }
}

/// Applies to the index what the log says that it does not know yet; returns up to where it knows.
fn follow(
    connection: &Connection,
    cursor: Option<Cursor>,
    index: &Index,
) -> Result<Cursor, StoreError> {
    let news = cursor.map(|seen| log::since(connection, seen)).transpose()?;
    if let Some(News::Updates(updates)) = news {
        index.apply(&updates);
        return log::end(connection);
    }
    let (contents, end) = load::everything(connection)?;
    index.replace(contents);
    Ok(end)
}

/// Says that the clock is not believed.
fn tell_ahead(moment: Moment, ahead: Duration) {
    let (clock, known) = (moment.now.as_unix(), moment.ended.as_unix());
    let days = ahead.as_secs() / (24 * 3_600);
    tracing::warn!(
        clock,
        known,
        days,
        "the clock is {days} days ahead of when the file of groups was last written, and of the time gone by since: if it is wrong, set it \
         right. Nothing that has ended is taken out of the file by it, unless it stays so for a week"
    );
}

/// Carries out jobs, each as if it were alone.
fn carry_out_all(
    transaction: &mut Transaction<'_>,
    batch: &[Job],
    moment: Moment,
) -> Result<(Vec<Update>, Done), StoreError> {
    let (mut updates, mut trouble) = (Vec::new(), None);
    let mut results = Vec::with_capacity(batch.len());
    for job in batch {
        let savepoint = transaction.savepoint()?;
        results.push(match carry_out(&savepoint, &job.permit, moment) {
            Ok(new) => {
                savepoint.commit()?;
                updates.extend(new);
                Ok(())
            }
            Err(Refused::State(error)) => savepoint.finish().map(|()| Err(error))?,
            Err(Refused::File(error)) => {
                // Some faults end the whole transaction, and then the savepoint is gone.
                if savepoint.is_autocommit() || savepoint.finish().is_err() {
                    return Err(error);
                }
                let error = Arc::new(error);
                trouble = Some(Arc::clone(&error));
                Err(error.into())
            }
        });
    }
    Ok((updates, Done { results, trouble }))
}

/// Judges a permit by what the file says now, and does what it allows.
pub(super) fn carry_out(
    connection: &Connection,
    permit: &Permit,
    moment: Moment,
) -> Result<Vec<Update>, Refused> {
    judge(connection, permit, moment.now)?;
    let updates = execute(connection, permit.change(), permit.actor(), moment)?;
    let made = Made { by: author::of(permit), at: moment.now };
    for update in &updates {
        log::append(connection, update, made)?;
    }
    Ok(updates)
}
