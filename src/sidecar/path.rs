//! Paths that mean the same to everybody: those that an application could read otherwise than the rules do are refused.
//!
//! Owns what makes a path ambiguous. The bytes that are judged are the bytes that are forwarded: nothing is normalised here. Must
//! not know a rule.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Longest target of a request, path and query, in bytes.
pub const MAX_TARGET: usize = 16 * 1024;

/// The path of a request that has one meaning, and its query as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath {
    /// Path and query, to the byte as they came.
    raw: String,
    /// Where the path ends.
    end: usize,
}

/// Why a path has no one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// It is none.
    #[error("the path does not begin with a slash; a right one is /articles")]
    NoPath,
    /// It is too long.
    #[error("the path and the query are longer than 16 KiB together")]
    TooLong,
    /// `//`.
    #[error("the path has an empty segment (//), which some servers drop")]
    EmptySegment,
    /// `.` or `..`.
    #[error("the path has a dot segment (. or ..), which leads elsewhere")]
    DotSegment,
    /// `\`, `%5c`, `%2f`.
    #[error("the path has a slash or backslash in disguise (\\, %5C or %2F)")]
    HiddenSlash,
    /// `;` or `%3b`.
    #[error("the path has a semicolon, from which on some servers drop the segment")]
    Parameter,
    /// A fragment.
    #[error("there is a fragment (#), which no request has")]
    Fragment,
    /// A character that no path has, such as a control character or a space.
    #[error(
        "the path has a character that is not written so; it is to be encoded as %XX, and controls not at all"
    )]
    Character,
    /// `%` without two digits.
    #[error("the path has a % that is not followed by two hexadecimal digits")]
    Percent,
    /// `%61` for `a`.
    #[error("the path has an encoded letter, digit or one of -._~, which is written as it is")]
    Needless,
    /// `%2561`.
    #[error("the path is encoded twice: %25 is followed by two hexadecimal digits")]
    Twice,
    /// Bytes that are no text.
    #[error("the encoded bytes of the path are no UTF-8")]
    NotUtf8,
}

impl RequestPath {
    /// Reads the target of a request: a path, and perhaps a query.
    ///
    /// # Errors
    /// [`AmbiguousPath`]: it is to be refused.
    pub fn of(raw: &str) -> Result<Self, AmbiguousPath> {
        if raw.len() > MAX_TARGET {
            return Err(AmbiguousPath::TooLong);
        }
        if raw.contains('#') {
            return Err(AmbiguousPath::Fragment);
        }
        let end = raw.find('?').unwrap_or(raw.len());
        let (path, query) = raw.split_at(end);
        // What no header could carry, in the query too; all else there is the application's.
        if query.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(AmbiguousPath::Character);
        }
        let rest = path.strip_prefix('/').ok_or(AmbiguousPath::NoPath)?;
        characters(rest)?;
        encodings(rest)?;
        let mut segments = rest.split('/').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "" if segments.peek().is_some() => return Err(AmbiguousPath::EmptySegment),
                "." | ".." => return Err(AmbiguousPath::DotSegment),
                _ => {}
            }
        }
        percent_decode_str(rest).decode_utf8().map_err(|_| AmbiguousPath::NotUtf8)?;
        Ok(Self { raw: raw.to_owned(), end })
    }

    /// Path and query, to the byte as they came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The path, to the byte as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.raw[..self.end]
    }

    /// What stands between its slashes, decoded; the last is empty where it ends in a slash.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let rest = self.path().strip_prefix('/').unwrap_or_default();
        rest.split('/').map(|segment| percent_decode_str(segment).decode_utf8_lossy())
    }
}

/// RFC 3986 section 3.3, and what browsers leave as it is (WHATWG URL, path percent-encode set).
fn characters(path: &str) -> Result<(), AmbiguousPath> {
    for byte in path.bytes() {
        match byte {
            b'\\' => return Err(AmbiguousPath::HiddenSlash),
            b';' => return Err(AmbiguousPath::Parameter),
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' => return Err(AmbiguousPath::Character),
            byte if !byte.is_ascii_graphic() => return Err(AmbiguousPath::Character),
            _ => {}
        }
    }
    Ok(())
}

/// What is encoded is decoded by some and not by others: only that is taken which nobody takes for anything else.
fn encodings(path: &str) -> Result<(), AmbiguousPath> {
    for (at, _) in path.match_indices('%') {
        let byte = encoded(path, at).ok_or(AmbiguousPath::Percent)?;
        match byte {
            b'/' | b'\\' => return Err(AmbiguousPath::HiddenSlash),
            b';' => return Err(AmbiguousPath::Parameter),
            b'%' if path.as_bytes()[at + 3..]
                .iter()
                .take(2)
                .filter(|byte| byte.is_ascii_hexdigit())
                .count()
                == 2 =>
            {
                return Err(AmbiguousPath::Twice);
            }
            0..=0x1f | 0x7f => return Err(AmbiguousPath::Character),
            b'-' | b'.' | b'_' | b'~' => return Err(AmbiguousPath::Needless),
            byte if byte.is_ascii_alphanumeric() => return Err(AmbiguousPath::Needless),
            _ => {}
        }
    }
    Ok(())
}

/// The byte that stands as `%XX` here.
fn encoded(path: &str, at: usize) -> Option<u8> {
    let digits = path.as_bytes().get(at + 1..at + 3)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(digits[0])? * 16 + digit(digits[1])?)
}

#[cfg(test)]
mod tests;
