//! Logins by a token that somebody else issued, who publishes what it is verified by.
//!
//! Must not know whose token it is, nor what it says.

use std::sync::Arc;
use std::time::Duration;

use super::error::ProviderError;
use crate::jose::error::VerifyError;
use crate::outbound::{Cached, Doubted, Fetched};

/// Between two fetches that tokens by unknown keys cause.
pub(super) const COOLDOWN: Duration = Duration::from_secs(30);

/// Why a token is not believed, by all that could be learnt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disbelief {
    /// By what was published last.
    pub why: VerifyError,
    /// What became of the fetch for something newer, if it failed.
    pub fetch: Option<ProviderError>,
}

/// What a token says that holds by what is published. One by an unknown key may be by a new one, and so may one whose
/// signature does not hold, for there are providers that change a key under its name: then what is published is fetched once
/// more, within bounds.
///
/// # Errors
/// Those of the fetch when nothing is known yet, else [`ProviderError::Token`].
pub(super) async fn verified<V, T, F>(
    published: &Cached<V>,
    fetch: impl Fn() -> F,
    verify: impl Fn(&V) -> Result<T, VerifyError>,
) -> Result<T, ProviderError>
where
    V: Send + Sync + 'static,
    F: Future<Output = Result<Fetched<V>, ProviderError>> + Send + 'static,
{
    let known: Arc<V> = published.get(&fetch).await?;
    // A stranger may name any key: whether there is an answer now is none of theirs.
    believed(published, known, fetch, verify).await.map_err(|error| ProviderError::Token(error.why))
}

/// The same, by what is known already.
pub(super) async fn believed<V, T, F>(
    published: &Cached<V>,
    known: Arc<V>,
    fetch: impl Fn() -> F,
    verify: impl Fn(&V) -> Result<T, VerifyError>,
) -> Result<T, Disbelief>
where
    V: Send + Sync + 'static,
    F: Future<Output = Result<Fetched<V>, ProviderError>> + Send + 'static,
{
    let is_doubtful = |why: &VerifyError| why.may_be_by_a_new_key();
    let judged = published.judged(known, fetch, verify, is_doubtful).await;
    judged.map_err(|Doubted { why, fetch }| Disbelief { why, fetch })
}
