//! One connection, from the TLS handshake to its last byte: protocols, timeouts, panics.
//!
//! Must not know how connections are accepted.
//!
//! | File | Owns |
//! |---|---|
//! | `socket` | the TCP stream below |
//! | `unasked` | answers to what is no request |

mod socket;
mod unasked;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::Instrument;

use self::socket::Socket;
use self::unasked::Unasked;
use super::options::ConnectionOptions;
use super::peer::is_trusted;
use super::pulse::Pulse;
use super::request_id::{RequestId, X_REQUEST_ID};
use super::room::Place;
use super::stream::{Kind, Outgoing, Seat, Serve};
use super::{Request, Response, body, respond};

/// Largest head of an HTTP/1 request, and most that is buffered unread, in bytes.
const MAX_BUFFER: usize = 32 * 1024;
/// Largest set of headers of an HTTP/2 request, in bytes as RFC 9113 §6.5.2 counts them.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// Streams that a client may reset before they were looked at (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that may be reset for what a client did wrong (CVE-2025-8671).
const MAX_ERROR_RESETS: usize = 128;
/// Unread bytes of one HTTP/2 body, and of all on one connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// How often a silent HTTP/2 client is asked whether it is there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What connections share.
#[derive(Debug)]
pub(super) struct Shared<H> {
    handler: Arc<H>,
    options: Arc<ConnectionOptions>,
    protocols: auto::Builder<TokioExecutor>,
    stopping: watch::Receiver<()>,
}

impl<H: Serve> Shared<H> {
    /// `stopping` ends when the server does: its sender is dropped.
    pub(super) fn new(
        handler: Arc<H>,
        options: Arc<ConnectionOptions>,
        stopping: watch::Receiver<()>,
    ) -> Self {
        Self { handler, options, protocols: protocols(H::KIND), stopping }
    }
}

impl<H> Clone for Shared<H> {
    fn clone(&self) -> Self {
        Self {
            handler: self.handler.clone(),
            options: self.options.clone(),
            protocols: self.protocols.clone(),
            stopping: self.stopping.clone(),
        }
    }
}

impl<H> Shared<H> {
    /// The pulse of a connection that begins now.
    pub(super) fn pulse(&self) -> Arc<Pulse> {
        Arc::new(Pulse::new(self.options.header_timeout, self.options.idle_timeout))
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve<H: Serve>(
    stream: TcpStream,
    peer: SocketAddr,
    (pulse, place): (Arc<Pulse>, &Arc<Place>),
    shared: Shared<H>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let socket = Socket::new(stream, pulse.clone());
    let seat = Seat::new(Arc::clone(place), pulse.clone());
    let Some(certified) = &shared.options.tls else {
        return exchange(socket, peer, (pulse, seat), shared).await;
    };
    let mut stopping = shared.stopping.clone();
    let handshake = timeout_at(pulse.due(), certified.accept(socket));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        _ = stopping.changed() => return,
        () = pulse.asked_to_leave() => return,
    };
    match shaken {
        Ok(Ok(stream)) => exchange(stream, peer, (pulse, seat), shared).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

/// How the wait on a connection ended.
enum Wake {
    /// The connection is over.
    Over,
    /// The client was slow or idle for longer than it may.
    Overdue,
    /// The server stops.
    Stop,
    /// Others need the room.
    Leave,
}

/// Requests and answers, in whatever version the client speaks.
async fn exchange<H, I>(
    io: I,
    peer: SocketAddr,
    (pulse, seat): (Arc<Pulse>, Seat),
    shared: Shared<H>,
) where
    H: Serve,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stopping = shared.stopping.clone();
    let naming = if is_trusted(peer.ip(), &shared.options.trusted_proxies) {
        Naming::ByProxy
    } else {
        Naming::ByUs
    };
    let answering = answering(shared.handler, (peer, naming), (pulse.clone(), seat));
    match H::KIND {
        Kind::Whole => {
            let io = TokioIo::new(Unasked::new(io));
            let connection = shared.protocols.serve_connection(io, answering);
            attend(connection, |connection| connection.graceful_shutdown(), pulse, stopping).await;
        }
        // What is passed on goes as it is: it may say the very words that are looked for in our own.
        Kind::Streams => {
            let io = TokioIo::new(io);
            let connection = shared.protocols.serve_connection_with_upgrades(io, answering);
            attend(connection, |connection| connection.graceful_shutdown(), pulse, stopping).await;
        }
    }
}

/// Waits until a connection ends, its client is too slow, or it is to end; `finish` has it answer what is under way and no more.
async fn attend<C>(
    connection: C,
    finish: impl Fn(Pin<&mut C>),
    pulse: Arc<Pulse>,
    mut stopping: watch::Receiver<()>,
) where
    C: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>>,
{
    let mut connection = pin!(connection);
    let mut alarm = pin!(sleep_until(pulse.due()));
    let mut stopped = false;
    loop {
        let overdue = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                note_end(ended);
                return Poll::Ready(Wake::Over);
            }
            // What was read just now may have moved the deadline nearer; what was answered moves it away.
            loop {
                let due = pulse.due();
                if due < alarm.deadline() {
                    alarm.as_mut().reset(due);
                }
                ready!(alarm.as_mut().poll(cx));
                let due = pulse.due();
                if due <= Instant::now() {
                    return Poll::Ready(Wake::Overdue);
                }
                alarm.as_mut().reset(due);
            }
        });
        // The connection comes first: a request that has arrived is under way, and a stop waits for it.
        let event = tokio::select! {
            biased;
            event = overdue => event,
            _ = stopping.changed(), if !stopped => Wake::Stop,
            () = pulse.asked_to_leave() => Wake::Leave,
        };
        match event {
            Wake::Over => return,
            Wake::Stop => {
                stopped = true;
                finish(connection.as_mut());
            }
            // A request that has come in the meantime is the last one.
            Wake::Leave if pulse.leisure().is_none() => finish(connection.as_mut()),
            Wake::Overdue | Wake::Leave if pulse.is_idle() => {
                finish(connection.as_mut());
                if let Ok(ended) = timeout(GOODBYE, connection).await {
                    note_end(ended);
                }
                return;
            }
            Wake::Overdue | Wake::Leave => {
                tracing::debug!("a client was too slow to send a request");
                return;
            }
        }
    }
}

fn note_end(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended early");
    }
}

/// HTTP/1.1 and HTTP/2, bounded. The streams of an HTTP/2 connection are tasks of their own; they end with it.
fn protocols(kind: Kind) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // Heads are timed by `Pulse`; hyper's timer also runs while a connection is idle.
        .header_read_timeout(None)
        .half_close(false)
        .max_buf_size(MAX_BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_LIST)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(MAX_BUFFER)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    if kind == Kind::Streams {
        builder.http2().enable_connect_protocol();
    }
    builder
}

/// Who says what the requests of a connection are called.
#[derive(Clone, Copy)]
enum Naming {
    ByUs,
    /// The proxy at its other end, if it does.
    ByProxy,
}

impl Naming {
    fn name(self, request: &http::Request<Incoming>) -> RequestId {
        let said = match self {
            Self::ByUs => None,
            Self::ByProxy => RequestId::said(request.headers()),
        };
        said.unwrap_or_else(RequestId::random)
    }
}

/// What goes out on a connection.
type Answer<H> = http::Response<Outgoing<<H as Serve>::Body>>;

/// The handler as a service that names requests, marks the pulse, survives panics, and leaves no body half read.
fn answering<H: Serve>(
    handler: Arc<H>,
    (peer, naming): (SocketAddr, Naming),
    (pulse, seat): (Arc<Pulse>, Seat),
) -> impl Service<
    http::Request<Incoming>,
    Response = Answer<H>,
    Error = Infallible,
    Future = impl Future<Output = Result<Answer<H>, Infallible>> + Send + 'static,
> {
    service_fn(move |request: http::Request<Incoming>| {
        let handler = handler.clone();
        let running = Pulse::begin(&pulse, request.version());
        let keeps = request.version() <= Version::HTTP_11;
        let id = naming.name(&request);
        let (mut request, unread) = body::watched(request, &pulse);
        request.extensions_mut().insert(id.clone());
        if H::KIND == Kind::Streams {
            request.extensions_mut().insert(seat.clone());
        }
        let span = id.span();
        let is_waited_for = body::is_waited_for(&request);
        async move {
            let answer = async {
                match host_problem(&request) {
                    Some(problem) => H::whole(problem),
                    None => handler.answer(request, peer).await,
                }
            };
            let answer = AssertUnwindSafe(answer).catch_unwind().instrument(span.clone()).await;
            let mut response = answer.unwrap_or_else(|_| H::whole(span.in_scope(after_panic)));
            match H::KIND {
                Kind::Whole => drop(response.headers_mut().insert(X_REQUEST_ID, id.header())),
                Kind::Streams => {
                    response.headers_mut().entry(X_REQUEST_ID).or_insert_with(|| id.header());
                }
            }
            // Who waits for a word before the body gets none after the answer.
            let is_whole =
                !keeps || if is_waited_for { unread.is_none() } else { unread.finish().await };
            if !is_whole {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            let running = Some(running).filter(|_| H::KIND == Kind::Streams);
            Ok(response.map(|body| Outgoing::new(body, running)))
        }
    })
}

/// RFC 9112 §3.2: exactly one Host in HTTP/1.1, never several.
fn host_problem(request: &Request) -> Option<Response> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let least = usize::from(request.version() == Version::HTTP_11);
    if (least..=1).contains(&hosts) {
        return None;
    }
    let mut response = respond::plain(StatusCode::BAD_REQUEST, "exactly one Host is needed\n");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Some(response)
}

/// Nothing of a panic leaves the server; the panic hook has written it to the log.
fn after_panic() -> Response {
    tracing::error!("a request's handler panicked");
    respond::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
}
