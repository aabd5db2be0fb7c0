//! A whole answer, and what its status and headers say whatever was asked.
//!
//! Must not know what the body means.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use tokio::sync::OwnedSemaphorePermit;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    /// As the server sent it.
    pub status: StatusCode,
    /// As the server sent them.
    pub headers: HeaderMap,
    /// Its body, as long as the client reads.
    pub body: Bytes,
    /// Held while a long body is.
    pub(super) _long: Option<OwnedSemaphorePermit>,
}

impl Response {
    /// Whether the server, or what stands in front of it, says that it is not there now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// How long not to ask again, if it says so in whole seconds (RFC 9110 section 10.2.3); an hour at most.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let seconds: u64 = text.parse().ok()?;
        Some(Duration::from_secs(seconds.clamp(1, 3600)))
    }

    /// Whether the answer calls itself JSON of some kind.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let essence = self.media_type();
        essence == "application/json"
            || essence == "application/json-home"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    }

    /// Whether it calls itself JSON, or what some servers send JSON as: plain text or JavaScript. Never a page.
    #[must_use]
    pub fn may_be_json(&self) -> bool {
        self.is_json()
            || matches!(
                self.media_type().as_str(),
                "text/json"
                    | "text/plain"
                    | "text/javascript"
                    | "application/javascript"
                    | "application/x-javascript"
            )
    }

    /// Whether it calls itself a form (RFC 6749 appendix B).
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.media_type() == "application/x-www-form-urlencoded"
    }

    /// Whether it calls itself a token (RFC 7519 section 10.3.1).
    #[must_use]
    pub fn is_jwt(&self) -> bool {
        self.media_type() == "application/jwt"
    }

    /// The body, without the byte order mark that a reader of JSON may pass over (RFC 8259 section 8.1).
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body)
    }

    /// The media type, in small letters and without parameters; nothing where none is said.
    fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }

    /// How long the answer is fresh (RFC 9111 section 5.2.2.1), if it says so.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        max_age(&self.headers)
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let ages = directives.flat_map(|value| value.split(',')).filter_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    });
    ages.min().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (value, seconds) in [
            ("public, max-age=60", Some(60)),
            ("Max-Age=60, max-age=30", Some(30)),
            ("no-store", None),
            ("max-age=-1", None),
            ("max-age=99999999999999999999", None),
            ("max-age", None),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, value.parse().unwrap())]);
            assert_eq!(max_age(&headers), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn when_to_ask_again() {
        for (value, seconds) in [
            ("60", Some(60)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("86400", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("Fri, 27 Nov 2026 00:00:00 GMT", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            let answer = Response {
                status: StatusCode::SERVICE_UNAVAILABLE,
                headers,
                body: Bytes::new(),
                _long: None,
            };
            assert_eq!(answer.retry_after(), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
