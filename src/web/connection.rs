//! One connection, from the TLS handshake to its last byte: protocols, timeouts, panics.
//!
//! Must not know how connections are accepted.
//!
//! | File | Owns |
//! |---|---|
//! | `pulse` | when the client must have done its next step |
//! | `socket` | the TCP stream below |

mod pulse;
mod socket;

use std::any::Any;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tower_http::catch_panic::{CatchPanic, ResponseForPanic};

use self::pulse::{Pulse, bounded};
use self::socket::Socket;
use super::options::ConnectionOptions;
use super::{Handle, Request, Response, respond};

/// Largest head of an HTTP/1 request, and most that is buffered unread, in bytes.
const MAX_BUFFER: usize = 32 * 1024;
/// Largest set of headers of an HTTP/2 request, in bytes as RFC 9113 §6.5.2 counts them.
const MAX_HEADER_LIST: u32 = 32 * 1024;
/// Bodies up to this come with their head, in bytes.
const SMALL_BODY: u64 = 1024;
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

impl<H> Shared<H> {
    /// `stopping` ends when the server does: its sender is dropped.
    pub(super) fn new(
        handler: Arc<H>,
        options: Arc<ConnectionOptions>,
        stopping: watch::Receiver<()>,
    ) -> Self {
        let protocols = protocols(&options);
        Self { handler, options, protocols, stopping }
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

/// Serves one connection until it ends.
pub(super) async fn serve<H: Handle>(stream: TcpStream, peer: SocketAddr, shared: Shared<H>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let options = &shared.options;
    let pulse = Arc::new(Pulse::new(options.header_timeout, options.idle_timeout));
    let socket = Socket::new(stream, pulse.clone());
    let Some(certified) = &options.tls else {
        return exchange(socket, peer, pulse, shared).await;
    };
    let mut stopping = shared.stopping.clone();
    let handshake = timeout_at(pulse.due(), certified.accept(socket));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        _ = stopping.changed() => return,
    };
    match shaken {
        Ok(Ok(stream)) => exchange(stream, peer, pulse, shared).await,
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
}

/// Requests and answers, in whatever version the client speaks.
async fn exchange<H, I>(io: I, peer: SocketAddr, pulse: Arc<Pulse>, shared: Shared<H>)
where
    H: Handle,
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut stopping = shared.stopping.clone();
    let answering = TowerToHyperService::new(answering(shared.handler, peer, pulse.clone()));
    let mut connection = pin!(shared.protocols.serve_connection(TokioIo::new(io), answering));
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
        };
        match event {
            Wake::Over => return,
            Wake::Stop => {
                stopped = true;
                connection.as_mut().graceful_shutdown();
            }
            Wake::Overdue if pulse.is_idle() => {
                connection.as_mut().graceful_shutdown();
                if let Ok(ended) = timeout(GOODBYE, connection).await {
                    note_end(ended);
                }
                return;
            }
            Wake::Overdue => {
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
fn protocols(options: &ConnectionOptions) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // hyper's own timer also runs while a connection is idle; heads are timed by `Pulse`.
        .header_read_timeout(bounded(options.idle_timeout.max(options.header_timeout)))
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
    builder
}

/// The handler as a service that marks the pulse and survives panics.
fn answering<H: Handle>(
    handler: Arc<H>,
    peer: SocketAddr,
    pulse: Arc<Pulse>,
) -> CatchPanic<
    impl tower::Service<
        Request,
        Response = Response,
        Error = Infallible,
        Future = impl Future<Output = Result<Response, Infallible>> + Send + 'static,
    > + Clone,
    PanicAnswer,
> {
    let service = tower::service_fn(move |request: Request| {
        let handler = handler.clone();
        let running = Pulse::begin(&pulse, request.version());
        let unread = may_stay_unread(&request);
        async move {
            let mut response = match host_problem(&request) {
                Some(problem) => problem,
                None => handler.handle(request, peer).await,
            };
            if unread && response.status().is_client_error() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(running);
            Ok(response)
        }
    });
    CatchPanic::custom(service, PanicAnswer)
}

/// Whether the body is too large to be thrown away with the head, should it not be read. hyper then closes the connection
/// behind an early refusal, and a client that keeps connections has to be told (RFC 9112 §9.3).
fn may_stay_unread(request: &Request) -> bool {
    let small = request.body().size_hint().upper().is_some_and(|size| size <= SMALL_BODY);
    request.version() <= Version::HTTP_11 && !small
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
#[derive(Debug, Clone, Copy)]
struct PanicAnswer;

impl ResponseForPanic for PanicAnswer {
    type ResponseBody = Full<Bytes>;

    fn response_for_panic(&mut self, _: Box<dyn Any + Send>) -> Response {
        tracing::error!("a request's handler panicked");
        respond::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
    }
}
