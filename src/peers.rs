//! How the processes that serve one realm ask each other for what only one of them keeps: codes, pushed requests, logins on a
//! device.
//!
//! Owns where the others are, who of them is called what, and how a question and its answer travel: each is one message, sealed under
//! the key that all of them share, with a time, a random id, and who is meant. What does not open, is old, or comes twice is dropped
//! without a word. Nobody is called whom discovery does not name, whatever a code says. Must not know what is asked.
//!
//! | File | Owns |
//! |---|---|
//! | `message` | a question and an answer, sealed |
//! | `replay` | which questions came before |
//! | `frame` | a message on a connection |
//! | `discovery` | where the others may be |
//! | `known` | who is where, by what they said themselves |
//! | `call` | one question to one address |
//! | `listen` | the port where others ask |

mod call;
mod discovery;
mod frame;
mod known;
mod listen;
mod message;
mod replay;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use crate::domain::process::ProcessId;
use crate::domain::time::Timestamp;

use call::CallError;
use known::{Known, Place};
use message::{Body, Question};

pub use discovery::PeerName;

/// How often it is looked where the others are, and whether they are still there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Least time between two looks that somebody asks for who is not known.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// News that are on their way at once; more are not sent.
const MAX_NEWS: usize = 256;

/// Seals and opens under the key that all processes of a realm share.
pub trait Sealing: Send + Sync {
    /// Seals a message; nothing where that cannot be done.
    fn seal(&self, used_for: &str, message: &[u8]) -> Option<Vec<u8>>;

    /// Opens what one of them has sealed for this.
    fn open(&self, used_for: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// What answers the questions of other processes.
pub trait Answer: Send + Sync + 'static {
    /// The answer to a question; `None` for what is none.
    fn answer(&self, question: Vec<u8>) -> BoxFuture<'_, Option<Vec<u8>>>;
}

/// What a process needs to ask others.
pub struct Parts {
    /// Where the others may be: addresses, or names that have some.
    pub discover: Vec<PeerName>,
    /// Under which of those addresses the others reach us, if that is known: they learn of us at once then.
    pub advertise: Option<SocketAddr>,
    /// The shared key.
    pub sealing: Box<dyn Sealing>,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody of that name is where discovery says.
    #[error("no such process is known")]
    Unknown,
    /// It was not asked.
    #[error("the process is not reached")]
    Unreached,
    /// It may have been asked.
    #[error("the process did not answer")]
    Unanswered,
}

/// What one of the others says, if it does.
pub type Asked = BoxFuture<'static, Option<(ProcessId, Vec<u8>)>>;

/// The other processes of a realm. Clones are the same.
#[derive(Clone)]
pub struct Peers(Arc<Shared>);

struct Shared {
    process: ProcessId,
    parts: Parts,
    known: Known,
    /// When it was looked last for where the others are. Held while it is looked.
    looked: Mutex<Option<Instant>>,
    news: Arc<Semaphore>,
}

impl Peers {
    /// This process, by a name that is random, before it knows anybody.
    #[must_use]
    pub fn new(process: ProcessId, parts: Parts) -> Self {
        Self(Arc::new(Shared {
            process,
            parts,
            known: Known::default(),
            looked: Mutex::new(None),
            news: Arc::new(Semaphore::new(MAX_NEWS)),
        }))
    }

    /// What this process is called.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.0.process
    }

    /// Keeps up with where the others are, for as long as it is polled.
    pub async fn keep_looking(&self) {
        loop {
            self.look(Duration::ZERO).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What one process answers.
    ///
    /// # Errors
    /// [`AskError`], within a bound of time.
    pub async fn ask(&self, process: ProcessId, question: Vec<u8>) -> Result<Vec<u8>, AskError> {
        let mut place = self.0.known.place_of(process);
        if place.is_none() && process != self.0.process {
            // One that has just started, or whose address is new.
            self.look(LOOK_AGAIN).await;
            place = self.0.known.place_of(process);
        }
        let place = place.ok_or(AskError::Unknown)?;
        self.ask_at(&place, question).await
    }

    /// What the others answer, each in time or not at all.
    pub fn ask_all(&self, question: &[u8]) -> FuturesUnordered<Asked> {
        let asked = self.0.known.places().into_iter().map(|place| {
            let (peers, question) = (self.clone(), question.to_vec());
            let asking = async move {
                let answer = peers.ask_at(&place, question).await.ok()?;
                Some((place.process, answer))
            };
            Box::pin(asking) as Asked
        });
        asked.collect()
    }

    /// Tells all others, and waits for none. Where too much is on its way already, nothing is told.
    pub fn tell_all(&self, news: &[u8]) {
        let Ok(turn) = Arc::clone(&self.0.news).try_acquire_owned() else { return };
        let mut told = self.ask_all(news);
        tokio::spawn(async move {
            while told.next().await.is_some() {}
            drop(turn);
        });
    }

    async fn ask_at(&self, place: &Place, question: Vec<u8>) -> Result<Vec<u8>, AskError> {
        let Ok(_turn) = place.calls.try_acquire() else { return Err(AskError::Unreached) };
        let question = self.0.question(Some(place.process), Body::Question(question));
        match self.0.call(place.address, question.ok_or(AskError::Unreached)?).await {
            Ok(answer) if answer.process == place.process => {
                answer.said.ok_or(AskError::Unanswered)
            }
            Ok(_) => Err(AskError::Unanswered),
            Err(error) => {
                self.0.known.is_silent(place);
                Err(match error {
                    CallError::Unreached => AskError::Unreached,
                    CallError::Unanswered => AskError::Unanswered,
                })
            }
        }
    }

    /// Looks where the others are, unless somebody did so within this time. One look at a time: who waits for it looks no more.
    async fn look(&self, recent: Duration) {
        let asked = Instant::now();
        let mut looked = self.0.looked.lock().await;
        if looked.is_some_and(|looked| looked + recent > asked) {
            return;
        }
        if let Some(addresses) = discovery::find(&self.0.parts.discover).await {
            self.0.known.keep_only(&addresses);
        }
        *looked = Some(Instant::now());
        let greeted = self.0.known.listed().into_iter().map(|address| self.greet(address));
        join_all(greeted).await;
        *looked = Some(Instant::now());
    }

    /// Asks who is at an address.
    async fn greet(&self, address: SocketAddr) {
        let hello = Body::Hello { advertise: self.0.parts.advertise };
        let Some(hello) = self.0.question(None, hello) else { return };
        match self.0.call(address, hello).await {
            Ok(answer) if answer.process == self.0.process => self.0.known.is_this_one(address),
            Ok(answer) => self.0.known.is_at(address, answer.process),
            Err(error) => self.0.known.does_not_answer(address, error),
        }
    }
}

impl Shared {
    fn question(&self, to: Option<ProcessId>, body: Body) -> Option<Question> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let at = (self.parts.clock)();
        Some(Question { at, id, from: self.process, to, body })
    }
}
