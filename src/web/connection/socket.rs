//! The TCP stream under a connection: tells the pulse what comes in, and closes without losing the last answer.
//!
//! Must not know TLS or HTTP.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::web::pulse::Pulse;

/// How long the rest of what a client sends is thrown away after the last answer.
const LINGER: Duration = Duration::from_secs(2);
/// How long nothing may come in that time.
const QUIET: Duration = Duration::from_millis(500);
/// Reads in one turn.
const TURN: usize = 16;

/// A TCP stream with a pulse.
///
/// A socket that is closed while bytes wait unread sends a reset, and the reset makes the client's system forget the
/// answer it has not read yet: a 413 would look like a broken connection (RFC 9112 §9.6). So the writing half is closed
/// first, then what still comes is thrown away for a moment.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    pulse: Arc<Pulse>,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    end: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl Socket {
    /// Takes the stream over.
    pub(super) fn new(stream: TcpStream, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse, closing: None }
    }

    /// Throws away what comes until the client closes too, falls silent, or has had its time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { stream, closing, .. } = self;
        let closing = closing.get_or_insert_with(|| Closing {
            end: Instant::now() + LINGER,
            quiet: Box::pin(sleep(QUIET)),
        });
        let mut space = [0; 4096];
        for _ in 0..TURN {
            let mut rest = ReadBuf::new(&mut space);
            match Pin::new(&mut *stream).poll_read(cx, &mut rest) {
                Poll::Pending => return closing.quiet.as_mut().poll(cx),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if rest.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    if now >= closing.end {
                        return Poll::Ready(());
                    }
                    closing.quiet.as_mut().reset((now + QUIET).min(closing.end));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, space))?;
        if space.filled().len() > before {
            self.pulse.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closing.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }
}
