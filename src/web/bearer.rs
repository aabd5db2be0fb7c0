//! Bearer tokens in requests, and the challenge in answers (RFC 6750).
//!
//! Must not know what a token says. Tokens in queries and bodies (RFC 6750 §2.2, §2.3) are never looked at: they end
//! in logs.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// Longest description in a challenge, in bytes.
const MAX_DESCRIPTION: usize = 200;

/// Why an Authorization header is not one with a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// More than one header.
    #[error("several Authorization headers; send one: Authorization: Bearer TOKEN")]
    Several,
    /// Basic, or anything else.
    #[error(
        "the Authorization header is not of scheme Bearer; a right one is: Authorization: Bearer TOKEN"
    )]
    Scheme,
    /// The scheme alone.
    #[error("no token after Bearer; a right header is: Authorization: Bearer TOKEN")]
    Empty,
    /// Spaces, or characters that no token has.
    #[error(
        "the bearer token has characters that no token has; letters, digits and -._~+/ are right, with = at the end only, after one space"
    )]
    Characters,
}

/// How a token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Alone (RFC 6750 §2.1).
    Bearer,
    /// With a proof of a key in a header of its own (RFC 9449 §7.1).
    Dpop,
}

/// The bearer token of a request, if it has an Authorization header.
///
/// # Errors
/// When there are several such headers, or the one is anything but `Bearer TOKEN` with the characters of a `b64token`.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, BearerError> {
    match shown(headers)? {
        None => Ok(None),
        Some((Scheme::Bearer, token)) => Ok(Some(token)),
        Some((Scheme::Dpop, _)) => Err(BearerError::Scheme),
    }
}

/// The token of a request, if it has an Authorization header, and how it is shown.
///
/// # Errors
/// When there are several such headers, or the one is of another scheme, or its token has other characters than those of a
/// `b64token`.
pub fn shown(headers: &HeaderMap) -> Result<Option<(Scheme, &str)>, BearerError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BearerError::Several);
    }
    let value = value.as_bytes();
    let end = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    let scheme = match scheme {
        bearer if bearer.eq_ignore_ascii_case(b"bearer") => Scheme::Bearer,
        dpop if dpop.eq_ignore_ascii_case(b"dpop") => Scheme::Dpop,
        _ => return Err(BearerError::Scheme),
    };
    let token = match rest {
        [] => return Err(BearerError::Empty),
        [b' ', token @ ..] => token,
        _ => return Err(BearerError::Scheme),
    };
    if token.iter().all(|byte| *byte == b' ') {
        return Err(BearerError::Empty);
    }
    let token = std::str::from_utf8(token).map_err(|_| BearerError::Characters)?;
    if is_b64token(token) { Ok(Some((scheme, token))) } else { Err(BearerError::Characters) }
}

/// RFC 6750 §2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let right = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(right)
}

/// The `WWW-Authenticate` header of a refusal: `Bearer realm="pasee"`, with RFC 6750's error code and a description for
/// people when something was wrong with a token that came.
///
/// Never fails: characters that may not stand there become `?`, and a description is cut after 200 bytes.
pub fn challenge(error: Option<(&str, &str)>) -> HeaderValue {
    challenge_of("Bearer realm=\"pasee\"", error)
}

/// The same for what has to come with a proof of a key: `DPoP realm="pasee", algs="ES256"` (RFC 9449 §7.1).
pub fn dpop_challenge(error: (&str, &str)) -> HeaderValue {
    challenge_of("DPoP realm=\"pasee\", algs=\"ES256\"", Some(error))
}

fn challenge_of(scheme: &'static str, error: Option<(&str, &str)>) -> HeaderValue {
    let mut text = String::from(scheme);
    if let Some((code, description)) = error {
        text.push_str(", error=\"");
        text.extend(code.chars().take(MAX_DESCRIPTION).map(quotable));
        text.push('"');
        if !description.is_empty() {
            text.push_str(", error_description=\"");
            text.extend(description.chars().take(MAX_DESCRIPTION).map(quotable));
            text.push('"');
        }
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}

/// RFC 6750 §3: `%x20-21 / %x23-5B / %x5D-7E`.
fn quotable(character: char) -> char {
    match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).unwrap());
        values.map(|value| (AUTHORIZATION, value)).collect()
    }

    #[test]
    fn tokens_are_found() {
        let table = [
            ("Bearer abc", "abc"),
            ("bearer abc", "abc"),
            ("BEARER abc", "abc"),
            ("Bearer e30.e30.c2ln", "e30.e30.c2ln"),
            ("Bearer a-._~+/Z09==", "a-._~+/Z09=="),
        ];
        for (header, token) in table {
            assert_eq!(bearer(&headers(&[header.as_bytes()])), Ok(Some(token)), "{header}");
        }
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn everything_else_is_refused() {
        use BearerError::{Characters, Empty, Scheme};
        let table: [(&[u8], BearerError); 22] = [
            (b"", Scheme),
            (b"Basic YTpi", Scheme),
            (b"abc", Scheme),
            (b"Bearerabc", Scheme),
            (b"Bearer:abc", Scheme),
            (b"Bearer\tabc", Scheme),
            (b"Bearer=abc", Scheme),
            (b"\xe9 abc", Scheme),
            (b"Bearer", Empty),
            (b"Bearer ", Empty),
            (b"Bearer   ", Empty),
            (b"Bearer  abc", Characters),
            (b"Bearer abc ", Characters),
            (b"Bearer a b", Characters),
            (b"Bearer a,Bearer b", Characters),
            (b"Bearer \"abc\"", Characters),
            (b"Bearer =", Characters),
            (b"Bearer a=b", Characters),
            (b"Bearer a%20b", Characters),
            (b"Bearer a\tb", Characters),
            (b"Bearer caf\xc3\xa9", Characters),
            (b"Bearer \xff", Characters),
        ];
        for (header, error) in table {
            let shown = String::from_utf8_lossy(header);
            assert_eq!(bearer(&headers(&[header])), Err(error), "{shown:?}");
        }
        let twice: [&[u8]; 2] = [b"Bearer abc", b"Bearer abc"];
        assert_eq!(bearer(&headers(&twice)), Err(BearerError::Several));
        let other: [&[u8]; 2] = [b"Bearer abc", b"Basic YTpi"];
        assert_eq!(bearer(&headers(&other)), Err(BearerError::Several));
    }

    #[test]
    fn challenges_are_quoted_strings() {
        let table = [
            (None, r#"Bearer realm="pasee""#),
            (Some(("invalid_token", "")), r#"Bearer realm="pasee", error="invalid_token""#),
            (
                Some(("invalid_token", "expired")),
                r#"Bearer realm="pasee", error="invalid_token", error_description="expired""#,
            ),
            (
                Some(("invalid_token", "a\"b\\c\r\nX: y\u{e9}\0")),
                r#"Bearer realm="pasee", error="invalid_token", error_description="a'b/c??X: y??""#,
            ),
        ];
        for (error, expected) in table {
            assert_eq!(challenge(error), expected);
        }
        let long = "x".repeat(100_000);
        assert!(challenge(Some(("invalid_token", &long))).len() < 300);
    }
}
