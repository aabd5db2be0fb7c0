//! Requests that turn into WebSockets: asked for in HTTP/1.1 (RFC 6455) or HTTP/2 (RFC 8441), opened to the application in HTTP/1.1,
//! and passed on in both directions for as long as they may.
//!
//! No other protocol is opened: what a connection becomes that an application lets be upgraded is not judged any more. Must not know
//! what is said on a socket, nor who may open one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::sync::watch;
use tokio::time::timeout;

use super::hop;
use super::lease::{Activity, Lease};
use crate::sidecar::target::opens_websocket;
use crate::web::stream::Seated;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE_IT: HeaderValue = HeaderValue::from_static("upgrade");
/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How long both sides may take to let go of HTTP.
const HANDOVER: Duration = Duration::from_secs(10);

/// Who asks for a socket, and in which version of HTTP.
pub(super) struct Asked {
    client: OnUpgrade,
    version: Version,
}

impl Asked {
    /// What a request asks for; whatever else it wants to be upgraded to is not passed on.
    pub(super) fn of(parts: &mut Parts) -> Option<Self> {
        let version = parts.version;
        let is_asked = match version {
            Version::HTTP_2 => opens_websocket(parts),
            Version::HTTP_11 => {
                parts.method == Method::GET
                    && hop::lists(&parts.headers, &CONNECTION, "upgrade")
                    && parts.headers.get_all(UPGRADE).iter().count() == 1
                    && hop::lists(&parts.headers, &UPGRADE, "websocket")
            }
            _ => false,
        };
        let client = is_asked.then(|| parts.extensions.remove::<OnUpgrade>()).flatten()?;
        Some(Self { client, version })
    }

    /// Puts into a request, which has no header of a connection any more, what asks the application for the socket. What its
    /// answer has to accept.
    pub(super) fn ask(&self, parts: &mut Parts) -> Option<String> {
        parts.method = Method::GET;
        parts.headers.insert(CONNECTION, UPGRADE_IT);
        parts.headers.insert(UPGRADE, WEBSOCKET);
        parts.headers.remove(CONTENT_LENGTH);
        if self.version == Version::HTTP_2 {
            // There is none in HTTP/2: who asks whom is plain there.
            let mut random = [0; 16];
            getrandom::fill(&mut random).ok()?;
            let key = HeaderValue::try_from(STANDARD.encode(random)).ok()?;
            parts.headers.insert(SEC_WEBSOCKET_KEY, key);
        }
        let key = parts.headers.get(SEC_WEBSOCKET_KEY)?;
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), GUID].concat());
        Some(STANDARD.encode(hash))
    }

    /// The head of the answer, where the application has opened the socket.
    pub(super) fn opened(&self, mut headers: HeaderMap) -> (StatusCode, HeaderMap) {
        hop::strip(&mut headers);
        headers.remove(CONTENT_LENGTH);
        if self.version == Version::HTTP_2 {
            headers.remove(SEC_WEBSOCKET_ACCEPT);
            return (StatusCode::OK, headers);
        }
        headers.insert(CONNECTION, UPGRADE_IT);
        headers.insert(UPGRADE, WEBSOCKET);
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    }

    /// Passes on what both sides say, until one is done, the lease is over, or all sockets are to end.
    pub(super) async fn pass(
        self,
        mut answer: http::Response<Incoming>,
        (mut lease, activity): (Lease, Activity),
        mut end: watch::Receiver<bool>,
        _seated: Option<Seated>,
    ) {
        let application = hyper::upgrade::on(&mut answer);
        let both = async { tokio::try_join!(self.client, application) };
        let (client, application) = match timeout(HANDOVER, both).await {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => return tracing::debug!(%error, "a socket was not opened"),
            Err(_) => return tracing::debug!("a socket was not opened in time"),
        };
        let mut client = Marking { io: TokioIo::new(client), activity };
        let mut application = TokioIo::new(application);
        tokio::select! {
            passed = copy_bidirectional(&mut client, &mut application) => {
                if let Err(error) = passed {
                    tracing::debug!(%error, "a socket broke off");
                }
            }
            over = lease.over() => tracing::debug!(%over, "a socket is cut"),
            _ = end.wait_for(|end| *end) => tracing::debug!("a socket is cut: the end"),
        }
    }
}

/// Whether an answer opens the socket that was asked for.
pub(super) fn opens(answer: &http::Response<Incoming>, accept: &str) -> bool {
    let headers = answer.headers();
    answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && hop::lists(headers, &UPGRADE, "websocket")
        && headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value == accept)
}

/// The client's side of a socket, which marks what either side says.
struct Marking<I> {
    io: I,
    activity: Activity,
}

impl<I: AsyncRead + Unpin> AsyncRead for Marking<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, space);
        if read.is_ready() {
            self.activity.mark();
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Marking<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        if written.is_ready() {
            self.activity.mark();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
