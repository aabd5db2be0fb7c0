//! What a request is for: one host, said once, in every version of HTTP.
//!
//! Owns that the host which is judged is the host that the application sees. Must not know who asks.

use http::header::{COOKIE, HOST, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Uri};

use crate::sidecar::host::host_name;
use crate::sidecar::target::opens_websocket;

/// Why a request is for nothing that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    /// A tunnel to somewhere, or for something.
    #[error(
        "CONNECT is for proxies to anywhere, and this is one to a single application: only a WebSocket is opened by it (RFC 8441)"
    )]
    Tunnel,
    /// A scheme, or a form of a target, that no application has.
    #[error("the target is none of this application's; a right one is a path such as /a?b=c")]
    Form,
    /// Two hosts.
    #[error("the target names another host than the header Host; a right request names one")]
    Hosts,
    /// Something that is no host.
    #[error("the host is none; a right one is a name or an address, with or without a port")]
    Host,
}

/// Brings a request into the one form that is judged and passed on: a path with its query, the header Host, and one header Cookie.
///
/// # Errors
/// [`TargetError`], for a 400.
pub(super) fn settle(parts: &mut Parts) -> Result<(), TargetError> {
    if parts.method == Method::CONNECT && !opens_websocket(parts) {
        return Err(TargetError::Tunnel);
    }
    let target = std::mem::take(&mut parts.uri).into_parts();
    if target.scheme.as_ref().is_some_and(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
        return Err(TargetError::Form);
    }
    let named = parts.headers.get(HOST);
    if named.is_some_and(|host| !is_host(host)) {
        return Err(TargetError::Host);
    }
    if let Some(authority) = &target.authority {
        if host_name(authority.as_str()).is_err() {
            return Err(TargetError::Host);
        }
        let is_same = |host: &HeaderValue| {
            host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
        };
        if !named.is_none_or(is_same) {
            return Err(TargetError::Hosts);
        }
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| TargetError::Host)?;
        parts.headers.insert(HOST, host);
    }
    let path = target.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    join_cookies(parts);
    Ok(())
}

fn is_host(host: &HeaderValue) -> bool {
    host.to_str().is_ok_and(|host| host_name(host).is_ok())
}

/// HTTP/2 may bring them one by one; they are one header for whoever reads HTTP/1.1 (RFC 9113 section 8.2.3).
fn join_cookies(parts: &mut Parts) {
    let cookies: Vec<&[u8]> =
        parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        parts.headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn settled(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Parts, TargetError> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        settle(&mut parts).map(|()| parts)
    }

    #[test]
    fn one_host() {
        for (target, host, wanted) in [
            ("/a?b", Some("app"), Ok("app")),
            ("http://app/a?b", Some("app"), Ok("app")),
            ("http://APP/a?b", Some("app"), Ok("APP")),
            ("https://app:8443/a?b", None, Ok("app:8443")),
            ("http://app/a?b", Some("other"), Err(TargetError::Hosts)),
            ("http://app:80/a?b", Some("app"), Err(TargetError::Hosts)),
            ("http://user@app/a?b", Some("app"), Err(TargetError::Host)),
            ("/a?b", Some("user@app"), Err(TargetError::Host)),
            ("/a?b", Some("app, other"), Err(TargetError::Host)),
            ("/a?b", Some(""), Err(TargetError::Host)),
            ("/a?b", Some("app/x"), Err(TargetError::Host)),
            ("/a?b", Some("app:x"), Err(TargetError::Host)),
            ("/a?b", Some("app:80:80"), Err(TargetError::Host)),
            ("/a?b", Some("app[]"), Err(TargetError::Host)),
            ("ftp://app/a?b", Some("app"), Err(TargetError::Form)),
            ("/a?b", Some("[::1]:80"), Ok("[::1]:80")),
        ] {
            let headers: Vec<(&str, &str)> = host.map(|host| ("host", host)).into_iter().collect();
            let got = settled("GET", target, &headers);
            let got = got.map(|parts| {
                assert_eq!(parts.uri, "/a?b", "{target}");
                parts.headers[HOST].to_str().unwrap().to_owned()
            });
            assert_eq!(got.as_deref(), wanted.as_ref().map(|host| *host), "{target} {host:?}");
        }
        assert_eq!(settled("CONNECT", "app:443", &[]).unwrap_err(), TargetError::Tunnel);
        assert_eq!(settled("GET", "http://app", &[]).unwrap().uri, "/");
    }

    #[test]
    fn no_socket_but_websockets() {
        for (protocol, is_taken) in
            [("websocket", true), ("connect-udp", false), ("WebSocket", false)]
        {
            let request = Request::builder().method("CONNECT").uri("http://app/a");
            let request = request.extension(hyper::ext::Protocol::from_static(protocol));
            let mut parts = request.body(()).unwrap().into_parts().0;
            assert_eq!(settle(&mut parts).is_ok(), is_taken, "{protocol}");
        }
    }

    #[test]
    fn one_cookie_header() {
        let parts = settled("GET", "/", &[("cookie", "a=1"), ("cookie", "b=2; c=3")]).unwrap();
        let cookies: Vec<_> = parts.headers.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1; b=2; c=3"]);
    }
}
