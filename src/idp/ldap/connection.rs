//! One connection to a directory: made safe before anything else is said, one question at a time, every answer bounded.
//!
//! A connection on which anything went wrong is not used again. Must not know what is looked for, nor who logs in.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Host;

use super::ber;
use super::entry::Entry;
use super::message::{self, Answer, AnswerKind, Outcome, PasswordPolicy, Request, Search};
use crate::outbound::TlsClient;
use crate::settings::{LdapPlace, LdapSecurity};

/// Most bytes of all answers to one question.
const MAX_ANSWER: usize = 1024 * 1024;
/// Most answers to one question.
const MAX_MESSAGES: usize = 4096;
/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Most questions on one connection: it does not live for good, on a server that others have left and by a word of long ago.
const MAX_QUESTIONS: u32 = 256;
/// The most that is read at once, before it is known to be needed.
const CHUNK: usize = 16 * 1024;

const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection, or not for long enough.
    #[error("it is away: {0}")]
    Away(#[source] io::Error),
    /// It ended what had begun.
    #[error("it closed the connection")]
    Closed,
    /// What came is no answer.
    #[error("{0}")]
    Invalid(&'static str),
    /// It said no.
    #[error("it says no: code {}, \"{}\"", .0.code, .0.said)]
    Answered(Outcome),
    /// It said no to our own account, now or a moment ago.
    #[error("it does not take our account: code {}, \"{}\"", .0.code, .0.said)]
    Refused(Outcome),
}

impl From<ber::Malformed> for Trouble {
    fn from(_: ber::Malformed) -> Self {
        Self::Invalid("an answer that is no LDAP")
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection, ready for the next question.
pub(super) struct Connection {
    wire: Box<dyn Wire>,
    read: BytesMut,
    last_id: u32,
}

/// What a search found, of at most as many entries as were asked for.
#[derive(Debug)]
pub(super) struct Found {
    pub entries: Vec<Entry>,
    pub completeness: Completeness,
}

/// Whether there is more than was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    All,
    More,
}

/// What is left of what one question may be answered with.
struct Budget {
    bytes: usize,
    messages: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_ANSWER, messages: MAX_MESSAGES }
    }
}

impl Connection {
    /// Connects, and makes the connection as safe as the settings want it. Nothing else is said before.
    pub(super) async fn open(
        place: &LdapPlace,
        tls: Option<&TlsClient>,
        patience: Duration,
    ) -> Result<Self, Trouble> {
        let stream = reach(place, patience).await.map_err(Trouble::Away)?;
        // Each question is one small write that is waited for.
        stream.set_nodelay(true).map_err(Trouble::Away)?;
        match (place.security, tls) {
            (LdapSecurity::Nothing, _) => Ok(Self::over(stream)),
            (LdapSecurity::Tls, Some(tls)) => {
                Ok(Self::over(tls.secure(stream).await.map_err(Trouble::Away)?))
            }
            (LdapSecurity::StartTls, Some(tls)) => {
                let stream = Self::start_tls(stream).await?;
                Ok(Self::over(tls.secure(stream).await.map_err(Trouble::Away)?))
            }
            (LdapSecurity::Tls | LdapSecurity::StartTls, None) => {
                Err(Trouble::Invalid("no TLS to speak with it"))
            }
        }
    }

    fn over(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), read: BytesMut::new(), last_id: 0 }
    }

    /// Asks in the clear for TLS, and takes nothing else that comes in the clear: what stands behind the answer was put there
    /// to be taken for something that came through TLS.
    async fn start_tls(mut stream: TcpStream) -> Result<TcpStream, Trouble> {
        let mut plain = Exchange { wire: &mut stream, read: &mut BytesMut::new(), id: 1 };
        plain.send(&message::start_tls(1)).await?;
        let bytes = plain.receive(&mut Budget::default()).await?;
        let is_alone = plain.read.is_empty();
        let AnswerKind::Extended(outcome) = plain.own(&bytes)? else {
            return Err(Trouble::Invalid("an answer to StartTLS that is none"));
        };
        if outcome.code != SUCCESS {
            return Err(Trouble::Answered(outcome));
        }
        if !is_alone {
            return Err(Trouble::Invalid("something in the clear behind the answer to StartTLS"));
        }
        Ok(stream)
    }

    fn exchange(&mut self) -> Exchange<'_, dyn Wire> {
        self.last_id += 1;
        Exchange { wire: &mut *self.wire, read: &mut self.read, id: self.last_id }
    }

    /// Logs in; success is what it is for the directory, whatever its policy adds.
    pub(super) async fn bind(
        &mut self,
        dn: &str,
        password: &str,
    ) -> Result<(Outcome, PasswordPolicy), Trouble> {
        let mut exchange = self.exchange();
        exchange.send(&message::bind(exchange.id, dn, password)).await?;
        let bytes = exchange.receive(&mut Budget::default()).await?;
        match exchange.own(&bytes)? {
            AnswerKind::Bind(outcome, policy) => {
                exchange.over()?;
                Ok((outcome.without(password), policy))
            }
            _ => Err(Trouble::Invalid("an answer to a login that is none")),
        }
    }

    /// Looks for entries. References to elsewhere are not followed.
    pub(super) async fn search(&mut self, search: &Search<'_>) -> Result<Found, Trouble> {
        let mut exchange = self.exchange();
        exchange.send(&message::search(exchange.id, search)).await?;
        let (mut entries, mut budget) = (Vec::new(), Budget::default());
        loop {
            let bytes = exchange.receive(&mut budget).await?;
            match exchange.own(&bytes)? {
                AnswerKind::Entry(raw) => {
                    if entries.len() >= search.most as usize {
                        return Err(Trouble::Invalid("more entries than were asked for"));
                    }
                    entries.push(Entry::new(&raw, search.attributes)?);
                }
                AnswerKind::Reference => {}
                AnswerKind::Done(outcome) => {
                    exchange.over()?;
                    let completeness = match outcome.code {
                        SUCCESS => Completeness::All,
                        SIZE_LIMIT_EXCEEDED => Completeness::More,
                        _ => return Err(Trouble::Answered(outcome)),
                    };
                    return Ok(Found { entries, completeness });
                }
                AnswerKind::Bind(..) | AnswerKind::Extended(_) => {
                    return Err(Trouble::Invalid("an answer to a search that is none"));
                }
            }
        }
    }

    /// Says goodbye, and does not wait for it to be heard.
    pub(super) async fn close(mut self) {
        let mut exchange = self.exchange();
        let goodbye = message::unbind(exchange.id);
        if exchange.send(&goodbye).await.is_ok() {
            let _ = self.wire.shutdown().await;
        }
    }

    /// Whether it was asked so much that another one is to take its place.
    pub(super) fn is_worn(&self) -> bool {
        self.last_id >= MAX_QUESTIONS
    }

    /// Whether nothing has come since the last answer: neither an end, nor what nobody asked for.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut context = Context::from_waker(Waker::noop());
        let polled =
            Pin::new(&mut *self.wire).poll_read(&mut context, &mut ReadBuf::new(&mut byte));
        self.read.is_empty() && matches!(polled, Poll::Pending)
    }
}

/// Connects to the first address of a place that answers. None of several may take all the time.
async fn reach(place: &LdapPlace, patience: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match &place.host {
        Host::Domain(name) => lookup_host((name.as_str(), place.port)).await?.collect(),
        Host::Ipv4(address) => vec![(*address, place.port).into()],
        Host::Ipv6(address) => vec![(*address, place.port).into()],
    };
    let tried = addresses.len().clamp(1, MAX_ADDRESSES);
    let share = patience / u32::try_from(tried + 1).unwrap_or(u32::MAX);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in addresses.iter().take(tried) {
        let time = if tried == 1 { patience } else { share };
        match timeout(time, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// One question and its answers.
struct Exchange<'a, W: ?Sized> {
    wire: &'a mut W,
    read: &'a mut BytesMut,
    id: u32,
}

impl<W: AsyncRead + AsyncWrite + Unpin + ?Sized> Exchange<'_, W> {
    async fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        self.wire.write_all(request).await.map_err(Trouble::Away)?;
        self.wire.flush().await.map_err(Trouble::Away)
    }

    /// The next whole message. No more is kept than has come, whatever length it says it has.
    async fn receive(&mut self, budget: &mut Budget) -> Result<BytesMut, Trouble> {
        budget.messages =
            budget.messages.checked_sub(1).ok_or(Trouble::Invalid("answers without end"))?;
        loop {
            if let Some((tag, start, length)) = ber::head(self.read)? {
                if tag != ber::SEQUENCE {
                    return Err(ber::Malformed.into());
                }
                let whole = start.saturating_add(length);
                if whole > budget.bytes {
                    return Err(Trouble::Invalid("more than 1 MiB"));
                }
                if self.read.len() >= whole {
                    budget.bytes -= whole;
                    return Ok(self.read.split_to(whole));
                }
            }
            self.read.reserve(CHUNK);
            if self.wire.read_buf(self.read).await.map_err(Trouble::Away)? == 0 {
                return Err(Trouble::Closed);
            }
        }
    }

    /// What a message says, if it is an answer to this question.
    fn own<'b>(&self, bytes: &'b [u8]) -> Result<AnswerKind<'b>, Trouble> {
        match message::answer(bytes)? {
            Answer { id, kind } if id == self.id => Ok(kind),
            // A notice of disconnection (RFC 4511 section 4.4.1).
            Answer { id: 0, kind: AnswerKind::Extended(_) } => Err(Trouble::Closed),
            Answer { .. } => Err(Trouble::Invalid("an answer to something else")),
        }
    }

    /// That nothing comes behind the last answer.
    fn over(&self) -> Result<(), Trouble> {
        if self.read.is_empty() { Ok(()) } else { Err(Trouble::Invalid("more than one answer")) }
    }
}
