//! Writes that wait for the thread that has the file.
//!
//! Must not know the file.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::StoreError;
use super::question::{self, Question};
use crate::domain::policy::Permit;
use crate::domain::realm::WriteError;
use crate::store::turns::{Rank, Turns};

/// A write, and whom to tell how it went.
pub(super) struct Job {
    pub(super) permit: Permit,
    pub(super) reply: Box<dyn FnOnce(Result<(), WriteError>) + Send>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("permit", &self.permit).finish_non_exhaustive()
    }
}

/// What waits. Nothing is let in any more once it is closed; what is in is taken out still.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    turns: Turns<Job>,
    questions: Vec<Question>,
    is_closed: bool,
}

impl Inner {
    fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.questions.is_empty()
    }
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Taken {
    /// These writes, in this order, and these questions, which wait for none of them; none when none came in time.
    Jobs(Vec<Job>, Vec<Question>),
    /// Nothing, ever again.
    End,
}

impl Queue {
    /// Lets a write wait for its turn.
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(StoreError::Closed);
        }
        inner.turns.push(Rank::from(&job.permit), job).map_err(|_| StoreError::Crowded)?;
        self.news.notify_one();
        Ok(())
    }

    /// Lets a question wait for the next pause between writes.
    pub(super) fn ask(&self, question: Question) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(StoreError::Closed);
        }
        if inner.questions.len() >= question::MOST {
            return Err(StoreError::Crowded);
        }
        inner.questions.push(question);
        self.news.notify_one();
        Ok(())
    }

    /// Waits for writes, and takes so many at most.
    pub(super) fn take(&self, most: usize, wait: Duration) -> Taken {
        let is_idle = |inner: &mut Inner| inner.is_empty() && !inner.is_closed;
        let waited = self.news.wait_timeout_while(self.lock(), wait, is_idle);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        if inner.is_closed && inner.is_empty() {
            return Taken::End;
        }
        let questions = std::mem::take(&mut inner.questions);
        let next = || inner.turns.pop(|_| true).map(|(_, job)| job);
        Taken::Jobs(std::iter::from_fn(next).take(most).collect(), questions)
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
