//! What all answers have in common: security headers, CORS, the choice of a content type.
//!
//! Must not know what is answered.
//!
//! | File | Owns |
//! |---|---|
//! | `cors` | which origins' pages may call |
//! | `encoding` | which of two content types a client prefers |

mod cors;
mod encoding;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::Full;

use super::Response;

pub use self::cors::Cors;
pub use self::encoding::{
    Encoding, names_core_json, names_html, preferred, preferred_language, prefers_problem,
};

/// How clients reach the server, be it through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// By TLS.
    Https,
}

/// On every answer. Nothing that is answered is meant to be shown, framed or guessed at by a browser.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// Two years, as browsers' preload lists ask for (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Puts the security headers on an answer, and says what it may depend on. A page comes with a policy of its own.
pub fn harden(response: &mut Response, scheme: Scheme) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if scheme == Scheme::Https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    vary(headers, &["Accept", "Authorization", "Origin"]);
}

/// Adds names to `Vary`, each once.
pub fn vary(headers: &mut HeaderMap, names: &[&str]) {
    let present = |name: &str| {
        let mut values = headers.get_all(header::VARY).iter();
        values.any(|value| {
            let mut listed = value.as_bytes().split(|byte| *byte == b',');
            listed.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    let missing: Vec<&str> = names.iter().copied().filter(|name| !present(name)).collect();
    if !missing.is_empty()
        && let Ok(value) = HeaderValue::try_from(missing.join(", "))
    {
        headers.append(header::VARY, value);
    }
}

/// An answer in plain text.
pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_hardened() {
        for scheme in [Scheme::Http, Scheme::Https] {
            let mut response = plain(StatusCode::OK, "");
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
            harden(&mut response, scheme);
            harden(&mut response, scheme);
            let headers = response.headers();
            let expected = [
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("referrer-policy", "no-referrer"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
            ];
            for (name, value) in expected {
                let values: Vec<_> = headers.get_all(name).iter().collect();
                assert_eq!(values, [value]);
            }
            let vary: Vec<_> = headers.get_all("vary").iter().collect();
            assert_eq!(vary, ["origin", "Accept, Authorization"]);
            let strict = headers.contains_key("strict-transport-security");
            assert_eq!(strict, scheme == Scheme::Https);
        }
    }
}
