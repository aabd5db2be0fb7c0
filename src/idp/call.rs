//! Calls to identity providers: bounded in time and size, never redirected, never through a proxy.
//!
//! Must not know any protocol.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Client, RequestBuilder, redirect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::ProviderError;

/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Largest answer that any turn may read, in bytes; tokens have at most 16 KiB. Beyond that an answer is long.
const SHORT_ANSWER: usize = 64 * 1024;

/// Most long answers at once. With [`MAX_TURNS`] this bounds the memory that the answers of one provider can take, to
/// 32 MiB; who comes later waits within the timeout.
const MAX_LONG: usize = 16;

/// Most turns with one provider at once; a provider that hangs holds no more than these.
const MAX_TURNS: usize = 256;

/// How long a connection is kept for the next call, and how many are. Short: a server closes what it finds idle, often
/// after 5 s, and a call that crosses that on the wire is lost.
const IDLE: Duration = Duration::from_secs(4);
const MAX_IDLE: usize = 32;

/// Calls one provider.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    turns: Turns,
    long: Arc<Semaphore>,
}

/// Turns with one provider: so many at once, each so long at most.
#[derive(Debug)]
pub struct Turns {
    free: Semaphore,
    timeout: Duration,
}

/// Whether the provider may get the same request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing changes when it does.
    Harmless,
    /// Something may happen twice.
    Never,
}

/// A provider's whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Held while a long body is.
    _long: Option<OwnedSemaphorePermit>,
}

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
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

impl Caller {
    /// A caller whose turns take at most `timeout`.
    pub fn new(timeout: Duration, trust: Trust<'_>) -> Result<Self, SetupError> {
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
        let client = builder.build().map_err(SetupError::Client)?;
        let long = Arc::new(Semaphore::new(MAX_LONG));
        Ok(Self { client, turns: Turns::new(timeout), long })
    }

    /// The client to build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Does everything that belongs to one request of ours, waiting and calling, within the timeout.
    pub fn turn<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> impl Future<Output = Result<T, ProviderError>> {
        self.turns.turn(work)
    }

    /// Does a first part of a turn within half of its time, so that the rest has the other half.
    pub fn first_half<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> impl Future<Output = Result<T, ProviderError>> {
        self.turns.first_half(work)
    }

    /// Sends a request and reads the whole answer. Where a repetition is harmless, a request whose connection went away
    /// before the answer began is sent once more: the provider had likely just closed a connection it found idle.
    pub async fn send(
        &self,
        request: RequestBuilder,
        repeat: Repeat,
    ) -> Result<Answer, ProviderError> {
        let again = if repeat == Repeat::Harmless { request.try_clone() } else { None };
        let response = match (request.send().await, again) {
            (Err(error), Some(again)) if was_dropped(&error) => again.send().await,
            (result, _) => result,
        };
        let mut response = response.map_err(|error| classify(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let (mut body, mut long) = (BytesMut::new(), None);
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::InvalidResponse("more than 1 MiB"));
            }
            if long.is_none() && body.len() + chunk.len() > SHORT_ANSWER {
                let permit = Arc::clone(&self.long).acquire_owned().await;
                long = Some(permit.map_err(|_| ProviderError::Busy)?);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze(), _long: long })
    }
}

impl Turns {
    /// Turns of at most `timeout`.
    pub fn new(timeout: Duration) -> Self {
        Self { free: Semaphore::new(MAX_TURNS), timeout }
    }

    /// See [`Caller::turn`].
    pub fn turn<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> impl Future<Output = Result<T, ProviderError>> {
        let work = within(self.timeout, work);
        async {
            let _turn = self.free.try_acquire().map_err(|_| ProviderError::Busy)?;
            work.await
        }
    }

    /// See [`Caller::first_half`].
    pub fn first_half<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> impl Future<Output = Result<T, ProviderError>> {
        within(self.timeout / 2, work)
    }
}

/// The work is boxed before it begins: whatever wraps a future holds it once more, and calls within turns within turns
/// would grow to what no stack holds.
fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ProviderError>>,
) -> impl Future<Output = Result<T, ProviderError>> {
    let work = Box::pin(work);
    async move {
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            tracing::warn!(?limit, "an identity provider did not answer in time");
            Err(ProviderError::Unreachable)
        })
    }
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, SetupError> {
    let pem =
        std::fs::read(file).map_err(|error| SetupError::ReadAuthority(file.to_owned(), error))?;
    Certificate::from_pem_bundle(&pem)
        .ok()
        .filter(|authorities| !authorities.is_empty())
        .ok_or_else(|| SetupError::ParseAuthority(file.to_owned()))
}

/// A provider that cannot be reached, or goes away in the middle, is told from one that breaks the protocol.
fn classify(error: &reqwest::Error) -> ProviderError {
    tracing::warn!(error = %describe(error), "call to an identity provider failed");
    if error.is_builder() {
        ProviderError::InvalidResponse("a place that cannot be called")
    } else if !error.is_connect() && is_protocol_violation(error) {
        ProviderError::InvalidResponse("a broken HTTP answer")
    } else {
        ProviderError::Unreachable
    }
}

/// What lies below an error, from the outside in.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| (*cause).source())
}

/// Whether bytes came, but not HTTP: a head that does not parse, or a body whose chunks do not.
fn is_protocol_violation(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let head = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        let chunk = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        head || matches!(chunk, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
    })
}

/// Whether the connection was made, and was gone before an answer began.
fn was_dropped(error: &reqwest::Error) -> bool {
    let gone = |kind| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset)
    };
    error.is_request()
        && !error.is_connect()
        && causes(error).any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| gone(error.kind()))
                || cause.downcast_ref::<hyper::Error>().is_some_and(|error| {
                    error.is_incomplete_message() || error.is_canceled() || error.is_closed()
                })
        })
}

/// The error with its causes, without the URL: it may hold what a user typed.
fn describe(error: &reqwest::Error) -> String {
    causes(error).fold("failed".to_owned(), |text, cause| format!("{text}: {cause}"))
}

impl Answer {
    /// Whether the provider, or what stands in front of it, says that it is not there now.
    pub fn is_away(&self) -> bool {
        matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// What the status says of a login by name and password.
    pub fn accepts_login(&self) -> Result<(), ProviderError> {
        match self.status {
            StatusCode::OK | StatusCode::CREATED => Ok(()),
            StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::UNPROCESSABLE_ENTITY => Err(ProviderError::Refused),
            // So a Pasee speaks of an invalid answer of a provider of its own.
            StatusCode::BAD_GATEWAY => {
                Err(ProviderError::InvalidResponse("an invalid answer from behind it"))
            }
            _ if self.is_away() => Err(ProviderError::Unreachable),
            _ => Err(ProviderError::InvalidResponse("an unexpected status")),
        }
    }

    /// Whether the answer calls itself JSON of some kind.
    pub fn is_json(&self) -> bool {
        let value = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json"
            || essence == "application/json-home"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    }
}
