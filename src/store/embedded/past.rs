//! What is surely past, whatever the clock says: by that alone something is taken away for good.
//!
//! The file knows until when it was written, and a process how long it has run since, by a clock that nobody sets. A clock that is
//! far ahead of both is wrong, or has gone on while nobody wrote: it is believed when it has been so for as long as what has ended
//! is kept. What a file says may itself be by a clock that was a little ahead: so much less is over for good, until the process has
//! seen the clock go on for a day. Must not know what is taken away.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;
use super::log::{self, first};
use crate::domain::membership::KEPT_ENDED;
use crate::domain::time::Timestamp;

/// So far ahead a clock may be: what has ended by it for as long as it is kept has ended.
const SLACK: Duration = Duration::from_secs(6 * 24 * 3_600);
/// The same for what is forgotten as soon as it is over.
const LITTLE: Duration = Duration::from_secs(300);
/// How long a clock must go on as it should to be what is gone by.
const PROOF: Duration = Duration::from_secs(24 * 3_600);

/// What a process knows.
#[derive(Debug)]
pub(super) struct Past {
    /// What time it was, and when.
    known: Timestamp,
    at: Instant,
    /// Whether that was proved, and not only believed.
    is_proved: bool,
    /// Since when the clock is ahead, if it is.
    ahead_since: Option<Instant>,
    /// Whether it was as it should be before.
    was_right: bool,
    is_told: bool,
}

/// One moment, by the clock, and how much is past by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// What time it is, as far as the clock tells.
    pub(super) now: Timestamp,
    /// What has ended by then is kept for a while, and can go when that is over.
    pub(super) ended: Timestamp,
    /// What is over by then can go at once.
    pub(super) over: Timestamp,
    /// How far ahead the clock is, if it is not believed.
    pub(super) ahead: Option<Duration>,
}

impl Moment {
    /// One by which nothing is taken away.
    pub(super) fn taking_nothing(now: Timestamp) -> Self {
        Self { now, ended: Timestamp::MIN, over: Timestamp::MIN, ahead: None }
    }
}

impl Past {
    /// By what a file says; one that says nothing is new.
    pub(super) fn read(connection: &Connection, now: Timestamp) -> Result<Self, StoreError> {
        let known = match log::last_past(connection)? {
            None => first::<Option<i64>>(connection, "SELECT max(at) FROM changes", [])?.flatten(),
            known => known,
        };
        let known = known.and_then(Timestamp::from_unix);
        Ok(Self::since(known.unwrap_or(now), known.is_none(), Instant::now()))
    }

    fn since(known: Timestamp, is_proved: bool, at: Instant) -> Self {
        Self { known, at, is_proved, ahead_since: None, was_right: false, is_told: false }
    }

    /// How much is past when the clock says this.
    pub(super) fn judge(&mut self, now: Timestamp, at: Instant) -> Moment {
        let gone = at.saturating_duration_since(self.at);
        let proved = self.known.after(gone);
        let ahead = u64::try_from(now.as_unix() - proved.as_unix()).unwrap_or(0);
        let ahead = Duration::from_secs(ahead);
        if ahead <= SLACK {
            (self.ahead_since, self.was_right, self.is_told) = (None, true, false);
            let over = self.over(gone).min(now);
            if gone >= PROOF {
                (self.known, self.at, self.is_proved) = (now, at, true);
            }
            return Moment { now, ended: now, over, ahead: None };
        }
        let since = *self.ahead_since.get_or_insert(at);
        if at.saturating_duration_since(since) >= KEPT_ENDED {
            *self = Self::since(now, true, at);
            return Moment { now, ended: now, over: now, ahead: None };
        }
        Moment { now, ended: proved, over: self.over(gone).min(proved), ahead: Some(ahead) }
    }

    /// What is over for good after that long.
    fn over(&self, gone: Duration) -> Timestamp {
        if self.is_proved || gone >= PROOF {
            return self.known.after(gone).after(LITTLE);
        }
        let slack = i64::try_from(SLACK.as_secs()).unwrap_or(i64::MAX);
        let least = Timestamp::from_unix(self.known.as_unix() - slack).unwrap_or(Timestamp::MIN);
        least.after(gone)
    }

    /// Whether somebody should be told that the clock is ahead: once, when it was not before or something is kept for it.
    pub(super) fn should_tell(&mut self, is_kept: bool) -> bool {
        let tells = !self.is_told && (self.was_right || is_kept);
        self.is_told |= tells;
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(i64::try_from(seconds).unwrap()).unwrap()
    }

    /// What is past of moments, each by a clock and by the time that has gone by, in seconds, where what is known was proved.
    fn judged(known: u64, moments: &[(u64, u64)]) -> Vec<(u64, u64, bool)> {
        judged_by(Past::since(at(known), true, Instant::now()), moments)
    }

    fn judged_by(mut past: Past, moments: &[(u64, u64)]) -> Vec<(u64, u64, bool)> {
        let start = past.at;
        let judge = |(clock, gone): &(u64, u64)| {
            let moment = past.judge(at(*clock), start + Duration::from_secs(*gone));
            let [ended, over] = [moment.ended, moment.over].map(|it| it.as_unix().unsigned_abs());
            (ended, over, moment.ahead.is_some())
        };
        moments.iter().map(judge).collect()
    }

    #[test]
    fn a_clock_that_goes_on_is_believed() {
        let known = 100 * DAY;
        assert_eq!(judged(known, &[(known, 0)]), [(known, known, false)]);
        let later = known + 3 * DAY;
        assert_eq!(judged(known, &[(later, 3 * DAY)]), [(later, later, false)]);
        assert_eq!(judged(known, &[(known - 5, 10)]), [(known - 5, known - 5, false)], "or behind");
        // While nobody was there, or a little ahead.
        assert_eq!(judged(known, &[(later, 0)]), [(later, known + 300, false)]);
        assert_eq!(judged(known, &[(known + 60, 0)]), [(known + 60, known + 60, false)]);
        let day_later = later + DAY;
        let proved = judged(known, &[(later, 0), (day_later, DAY), (day_later + 1, DAY + 1)]);
        assert_eq!(proved[2], (day_later + 1, day_later + 1, false), "it has gone on for a day");
    }

    #[test]
    fn a_clock_that_is_far_ahead_takes_nothing_away() {
        let known = 100 * DAY;
        let ahead = known + 8 * DAY;
        let judged =
            judged(known, &[(ahead, 0), (ahead + 60, 60), (known + 90, 90), (ahead + 99, 99)]);
        let (first, back) = ((known, known, true), (known + 90, known + 90, false));
        assert_eq!(
            judged,
            [first, (known + 60, known + 60, true), back, (known + 99, known + 99, true)]
        );
    }

    /// What a file says may be by a clock that was six days ahead, however often it is read: nothing is over for that.
    #[test]
    fn what_was_only_believed_is_not_over() {
        let right = 100 * DAY;
        let wrong = right + 6 * DAY;
        let read = Past::since(at(wrong), false, Instant::now());
        let moments =
            [(wrong, 0), (wrong + 60, 60), (wrong + DAY, DAY), (wrong + DAY + 5, DAY + 5)];
        let over: Vec<u64> = judged_by(read, &moments).into_iter().map(|it| it.1).collect();
        assert_eq!(over[..2], [right, right + 60]);
        assert_eq!(over[2..], [wrong + DAY, wrong + DAY + 5], "it has gone on for a day");
        let read = Past::since(at(wrong), false, Instant::now());
        assert_eq!(judged_by(read, &[(right + 9, 9)]), [(right + 9, right + 9, false)]);
        let read = Past::since(at(5), false, Instant::now());
        assert_eq!(judged_by(read, &[(5, 0)]), [(5, 0, false)], "early in 1970");
    }

    #[test]
    fn a_clock_that_stays_ahead_is_believed_in_the_end() {
        let (known, ahead) = (100 * DAY, 300 * DAY);
        let week = 7 * DAY;
        let moments = [(ahead, 5), (ahead + week - 1, week + 4), (ahead + week, week + 5)];
        let judged = judged(known, &moments);
        assert_eq!(judged[1], (known + week + 4, known + week + 4, true));
        assert_eq!(judged[2], (ahead + week, ahead + week, false));
    }

    #[test]
    fn somebody_is_told_once() {
        let start = Instant::now();
        let mut past = Past::since(at(0), true, start);
        assert!(past.judge(at(50 * DAY), start).ahead.is_some());
        assert!(!past.should_tell(false), "a file that nobody wrote for long");
        assert!(past.should_tell(true));
        assert!(!past.should_tell(true));
        past.judge(at(1), start);
        assert!(past.judge(at(50 * DAY), start).ahead.is_some());
        assert!(past.should_tell(false), "it has jumped");
    }
}
