//! What belongs to one connection and goes no further (RFC 9110 section 7.6.1).
//!
//! Must not know what the other headers say.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};

/// Beside what `Connection` names. `Trailer` stays, as trailers do.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// What tells where a message goes and ends is no connection's alone, whatever `Connection` says.
const NEVER: [HeaderName; 2] = [HOST, CONTENT_LENGTH];
/// RFC 9110 section 10.1.4; gRPC needs it.
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// Takes out what belongs to the connection that a message came over. That its sender takes trailers is passed on.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in named(headers) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    let takes_trailers = headers.get_all(TE).iter().any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',');
        codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    });
    headers.remove(TE);
    if takes_trailers {
        headers.insert(TE, TRAILERS);
    }
}

/// What `Connection` names.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    let options = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = options.filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok());
    // TE is always named there (RFC 9110 section 10.1.4).
    names.filter(|name| !NEVER.contains(name) && *name != TE).collect()
}

/// Whether a header with a list has this in it.
pub(super) fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        let mut listed = value.as_bytes().split(|byte| *byte == b',');
        listed.any(|one| one.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Own ,te"),
            ("connection", "HOST, content-length, x-other, , not a name"),
            ("host", "app"),
            ("content-length", "3"),
            ("te", "gzip, Trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eDp5"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABk"),
            ("x-own", "1"),
            ("x-other", "1"),
            ("x-more", "1"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        strip(&mut headers);
        let mut left: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        let wanted = [
            ("content-length", "3"),
            ("host", "app"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("x-more", "1"),
        ];
        assert_eq!(left, wanted);
    }
}
