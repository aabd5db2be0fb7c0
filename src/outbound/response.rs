//! A whole answer, and what its status and headers say whatever was asked.
//!
//! Must not know what the body means.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use tokio::sync::OwnedSemaphorePermit;

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    /// As the server sent it.
    pub status: StatusCode,
    /// As the server sent them.
    pub headers: HeaderMap,
    /// Its body, at most 1 MiB.
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

    /// Whether the answer calls itself JSON of some kind.
    #[must_use]
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
}
