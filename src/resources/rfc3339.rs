//! Moments as manifests write them (RFC 3339, section 5.6, with a capital `T` and `Z`), in whole seconds.
//!
//! Must not read a clock.

use std::sync::LazyLock;

use k8s_openapi::jiff::SignedDuration;
use k8s_openapi::jiff::civil;

use crate::domain::time::Timestamp;

/// Longest moment, in characters.
pub const MAX_LENGTH: usize = 35;

/// The moments that are taken: days that exist, in months of 31, of 30 and of 28 days and on the last one of February in leap
/// years, with a time and an offset. RE2's syntax.
pub const PATTERN: &str = "^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|\
                           02-(0[1-9]|1[0-9]|2[0-8]))|\
                           ([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\
                           T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

/// What a right one looks like.
pub const RIGHT: &str = "a moment is a date and time of day with an offset, such as 2027-01-31T00:00:00Z or 2027-01-31T01:00:00+01:00";

static EPOCH: LazyLock<civil::DateTime> =
    LazyLock::new(|| civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));

/// A moment, between two whole seconds or on one. Moments before 1970 count as its start, those after 9999 as its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// The last whole second that is not after it.
    pub floor: Timestamp,
    /// The first whole second that is not before it.
    pub ceiling: Timestamp,
}

/// Not a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", RIGHT)]
pub struct DateTimeError;

/// Reads a moment.
///
/// # Errors
/// The text has another form, or there is no such day.
pub fn parse(text: &str) -> Result<DateTime, DateTimeError> {
    read(text).ok_or(DateTimeError)
}

fn read(text: &str) -> Option<DateTime> {
    if text.len() > MAX_LENGTH || !text.is_ascii() {
        return None;
    }
    let (local, rest) = text.split_at_checked(19)?;
    let local = read_local(local.as_bytes())?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(rest.find(['Z', '+', '-'])?)?,
        None => ("0", rest),
    };
    if !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let has_fraction = digits(fraction.as_bytes())? > 0;
    let seconds = local.duration_since(*EPOCH).as_secs().checked_sub(read_offset(offset)?)?;
    let at = |seconds| {
        Timestamp::from_unix(seconds).unwrap_or(if seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    };
    Some(DateTime { floor: at(seconds), ceiling: at(seconds + i64::from(has_fraction)) })
}

/// `YYYY-MM-DDTHH:MM:SS`.
fn read_local(text: &[u8]) -> Option<civil::DateTime> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        *text
    else {
        return None;
    };
    let small = |pair: [u8; 2]| i8::try_from(digits(&pair)?).ok();
    let date = civil::Date::new(
        i16::try_from(digits(&[y1, y2, y3, y4])?).ok()?,
        small([m1, m2])?,
        small([d1, d2])?,
    )
    .ok()?;
    let time = civil::Time::new(small([h1, h2])?, small([n1, n2])?, small([s1, s2])?, 0).ok()?;
    Some(date.to_datetime(time))
}

/// `Z` or `+HH:MM`, in seconds.
fn read_offset(text: &str) -> Option<i64> {
    let (sign, hours, minutes) = match *text.as_bytes() {
        [b'Z'] => return Some(0),
        [b'+', h1, h2, b':', m1, m2] => (1, digits(&[h1, h2])?, digits(&[m1, m2])?),
        [b'-', h1, h2, b':', m1, m2] => (-1, digits(&[h1, h2])?, digits(&[m1, m2])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// A number of at most nine digits.
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Writes a moment, as `2027-01-31T00:00:00Z`.
#[must_use]
pub fn write(at: Timestamp) -> String {
    let moment = EPOCH.saturating_add(SignedDuration::from_secs(at.as_unix()));
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for (text, floor, ceiling) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2027-01-31T00:00:00Z", 1_801_353_600, 1_801_353_600),
            ("2027-01-31T01:00:00+01:00", 1_801_353_600, 1_801_353_600),
            ("2027-01-30T14:30:00-09:30", 1_801_353_600, 1_801_353_600),
            ("2027-01-31T00:00:00.000Z", 1_801_353_600, 1_801_353_600),
            ("2027-01-31T00:00:00.000000001Z", 1_801_353_600, 1_801_353_601),
            ("2028-02-29T12:00:00-00:00", 1_835_438_400, 1_835_438_400),
            ("0000-01-01T00:00:00Z", 0, 0),
            ("1969-12-31T23:59:59.5Z", 0, 0),
            ("9999-12-31T23:59:59Z", Timestamp::MAX.as_unix(), Timestamp::MAX.as_unix()),
            ("9999-12-31T23:59:59.9-23:59", Timestamp::MAX.as_unix(), Timestamp::MAX.as_unix()),
        ] {
            let read = parse(text).map(|at| (at.floor.as_unix(), at.ceiling.as_unix()));
            assert_eq!(read, Ok((floor, ceiling)), "{text}");
        }
        for text in [
            "",
            "2027",
            "2027-01-31",
            "2027-01-31T00:00:00",
            "2027-01-31 00:00:00Z",
            "2027-01-31t00:00:00z",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T00:60:00Z",
            "2027-01-31T00:00:60Z",
            "2027-01-31T00:00:00+24:00",
            "2027-01-31T00:00:00+1:00",
            "2027-01-31T00:00:00+01:60",
            "2027-01-31T00:00:00.Z",
            "2027-01-31T00:00:00.1234567890Z",
            "2027-01-31T00:00:00,5Z",
            "2027-01-31T00:00:00ZZ",
            " 2027-01-31T00:00:00Z",
            "2027-01-31T00:00:00Z\n",
            "+027-01-31T00:00:00Z",
            "12027-01-31T00:00:00Z",
            "2027-01-31T00:00:0éZ",
            "2027-01-31T00:00:00.5",
            "２027-01-31T00:00:00Z",
        ] {
            assert_eq!(parse(text), Err(DateTimeError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read(seconds in 0..=Timestamp::MAX.as_unix()) {
            let at = Timestamp::from_unix(seconds).unwrap();
            prop_assert_eq!(parse(&write(at)), Ok(DateTime { floor: at, ceiling: at }));
        }
    }
}
