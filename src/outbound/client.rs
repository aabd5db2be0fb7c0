//! The one HTTP client for calls to other servers: bounded in time and size, never redirected, never through a proxy.
//!
//! Must not know any protocol above HTTP.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use reqwest::{Certificate, Client, RequestBuilder, redirect};
use tokio::sync::Semaphore;
use url::Url;

use super::error::{CallError, was_dropped};
use super::limits::CallLimits;
use super::response::Response;

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
    client: Client,
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

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The authority's certificates cannot be read.
    #[error("ca_file {file} cannot be read", file = .0.display())]
    ReadAuthority(PathBuf, #[source] io::Error),
    /// They are no certificates.
    #[error("ca_file {file} holds no certificate; a right one is PEM with BEGIN CERTIFICATE", file = .0.display())]
    ParseAuthority(PathBuf),
    /// The TLS library found no way to start.
    #[error(
        "no HTTPS client can be made; it takes certificate authorities, those of the system (often the package \
         ca-certificates) or those of a ca_file"
    )]
    Client(#[source] reqwest::Error),
    /// The same, where it is not for HTTPS.
    #[error(
        "no TLS can be made; it takes certificate authorities, those of the system (often the package ca-certificates) or \
         those of a ca_file"
    )]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// No name that a certificate can hold.
    #[error("{0:?} is no name or address that a certificate can hold")]
    ServerName(String),
}

/// Whose word is taken for who a server is.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Nobody's: calls are made in the clear, and a system without authorities will do.
    Nobody,
    /// The system's authorities'.
    System,
    /// Those and the ones in a file.
    SystemAnd(&'a Path),
}

impl<'a> Trust<'a> {
    /// What calls to these places take, with what `ca_file` adds.
    pub fn of<'u>(ca_file: Option<&'a Path>, places: impl IntoIterator<Item = &'u Url>) -> Self {
        match ca_file {
            Some(file) => Self::SystemAnd(file),
            None if places.into_iter().all(|place| place.scheme() == "http") => Self::Nobody,
            None => Self::System,
        }
    }
}

impl HttpClient {
    /// A client whose work for one request of ours takes at most `timeout`.
    ///
    /// # Errors
    /// [`ClientError`] when the authorities cannot be used.
    pub fn new(timeout: Duration, trust: Trust<'_>) -> Result<Self, ClientError> {
        let builder = Client::builder()
            .connect_timeout(timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("pasee/", env!("CARGO_PKG_VERSION")));
        let builder = match trust {
            Trust::Nobody => builder.tls_certs_only([]),
            Trust::System => builder,
            Trust::SystemAnd(file) => builder.tls_certs_merge(authorities(file)?),
        };
        let client = builder.build().map_err(ClientError::Client)?;
        let long = Arc::new(Semaphore::new(MAX_LONG));
        Ok(Self { client, limits: CallLimits::new(timeout), long, max_answer: MAX_ANSWER })
    }

    /// The same client, which reads so many bytes of an answer. All long ones together take no more memory than before.
    #[must_use]
    pub fn reading_at_most(self, bytes: usize) -> Self {
        let at_once = (MAX_LONG * MAX_ANSWER / bytes.max(1)).clamp(1, MAX_LONG);
        Self { long: Arc::new(Semaphore::new(at_once)), max_answer: bytes, ..self }
    }

    /// A GET, to be completed and sent by [`HttpClient::send`].
    pub fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// A POST, to be completed and sent by [`HttpClient::send`].
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// A request, to be completed and sent by [`HttpClient::send`]; one to a place that is no URL fails there.
    pub fn request(&self, method: Method, place: &str) -> RequestBuilder {
        self.client.request(method, place)
    }

    /// See [`CallLimits::limited`].
    pub fn limited<T, E: From<CallError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> impl Future<Output = Result<T, E>> {
        self.limits.limited(work)
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
        let mut answer = match (request.send().await, again) {
            (Err(error), Some(again)) if was_dropped(&error) => again.send().await?,
            (result, _) => result?,
        };
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let (mut body, mut long) = (BytesMut::new(), None);
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > self.max_answer {
                return Err(CallError::InvalidResponse("it is longer than answers are read"));
            }
            if long.is_none() && body.len() + chunk.len() > SHORT_ANSWER {
                let permit = Arc::clone(&self.long).acquire_owned().await;
                long = Some(permit.map_err(|_| CallError::Busy)?);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body: body.freeze(), _long: long })
    }
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, ClientError> {
    let pem =
        std::fs::read(file).map_err(|error| ClientError::ReadAuthority(file.to_owned(), error))?;
    Certificate::from_pem_bundle(&pem)
        .ok()
        .filter(|authorities| !authorities.is_empty())
        .ok_or_else(|| ClientError::ParseAuthority(file.to_owned()))
}
