//! The port to the other processes that serve the same realm.
//!
//! Owns what can be asked of them: a question to one, or to all. Must not know how they are found, nor how a question travels.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::domain::process::ProcessId;

/// The other processes of this realm. What they say is as true as what this one says; that they say it at all is bounded in time.
pub trait AskReplicas: Send + Sync {
    /// What one process answers.
    fn ask(
        &self,
        process: ProcessId,
        question: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, NoAnswer>>;

    /// What each of the others answers that answers in time, the fastest first.
    fn ask_all(&self, question: Vec<u8>) -> BoxStream<'_, (ProcessId, Vec<u8>)>;

    /// Tells all others, and waits for none.
    fn tell_all(&self, news: Vec<u8>);
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No process of that name is known here.
    #[error("there is no such process")]
    Unknown,
    /// It was not asked, so that nothing has changed there.
    #[error("the process is not reached")]
    Unreached,
    /// It may have been asked, so that what it was asked for may be done.
    #[error("the process did not answer")]
    Unanswered,
}

/// This process among those that serve the same realm.
#[derive(Clone)]
pub struct Replicas {
    process: ProcessId,
    others: Option<Arc<dyn AskReplicas>>,
}

impl Replicas {
    /// The only process, as far as is known.
    #[must_use]
    pub fn alone() -> Self {
        // As random as the keys of hash maps are: it is a name and no secret.
        let process = RandomState::new().hash_one("process").to_be_bytes();
        Self { process: ProcessId::new(process), others: None }
    }

    /// One of several.
    #[must_use]
    pub fn among(process: ProcessId, others: Arc<dyn AskReplicas>) -> Self {
        Self { process, others: Some(others) }
    }

    /// What this process is called.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.process
    }

    pub(super) async fn ask(
        &self,
        process: ProcessId,
        question: Vec<u8>,
    ) -> Result<Vec<u8>, NoAnswer> {
        match &self.others {
            Some(others) => others.ask(process, question).await,
            None => Err(NoAnswer::Unknown),
        }
    }

    pub(super) fn ask_all(&self, question: Vec<u8>) -> BoxStream<'_, (ProcessId, Vec<u8>)> {
        match &self.others {
            Some(others) => others.ask_all(question),
            None => stream::empty().boxed(),
        }
    }

    pub(super) fn tell_all(&self, news: Vec<u8>) {
        if let Some(others) = &self.others {
            others.tell_all(news);
        }
    }
}
