//! How a group, its staff, and the end of a membership are named on the command line.
//!
//! Must not ask anybody.

use std::str::FromStr;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use crate::domain::membership::Roster;
use crate::domain::time::Timestamp;

/// A group, or its staff.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct RosterArgument {
    /// The group, such as articles.drafts; its staff as articles.drafts.staff
    #[arg(value_name = "GROUP")]
    group: Roster,

    /// Means the staff of the group
    #[arg(long)]
    staff: bool,
}

impl RosterArgument {
    /// Which of its two rosters is meant.
    pub(in crate::cli) fn roster(&self) -> anyhow::Result<Roster> {
        match (&self.group, self.staff) {
            (roster, false) => Ok(roster.clone()),
            (Roster::Members(group), true) => Ok(Roster::Staff(group.clone())),
            (roster, true) => bail!("{roster} is staff already; leave --staff out"),
        }
    }
}

/// When a membership ends: a moment, or so long from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum End {
    At(Timestamp),
    In(Duration),
}

/// A text is no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no end of a membership; a right one is a moment such as \"2027-01-31T18:00:00Z\", or how long from now, such as \"90m\", \
     \"12h\", \"7d\" or \"4w\""
)]
pub(in crate::cli) struct EndError;

impl FromStr for End {
    type Err = EndError;

    fn from_str(text: &str) -> Result<Self, EndError> {
        if let Some(unit) = text.chars().last().and_then(seconds) {
            let number: u32 = text[..text.len() - 1].parse().map_err(|_| EndError)?;
            let is_number = text.bytes().next().is_some_and(|first| first.is_ascii_digit());
            let long = Duration::from_secs(u64::from(number) * unit);
            return if is_number && !long.is_zero() { Ok(Self::In(long)) } else { Err(EndError) };
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| EndError)?;
        Timestamp::from_unix(moment.as_second()).map(Self::At).ok_or(EndError)
    }
}

/// The seconds in a unit.
fn seconds(unit: char) -> Option<u64> {
    match unit {
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        'w' => Some(7 * 86_400),
        _ => None,
    }
}

impl End {
    /// The moment.
    pub(in crate::cli) fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::In(long) => now.after(long),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_end() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        for (text, seconds) in [
            ("2027-01-31T00:00:00Z", 1_801_353_600),
            ("2027-01-31T01:00:00+01:00", 1_801_353_600),
            ("90m", 1_800_005_400),
            ("12h", 1_800_043_200),
            ("7d", 1_800_604_800),
            ("4w", 1_802_419_200),
        ] {
            assert_eq!(text.parse::<End>().unwrap().moment(now).as_unix(), seconds, "{text}");
        }
        for wrong in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5d",
            "7",
            "7y",
            "99999999999d",
            "2027-01-31",
            "Friday",
            "\u{661}d",
            "ä",
        ] {
            assert_eq!(wrong.parse::<End>(), Err(EndError), "{wrong}");
        }
    }
}
