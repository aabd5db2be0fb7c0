//! Moments as requests and documents write them (RFC 3339, section 5.6), in whole seconds.
//!
//! Must not read a clock.

use jiff::Timestamp as Instant;

use super::error::ApiError;
use crate::domain::time::Timestamp;

/// Reads a moment that is still to come.
///
/// # Errors
/// It is none, or not to come any more.
pub(super) fn future(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let wrong = |what: &str| {
        ApiError::Malformed(format!(
            "{name} {what}; a right one is a moment to come, such as \"{}\"",
            text_of(now.after(std::time::Duration::from_secs(30 * 86_400)))
        ))
    };
    let moment = parse(text).ok_or_else(|| wrong("is no date and time of day with an offset"))?;
    if moment > now { Ok(moment) } else { Err(wrong("is not to come any more")) }
}

/// The first whole second that is not before a moment: what ends within a second counts until it is over.
fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    // What else the library reads, such as time zones in brackets or a blank for the T, is none of RFC 3339.
    let is_plain = bytes.len() <= 35
        && bytes.get(10).is_some_and(|byte| matches!(byte, b'T' | b't'))
        && bytes.get(13) == Some(&b':')
        && bytes.get(16) == Some(&b':')
        && (matches!(bytes.last(), Some(b'Z' | b'z')) || bytes.iter().rev().nth(2) == Some(&b':'))
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"TtZz:.+-".contains(byte));
    let instant: Instant = text.parse().ok().filter(|_| is_plain)?;
    let seconds = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
    Timestamp::from_unix(seconds)
}

/// A moment as text.
pub(super) fn text_of(moment: Timestamp) -> String {
    Instant::from_second(moment.as_unix()).map(|instant| instant.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    #[test]
    fn what_is_a_moment() {
        for (text, seconds) in [
            ("2027-01-31T00:00:00Z", 1_801_353_600),
            ("2027-01-31t01:00:00+01:00", 1_801_353_600),
            ("2027-01-30T19:00:00-05:00", 1_801_353_600),
            ("2027-01-30T23:59:59.5Z", 1_801_353_600),
            ("9999-12-30T00:00:00Z", Timestamp::MAX.as_unix() - 172_799),
        ] {
            assert_eq!(parse(text).map(Timestamp::as_unix), Some(seconds), "{text}");
        }
        assert_eq!(text_of(at(1_801_353_600)), "2027-01-31T00:00:00Z");
        for wrong in [
            "",
            "now",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31 00:00:00Z",
            "2027-02-30T00:00:00Z",
            "2027-01-31T00:00Z",
            "2027-01-31T25:00:00Z",
            "2027-01-31T00:00:00Z[Europe/Paris]",
            "2027-01-31T00:00:00+01",
            "1960-01-01T00:00:00Z",
            "1801353600",
            "+002027-01-31T00:00:00Z",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_to_come() {
        let text = "2027-01-31T00:00:00Z";
        assert_eq!(future("expires_at", text, at(1_801_353_599)).unwrap(), at(1_801_353_600));
        let late = future("expires_at", text, at(1_801_353_600)).unwrap_err().to_string();
        assert!(late.contains("not to come any more") && late.contains("\"2027-03-02T00:00:00Z\""));
    }
}
