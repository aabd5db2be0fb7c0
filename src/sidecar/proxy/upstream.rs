//! The application: how it is reached, and what is said when it is not.
//!
//! Must not know who asks for what.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

use crate::outbound::{ClientError, TlsClient, Trust};
use crate::settings::sidecar::{ProxySettings, Upstream as Place, UpstreamProtocol};
use crate::web::stream::Pieces;

/// How long a connection is kept for the next request: shorter than applications keep theirs, of which gunicorn's 2 s are the
/// shortest. A request that crosses the application's goodbye on the wire is lost.
const IDLE: Duration = Duration::from_millis(1_500);
/// How many are kept.
const MAX_IDLE: usize = 256;
/// Largest head of an answer over HTTP/1, and most that is buffered unread, in bytes.
const MAX_BUFFER: usize = 128 * 1024;
/// Unread bytes of one answer over HTTP/2, and of all on one connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How often a silent connection of HTTP/2 is asked whether it is there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the application gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UpstreamError {
    /// There is nobody, or nobody who can be believed.
    #[error("the application cannot be reached")]
    Unreachable,
    /// It took too long to let us in.
    #[error("the application cannot be reached in time")]
    Late,
    /// It said something that is no HTTP, or went away.
    #[error("the application broke off before it answered")]
    Broken,
}

/// One application.
#[derive(Debug)]
pub(super) struct Upstream {
    client: Client<Connector, Pieces>,
    /// For sockets, which begin in HTTP/1.1.
    upgrading: Client<Connector, Pieces>,
    scheme: Scheme,
    authority: Authority,
    protocol: Option<UpstreamProtocol>,
}

impl Upstream {
    /// The application of the settings. Nobody is called yet.
    ///
    /// # Errors
    /// When the authorities cannot be used that its certificate is to be believed by.
    pub(super) fn new(settings: &ProxySettings) -> Result<Self, ClientError> {
        let protocol = settings.upstream_protocol;
        let client = |protocol: Option<UpstreamProtocol>| -> Result<_, ClientError> {
            let connector = Connector::new(settings, protocol)?;
            Ok(Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(MAX_IDLE)
                // It is the client's, and there already.
                .set_host(false)
                .http1_max_buf_size(MAX_BUFFER)
                .http2_only(protocol == Some(UpstreamProtocol::Http2))
                .http2_initial_stream_window_size(STREAM_WINDOW)
                .http2_initial_connection_window_size(CONNECTION_WINDOW)
                .http2_keep_alive_interval(PING_EVERY)
                .http2_keep_alive_timeout(PING_TIMEOUT)
                .build(connector))
        };
        let (scheme, authority) = match &settings.upstream {
            Place::Http { host, port } => (Scheme::HTTP, format!("{host}:{port}")),
            Place::Https { host, port } => (Scheme::HTTPS, format!("{host}:{port}")),
            Place::Unix(_) => (Scheme::HTTP, "localhost".to_owned()),
        };
        let unnamed = |_| ClientError::ServerName(authority.clone());
        Ok(Self {
            client: client(protocol)?,
            upgrading: client(Some(UpstreamProtocol::Http1))?,
            scheme,
            authority: authority.parse().map_err(unnamed)?,
            protocol,
        })
    }

    /// Whether it is spoken to in HTTP/2, which names a host in another way.
    pub(super) fn is_http2(&self) -> bool {
        self.protocol == Some(UpstreamProtocol::Http2)
    }

    /// Sends a request, and waits until the answer begins.
    pub(super) async fn send(
        &self,
        request: Request<Pieces>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let request = self.addressed(request)?;
        self.client.request(request).await.map_err(|error| fault(&error))
    }

    /// The same over HTTP/1.1, which a socket can follow.
    pub(super) async fn send_to_upgrade(
        &self,
        request: Request<Pieces>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let request = self.addressed(request)?;
        self.upgrading.request(request).await.map_err(|error| fault(&error))
    }

    /// The same path and query, byte by byte, at the application.
    fn addressed(&self, mut request: Request<Pieces>) -> Result<Request<Pieces>, UpstreamError> {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()
            .map_err(|_| UpstreamError::Broken)?;
        Ok(request)
    }
}

fn fault(error: &Error) -> UpstreamError {
    let mut source = std::error::Error::source(error);
    let mut is_late = false;
    while let Some(cause) = source {
        let io = cause.downcast_ref::<io::Error>();
        is_late |= io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut);
        source = cause.source();
    }
    tracing::warn!(error = error as &dyn std::error::Error, "the application gave no answer");
    match (error.is_connect(), is_late) {
        (true, true) => UpstreamError::Late,
        (true, false) => UpstreamError::Unreachable,
        (false, _) => UpstreamError::Broken,
    }
}

/// Opens connections to one application, wherever a request says that it goes.
#[derive(Clone, Debug)]
struct Connector(Arc<Way>);

#[derive(Debug)]
struct Way {
    to: To,
    timeout: Duration,
    is_http2: bool,
}

#[derive(Debug)]
enum To {
    Tcp { host: String, port: u16, tls: Option<TlsClient> },
    Unix(PathBuf),
}

impl Connector {
    fn new(
        settings: &ProxySettings,
        protocol: Option<UpstreamProtocol>,
    ) -> Result<Self, ClientError> {
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        let to = match &settings.upstream {
            Place::Unix(path) => To::Unix(path.clone()),
            Place::Http { host, port } => To::Tcp { host: bare(host), port: *port, tls: None },
            Place::Https { host, port } => {
                let trust = match &settings.ca_file {
                    Some(file) => Trust::SystemAnd(vec![file.clone()]),
                    None => Trust::System,
                };
                let offered: &[&[u8]] = match protocol {
                    Some(UpstreamProtocol::Http1) => &[b"http/1.1"],
                    Some(UpstreamProtocol::Http2) => &[b"h2"],
                    None => &[b"h2", b"http/1.1"],
                };
                let host = bare(host);
                let tls = TlsClient::offering(&host, trust, offered)?;
                To::Tcp { host, port: *port, tls: Some(tls) }
            }
        };
        let is_http2 = protocol == Some(UpstreamProtocol::Http2);
        Ok(Self(Arc::new(Way { to, timeout: settings.connect_timeout, is_http2 })))
    }
}

impl Way {
    async fn connect(&self) -> io::Result<Wire> {
        match &self.to {
            To::Unix(path) => Ok(Wire::new(UnixStream::connect(path).await?, self.is_http2)),
            To::Tcp { host, port, tls } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                let Some(tls) = tls else { return Ok(Wire::new(stream, self.is_http2)) };
                let stream = tls.secure(stream).await?;
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                Ok(Wire::new(stream, is_http2))
            }
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let connected = tokio::time::timeout(way.timeout, way.connect()).await;
            connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<I: AsyncRead + AsyncWrite + Send + Unpin> Io for I {}

/// A connection to the application, of whatever kind.
struct Wire {
    io: TokioIo<Box<dyn Io>>,
    is_http2: bool,
}

impl Wire {
    fn new(io: impl Io + 'static, is_http2: bool) -> Self {
        Self { io: TokioIo::new(Box::new(io)), is_http2 }
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_http2 { connected.negotiated_h2() } else { connected }
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, space)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
