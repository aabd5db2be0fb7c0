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
    HeaderValue::from_static("Authorization, Content-Type, Accept, DPoP");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Location, Retry-After, WWW-Authenticate, X-Request-Id, DPoP-Nonce");
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

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://app.example.org";

    fn cors(origins: &[&str]) -> Cors {
        Cors::new(&origins.iter().map(|origin| (*origin).to_owned()).collect::<Vec<_>>())
    }

    fn asking(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        headers
    }

    fn permitted(headers: &HeaderMap) -> Option<&str> {
        let value = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(value.to_str().unwrap())
    }

    #[test]
    fn only_exact_origins_are_permitted() {
        let table = [
            (vec![OURS], OURS, Some(OURS)),
            (vec!["https://other.example.org", OURS], OURS, Some(OURS)),
            (vec!["*"], OURS, Some("*")),
            (vec!["*", OURS], "https://evil.example", Some("*")),
            (vec![OURS], "https://app.example.org.evil.example", None),
            (vec![OURS], "https://evil-app.example.org", None),
            (vec![OURS], "http://app.example.org", None),
            (vec![OURS], "https://app.example.org:8443", None),
            (vec![OURS], "https://app.example.org/", None),
            (vec![OURS], "https://APP.example.org", None),
            (vec![OURS], "null", None),
            (vec![OURS], "*", None),
            (vec!["not a\nheader"], OURS, None),
            (vec![], OURS, None),
        ];
        for (origins, origin, expected) in table {
            let cors = cors(&origins);
            let mut response = Response::new(Full::default());
            cors.apply(&asking(origin), &mut response);
            let headers = response.headers();
            assert_eq!(permitted(headers), expected, "{origins:?} asked by {origin}");
            assert_eq!(headers.get(header::VARY).unwrap(), "Origin");
            assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
            if let Some(preflight) = cors.preflight(&Method::OPTIONS, &asking(origin)) {
                let headers = preflight.headers();
                assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
                assert_eq!(permitted(headers), expected, "{origins:?} asked by {origin}");
                assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
                let methods = headers.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS);
                assert_eq!(methods, expected.is_some());
            } else {
                assert_eq!(expected, None);
            }
        }
    }

    #[test]
    fn a_request_with_two_origins_has_none() {
        let mut headers = asking(OURS);
        headers.append(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert_eq!(cors(&[OURS]).permit(&headers), None);
        assert_eq!(cors(&["*"]).permit(&headers), None);
    }

    #[test]
    fn preflights_are_told_from_other_requests() {
        let ours = cors(&[OURS]);
        assert!(ours.preflight(&Method::OPTIONS, &asking(OURS)).is_some());
        assert!(ours.preflight(&Method::POST, &asking(OURS)).is_none());
        assert!(ours.preflight(&Method::OPTIONS, &HeaderMap::new()).is_none());
        let mut plain = asking(OURS);
        plain.remove(header::ACCESS_CONTROL_REQUEST_METHOD);
        assert!(ours.preflight(&Method::OPTIONS, &plain).is_none());
        assert!(cors(&[]).preflight(&Method::OPTIONS, &asking(OURS)).is_none());
    }
}
