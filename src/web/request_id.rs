//! The name of a request: in its answer, and in every line that the log has of it.
//!
//! Must not know what is asked, nor who reads the log.

use std::fmt;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use tracing::Span;

/// The header, in requests and answers.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name that is taken from a proxy, in bytes.
const MAX_LENGTH: usize = 64;

/// The name of one request: what a trusted proxy calls it, else 128 random bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// A name that nobody else has; the zeros only when the system gives no random numbers.
    #[must_use]
    pub fn random() -> Self {
        let mut random = [0; 16];
        if getrandom::fill(&mut random).is_err() {
            tracing::error!("the system gives no random numbers to name a request by");
        }
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
        let mut text = [0; 32];
        for (place, byte) in random.into_iter().enumerate() {
            text[2 * place] = digit(byte >> 4);
            text[2 * place + 1] = digit(byte & 0xf);
        }
        Self(HeaderValue::from_bytes(&text).expect("hexadecimal digits can stand in a header"))
    }

    /// What a proxy calls the request in these headers: one word, which can stand in any log as it is.
    #[must_use]
    pub fn said(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_REQUEST_ID).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(byte);
        let bytes = value.as_bytes();
        let fits = (1..=MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(is_plain);
        fits.then(|| Self(value.clone()))
    }

    /// As it stands in a header.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// As a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// What every line of the log about this request has. No level of the log leaves it out.
    pub(super) fn span(&self) -> Span {
        tracing::error_span!("request", request_id = self.as_str())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ours_are_random() {
        let made: HashSet<String> = (0..1000).map(|_| RequestId::random().to_string()).collect();
        assert_eq!(made.len(), 1000);
        let is_hexadecimal = |id: &String| {
            id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        assert!(made.iter().all(is_hexadecimal));
    }

    #[test]
    fn a_proxy_says_one_short_word() {
        let said = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            }
            RequestId::said(&headers).map(|id| id.to_string())
        };
        for good in [
            "7",
            "f058ebd6-02f7-4d3f-942e-904344e8cde5",
            "Root=1-67891233-abcdef012345678912345678",
            "host:a/b.c_d+e=@",
            &"x".repeat(64),
        ] {
            assert_eq!(said(&[good.as_bytes()]).as_deref(), Some(good));
        }
        for bad in [
            &b""[..],
            b"a b",
            b"a\tb",
            b"a\"b",
            b"a\\b",
            b"{a}",
            b"a,b",
            b"a;b",
            b"<script>",
            b"caf\xc3\xa9",
            b"\x1b",
            "x".repeat(65).as_bytes(),
        ] {
            // An escape cannot even stand in a header.
            if HeaderValue::from_bytes(bad).is_ok() {
                assert_eq!(said(&[bad]), None, "{bad:?}");
            }
        }
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[b"a", b"b"]), None, "two are none");
    }
}
