//! How long a stream or socket may go on: until the token ends that it was opened with, its session is ended, or nobody says
//! anything on it.
//!
//! Must not know what is said.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::domain::time::Timestamp;
use crate::sidecar::identity::{Identity, Revocations, Standing};
use crate::web::stream::StreamError;

/// Longest lease that is timed: beyond it nothing lasts.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Why something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Over {
    /// The token or the session.
    #[error("the token or the session has ended that this was opened with")]
    Ended,
    /// Nobody said anything for long.
    #[error("nothing was said for too long")]
    Silent,
}

/// When something was last said, by either side.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    born: Instant,
    last: Arc<AtomicU64>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { born: Instant::now(), last: Arc::default() }
    }

    /// Something was said.
    pub(super) fn mark(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Relaxed);
    }

    /// When that was.
    pub(super) fn last(&self) -> Instant {
        self.born + Duration::from_millis(self.last.load(Relaxed))
    }
}

/// Who opened it, and where it is heard that their session was ended.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub identity: Arc<Identity>,
    pub revocations: Arc<dyn Revocations>,
    pub changes: watch::Receiver<u64>,
}

impl Holder {
    fn has_ended(&self) -> bool {
        self.revocations.standing(&self.identity, now()) != Standing::Good
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::MIN.after(since)
}

/// How long something may go on.
#[derive(Debug)]
pub(super) struct Lease {
    until: Option<Instant>,
    holder: Option<Holder>,
    activity: Activity,
    patience: Duration,
}

impl Lease {
    /// Until a moment, as long as its holder stands, and as long as something is said.
    pub(super) fn new(
        until: Option<Timestamp>,
        holder: Option<Holder>,
        (activity, patience): (Activity, Duration),
    ) -> Self {
        let until = until.map(|until| {
            let end = u64::try_from(until.as_unix()).unwrap_or_default();
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(end);
            let left = end.duration_since(SystemTime::now()).unwrap_or_default();
            Instant::now() + left.min(LONGEST)
        });
        Self { until, holder, activity, patience }
    }

    /// Whether it has ended already.
    fn has_ended(&mut self) -> bool {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            return true;
        }
        self.holder.as_mut().is_some_and(|holder| {
            // A sender that is gone says nothing new.
            let is_news = holder.changes.has_changed().unwrap_or(false);
            is_news && {
                holder.changes.mark_unchanged();
                holder.has_ended()
            }
        })
    }

    /// Waits until it is over.
    pub(super) async fn over(&mut self) -> Over {
        loop {
            if self.has_ended() {
                return Over::Ended;
            }
            let silent = self.activity.last() + self.patience;
            if silent <= Instant::now() {
                return Over::Silent;
            }
            let due = self.until.map_or(silent, |until| until.min(silent));
            let news = async {
                match &mut self.holder {
                    Some(holder) if holder.changes.has_changed().is_ok() => {
                        if holder.changes.changed().await.is_err() {
                            std::future::pending::<()>().await;
                        }
                        holder.has_ended()
                    }
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep_until(due) => {}
                has_ended = news => if has_ended { return Over::Ended },
            }
        }
    }
}

type Waiting = Pin<Box<dyn Future<Output = Over> + Send>>;

/// A body that goes on as long as its lease, and marks what it says.
pub(super) struct Leased<B> {
    body: B,
    activity: Activity,
    /// There until the body is waited for.
    lease: Option<Lease>,
    /// There from then on: a body that comes at once needs no timer.
    over: Option<Waiting>,
}

impl<B> Leased<B> {
    pub(super) fn new(body: B, lease: Lease) -> Self {
        Self { body, activity: lease.activity.clone(), lease: Some(lease), over: None }
    }
}

impl<B> Body for Leased<B>
where
    B: Body<Data = Bytes, Error: Into<StreamError>> + Unpin,
{
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let this = &mut *self;
        if this.lease.as_mut().is_some_and(Lease::has_ended) {
            return Poll::Ready(Some(Err(Over::Ended.into())));
        }
        if let Some(over) = &mut this.over
            && let Poll::Ready(over) = over.as_mut().poll(cx)
        {
            return Poll::Ready(Some(Err(over.into())));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.activity.mark();
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let Some(mut lease) = this.lease.take() else { return Poll::Pending };
                let over = this.over.insert(Box::pin(async move { lease.over().await }));
                over.as_mut().poll(cx).map(|over| Some(Err(over.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that marks what it says.
pub(super) struct Marked<B> {
    body: B,
    activity: Activity,
}

impl<B> Marked<B> {
    pub(super) fn new(body: B, activity: Activity) -> Self {
        Self { body, activity }
    }
}

impl<B> Body for Marked<B>
where
    B: Body<Data = Bytes, Error: Into<StreamError>> + Unpin,
{
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.activity.mark();
        }
        frame.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
