//! Answers that hyper gives by itself to what is no HTTP/1 request: they get a name like all others.
//!
//! hyper writes them before it calls anybody and has no hook for them. They are known by their exact words, and go out with one
//! header more. Must not know what else is written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::web::request_id::{RequestId, X_REQUEST_ID};

/// How such an answer begins (`on_error` in hyper's `proto/h1/role.rs`).
const STATUS_LINES: [&[u8]; 3] = [
    b"HTTP/1.1 400 Bad Request\r\n",
    b"HTTP/1.1 414 URI Too Long\r\n",
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
];
/// How it goes on, up to the date.
const HEADERS: &[u8] = b"connection: close\r\ncontent-length: 0\r\ndate: ";
/// How it ends, behind a date.
const END: &[u8] = b" GMT\r\n\r\n";
/// The date with its end (RFC 9110 section 5.6.7).
const DATE: usize = "Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".len();

/// Bytes that go through, but for such answers.
#[derive(Debug)]
pub(super) struct Unasked<I> {
    io: I,
    /// What is still to be written of one.
    rest: Vec<u8>,
}

impl<I: AsyncWrite + Unpin> Unasked<I> {
    pub(super) fn new(io: I) -> Self {
        Self { io, rest: Vec::new() }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Where the headers of such an answer begin, if it stands at the end of what is written.
fn headers_of_unasked(bytes: &[u8]) -> Option<usize> {
    let before_date = bytes.strip_suffix(END).and(bytes.len().checked_sub(DATE))?;
    let status = bytes[..before_date].strip_suffix(HEADERS)?;
    STATUS_LINES.iter().any(|line| status.ends_with(line)).then_some(status.len())
}

/// The same bytes with a name for that answer.
fn named(bytes: &[u8], headers: usize) -> Vec<u8> {
    let id = RequestId::random();
    tracing::debug!(request_id = %id, "what came is no request");
    let (status, rest) = bytes.split_at(headers);
    [status, X_REQUEST_ID.as_str().as_bytes(), b": ", id.as_str().as_bytes(), b"\r\n", rest]
        .concat()
}

impl<I: AsyncRead + Unpin> AsyncRead for Unasked<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, space)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Unasked<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_rest(cx))?;
        if let Some(headers) = headers_of_unasked(bytes) {
            self.rest = named(bytes, headers);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        ready!(self.poll_rest(cx))?;
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const DATED: &str = "Thu, 26 Nov 2026 06:30:00 GMT\r\n\r\n";

    async fn written(bytes: &str) -> String {
        let mut through = Unasked::new(Vec::new());
        through.write_all(bytes.as_bytes()).await.unwrap();
        through.flush().await.unwrap();
        String::from_utf8(through.io).unwrap()
    }

    #[tokio::test]
    async fn only_the_exact_words() {
        let headers = "connection: close\r\ncontent-length: 0\r\ndate: ";
        for status in ["400 Bad Request", "414 URI Too Long", "431 Request Header Fields Too Large"]
        {
            let unasked = format!("HTTP/1.1 {status}\r\n{headers}{DATED}");
            for before in ["", "HTTP/1.1 204 No Content\r\n\r\n"] {
                let named = written(&format!("{before}{unasked}")).await;
                let (start, rest) = named.split_once("x-request-id: ").unwrap();
                let (id, rest) = rest.split_once("\r\n").unwrap();
                assert_eq!(start, format!("{before}HTTP/1.1 {status}\r\n"));
                assert_eq!(rest, format!("{headers}{DATED}"));
                assert_eq!(id.len(), 32);
            }
        }
        for other in [
            format!("HTTP/1.1 200 OK\r\n{headers}{DATED}"),
            format!("HTTP/1.1 400 Bad Request\r\n{headers}{DATED}x"),
            format!("HTTP/1.1 400 Bad Request\r\nx-request-id: 7\r\n{headers}{DATED}"),
            format!("HTTP/1.1 404 Not Found\r\n{headers}{DATED}"),
            format!("{headers}{DATED}"),
            " GMT\r\n\r\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(written(&other).await, other);
        }
    }
}
