//! The operator's port: alive, ready, metrics.
//!
//! Must not know what readiness depends on or which metrics there are.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::Full;

use super::{Handle, Request, Response, respond};

/// As the OpenMetrics text format calls itself.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers probes and scrapes.
///
/// | Path | Answer |
/// |---|---|
/// | `/live` | 200 as long as the process answers |
/// | `/ready` | 200 when requests can be served, otherwise 503 and why not |
/// | `/metrics` | OpenMetrics text |
pub struct Admin {
    ready: Box<dyn Fn() -> Result<(), &'static str> + Send + Sync>,
    metrics: Box<dyn Fn() -> String + Send + Sync>,
}

impl Admin {
    /// Asks `ready` and `metrics` at every request: neither may block.
    pub fn new(
        ready: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self { ready: Box::new(ready), metrics: Box::new(metrics) }
    }

    fn answer(&self, method: &Method, path: &str) -> Response {
        if !matches!(path, "/live" | "/ready" | "/metrics") {
            return respond::plain(StatusCode::NOT_FOUND, "/live, /ready or /metrics\n");
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = respond::plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/live" => respond::plain(StatusCode::OK, "live\n"),
            "/ready" => match (self.ready)() {
                Ok(()) => respond::plain(StatusCode::OK, "ready\n"),
                Err(why) => {
                    respond::plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n"))
                }
            },
            _ => {
                let mut response = Response::new(Full::new(Bytes::from((self.metrics)())));
                response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
                response
            }
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Handle for Admin {
    async fn handle(&self, request: Request, _: SocketAddr) -> Response {
        let mut response = self.answer(request.method(), request.uri().path());
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        respond::harden(&mut response, respond::Scheme::Http);
        response
    }
}
