//! Which changes are under way: so many at a time, and of one user not all of them; what is urgent at once.
//!
//! Must not know how a change is made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::write::Writer;
use crate::domain::policy::Permit;
use crate::domain::realm::WriteError;
use crate::store::turns::{Author, Rank, Turn, Turns};

/// Most changes under way, and most of one user; urgent ones aside.
const AT_ONCE: usize = 64;
const OF_ONE: usize = 16;

/// Is told how a change went.
type Reply = Box<dyn FnOnce(Result<(), WriteError>) + Send>;
/// A change, and whom to tell how it went.
type Job = (Permit, Reply);

/// Changes that wait, and those under way.
pub(super) struct Schedule {
    writer: Writer,
    runtime: Handle,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    turns: Turns<Job>,
    under_way: HashMap<Author, usize>,
    count: usize,
}

impl Schedule {
    pub(super) fn new(writer: Writer, runtime: Handle) -> Self {
        Self { writer, runtime, inner: Mutex::default() }
    }

    /// Has a change made when its turn comes, whether or not somebody waits for it still.
    pub(super) fn make(
        self: &Arc<Self>,
        permit: Permit,
        tell: impl FnOnce(&Result<(), WriteError>) + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<(), WriteError>>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let rank = Rank::from(&permit);
        let reply: Reply = Box::new(move |result| {
            tell(&result);
            // Nobody may be waiting any more.
            _ = reply.send(result);
        });
        self.lock().turns.push(rank, (permit, reply)).map_err(|_| StoreError::Crowded)?;
        self.start();
        Ok(answer)
    }

    /// Starts whatever may be under way now.
    fn start(self: &Arc<Self>) {
        loop {
            let Some(turn) = self.lock().next() else { return };
            let this = Arc::clone(self);
            self.runtime.spawn(async move {
                let (author, (permit, reply)) = match turn {
                    Turn::Urgent(job) => (None, job),
                    Turn::Of(author, job) => (Some(author), job),
                };
                // Also when it panics: its place is free then.
                let _place = Place { schedule: Arc::clone(&this), author };
                reply(this.writer.carry_out(&permit).await);
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next(&mut self) -> Option<Turn<Job>> {
        let Self { turns, under_way, count } = self;
        let has_room = *count < AT_ONCE;
        let may = |author: &Author| {
            has_room && (author.is_none() || under_way.get(author).is_none_or(|own| *own < OF_ONE))
        };
        let turn = turns.pop(may)?;
        if let Turn::Of(author, _) = &turn {
            *under_way.entry(author.clone()).or_default() += 1;
            *count += 1;
        }
        Some(turn)
    }
}

/// The place of a change under way, given back when dropped; none of an urgent one.
struct Place {
    schedule: Arc<Schedule>,
    author: Option<Author>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(author) = self.author.take() else { return };
        {
            let mut inner = self.schedule.lock();
            inner.count -= 1;
            if let Some(own) = inner.under_way.get_mut(&author) {
                *own -= 1;
                if *own == 0 {
                    inner.under_way.remove(&author);
                }
            }
        }
        self.schedule.start();
    }
}
