//! Bounds on what one client may send: the size of a body, the time it takes, attempts to log in, and at which `pace` the
//! rest comes, by `quotas`.
//!
//! Must not know what bodies and attempts mean.

mod attempts;
mod pace;
mod quotas;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

pub use self::attempts::{Attempt, Attempts, Device, Purpose, RetryAfter};
pub use self::pace::Pace;

/// Largest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// Longest time for a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More than [`MAX_BODY`], or than an intake's own bound.
    #[error("the body is larger than 64 KiB")]
    TooLarge,
    /// Not complete in time.
    #[error("the body was not complete within 10 seconds")]
    Slow,
    /// The connection broke, or the framing is wrong.
    #[error("the body ended early or is framed wrongly")]
    Broken,
}

/// The whole body of a request: at most [`MAX_BODY`] bytes, within 10 seconds.
///
/// # Errors
/// See [`BodyError`]. A body whose `Content-Length` is over the bound is refused before a byte is read.
pub async fn read_body(body: super::Body) -> Result<Bytes, BodyError> {
    read_body_within(body, BODY_TIMEOUT).await
}

/// As [`read_body`], with a time of the caller's choice.
///
/// # Errors
/// See [`BodyError`].
pub async fn read_body_within<B>(body: B, patience: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(patience, collect(body, MAX_BODY, |_| Ok(())))
        .await
        .unwrap_or(Err(BodyError::Slow))
}

/// A body of `largest` bytes at most, in one piece; `grows` is told of more bytes before they are kept, and may refuse them.
pub(super) async fn collect<B, E>(
    mut body: B,
    largest: usize,
    mut grows: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, E>
where
    B: Body<Data = Bytes> + Unpin,
    E: From<BodyError>,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        // Trailers say nothing that is needed here.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > largest {
            return Err(BodyError::TooLarge.into());
        }
        grows(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
