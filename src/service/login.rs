//! Logins in a browser: out to a provider, and back with an answer.
//!
//! Must not know any protocol, nor where a pending login is kept while the browser is away.

use url::Url;

use super::{GrantError, Service, SignedPair, SsoSession};
use crate::domain::time::Timestamp;
use crate::domain::token::Scope;
use crate::idp::browser::{AuthorizationRequest, CallbackParams, LoginDemand, PendingLogin};
use crate::idp::{Provider, ProviderError};

impl Service {
    /// Begins a login, which is to come back to `callback_url`, and of which something may be demanded.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn begin_login(
        &self,
        provider: &Provider,
        callback_url: &Url,
        demand: &LoginDemand,
        now: Timestamp,
    ) -> Result<AuthorizationRequest, ProviderError> {
        provider.begin(callback_url, demand, now).await
    }

    /// Ends a login that has come back to `callback_url` with the provider's answer. That it was pending, here and not yet
    /// ended, is the caller's to know.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn finish_login(
        &self,
        provider: &Provider,
        callback_url: &Url,
        (pending, scope): (PendingLogin, Scope),
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<SignedPair, GrantError> {
        let identified = provider.finish(callback_url, pending, params, now).await;
        self.grant_login(provider, identified, scope)
    }

    /// The same, for a login that ends in a session of the browser here.
    ///
    /// # Errors
    /// [`GrantError`].
    pub async fn finish_sign_in(
        &self,
        provider: &Provider,
        callback_url: &Url,
        pending: PendingLogin,
        params: &CallbackParams,
        now: Timestamp,
    ) -> Result<SsoSession, GrantError> {
        let identified = provider.finish(callback_url, pending, params, now).await;
        self.sign_in(provider, identified)
    }
}
