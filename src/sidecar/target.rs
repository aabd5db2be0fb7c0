//! What a request asks for: a method, a host and a path, each once.
//!
//! Must not know who asks.

use http::header::{HOST, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::ext::Protocol;

use super::host::{NoHost, host_name};
use super::path::RequestPath;

/// What is asked for, told from how it came.
#[derive(Clone, Debug)]
pub struct Target {
    /// The method.
    pub method: Method,
    /// The host, perhaps with a port.
    pub host: String,
    /// The path.
    pub path: RequestPath,
    /// What comes of it.
    pub exchange: Exchange,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// One answer.
    Request,
    /// A socket, such as a WebSocket.
    Socket,
}

impl Exchange {
    /// By the headers of a request over HTTP/1.1.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(UPGRADE) { Self::Socket } else { Self::Request }
    }
}

impl Target {
    /// As it came over a connection.
    ///
    /// # Errors
    /// Why it has no one meaning.
    pub fn of(request: &Parts) -> Result<Self, String> {
        target(request)
    }
}

/// Whether a request asks for a WebSocket as HTTP/2 does (RFC 8441): any other protocol is one that no rule is about.
pub(super) fn opens_websocket(request: &Parts) -> bool {
    let protocol = request.extensions.get::<Protocol>();
    request.method == Method::CONNECT && protocol.is_some_and(|named| named.as_str() == "websocket")
}

/// What a request asks for, as it came over a connection.
fn target(request: &Parts) -> Result<Target, String> {
    let uri = &request.uri;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let path = RequestPath::of(path).map_err(|error| error.to_string())?;
    // A WebSocket over HTTP/2 (RFC 8441) is what a GET is over HTTP/1.1. No other CONNECT leads to an application.
    let (method, exchange) = match request.method {
        Method::CONNECT if opens_websocket(request) => (Method::GET, Exchange::Socket),
        Method::CONNECT => {
            return Err("CONNECT is not taken here, but for a WebSocket (RFC 8441)".to_owned());
        }
        ref method => (method.clone(), Exchange::of(&request.headers)),
    };
    let mut hosts = request.headers.get_all(HOST).iter();
    let named = hosts.next().map(|host| host.to_str()).transpose();
    let named = named.map_err(|_| NoHost.to_string())?;
    if hosts.next().is_some() {
        return Err("there are several Host headers; a right request has one".to_owned());
    }
    let host = match (uri.authority().map(http::uri::Authority::as_str), named) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => {
            return Err("the Host header names another host than the request itself".to_owned());
        }
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(NoHost.to_string()),
    };
    host_name(host).map_err(|error| error.to_string())?;
    Ok(Target { method, host: host.to_owned(), path, exchange })
}

#[cfg(test)]
mod tests;
