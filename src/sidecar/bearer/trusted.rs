//! The keys of one issuer: fetched, kept however long the issuer is away, and fetched anew when a token asks for it.
//!
//! Owns where they come from. When they are fetched again is the business of what keeps them. Must not know what a token says.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::ACCEPT;
use secrecy::ExposeSecret as _;
use url::Url;

use super::Disbelief;
use super::verifier::TokenVerifier;
use crate::domain::time::Timestamp;
use crate::files::{NotRead, read_whole};
use crate::jose::error::VerifyError;
use crate::jose::key_set::SetError;
use crate::jose::revocations::RevocationList;
use crate::outbound::{
    Cached, CallError, ClientError, DEFAULT_AGE, Fetched, HttpClient, NoProxy, Proxies,
    ProxyServer, ProxyVariables, Repeat, Trust,
};
use crate::relying::{IssuerUrl, RelyingError, keys_place};
use crate::settings::sidecar::{IssuerSettings, PublishedKeys};
use crate::settings::{Outbound, ProxyChoice, ProxyUrl};
use crate::sidecar::identity::Identity;

/// How often it is looked whether keys are old; while there are none, they are asked for as often.
const LOOK: Duration = Duration::from_secs(2);
/// Longest JWK Set in a file, and longest token beside it, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The call came to nothing.
    #[error("they cannot be fetched: {0}")]
    Call(#[from] CallError),
    /// The issuer's own metadata names none.
    #[error("its metadata is of no use: {0}")]
    Metadata(#[from] RelyingError),
    /// It is not asked at such a place.
    #[error("it is no URL that can be asked: name jwks_url")]
    NoUrl,
    /// Something else was answered.
    #[error("{0} was answered in the place of a JWK Set")]
    Status(StatusCode),
    /// It is no set, or has no key that is understood.
    #[error("no JWK Set with a key that is understood")]
    Set(#[from] SetError),
    /// The file is none.
    #[error("the file cannot be used: {0}")]
    File(#[from] NotRead),
}

/// An issuer, with what its tokens are verified by.
#[derive(Debug)]
pub(super) struct TrustedIssuer {
    settings: IssuerSettings,
    pinned: Option<Arc<TokenVerifier>>,
    published: Cached<TokenVerifier>,
    http: HttpClient,
}

impl TrustedIssuer {
    pub(super) fn new(
        settings: &IssuerSettings,
        outbound: &Outbound,
        variables: &ProxyVariables,
    ) -> Result<Self, ClientError> {
        let pinned = match &settings.keys {
            PublishedKeys::Pinned(keys) => {
                TokenVerifier::pinned(settings, keys.clone()).ok().map(Arc::new)
            }
            PublishedKeys::Discovered | PublishedKeys::At(_) | PublishedKeys::File(_) => None,
        };
        Ok(Self {
            settings: settings.clone(),
            pinned,
            published: Cached::new(settings.cooldown),
            http: issuer_client(settings, outbound, variables)?,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.settings.issuer.as_str()
    }

    /// What its tokens are verified by, if that is known.
    pub(super) fn held(&self) -> Option<Arc<TokenVerifier>> {
        self.pinned.clone().or_else(|| self.published.held())
    }

    /// Whether this is what its tokens are verified by now.
    pub(super) fn holds(&self, verifier: &Arc<TokenVerifier>) -> bool {
        self.held().is_some_and(|held| Arc::ptr_eq(&held, verifier))
    }

    /// Fetches its keys, where they are old.
    pub(super) async fn fetch(self: &Arc<Self>) -> Result<(), KeysError> {
        if self.pinned.is_some() {
            return Ok(());
        }
        self.published.get(|| Arc::clone(self).fetched()).await.map(drop)
    }

    /// Fetches them as soon as they are old, for ever. Why that fails is told once, until it works again.
    pub(super) async fn keep_fresh(self: &Arc<Self>) {
        let mut is_told = false;
        loop {
            match self.fetch().await {
                Ok(()) if is_told => {
                    tracing::info!(issuer = self.name(), "keys are known now");
                    is_told = false;
                }
                Err(error) if !is_told => {
                    let error = &error as &dyn std::error::Error;
                    let issuer = self.name();
                    tracing::error!(
                        error,
                        issuer,
                        "no key of an issuer is known: none of its tokens is taken"
                    );
                    is_told = true;
                }
                Ok(()) | Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Who sends one of its tokens, and by which keys that holds. Without keys nobody waits for any.
    pub(super) async fn identify(
        self: &Arc<Self>,
        token: &str,
        now: Timestamp,
    ) -> Result<(Identity, Arc<TokenVerifier>), Disbelief> {
        let known = self.held().ok_or(Disbelief::NoKeys)?;
        let judge = |verifier: &TokenVerifier| verifier.identify(token, now);
        if self.pinned.is_some() {
            return judge(&known).map(|identity| (identity, known)).map_err(Disbelief::Token);
        }
        let fetch = || Arc::clone(self).fetched();
        let is_doubtful = |why: &VerifyError| why.may_be_by_a_new_key();
        let judged = self.published.judged(Arc::clone(&known), fetch, judge, is_doubtful).await;
        let identity = judged.map_err(|doubted| Disbelief::Token(doubted.why))?;
        match self.held() {
            Some(held) if !Arc::ptr_eq(&held, &known) => {
                // Other keys meanwhile: what is remembered holds by those.
                let identity = judge(&held).map_err(Disbelief::Token)?;
                Ok((identity, held))
            }
            _ => Ok((identity, known)),
        }
    }

    /// What a list of it says. Where no key is known yet, that is waited for: nothing else is known before.
    pub(super) async fn read_list(
        self: &Arc<Self>,
        list: &str,
        now: Timestamp,
    ) -> Result<RevocationList, VerifyError> {
        // Why there are none is told where they are kept fresh.
        let _ = self.fetch().await;
        let known = self.held().ok_or(VerifyError::UnknownKey)?;
        let judge = |verifier: &TokenVerifier| verifier.revocations(list, now);
        if self.pinned.is_some() {
            return judge(&known);
        }
        let fetch = || Arc::clone(self).fetched();
        let is_doubtful = |why: &VerifyError| why.may_be_by_a_new_key();
        let judged = self.published.judged(known, fetch, judge, is_doubtful).await;
        judged.map_err(|doubted| doubted.why)
    }

    async fn fetched(self: Arc<Self>) -> Result<Fetched<TokenVerifier>, KeysError> {
        if let PublishedKeys::File(file) = &self.settings.keys {
            return self.read(file);
        }
        self.http.limited(self.asked()).await
    }

    fn read(&self, file: &Path) -> Result<Fetched<TokenVerifier>, KeysError> {
        let value = TokenVerifier::read(&self.settings, &read_whole(file, MAX_FILE)?)?;
        // Whoever exchanges the file waits half a minute at most.
        Ok(Fetched { value, fresh_for: Duration::ZERO })
    }

    async fn asked(&self) -> Result<Fetched<TokenVerifier>, KeysError> {
        let place = self.place().await?;
        let mut request = self.http.get(place);
        request = request.header(ACCEPT, "application/jwk-set+json, application/json");
        if let Some(file) = &self.settings.jwks_token_file {
            let token = read_whole(file, MAX_FILE)?;
            request = request.bearer_auth(String::from_utf8_lossy(&token).trim());
        }
        let answer = self.http.send(request, Repeat::Harmless).await?;
        if answer.status != StatusCode::OK {
            return Err(KeysError::Status(answer.status));
        }
        let value = TokenVerifier::read(&self.settings, &answer.body)?;
        Ok(Fetched { value, fresh_for: answer.max_age().unwrap_or(DEFAULT_AGE) })
    }

    async fn place(&self) -> Result<Url, KeysError> {
        if let PublishedKeys::At(place) = &self.settings.keys {
            return Ok(place.clone());
        }
        let issuer: IssuerUrl = self.name().parse().map_err(|_| KeysError::NoUrl)?;
        Ok(keys_place(&self.http, &issuer).await?)
    }
}

/// A client for calls to an issuer: its own proxy counts, then that of all, then the environment's.
///
/// # Errors
/// [`ClientError`]: it could never be called.
pub fn issuer_client(
    settings: &IssuerSettings,
    outbound: &Outbound,
    variables: &ProxyVariables,
) -> Result<HttpClient, ClientError> {
    let place = match &settings.keys {
        PublishedKeys::At(place) => Some(place.clone()),
        PublishedKeys::Discovered => settings.issuer.as_str().parse::<Url>().ok(),
        PublishedKeys::File(_) | PublishedKeys::Pinned(_) => None,
    };
    client_for(settings, (place, settings.timeout), outbound, variables)
}

/// The same for calls to one place of an issuer, which may take so long.
///
/// # Errors
/// [`ClientError`]: it could never be called.
pub fn client_for(
    settings: &IssuerSettings,
    (place, timeout): (Option<Url>, Duration),
    outbound: &Outbound,
    variables: &ProxyVariables,
) -> Result<HttpClient, ClientError> {
    let left_out = outbound.no_proxy.as_ref().map(|list| NoProxy::read(&list.join(",")));
    let proxies = match (&settings.proxy, &outbound.proxy) {
        (ProxyChoice::Through(proxy), _) => Proxies::Always(server(proxy)),
        (ProxyChoice::Never, _) | (ProxyChoice::Unsaid, ProxyChoice::Never) => Proxies::Direct,
        (ProxyChoice::Unsaid, ProxyChoice::Through(proxy)) => {
            let (http, https) = (Some(server(proxy)), Some(server(proxy)));
            let left_out = left_out.unwrap_or_else(|| variables.left_out().clone());
            Proxies::Shared { http, https, left_out }
        }
        (ProxyChoice::Unsaid, ProxyChoice::Unsaid) => {
            let host = place.as_ref().and_then(Url::host_str);
            variables.proxies(host, left_out.as_ref())?
        }
    };
    let files = settings.ca_file.iter().chain(&outbound.ca_file).cloned().collect();
    let trust = Trust::of(files, place.iter(), &proxies);
    HttpClient::new(timeout, trust, proxies)
}

/// One that the settings name.
fn server(proxy: &ProxyUrl) -> ProxyServer {
    let read = proxy.url().expose_secret().parse();
    read.expect("the settings let nothing in that is no proxy here, too")
}
