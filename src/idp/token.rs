//! Logins by a token that somebody else issued, who publishes what it is verified by.
//!
//! Must not know whose token it is, nor what it says.

use std::sync::Arc;
use std::time::Duration;

use super::error::ProviderError;
use crate::jose::error::VerifyError;
use crate::outbound::{Cached, Fetched};

/// Between two fetches that tokens by unknown keys cause.
pub(super) const COOLDOWN: Duration = Duration::from_secs(30);

/// What a token says that holds by what is published. One by an unknown key may be by a new one: then what is published is
/// fetched once more, within bounds.
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
    let verified = match verify(&known) {
        Err(VerifyError::UnknownKey) => match published.newer(&known, &fetch).await {
            Ok(Some(newer)) => verify(&newer),
            // A stranger may name any key: whether there is an answer now is none of theirs.
            Ok(None) | Err(_) => Err(VerifyError::UnknownKey),
        },
        verified => verified,
    };
    verified.map_err(ProviderError::Token)
}
