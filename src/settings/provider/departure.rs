//! What ends the sessions of somebody who has left a provider: how long they last, and whether it is asked meanwhile.
//!
//! Must not know how a provider is asked.

use std::time::Duration;

use super::Protocol;
use crate::domain::token::Lifetimes;
use crate::settings::Jwt;
use crate::settings::reader::Table;
use crate::settings::tokens::{duration, seconds};

const DAY: u64 = 24 * 60 * 60;
/// How long sessions last where the provider cannot be told to end them, nor is the operator's own.
const ELSEWHERE: Duration = Duration::from_secs(7 * DAY);

/// What ends the sessions of somebody who has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departure {
    /// `session_lifetime`: the longest session after a login, 10 s to 400 days, never beyond that of `[jwt]`, which it is when
    /// absent for the protocols kisee, local, ldap and kubernetes; 7 days for the others.
    pub session_lifetime: Option<Duration>,
    /// `recheck`: how long after it was asked about somebody the provider is asked again, 1 min to 1 day; never when absent.
    pub recheck: Option<Duration>,
}

impl Departure {
    /// How long sessions last, within those of `[jwt]`.
    #[must_use]
    pub fn session(&self, lifetimes: Lifetimes) -> Duration {
        self.session_lifetime.map_or(lifetimes.session, |own| own.min(lifetimes.session))
    }

    /// How long somebody who is disabled there goes on at most. With `recheck` that is until they refresh after it has passed, and
    /// the access token that this gives them, as the refresh waits for nobody.
    #[must_use]
    pub fn longest(&self, lifetimes: Lifetimes) -> Duration {
        let session = self.session(lifetimes);
        let asked = self.recheck.map(|recheck| recheck + 2 * lifetimes.access);
        asked.map_or(session, |asked| asked.min(session))
    }
}

impl Protocol {
    /// Whether it is the operator's own, who can end what they end: sessions last as `[jwt]` says.
    fn is_own(&self) -> bool {
        match self {
            Self::Kisee(_) | Self::Local(_) | Self::Ldap(_) | Self::Kubernetes(_) => true,
            Self::OAuth1(_) | Self::OAuth2(_) | Self::Oidc(_) | Self::Pasee(_) => false,
        }
    }

    /// Whether it can be asked about somebody who is not there.
    fn can_be_asked(&self) -> bool {
        matches!(self, Self::Ldap(_) | Self::Kubernetes(_))
    }
}

/// `None` for a mistake.
pub(super) fn departure(table: &Table<'_>, protocol: Option<&Protocol>) -> Option<Departure> {
    let given = |key: &'static str| table.get(key).is_some();
    let mut departure = Departure::default();
    if given("session_lifetime") {
        let length = duration(table, "session_lifetime", 10..=400 * DAY, ELSEWHERE)?;
        departure.session_lifetime = Some(length);
    } else if protocol.is_some_and(|protocol| !protocol.is_own()) {
        departure.session_lifetime = Some(ELSEWHERE);
    }
    if given("recheck") {
        departure.recheck = Some(duration(table, "recheck", 60..=DAY, ELSEWHERE)?);
        if let (Some(item), Some(false)) =
            (table.get("recheck"), protocol.map(Protocol::can_be_asked))
        {
            item.error(
                "is for the protocols ldap and kubernetes: no other can be asked about somebody who is not there; leave it out, and set \
                 session_lifetime",
            );
        }
    }
    Some(departure)
}

/// Warns of sessions that are to last longer than any here.
pub(in crate::settings) fn warn_of_cut(root: &Table<'_>, jwt: Option<&Jwt>) {
    let Some(most) = jwt.map(|jwt| jwt.lifetimes.session) else { return };
    for table in root.tables("identity_providers") {
        let Some(item) = table.get("session_lifetime") else { continue };
        let most = most.as_secs();
        if seconds(&item).is_some_and(|own| own > most) {
            let shown = if most % DAY == 0 { (most / DAY, "d") } else { (most, "s") };
            item.warn(format_args!(
                "is longer than the session_lifetime of [jwt], \"{}{}\", which ends these sessions too; a right one is at most as long",
                shown.0, shown.1
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_disabled_goes_on_for_so_long() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let lifetimes = Lifetimes {
            access: minutes(15),
            refresh: minutes(60),
            session: minutes(100),
            ..Lifetimes::default()
        };
        for (session, recheck, longest) in [
            (None, None, 100),
            (Some(70), None, 70),
            (Some(1000), None, 100),
            (None, Some(15), 45),
            (Some(70), Some(15), 45),
            (Some(30), Some(15), 30),
            (None, Some(1000), 100),
        ] {
            let departure =
                Departure { session_lifetime: session.map(minutes), recheck: recheck.map(minutes) };
            assert_eq!(departure.longest(lifetimes), minutes(longest), "{departure:?}");
        }
    }
}
