//! The one HTTP client for calls to other servers: bounded in time and size, never redirected, through no proxy but those it
//! is given. Files of authorities that change are read again.
//!
//! Must not know any protocol above HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{Method, StatusCode};
use reqwest::{Certificate, Client, Proxy, RequestBuilder, redirect};
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use url::Url;

use super::authorities::Believing;
use super::error::{CallError, ProxyFault, was_dropped};
use super::limits::CallLimits;
use super::proxy::{Proxies, ProxyServer};
use super::response::Response;
use super::trust::{ClientError, Trust};

/// Largest answer that is read, in bytes, where nobody says anything else.
const MAX_ANSWER: usize = 1024 * 1024;

/// Largest answer that all may read at once, in bytes; tokens have at most 16 KiB. Beyond that an answer is long.
const SHORT_ANSWER: usize = 64 * 1024;

/// Most long answers at once. With the limit on calls at once this bounds the memory that the answers of one server can
/// take, to 32 MiB; who comes later waits within the timeout.
const MAX_LONG: usize = 16;

/// How long a connection is kept for the next call, and how many are. Short: a server closes what it finds idle, often
/// after 5 s, and a call that crosses that on the wire is lost.
const IDLE: Duration = Duration::from_secs(4);
const MAX_IDLE: usize = 32;

/// Calls one server, or the servers of one party.
#[derive(Debug)]
pub struct HttpClient {
    client: Believing<Client>,
    proxies: Arc<Proxies>,
    limits: CallLimits,
    long: Arc<Semaphore>,
    max_answer: usize,
}

/// Whether the server may get the same request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing changes when it does.
    Harmless,
    /// Something may happen twice.
    Never,
}

impl HttpClient {
    /// A client whose work for one request of ours takes at most `timeout`.
    ///
    /// # Errors
    /// [`ClientError`] when the authorities cannot be used.
    pub fn new(timeout: Duration, trust: Trust, proxies: Proxies) -> Result<Self, ClientError> {
        let proxies = Arc::new(proxies);
        let (files, through) = (trust.files(), Arc::clone(&proxies));
        let make = move |authorities: &[CertificateDer<'static>]| {
            client(timeout, &trust, authorities, Arc::clone(&through))
        };
        Ok(Self {
            client: Believing::new(files, make)?,
            limits: CallLimits::new(timeout).through(&proxies),
            proxies,
            long: Arc::new(Semaphore::new(MAX_LONG)),
            max_answer: MAX_ANSWER,
        })
    }

    /// The same client, which reads so many bytes of an answer. All long ones together take no more memory than before.
    #[must_use]
    pub fn reading_at_most(self, bytes: usize) -> Self {
        let at_once = (MAX_LONG * MAX_ANSWER / bytes.max(1)).clamp(1, MAX_LONG);
        Self { long: Arc::new(Semaphore::new(at_once)), max_answer: bytes, ..self }
    }

    /// A GET, to be completed and sent by [`HttpClient::send`].
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.client.get().get(url)
    }

    /// A POST, to be completed and sent by [`HttpClient::send`].
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.client.get().post(url)
    }

    /// A request, to be completed and sent by [`HttpClient::send`]; one to a place that is no URL fails there.
    pub fn request(&self, method: Method, place: &str) -> RequestBuilder {
        self.client.get().request(method, place)
    }

    /// Reads authorities again that have changed. [`HttpClient::limited`] does; who makes calls without it does not.
    pub async fn look_again(&self) {
        self.client.look_again().await;
    }

    /// See [`CallLimits::limited`]. Authorities that have changed are read first.
    pub fn limited<T, E: From<CallError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        let work = self.limits.limited(work);
        async {
            self.look_again().await;
            work.await
        }
    }

    /// See [`CallLimits::first_half`].
    pub fn first_half<T, E: From<CallError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        self.limits.first_half(work)
    }

    /// Sends a request and reads the whole answer. Where a repetition is harmless, a request whose connection went away
    /// before the answer began is sent once more: the server had likely just closed a connection it found idle.
    ///
    /// # Errors
    /// [`CallError`]: no answer, a broken one, or one that is too long.
    pub async fn send(
        &self,
        request: RequestBuilder,
        repeat: Repeat,
    ) -> Result<Response, CallError> {
        let again = if repeat == Repeat::Harmless { request.try_clone() } else { None };
        let sent = match (request.send().await, again) {
            (Err(error), Some(again)) if was_dropped(&error) => again.send().await,
            (result, _) => result,
        };
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => return Err(self.unsent(&error).await),
        };
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        self.look_at_status(status, answer.url())?;
        let (mut body, mut long) = (BytesMut::new(), None);
        while let Some(chunk) = answer.chunk().await.map_err(|error| CallError::of(&error))? {
            if body.len() + chunk.len() > self.max_answer {
                return Err(CallError::InvalidResponse("it is longer than answers are read"));
            }
            if long.is_none() && body.len() + chunk.len() > SHORT_ANSWER {
                let permit = Arc::clone(&self.long).acquire_owned().await;
                long = Some(permit.map_err(|_| CallError::Busy)?);
            }
            body.extend_from_slice(&chunk);
        }
        let answer = Response { status, headers, body: body.freeze(), _long: long };
        if answer.is_away() {
            let retry_after = answer.retry_after().map(|wait| wait.as_secs());
            tracing::warn!(%status, retry_after, "another server says that it is not there now");
        }
        Ok(answer)
    }

    fn proxy(&self, place: &Url) -> Option<&ProxyServer> {
        self.proxies.through(place.scheme(), place.host_str()?)
    }

    /// Why nothing was answered: the proxy's fault where there is one that did not lead there.
    async fn unsent(&self, error: &reqwest::Error) -> CallError {
        let place = error.url();
        match place.and_then(|place| Some((place, self.proxy(place)?))) {
            Some((place, proxy)) => ProxyFault::of(error, place, proxy).await,
            None => None,
        }
        .map_or_else(|| CallError::of(error), CallError::Proxy)
    }

    /// In the clear it is the proxy that answers, in its own words or in those of the server behind it.
    fn look_at_status(&self, status: StatusCode, place: &Url) -> Result<(), CallError> {
        let is_of_proxies = matches!(status.as_u16(), 403 | 407 | 502 | 503 | 504);
        let proxy = if is_of_proxies { self.proxy(place) } else { None };
        let Some(proxy) = proxy.filter(|proxy| proxy.is_http() && place.scheme() == "http") else {
            return Ok(());
        };
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            ProxyFault::Credentials.say(proxy, Some(status));
            return Err(CallError::Proxy(ProxyFault::Credentials));
        }
        tracing::warn!(
            %proxy,
            %status,
            "a call in the clear through a proxy was answered with this, by the other server or by the proxy in its place"
        );
        Ok(())
    }
}

/// How much of the time the way to a server may take where it leads through a proxy, in fifths: less than half, so that a
/// proxy that hangs is told from a server behind it that does.
const FIFTHS_FOR_PROXY: u32 = 2;

fn client(
    timeout: Duration,
    trust: &Trust,
    authorities: &[CertificateDer<'static>],
    proxies: Arc<Proxies>,
) -> Result<Client, ClientError> {
    let builder = Client::builder()
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .redirect(redirect::Policy::none())
        .referer(false)
        // Not those that the HTTP library finds in the environment: it reads it otherwise.
        .no_proxy()
        .user_agent(concat!("pasee/", env!("CARGO_PKG_VERSION")));
    let builder = match *proxies {
        Proxies::Direct => builder.connect_timeout(timeout),
        Proxies::Always(_) | Proxies::Shared { .. } => builder
            .connect_timeout(timeout * FIFTHS_FOR_PROXY / 5)
            .proxy(Proxy::custom(move |place| {
                let proxy = proxies.through(place.scheme(), place.host_str()?);
                proxy.map(|proxy| proxy.with_user().expose_secret().to_owned())
            })),
    };
    let added = authorities.iter().map(|authority| Certificate::from_der(authority));
    let builder = match trust {
        Trust::Nobody => builder.tls_certs_only([]),
        Trust::System => builder,
        Trust::SystemAnd(_) => {
            let added = added.collect::<Result<Vec<_>, _>>().map_err(ClientError::Client)?;
            builder.tls_certs_merge(added)
        }
    };
    builder.build().map_err(ClientError::Client)
}
