//! Answers that come in pieces, for listeners that pass on what others say: bodies of any length, trailers, and sockets that go on
//! after the answer.
//!
//! Such a listener differs from one whose answers are whole ([`super::Handle`]) in this: a connection is at work until the last
//! piece of an answer is sent; a request may turn into a socket, by `Upgrade` in HTTP/1.1 or an extended CONNECT in HTTP/2 (RFC 8441);
//! and the headers of an answer are the handler's, but for a name of the request where it has none. Must not know what is passed on.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Version;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};

use super::pulse::{Pulse, Running};
use super::room::Place;
use super::{Handle, Request, Response};

/// Why an answer ends before its end.
pub type StreamError = Box<dyn std::error::Error + Send + Sync>;

/// A body that comes in pieces, each taken when there is room for it.
pub type Pieces = UnsyncBoxBody<Bytes, StreamError>;

/// An answer in pieces.
pub type StreamedResponse = http::Response<Pieces>;

/// What answers requests in pieces.
///
/// As for [`Handle`], an answer is waited for as long as the handler takes, and is dropped when the client goes away. An error in
/// a body ends the stream so that the client knows: it has not come to its end.
pub trait HandleStreams: Send + Sync + 'static {
    /// Answers one request. `peer` is the other end of the connection, an IPv4 address never mapped into IPv6.
    fn handle(
        &self,
        request: Request,
        peer: SocketAddr,
    ) -> impl Future<Output = StreamedResponse> + Send;
}

/// A whole answer as one in pieces.
#[must_use]
pub fn streamed(response: Response) -> StreamedResponse {
    response.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// The place of a connection, in the extensions of its requests: a socket that goes on after the answer keeps it.
#[derive(Clone, Debug)]
pub struct Seat {
    place: Arc<Place>,
    pulse: Arc<Pulse>,
}

/// A socket at work: its connection counts, and gives way to nobody.
#[derive(Debug)]
pub struct Seated {
    _running: Running,
    _place: Arc<Place>,
}

impl Seat {
    pub(super) fn new(place: Arc<Place>, pulse: Arc<Pulse>) -> Self {
        Self { place, pulse }
    }

    /// Keeps the place until this is dropped.
    #[must_use]
    pub fn keep(&self, version: Version) -> Seated {
        Seated { _running: Pulse::begin(&self.pulse, version), _place: Arc::clone(&self.place) }
    }
}

/// How a listener's connections are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Answers are whole, and there are no sockets.
    Whole,
    /// In pieces, with sockets.
    Streams,
}

/// What answers on a connection, of either kind.
pub(super) trait Serve: Send + Sync + 'static {
    /// Which.
    const KIND: Kind;
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<StreamError>> + Unpin + Send + 'static;

    fn answer(
        &self,
        request: Request,
        peer: SocketAddr,
    ) -> impl Future<Output = http::Response<Self::Body>> + Send;

    /// An answer of ours among its own.
    fn whole(response: Response) -> http::Response<Self::Body>;
}

/// Answers whole.
#[derive(Debug)]
pub(super) struct Whole<H>(pub(super) Arc<H>);

impl<H: Handle> Serve for Whole<H> {
    const KIND: Kind = Kind::Whole;
    type Body = Full<Bytes>;

    fn answer(&self, request: Request, peer: SocketAddr) -> impl Future<Output = Response> + Send {
        self.0.handle(request, peer)
    }

    fn whole(response: Response) -> Response {
        response
    }
}

/// Answers in pieces.
#[derive(Debug)]
pub(super) struct Streams<H>(pub(super) Arc<H>);

impl<H: HandleStreams> Serve for Streams<H> {
    const KIND: Kind = Kind::Streams;
    type Body = Pieces;

    fn answer(
        &self,
        request: Request,
        peer: SocketAddr,
    ) -> impl Future<Output = StreamedResponse> + Send {
        self.0.handle(request, peer)
    }

    fn whole(response: Response) -> StreamedResponse {
        streamed(response)
    }
}

/// The body of an answer; while it is sent, its connection is at work where that was asked for.
#[derive(Debug)]
pub(super) struct Outgoing<B> {
    body: B,
    running: Option<Running>,
}

impl<B> Outgoing<B> {
    pub(super) fn new(body: B, running: Option<Running>) -> Self {
        Self { body, running }
    }
}

impl<B: Body + Unpin> Body for Outgoing<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.running = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
