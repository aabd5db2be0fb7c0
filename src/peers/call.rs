//! One question to one address, on a connection of its own.
//!
//! Must not know who is there.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::{Answered, Question};
use super::{Shared, frame};

/// How long an address may take to be there, and whoever is there to answer: so long does one that hangs hold up who asks it.
const CONNECT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(3);

/// Why nothing came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Nothing was asked.
    #[error("it is not reached")]
    Unreached,
    /// It was asked, perhaps.
    #[error("it gives no answer that holds")]
    Unanswered,
}

impl Shared {
    /// What is said at an address to a question.
    pub(super) async fn call(
        &self,
        address: SocketAddr,
        question: Question,
    ) -> Result<Answered, CallError> {
        let sealing = &*self.parts.sealing;
        let sealed = question.sealed(sealing).filter(|sealed| sealed.len() <= frame::MAX_MESSAGE);
        let sealed = sealed.ok_or(CallError::Unreached)?;
        let stream = timeout(CONNECT, TcpStream::connect(address)).await;
        let mut stream =
            stream.map_err(|_| CallError::Unreached)?.map_err(|_| CallError::Unreached)?;
        let exchange = async {
            stream.set_nodelay(true)?;
            frame::write(&mut stream, &sealed).await?;
            frame::read(&mut stream).await
        };
        let answer = timeout(ANSWER, exchange).await.map_err(|_| CallError::Unanswered)?;
        let answer = answer.map_err(|_| CallError::Unanswered)?;
        let now = (self.parts.clock)();
        Answered::open(&answer, &question, sealing, now).ok_or(CallError::Unanswered)
    }
}
