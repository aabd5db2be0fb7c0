//! How many calls to one server are under way at once, and how long each may take.
//!
//! Must not know how a call is made.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::CallError;
use super::proxy::Proxies;

/// Most pieces of work with one server at once; a server that hangs holds no more than these.
pub(super) const MAX_AT_ONCE: usize = 256;

/// The limits of the calls to one server: so many at once, each so long at most.
#[derive(Debug)]
pub struct CallLimits {
    free: Semaphore,
    timeout: Duration,
    /// What may lie between, for the log.
    proxies: Option<String>,
}

impl CallLimits {
    /// At most 256 at once, each of at most `timeout`.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        Self::at_once(MAX_AT_ONCE, timeout)
    }

    /// At most so many at once, each of at most `timeout`.
    #[must_use]
    pub fn at_once(most: usize, timeout: Duration) -> Self {
        Self { free: Semaphore::new(most), timeout, proxies: None }
    }

    /// The same for calls that may go through these proxies, one of which may be what is slow.
    #[must_use]
    pub(super) fn through(self, proxies: &Proxies) -> Self {
        Self { proxies: proxies.shown(), ..self }
    }

    /// Does everything that belongs to one request of ours, waiting and calling, within the timeout. One too many at once
    /// is [`CallError::Busy`], one that takes too long [`CallError::Unreachable`].
    pub fn limited<T, E: From<CallError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        let work = within(self.timeout, self.proxies.as_deref(), work);
        async {
            let _one = self.free.try_acquire().map_err(|_| CallError::Busy)?;
            work.await
        }
    }

    /// Does a first part of such work within half of its time, so that the rest has the other half.
    pub fn first_half<T, E: From<CallError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        within(self.timeout / 2, self.proxies.as_deref(), work)
    }
}

/// The work is boxed before it begins: whatever wraps a future holds it once more, and calls within work within work
/// would grow to what no stack holds.
fn within<T, E: From<CallError>>(
    limit: Duration,
    proxies: Option<&str>,
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    let work = Box::pin(work);
    async move {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            match proxies {
                None => tracing::warn!(?limit, "another server did not answer in time"),
                Some(proxies) => tracing::warn!(
                    ?limit,
                    proxies,
                    "another server did not answer in time, or a proxy on the way there passed nothing on"
                ),
            }
            Err(CallError::Unreachable.into())
        })
    }
}
