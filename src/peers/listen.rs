//! The port where other processes ask. One question a connection; whoever does not ask as one of us is told nothing.
//!
//! Owns how many connections there are and how long each may take. Must not know what is asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::message::{Answered, Body, MAX_AGE, Question};
use super::replay::SeenQuestions;
use super::{Answer, Peers, frame};

/// Connections on which nothing was asked yet. One more closes the oldest: whoever has a question asks it at once.
const MAX_WAITING: usize = 512;
/// Questions that are at work.
const MAX_AT_WORK: usize = 512;
/// How long a question may take to come, and its answer to go.
const TRANSFER: Duration = Duration::from_secs(2);
/// How long nothing is accepted after the system refused a connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// What connections share.
struct Port<A> {
    peers: Peers,
    answer: Arc<A>,
    seen: Mutex<SeenQuestions>,
    at_work: Arc<Semaphore>,
    waiting: Waiting,
}

/// The connections on which nothing was asked yet, the oldest first.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<AbortHandle>>);

impl Waiting {
    fn add(&self, connection: AbortHandle) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|connection| !connection.is_finished());
        if waiting.len() >= MAX_WAITING
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.abort();
        }
        waiting.push_back(connection);
    }
}

impl Peers {
    /// Answers others for as long as it is polled.
    pub async fn listen<A: Answer>(&self, listener: TcpListener, answer: Arc<A>) {
        let port = Arc::new(Port {
            peers: self.clone(),
            answer,
            seen: Mutex::default(),
            at_work: Arc::new(Semaphore::new(MAX_AT_WORK)),
            waiting: Waiting::default(),
        });
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "a peer's connection is not accepted");
                    tokio::time::sleep(BACKOFF).await;
                    continue;
                }
            };
            let connection = tokio::spawn(Arc::clone(&port).read(stream));
            port.waiting.add(connection.abort_handle());
        }
    }
}

impl<A: Answer> Port<A> {
    /// Reads a question. It is answered elsewhere, where nobody who comes later ends it.
    async fn read(self: Arc<Self>, mut stream: TcpStream) {
        let message = timeout(TRANSFER, frame::read(&mut stream)).await;
        let Ok(Ok(message)) = message else { return };
        let Some(question) = self.believed(&message) else {
            tracing::debug!("what was asked is no question of a peer, is old, or came before");
            return;
        };
        let Ok(turn) = Arc::clone(&self.at_work).try_acquire_owned() else { return };
        tokio::spawn(self.answer(stream, question, turn));
    }

    /// A question of one of us, to us, of now, for the first time.
    fn believed(&self, message: &[u8]) -> Option<Question> {
        let shared = &self.peers.0;
        let now = (shared.parts.clock)();
        let question = Question::open(message, &*shared.parts.sealing, now)?;
        if question.to.is_some_and(|to| to != shared.process) {
            return None;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_first(question.id, now).then_some(question)
    }

    async fn answer(
        self: Arc<Self>,
        mut stream: TcpStream,
        question: Question,
        _turn: OwnedSemaphorePermit,
    ) {
        let shared = &self.peers.0;
        let said = match (question.body, question.to) {
            (Body::Hello { advertise }, _) => {
                if let Some(address) = advertise
                    && question.from != shared.process
                {
                    shared.known.is_at(address, question.from);
                }
                None
            }
            (Body::Question(asked), Some(_)) => {
                // Whoever asked has long gone by then.
                match timeout(MAX_AGE, self.answer.answer(asked)).await {
                    Ok(Some(said)) => Some(said),
                    Ok(None) | Err(_) => return,
                }
            }
            // Who asks anybody might ask two.
            (Body::Question(_), None) => return,
        };
        let at = (shared.parts.clock)();
        let answered = Answered { at, id: question.id, process: shared.process, said };
        let Some(sealed) = answered.sealed(&*shared.parts.sealing) else { return };
        let _ = timeout(TRANSFER, frame::write(&mut stream, &sealed)).await;
    }
}
