//! Points in time, in whole seconds as tokens count them (RFC 7519 section 2, NumericDate).
//!
//! Must not read a clock: now is always a parameter.

use std::time::Duration;

/// The last second a token may speak of: 9999-12-31T23:59:59Z, the last that RFC 3339 can write.
const LAST: i64 = 253_402_300_799;

/// Whole seconds since 1970-01-01T00:00:00Z, between that instant and the end of the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first representable second, 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The last representable second, 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(LAST);

    /// A timestamp from seconds since the epoch; `None` before 1970 or after 9999.
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Option<Self> {
        if seconds >= 0 && seconds <= LAST { Some(Self(seconds)) } else { None }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_unix(self) -> i64 {
        self.0
    }

    /// This instant and a duration after it, at most [`Timestamp::MAX`]. Fractions of a second are dropped.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(seconds).min(LAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(Timestamp::from_unix(-1), None);
        assert_eq!(Timestamp::from_unix(0), Some(Timestamp::MIN));
        assert_eq!(Timestamp::from_unix(LAST), Some(Timestamp::MAX));
        assert_eq!(Timestamp::from_unix(LAST + 1), None);
        assert_eq!(Timestamp::MAX.after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.after(Duration::from_millis(1999)).as_unix(), 1);
    }
}
