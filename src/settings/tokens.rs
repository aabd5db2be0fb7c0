//! From `[jwt]` to [`Jwt`], and lengths of time.
//!
//! Must not know keys.

use std::time::Duration;

use toml::de::DeValue;

use super::Jwt;
use super::reader::{Item, Table, integer};
use crate::domain::token::{Audience, Lifetimes};
use crate::jose::compact::MAX_TOKEN;
use crate::jose::sign::MIN_BOUND;

const DAY: u64 = 24 * 60 * 60;
/// Most audiences beside the issuer.
const MAX_AUDIENCES: usize = 8;
/// Most bytes that these have in all: every token carries them.
const MAX_AUDIENCES_LENGTH: usize = 512;
/// Longest access token where the settings do not say, in bytes: well below the 8 KiB that common servers take of all headers.
const MAX_TOKEN_LENGTH: usize = 6 * 1024;

pub(super) fn jwt(root: &Table<'_>) -> Option<Jwt> {
    if root.get("jwt").is_none() {
        root.missing("jwt", "[jwt] with iss = \"pasee.example.com\"");
    }
    let table = root.table("jwt")?;
    let issuer = table.needed("iss", "\"pasee.example.com\"").and_then(|item| item.parse());
    let audiences = audiences(&table);
    let lifetimes = lifetimes(&table);
    let most = table.number("max_token_length", MIN_BOUND as u64..MAX_TOKEN as u64 + 1);
    let max_token_length =
        most.and_then(|most| usize::try_from(most).ok()).unwrap_or(MAX_TOKEN_LENGTH);
    table.finish();
    Some(Jwt { issuer: issuer?, audiences: audiences?, lifetimes: lifetimes?, max_token_length })
}

/// One, or a list of them.
fn audiences(table: &Table<'_>) -> Option<Vec<Audience>> {
    let Some(item) = table.get("audience") else { return Some(Vec::new()) };
    let items = match item.value {
        DeValue::Array(_) => item.list()?,
        _ => vec![item.with(item.value)],
    };
    let texts = items.iter().map(|item| item.text()?.parse::<Audience>());
    let mut audiences = texts.collect::<Option<Vec<_>>>()?;
    let length: usize = audiences.iter().map(|audience| audience.as_str().len()).sum();
    if audiences.len() > MAX_AUDIENCES || length > MAX_AUDIENCES_LENGTH {
        item.error(
            "has more than 8 audiences, or more than 512 bytes of them; a right one is \"kubernetes\", or \
             [\"kubernetes\", \"https://api.example.com\"]",
        );
        return None;
    }
    let mut seen = Vec::new();
    audiences.retain(|audience| {
        let is_new = !seen.contains(audience);
        seen.push(audience.clone());
        is_new
    });
    Some(audiences)
}

fn lifetimes(table: &Table<'_>) -> Option<Lifetimes> {
    let Lifetimes { access, refresh, session, browser } = Lifetimes::default();
    let (access, refresh, session, browser) = (
        duration(table, "access_lifetime", 10..=DAY, access),
        duration(table, "refresh_lifetime", 10..=366 * DAY, refresh),
        duration(table, "session_lifetime", 10..=400 * DAY, session),
        duration(table, "browser_session_lifetime", 10..=30 * DAY, browser),
    );
    let lifetimes =
        Lifetimes { access: access?, refresh: refresh?, session: session?, browser: browser? };
    if lifetimes.access > lifetimes.refresh || lifetimes.refresh > lifetimes.session {
        let message = "lifetimes are out of order; right ones have access_lifetime ≤ refresh_lifetime ≤ \
                       session_lifetime, such as \"15m\", \"30d\" and \"90d\" (the defaults)";
        table.report.error(table.at, &table.key, message);
    }
    Some(lifetimes)
}

/// Whole seconds, or a text such as `15m`, within bounds in seconds; `None` for a mistake.
pub(super) fn duration(
    table: &Table<'_>,
    key: &'static str,
    bounds: std::ops::RangeInclusive<u64>,
    default: Duration,
) -> Option<Duration> {
    let Some(item) = table.get(key) else { return Some(default) };
    let seconds = seconds(&item).filter(|seconds| bounds.contains(seconds));
    if seconds.is_none() {
        item.error(format_args!(
            "is no length of time from {} to {} seconds; right ones are whole seconds, such as 30, or a text with a \
             unit, such as \"30s\", \"15m\", \"12h\" or \"30d\"",
            bounds.start(),
            bounds.end()
        ));
    }
    seconds.map(Duration::from_secs)
}

/// The seconds that such a value is, whatever the bounds.
pub(super) fn seconds(item: &Item<'_, &DeValue<'_>>) -> Option<u64> {
    match item.value {
        DeValue::Integer(number) => integer(number),
        DeValue::String(text) => seconds_of(text),
        _ => None,
    }
}

fn seconds_of(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit())?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => DAY,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("12h", Some(43_200)),
            ("30d", Some(2_592_000)),
            ("", None),
            ("m", None),
            ("15", None),
            ("15 m", None),
            (" 15m", None),
            ("-15m", None),
            ("1.5h", None),
            ("15M", None),
            ("15min", None),
            ("1h30m", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(seconds_of(text), seconds, "{text:?}");
        }
    }
}
