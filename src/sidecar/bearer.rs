//! Tokens that come with a request: of which issuer each is, and who sends it.
//!
//! Owns what was believed before: for as long as a token lasts and the keys are those that it was believed by. Must not know
//! what somebody may do.
//!
//! | File | Owns |
//! |---|---|
//! | `verifier` | what a token of each kind of issuer says |
//! | `trusted` | the keys of one issuer, fetched and kept |
//! | `lists` | lists of what has ended, by the same keys |

mod lists;
mod trusted;
mod verifier;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use futures::future::join_all;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use self::trusted::TrustedIssuer;
use self::verifier::TokenVerifier;
use super::identity::Identity;
use crate::domain::time::Timestamp;
use crate::jose::access_token::claimed_issuer;
use crate::jose::error::VerifyError;
use crate::outbound::{ClientError, ProxyVariables};
use crate::settings::Outbound;
use crate::settings::sidecar::IssuerSettings;

pub use lists::Lists;
pub use trusted::{KeysError, client_for, issuer_client};

/// Tells the time.
pub type Clock = fn() -> Timestamp;

/// How much memory is spent on tokens that were believed, in bytes, about.
const MAX_MEMORY: u64 = 32 * 1024 * 1024;
/// How many of them that is, about.
const MAX_BELIEVED: usize = 16 * 1024;
/// What an entry takes beside its texts, in bytes, about.
const OVERHEAD: usize = 512;

/// Why a token makes nobody known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// It is of nobody whose tokens are believed here.
    #[error("it is from an issuer whose tokens are not taken here")]
    Stranger,
    /// It does not hold.
    #[error(transparent)]
    Token(VerifyError),
    /// There are no keys of its issuer yet.
    #[error("the keys of its issuer are not known yet")]
    NoKeys,
}

/// Believes tokens of some issuers.
pub struct Authenticator {
    issuers: Vec<Arc<TrustedIssuer>>,
    /// By the digest of the token: which issuer and which audience it takes follows from it, as these do not change here.
    believed: Cache<[u8; 32], Believed, Weight>,
    clock: Clock,
}

/// A token that was believed.
#[derive(Clone)]
struct Believed {
    identity: Arc<Identity>,
    /// By these keys; by others it is judged anew.
    by: Arc<TokenVerifier>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Believed> for Weight {
    fn weight(&self, _: &[u8; 32], believed: &Believed) -> u64 {
        u64::try_from(believed.identity.weight() + OVERHEAD).unwrap_or(u64::MAX)
    }
}

/// Shows whose tokens it believes.
impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers = self.issuers.iter().map(|issuer| issuer.name());
        f.debug_list().entries(issuers).finish()
    }
}

impl Authenticator {
    /// Believes those of the settings. Nothing is fetched before [`Authenticator::keep_fresh`].
    ///
    /// # Errors
    /// [`ClientError`]: an issuer could never be called.
    pub fn new(
        issuers: &[IssuerSettings],
        outbound: &Outbound,
        variables: &ProxyVariables,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        let trusted =
            |issuer: &IssuerSettings| TrustedIssuer::new(issuer, outbound, variables).map(Arc::new);
        let issuers = issuers.iter().map(trusted).collect::<Result<Vec<_>, _>>()?;
        let believed = Cache::with_weighter(MAX_BELIEVED, MAX_MEMORY, Weight);
        Ok(Self { issuers, believed, clock })
    }

    /// Fetches all keys once, or again where they are old.
    ///
    /// # Errors
    /// Those whose keys could not be had, each with why.
    pub async fn fetch(&self) -> Vec<(String, KeysError)> {
        let fetched = self.issuers.iter().map(|issuer| async move {
            let error = issuer.fetch().await.err()?;
            Some((issuer.name().to_owned(), error))
        });
        join_all(fetched).await.into_iter().flatten().collect()
    }

    /// Fetches keys as soon as they are old, for ever.
    pub async fn keep_fresh(&self) {
        join_all(self.issuers.iter().map(|issuer| issuer.keep_fresh())).await;
    }

    /// The first issuer whose keys are not known yet.
    #[must_use]
    pub fn without_keys(&self) -> Option<&str> {
        self.issuers.iter().find(|issuer| issuer.held().is_none()).map(|issuer| issuer.name())
    }

    /// Who sends this token.
    ///
    /// # Errors
    /// [`Disbelief`].
    pub async fn identify(&self, token: &str) -> Result<Arc<Identity>, Disbelief> {
        let now = (self.clock)();
        let name = name(token);
        if let Some(believed) = self.believed.get(&name) {
            let is_held = self.issuers.iter().any(|issuer| issuer.holds(&believed.by));
            if is_held && now < believed.identity.expires_at {
                return Ok(believed.identity);
            }
            self.believed.remove(&name);
        }
        let claimed = claimed_issuer(token).ok_or(Disbelief::Token(VerifyError::Malformed))?;
        let issuer = self.issuers.iter().find(|issuer| issuer.name() == claimed);
        let issuer = issuer.ok_or(Disbelief::Stranger)?;
        let (identity, by) = issuer.identify(token, now).await?;
        let identity = Arc::new(identity);
        self.believed.insert(name, Believed { identity: Arc::clone(&identity), by });
        Ok(identity)
    }

    /// What believes the lists of an issuer, if its tokens are believed here.
    #[must_use]
    pub fn lists(&self, issuer: &str) -> Option<Lists> {
        let issuer = self.issuers.iter().find(|one| one.name() == issuer)?;
        Some(Lists::of(Arc::clone(issuer)))
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.believed.len()
    }
}

fn name(token: &str) -> [u8; 32] {
    let mut name = [0; 32];
    name.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    name
}

#[cfg(test)]
mod tests;
