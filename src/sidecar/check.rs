//! The endpoint that other proxies ask whether a request may pass, and how each of them says which request is meant.
//!
//! Owns what is believed of that: only what peers of the settings say, and only where all that they say goes together. Must not
//! judge who may what.
//!
//! | Path | Asked by | Which request is meant |
//! |---|---|---|
//! | `/check` | nginx, ingress-nginx, Traefik, Caddy, HAProxy | `X-Forwarded-Method`, `-Host` and `-Uri`, or `X-Original-Method` and `-URL` (or `-URI`) |
//! | `/check/PATH` | Envoy, Istio, the Gateway API | the request itself, below `/check` |
//!
//! What is answered: 200 with what the application is to be told, 401 to log in, 403 for no, 503 while nobody can be known.
//! `/check-login` and `/check-login/PATH` are the same, but that a browser that goes somewhere is sent to log in, by 302.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, HeaderName, HeaderValue, LOCATION};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::Full;
use ipnet::IpNet;

use super::gate::{Gatekeeper, Verdict};
use super::host::host_name;
use super::identity::Identity;
use super::identity_headers::{DPOP, IdentityHeaders, is_ours, shows_token};
use super::path::RequestPath;
use super::reply::Reply;
use super::target::{Exchange, Target};
use crate::telemetry::sidecar::{Outcome, SidecarMetrics, Way};
use crate::web::peer::is_trusted;
use crate::web::{Handle, Request, Response, respond};

/// What Envoy takes out of a request before it is forwarded.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// Answers other proxies.
pub struct CheckEndpoint {
    gate: Arc<Gatekeeper>,
    headers: IdentityHeaders,
    allowed_peers: Vec<IpNet>,
    metrics: SidecarMetrics,
}

impl fmt::Debug for CheckEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckEndpoint").finish_non_exhaustive()
    }
}

impl CheckEndpoint {
    /// Answers these peers alone.
    #[must_use]
    pub fn new(
        gate: Arc<Gatekeeper>,
        headers: IdentityHeaders,
        allowed_peers: Vec<IpNet>,
        metrics: SidecarMetrics,
    ) -> Self {
        Self { gate, headers, allowed_peers, metrics }
    }

    async fn answer(&self, request: &Parts, peer: SocketAddr) -> Response {
        if !is_trusted(peer.ip(), &self.allowed_peers) {
            self.metrics.judged(Way::Check, Outcome::Forbidden);
            return respond::plain(
                StatusCode::FORBIDDEN,
                "this address may not ask here: allowed_peers of [check] lists those that may\n",
            );
        }
        if let Some(reply) = self.gate.own_page(request).await {
            return reply.into_response();
        }
        let target = match meant(request) {
            Ok(target) => target,
            Err(Unclear::Elsewhere) => {
                return respond::plain(StatusCode::NOT_FOUND, "/check, or /check/ before a path\n");
            }
            Err(Unclear::Because(why)) => {
                self.metrics.judged(Way::Check, Outcome::Ambiguous);
                // No 400: nginx makes a 500 of whatever is not 401 or 403.
                let mut response = Reply::Ambiguous(why).into_response();
                *response.status_mut() = StatusCode::FORBIDDEN;
                return response;
            }
        };
        match self.gate.judge_target(&target, &request.headers).await {
            Verdict::Forward { identity, .. } => {
                self.metrics.judged(Way::Check, Outcome::Allowed);
                passes(&self.headers, identity.as_deref(), &request.headers)
            }
            Verdict::Refuse(reply) => {
                let reply = refusing(reply);
                self.metrics.judged(Way::Check, Outcome::of(reply.status()));
                refused(reply, request.uri.path())
            }
        }
    }
}

impl Handle for CheckEndpoint {
    async fn handle(&self, request: Request, peer: SocketAddr) -> Response {
        let (request, _body) = request.into_parts();
        let mut response = self.answer(&request, peer).await;
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// Our own page is no word on a request for it: with a status of success a proxy would take it for one, and pass.
fn refusing(reply: Reply) -> Reply {
    match reply {
        Reply::Page(page) if page.status.is_success() => Reply::Forbidden,
        reply => reply,
    }
}

/// A proxy is told where to log in beside a 401; only where it passes answers on to browsers it gets a 302.
fn refused(reply: Reply, asked: &str) -> Response {
    let is_passed_on = asked.strip_prefix("/check-login").is_some();
    match reply {
        Reply::LogIn(place) if !is_passed_on => {
            let mut response = Reply::Unauthenticated(None).into_response();
            if let Ok(place) = HeaderValue::try_from(place) {
                response.headers_mut().insert(LOCATION, place);
            }
            response
        }
        reply => reply.into_response(),
    }
}

/// 200, with what the application is to be told, and what it is not to be told by anybody else.
fn passes(ours: &IdentityHeaders, identity: Option<&Identity>, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Full::new(Bytes::new()));
    let headers = response.headers_mut();
    for (name, value) in ours.of(identity) {
        headers.insert(name, value);
    }
    // A token of ours goes no further; what another scheme shows is the application's.
    let is_token = shows_token(asked);
    let is_told =
        |name: &HeaderName| is_ours(name) || *name == DPOP || is_token && *name == AUTHORIZATION;
    let mut removed: Vec<&str> = ours.names().collect();
    removed.extend(asked.keys().filter(|name| is_told(name)).map(HeaderName::as_str));
    removed.retain(|name| !headers.contains_key(*name));
    removed.sort_unstable();
    removed.dedup();
    if let Ok(value) = HeaderValue::try_from(removed.join(",")) {
        headers.insert(TO_REMOVE, value);
    }
    response
}

/// Why it is not known which request is meant.
enum Unclear {
    /// No path of this endpoint.
    Elsewhere,
    /// What is said does not go together, or leaves something out.
    Because(String),
}

impl<E: fmt::Display> From<E> for Unclear {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}

/// Which request is meant.
fn meant(request: &Parts) -> Result<Target, Unclear> {
    let raw = request.uri.path_and_query().map_or("", |path| path.as_str());
    let rest = raw.strip_prefix("/check-login").or_else(|| raw.strip_prefix("/check"));
    match rest {
        Some(path) if path.starts_with('/') => below(request, path),
        Some(rest) if rest.is_empty() || rest.starts_with('?') => by_headers(&request.headers),
        _ => Err(Unclear::Elsewhere),
    }
}

/// The request itself, as Envoy sends it.
fn below(request: &Parts, path: &str) -> Result<Target, Unclear> {
    let named = request.uri.authority().map(|authority| authority.as_str().to_ascii_lowercase());
    let sent = one(&request.headers, &HOST)?.map(|host| host.to_ascii_lowercase());
    let host = same(named, sent)?.ok_or("there is no Host")?;
    host_name(&host)?;
    let exchange = Exchange::of(&request.headers);
    Ok(Target { method: request.method.clone(), host, path: RequestPath::of(path)?, exchange })
}

/// What the headers say, where all of them go together: a client that sends one of another proxy's names finds nobody who
/// believes it.
fn by_headers(headers: &HeaderMap) -> Result<Target, Unclear> {
    let read = |name: &'static str| one(headers, &HeaderName::from_static(name));
    let method = same(read("x-forwarded-method")?, read("x-original-method")?)?;
    let method = method.ok_or(
        "which method is meant is not said: the proxy has to send X-Forwarded-Method, or X-Original-Method",
    )?;
    let url: Option<Uri> = read("x-original-url")?.map(|url| url.parse()).transpose()?;
    let (mut of_url, mut host_of_url) = (None, None);
    if let Some(url) = &url {
        of_url = url.path_and_query().map(|path| path.as_str().to_owned());
        host_of_url = url.authority().map(|authority| authority.as_str().to_owned());
    }
    let uri = same(same(read("x-forwarded-uri")?, read("x-original-uri")?)?, of_url)?;
    let uri = uri.ok_or(
        "which path is meant is not said: the proxy has to send X-Forwarded-Uri, X-Original-URI or X-Original-URL",
    )?;
    let host = match same(read("x-forwarded-host")?, host_of_url)? {
        Some(host) => host,
        None => one(headers, &HOST)?.ok_or("there is no X-Forwarded-Host, and no Host")?,
    };
    host_name(&host)?;
    let method = Method::from_bytes(method.as_bytes())?;
    Ok(Target { method, host, path: RequestPath::of(&uri)?, exchange: Exchange::of(headers) })
}

/// A header that is there once at most.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("{name} is there several times"));
    }
    let value = value.to_str().map_err(|_| format!("{name} cannot be read"))?;
    Ok(Some(value.to_owned()))
}

/// What two headers say of the same thing.
fn same(one: Option<String>, other: Option<String>) -> Result<Option<String>, String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            Err("the headers name different requests: the proxy has to overwrite those that clients send".to_owned())
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests;
