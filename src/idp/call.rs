//! Calls to identity providers: bounded in time and size, never redirected, never through a proxy.
//!
//! Must not know any protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Client, RequestBuilder, redirect};
use tokio::sync::Semaphore;

use super::ProviderError;

/// Largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Most calls to one provider at once; a provider that hangs holds no more than these.
const MAX_CALLS: usize = 256;

/// Calls one provider.
#[derive(Debug)]
pub struct Caller {
    client: Client,
    slots: Semaphore,
}

/// A provider's whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The authority's certificates cannot be read.
    #[error("ca_file {file} cannot be read", file = .0.display())]
    ReadAuthority(PathBuf, #[source] std::io::Error),
    /// They make no sense.
    #[error("ca_file {file} holds no certificate; a right one is PEM with BEGIN CERTIFICATE", file = .0.display())]
    ParseAuthority(PathBuf),
    /// The TLS library found no way to start.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
}

impl Caller {
    /// A caller whose calls take at most `timeout`, from the connection to the last byte of the answer.
    pub fn new(timeout: Duration, ca_file: Option<&Path>) -> Result<Self, SetupError> {
        let mut builder = Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("pasee/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = ca_file {
            let pem = std::fs::read(file)
                .map_err(|error| SetupError::ReadAuthority(file.to_owned(), error))?;
            let authorities = Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|authorities| !authorities.is_empty())
                .ok_or_else(|| SetupError::ParseAuthority(file.to_owned()))?;
            builder = builder.tls_certs_merge(authorities);
        }
        let client = builder.build().map_err(SetupError::Client)?;
        Ok(Self { client, slots: Semaphore::new(MAX_CALLS) })
    }

    /// The client to build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, ProviderError> {
        let _slot = self.slots.try_acquire().map_err(|_| ProviderError::Busy)?;
        let mut response = request.send().await.map_err(|error| classify(&error))?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::Nonsense("more than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

/// A provider that cannot be reached or is too slow is told from one that breaks the protocol.
fn classify(error: &reqwest::Error) -> ProviderError {
    tracing::warn!(error = %describe(error), "call to an identity provider failed");
    let unreachable = error.is_timeout() || error.is_connect() || error.is_request();
    if unreachable && !is_protocol_violation(error) {
        ProviderError::Unreachable
    } else {
        ProviderError::Nonsense("a broken HTTP answer")
    }
}

/// Whether bytes came, but not HTTP.
fn is_protocol_violation(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let text = inner.to_string();
        if text.contains("invalid HTTP") || text.contains("message head is too large") {
            return true;
        }
        source = inner.source();
    }
    false
}

/// The error with its causes, without the URL: it may hold what a user typed.
fn describe(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { "failed".to_owned() };
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl Answer {
    /// Whether the answer calls itself JSON of some kind.
    pub fn is_json(&self) -> bool {
        let value = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json"
            || (essence.starts_with("application/")
                && (essence.ends_with("+json") || essence == "application/json-home"))
    }
}
