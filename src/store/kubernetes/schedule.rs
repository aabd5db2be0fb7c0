//! Which changes are under way: so many of each class at a time, and of one user not all of them.
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
use crate::store::turns::{Class, Rank, Turns};

/// Most changes of one class under way, and most of one user among them.
const AT_ONCE: usize = 64;
const OF_ONE: usize = 16;
/// The same of users who end their own sessions. Those of one come one after the other anyway, and whoever bans them waits for
/// what is under way.
const OWN_AT_ONCE: usize = 16;
const OWN_OF_ONE: usize = 1;

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
    under_way: HashMap<Rank, usize>,
    counts: HashMap<Class, usize>,
}

impl Schedule {
    pub(super) fn new(writer: Writer, runtime: Handle) -> Self {
        Self { writer, runtime, inner: Mutex::default() }
    }

    /// What makes changes, and knows what only the API server says.
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
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
            let Some((rank, (permit, reply))) = self.lock().next() else { return };
            let this = Arc::clone(self);
            self.runtime.spawn(async move {
                // Also when it panics: its place is free then.
                let _place = Place { schedule: Arc::clone(&this), rank };
                reply(this.writer.carry_out(&permit).await);
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next(&mut self) -> Option<(Rank, Job)> {
        let Self { turns, under_way, counts } = self;
        let may = |rank: &Rank| {
            let (at_once, of_one) = match rank.class {
                Class::Stop | Class::Rest => (AT_ONCE, OF_ONE),
                Class::Own => (OWN_AT_ONCE, OWN_OF_ONE),
            };
            let of_one = if rank.author.is_some() { of_one } else { at_once };
            counts.get(&rank.class).is_none_or(|all| *all < at_once)
                && under_way.get(rank).is_none_or(|own| *own < of_one)
        };
        let (rank, job) = turns.pop(may)?;
        *under_way.entry(rank.clone()).or_default() += 1;
        *counts.entry(rank.class).or_default() += 1;
        Some((rank, job))
    }

    fn ended(&mut self, rank: &Rank) {
        if let Some(all) = self.counts.get_mut(&rank.class) {
            *all -= 1;
        }
        if let Some(own) = self.under_way.get_mut(rank) {
            *own -= 1;
            if *own == 0 {
                self.under_way.remove(rank);
            }
        }
    }
}

/// The place of a change under way, given back when dropped.
struct Place {
    schedule: Arc<Schedule>,
    rank: Rank,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.schedule.lock().ended(&self.rank);
        self.schedule.start();
    }
}
