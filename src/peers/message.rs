//! A question and an answer, sealed: when, under which id, from whom, to whom.
//!
//! Time and randomness come in as parameters. Must not know how a message travels, nor what is asked in it.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sealing;
use crate::domain::process::ProcessId;
use crate::domain::time::Timestamp;

/// How old a message may be, and how far ahead the clock of whoever sent it.
pub(super) const MAX_AGE: Duration = Duration::from_secs(30);

const QUESTION: &str = "question";
const ANSWER: &str = "answer";

/// Names one question.
pub(super) type MessageId = [u8; 16];

/// What a process asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// When.
    pub(super) at: Timestamp,
    /// Which question it is.
    pub(super) id: MessageId,
    /// Who asks.
    pub(super) from: ProcessId,
    /// Who is asked; whoever it is, where somebody only says hello.
    pub(super) to: Option<ProcessId>,
    /// What is asked.
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Body {
    /// Who is there? And here am I, if that is known.
    Hello { advertise: Option<SocketAddr> },
    /// Somebody else knows what this means.
    Question(Vec<u8>),
}

/// What a process says to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) at: Timestamp,
    /// To which question.
    pub(super) id: MessageId,
    /// Who says so.
    pub(super) process: ProcessId,
    /// What; to a hello, nothing more.
    pub(super) said: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct QuestionBytes {
    at: i64,
    id: MessageId,
    from: [u8; ProcessId::LENGTH],
    to: Option<[u8; ProcessId::LENGTH]>,
    body: Body,
}

#[derive(Serialize, Deserialize)]
struct AnsweredBytes {
    at: i64,
    id: MessageId,
    process: [u8; ProcessId::LENGTH],
    said: Option<Vec<u8>>,
}

impl Question {
    pub(super) fn sealed(&self, sealing: &dyn Sealing) -> Option<Vec<u8>> {
        let Self { at, id, from, to, body } = self;
        let bytes = QuestionBytes {
            at: at.as_unix(),
            id: *id,
            from: from.bytes(),
            to: to.map(|to| to.bytes()),
            body: body.clone(),
        };
        sealing.seal(QUESTION, &postcard::to_allocvec(&bytes).ok()?)
    }

    /// What one of us asks now; `None` for anything else.
    pub(super) fn open(sealed: &[u8], sealing: &dyn Sealing, now: Timestamp) -> Option<Self> {
        let QuestionBytes { at, id, from, to, body } = read(&sealing.open(QUESTION, sealed)?)?;
        let at = fresh(at, now)?;
        let (from, to) = (ProcessId::new(from), to.map(ProcessId::new));
        Some(Self { at, id, from, to, body })
    }
}

impl Answered {
    pub(super) fn sealed(self, sealing: &dyn Sealing) -> Option<Vec<u8>> {
        let Self { at, id, process, said } = self;
        let bytes = AnsweredBytes { at: at.as_unix(), id, process: process.bytes(), said };
        sealing.seal(ANSWER, &postcard::to_allocvec(&bytes).ok()?)
    }

    /// What one of us says now to this question; `None` for anything else.
    pub(super) fn open(
        sealed: &[u8],
        question: &Question,
        sealing: &dyn Sealing,
        now: Timestamp,
    ) -> Option<Self> {
        let AnsweredBytes { at, id, process, said } = read(&sealing.open(ANSWER, sealed)?)?;
        let answered = Self { at: fresh(at, now)?, id, process: ProcessId::new(process), said };
        (answered.id == question.id).then_some(answered)
    }
}

/// `None` also where something stands behind it.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

/// The time of a message, if it is of now.
fn fresh(at: i64, now: Timestamp) -> Option<Timestamp> {
    let at = Timestamp::from_unix(at)?;
    let apart = at.as_unix().abs_diff(now.as_unix());
    (apart <= MAX_AGE.as_secs()).then_some(at)
}

#[cfg(test)]
pub(super) mod tests;
