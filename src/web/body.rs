//! A request's body, which goes back to the connection when nobody has read it to its end.
//!
//! hyper closes a connection whose request was answered before all of it came, unless the rest is there already: whether it is
//! depends on how the client's packets fall. A client that keeps connections has to be told (RFC 9112 §9.6), so the rest is
//! either read or the connection said to be closed. Must not know what bodies mean.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};

use super::pulse::{Pulse, Waiting};

/// Bodies up to this are read to their end, in bytes.
const SMALL: u64 = 16 * 1024;
/// How long their rest may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// A request's body.
#[derive(Debug)]
pub struct Body {
    /// There until it is dropped.
    incoming: Option<Incoming>,
    unread: Unread,
    pulse: Arc<Pulse>,
    /// There while the next piece is waited for.
    waiting: Option<Waiting>,
}

/// What is left of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<Mutex<Option<Incoming>>>);

/// A request without its body, and what becomes of that.
pub(super) fn watched(
    request: http::Request<Incoming>,
    pulse: &Arc<Pulse>,
) -> (super::Request, Unread) {
    let unread = Unread::default();
    let body = |incoming| Body {
        incoming: Some(incoming),
        unread: unread.clone(),
        pulse: pulse.clone(),
        waiting: None,
    };
    (request.map(body), unread)
}

/// Whether a client waits for a word of ours before it sends the body (RFC 9110 §10.1.1).
pub(super) fn is_waited_for(request: &super::Request) -> bool {
    request.headers().contains_key(EXPECT)
}

impl Unread {
    /// Reads a small rest to its end; false when something stays unread.
    pub(super) async fn finish(self) -> bool {
        let rest = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut rest) = rest else { return true };
        if hyper::body::Body::size_hint(&rest).upper().is_none_or(|size| size > SMALL) {
            return false;
        }
        let reading = async {
            while let Some(frame) = rest.frame().await {
                if frame.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or(false)
    }

    /// Whether nothing is left.
    pub(super) fn is_none(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = Pin::new(incoming).poll_frame(cx);
        self.waiting = match (&frame, self.waiting.take()) {
            (Poll::Ready(_), _) => None,
            (Poll::Pending, None) => Some(Pulse::wait(&self.pulse)),
            (Poll::Pending, waiting) => waiting,
        };
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map(hyper::body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let unread = self.incoming.take().filter(|body| !hyper::body::Body::is_end_stream(body));
        *self.unread.0.lock().unwrap_or_else(PoisonError::into_inner) = unread;
    }
}
