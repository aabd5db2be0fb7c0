//! Which origins' pages may call (Fetch standard, CORS protocol).
//!
//! Own code, not tower-http's layer: the layer wraps a service, answers every OPTIONS itself and with 200, and cannot be
//! asked from inside a route. Must not know routes.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;

use super::{Response, vary};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("Authorization, Content-Type, Accept");
const EXPOSED: HeaderValue = HeaderValue::from_static("Location, Retry-After, WWW-Authenticate");
/// How long a browser may remember a preflight's answer, in seconds; Chromium caps it at this.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origins that are allowed. Cookies and other credentials of the browser never are: tokens go in headers.
#[derive(Debug, Clone)]
pub struct Cors {
    allowed: Allowed,
}

#[derive(Debug, Clone)]
enum Allowed {
    Any,
    These(Vec<HeaderValue>),
}

impl Cors {
    /// Allows these origins, each exactly as a browser writes it (`https://app.example.org`, no slash at the end), or all
    /// with `*`. An empty list allows none.
    pub fn new(allowed_origins: &[String]) -> Self {
        if allowed_origins.iter().any(|origin| origin == "*") {
            return Self { allowed: Allowed::Any };
        }
        // What cannot stand in a header is no origin that a browser sends.
        let origins = allowed_origins.iter().filter_map(|origin| origin.parse().ok());
        Self { allowed: Allowed::These(origins.collect()) }
    }

    /// The answer to a preflight request; `None` for any other request, and when no origin is allowed at all.
    ///
    /// A page of another origin gets the same 204 without permissions, which makes its browser refuse.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let asked = method == Method::OPTIONS
            && headers.contains_key(header::ORIGIN)
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asked || self.allows_none() {
            return None;
        }
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        if let Some(origin) = self.permit(headers) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
        vary(
            answer,
            &["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"],
        );
        Some(response)
    }

    /// Lets the page that sent the request read the answer, if its origin is allowed.
    pub fn apply(&self, request_headers: &HeaderMap, response: &mut Response) {
        let answer = response.headers_mut();
        vary(answer, &["Origin"]);
        if let Some(origin) = self.permit(request_headers) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    fn allows_none(&self) -> bool {
        matches!(&self.allowed, Allowed::These(origins) if origins.is_empty())
    }

    /// What `Access-Control-Allow-Origin` says to this request.
    fn permit(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
        match &self.allowed {
            Allowed::Any => Some(HeaderValue::from_static("*")),
            Allowed::These(allowed) => allowed.iter().find(|allowed| *allowed == origin).cloned(),
        }
    }
}
