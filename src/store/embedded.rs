//! The state in a SQLite file, read into the index; the default store, which needs nothing else.
//!
//! One thread has the file. Writes reach it through a queue, those that wait together share one transaction, and each
//! is acknowledged when it is on the disk and in the index. Other processes may write to the same file: their changes
//! show within a second. Must not know who may do what, nor block a caller that is not told so.
//!
//! | File | Owns |
//! |---|---|
//! | `file` | opens the file, notices another one in its place, closes it |
//! | `beside` | the files beside it, and what the system says of them |
//! | `leftover` | whether the write-ahead log that lies there is its own |
//! | `room` | room in that log for what comes |
//! | `stamp` | what each transaction says of the files it was written for |
//! | `look` | whether a file could be opened, without changing anything |
//! | `patience` | how long others' locks are waited for |
//! | `schema` | its tables, and the steps from each version to the next |
//! | `load` | reads all of it into the index |
//! | `left_out` | rows that were right once, by former rules |
//! | `question` | what is asked of the file itself |
//! | `queue` | what waits for that thread, and what is next |
//! | `writer` | the thread that has it |
//! | `judge` | whether a change is permitted still, by what the file says of its author |
//! | `change` | one change, judged by what the file says |
//! | `log` | what was changed lately, by whom and when: how other processes learn of it |
//! | `author` | who makes a change |
//! | `past` | what is surely past, however wrong the clock is |
//! | `sweep` | memberships that ended long ago, taken out |
//! | `rename` | users who are called otherwise |
//! | `together` | many changes, all or none |
//! | `snapshot` | all there is, row by row, for an export |
//! | `status` | how the thread is |
//! | `error` | what can go wrong |

mod author;
mod beside;
mod change;
mod error;
mod file;
mod judge;
mod left_out;
mod leftover;
mod load;
mod log;
mod look;
mod past;
mod patience;
mod question;
mod queue;
mod rename;
mod room;
mod schema;
mod snapshot;
mod stamp;
mod status;
mod sweep;
mod together;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

pub use error::StoreError;
pub use file::OpenError;
use file::Place;
pub use look::{There, is_of_python, look};
use question::Question;
use queue::{Job, Queue};
pub use rename::{RenameError, rename_users};
pub use snapshot::Snapshot;
use status::Status;
pub use together::{TogetherError, change_together};
use writer::Writer;

use crate::domain::directory::Directory;
use crate::domain::group::GroupName;
use crate::domain::invitation::GroupMark;
use crate::domain::membership::Roster;
use crate::domain::policy::Permit;
use crate::domain::realm::{Asking, Names, Realm, WriteError, Writing};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;
use crate::index::Index;

/// What time it is.
pub type Clock = fn() -> Timestamp;

/// The latest version of the file's tables that is read.
#[must_use]
pub fn schema_version() -> u32 {
    schema::latest()
}

/// The version of SQLite that reads it.
#[must_use]
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// The store. Dropping it finishes the writes that were begun, which takes as long as they do.
#[derive(Debug)]
pub struct Embedded {
    index: Arc<Index>,
    status: Arc<Status>,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Embedded {
    /// Opens the file, which is made if it is not there, readable by its owner only. Reads it all, so it takes a while.
    ///
    /// # Errors
    /// The file cannot be made, read, locked or written, is damaged, or is no file of this program or an older one.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        file::create(path)?;
        let failed = |source| OpenError::File { path: path.to_owned(), source };
        Self::start(Place::File(path.to_owned()), clock, failed)
    }

    /// A store that is gone when dropped.
    ///
    /// # Errors
    /// The system gives no memory or no thread.
    pub fn in_memory(clock: Clock) -> Result<Self, OpenError> {
        let failed = |source| OpenError::File { path: ":memory:".into(), source };
        Self::start(Place::Memory, clock, failed)
    }

    fn start(
        place: Place,
        clock: Clock,
        failed: impl FnOnce(StoreError) -> OpenError,
    ) -> Result<Self, OpenError> {
        let (index, status) = (Arc::new(Index::default()), Arc::new(Status::default()));
        let mut writer = Writer::new(place, clock, Arc::clone(&index), Arc::clone(&status));
        writer.look().map_err(failed)?;
        let queue = Arc::new(Queue::default());
        let jobs = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || writer.run(&jobs)).map_err(OpenError::Thread)?;
        Ok(Self { index, status, queue, thread: Some(thread) })
    }

    /// As [`Realm::write`], for callers that may block.
    ///
    /// # Errors
    /// Why the change did not happen.
    pub fn write_blocking(&self, permit: Permit) -> Result<(), WriteError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(permit, move |result| _ = reply.send(result))?;
        answer.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// Transactions committed since the store was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.status.commits()
    }

    /// Whether the last write, and the last look for other processes' changes, went well.
    ///
    /// # Errors
    /// The fault there was. That of a write stays until another write goes well.
    pub fn health(&self) -> Result<(), Arc<StoreError>> {
        self.status.health()
    }

    /// Whether the state in memory is that of the file: `false` while the file is gone, spoilt, or another one that cannot
    /// be taken in its place.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.is_current()
    }

    /// Finishes the writes that were begun, and closes the file. Blocks meanwhile.
    pub fn close(self) {
        drop(self);
    }

    fn send(
        &self,
        permit: Permit,
        reply: impl FnOnce(Result<(), WriteError>) + Send + 'static,
    ) -> Result<(), WriteError> {
        let job = Job { permit, reply: Box::new(reply) };
        self.queue.push(job).map_err(|error| Arc::new(error).into())
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Asking<'_, T> {
        let (reply, answer) = oneshot::channel();
        let question = Question::new(question, move |answer| _ = reply.send(answer));
        let asked = self.queue.ask(question);
        Box::pin(async move {
            asked.map_err(Arc::new)?;
            answer.await.unwrap_or_else(|_| Err(Arc::new(StoreError::Closed))).map_err(Into::into)
        })
    }
}

fn closed() -> WriteError {
    Arc::new(StoreError::Closed).into()
}

impl Realm for Embedded {
    fn directory(&self) -> &dyn Directory {
        &*self.index
    }

    fn write(&self, permit: Permit) -> Writing<'_> {
        let (reply, answer) = oneshot::channel();
        // Nobody may be waiting any more; the write happens all the same.
        let sent = self.send(permit, move |result| _ = reply.send(result));
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or_else(|_| Err(closed()))
        })
    }

    fn mark<'a>(&'a self, group: &'a GroupName) -> Asking<'a, Option<GroupMark>> {
        let group = group.clone();
        self.ask(move |connection| change::mark(connection, &group))
    }

    fn names<'a>(&'a self, roster: &'a Roster, users: &'a [UserId]) -> Asking<'a, Names> {
        let (roster, users) = (roster.clone(), users.to_vec());
        self.ask(move |connection| question::names(connection, &roster, &users))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
