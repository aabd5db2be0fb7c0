//! The reading port: what the state says of users and groups, at a moment.
//!
//! Answers come from memory; an implementation never waits for a disk or a server. Must not know who asks.

use std::sync::Arc;
use std::time::Duration;

use super::change::Ban;
use super::client::Client;
use super::description::Description;
use super::group::GroupName;
use super::membership::Roster;
use super::time::Timestamp;
use super::token::SessionId;
use super::user::UserId;

/// How far a revocation moves at least: tokens know whole seconds.
const STEP: Duration = Duration::from_secs(1);

/// What root staff has said of a user. The default is what is said of everybody else: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Gets no token, by any grant.
    pub banned: bool,
    /// The latest revocation. A session is good while this is exactly what it was when the session began: no clock decides.
    pub not_before: Option<Timestamp>,
}

impl Standing {
    /// After one more revocation: another moment than any before, so that every session has ended that began before it.
    #[must_use]
    pub fn revoked(self, now: Timestamp) -> Self {
        let next = self.not_before.map_or(now, |former| now.max(former.after(STEP)));
        // Nothing comes after the last second there is.
        let moment = if Some(next) == self.not_before { now } else { next };
        Self { not_before: Some(moment), ..self }
    }

    /// After a ban, which is a revocation too: lifting it revives nothing.
    #[must_use]
    pub fn banned(self, now: Timestamp) -> Self {
        let revoked =
            if self.banned && self.not_before.is_some() { self } else { self.revoked(now) };
        Self { banned: true, ..revoked }
    }

    /// After the ban is lifted. One that came without a revocation, as they once did, leaves one behind.
    #[must_use]
    pub fn lifted(self, now: Timestamp) -> Self {
        let revoked =
            if self.banned && self.not_before.is_none() { self.revoked(now) } else { self };
        Self { banned: false, ..revoked }
    }

    /// After somebody has written down what is so. A ban that comes with a revocation of its own needs no other.
    #[must_use]
    pub fn declared(
        self,
        banned: Option<Ban>,
        not_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let moved = not_before.map_or(self, |moment| self.moved(moment, now));
        match banned {
            None => moved,
            Some(Ban::Lift) => moved.lifted(now),
            Some(Ban::Impose) if moved.not_before == self.not_before => moved.banned(now),
            Some(Ban::Impose) => Self { banned: true, ..moved },
        }
    }

    /// After somebody has set the moment: a later one counts. An earlier one corrects what is still to come, and never below
    /// now, so that it revives no session; what has been stays.
    #[must_use]
    fn moved(self, not_before: Timestamp, now: Timestamp) -> Self {
        let moment = match self.not_before {
            Some(former) if former > now => not_before.max(now),
            former => former.map_or(not_before, |former| former.max(not_before)),
        };
        Self { not_before: Some(moment), ..self }
    }
}

/// What makes tokens worthless before their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What is said of a user is another than before: tokens of theirs are good by this alone.
    OfUser(UserId, Standing),
    /// One session was ended.
    OfSession(SessionId),
}

/// Hears of endings in the order in which they came to pass. It is called while readers wait: it does little, and asks nothing.
pub struct Hearing(Box<Hear>);

type Hear = dyn Fn(&[Ending]) + Send + Sync;

impl Hearing {
    /// What is to be done with endings.
    #[must_use]
    pub fn new(hear: impl Fn(&[Ending]) + Send + Sync + 'static) -> Self {
        Self(Box::new(hear))
    }

    /// These have come to pass.
    pub fn hear(&self, endings: &[Ending]) {
        if !endings.is_empty() {
            (self.0)(endings);
        }
    }
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hearing")
    }
}

/// A roster that a user is on, effective at the moment asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which list.
    pub roster: Roster,
    /// The first second it no longer counts; `None` = no end.
    pub expires_at: Option<Timestamp>,
}

/// All that the state says of one user, read at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What root staff has said.
    pub standing: Standing,
    /// Effective memberships, in the order of their rosters, each roster once.
    pub holdings: Vec<Holding>,
}

impl Record {
    /// Adds the groups that an identity provider's word gives until a moment, as far as they are in effect. A longer
    /// membership of the same group counts.
    pub fn add_mapped(
        &mut self,
        groups: &[GroupName],
        until: Timestamp,
        directory: &dyn Directory,
        now: Timestamp,
    ) {
        if groups.is_empty() || until <= now {
            return;
        }
        for group in groups.iter().filter(|group| directory.has_group(group)) {
            let roster = Roster::Members(group.clone());
            match self.holdings.iter_mut().find(|holding| holding.roster == roster) {
                Some(holding) => {
                    holding.expires_at = holding.expires_at.map(|end| end.max(until));
                }
                None => self.holdings.push(Holding { roster, expires_at: Some(until) }),
            }
        }
        self.holdings.sort_by(|one, two| one.roster.cmp(&two.roster));
    }
}

/// One page of a listing.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a, T> {
    /// Only what comes after this one, whether or not it exists.
    pub after: Option<&'a T>,
    /// At most so many.
    pub limit: usize,
}

/// The state as it is now in memory. A group is in effect while it exists, is not being deleted, and its whole chain
/// of parents is in effect; a membership while its group is and `now < expires_at`. Only what is in effect shows.
pub trait Directory: Send + Sync {
    /// What the state says of a user; users nothing is said about have the default record.
    fn record(&self, user: &UserId, now: Timestamp) -> Record;

    /// Whether this session was ended, by itself.
    fn has_ended(&self, session: SessionId) -> bool;

    /// Whether the group is in effect.
    fn has_group(&self, group: &GroupName) -> bool;

    /// What a group in effect is for, if anything is said of that.
    fn description(&self, group: &GroupName) -> Option<Description>;

    /// Every roster there is, in order: the root staff first, then each group's members and staff.
    fn rosters(&self, page: Page<'_, Roster>) -> Vec<Roster>;

    /// The users on a roster in the order of their ids; `None` if its group is not in effect.
    fn members(
        &self,
        roster: &Roster,
        page: Page<'_, UserId>,
        now: Timestamp,
    ) -> Option<Vec<UserId>>;

    /// Until when a user is on a roster; `None` when they are not on it, `Some(None)` without an end.
    fn until(&self, user: &UserId, roster: &Roster, now: Timestamp) -> Option<Option<Timestamp>> {
        let holdings = self.record(user, now).holdings;
        holdings.into_iter().find(|held| held.roster == *roster).map(|held| held.expires_at)
    }

    /// The users that have a membership in effect or a standing of their own, in the order of their ids.
    fn users(&self, page: Page<'_, UserId>, now: Timestamp) -> Vec<UserId>;

    /// The client of this id that the state holds, served or not; those of the settings are not known here.
    fn client(&self, id: &str) -> Option<Arc<Client>>;

    /// All clients that the state holds, in the order of their ids.
    fn clients(&self) -> Vec<Arc<Client>>;

    /// Tells of every ending from now on, and first of all that the state holds, whenever they were. There is one who hears: whoever
    /// asks later hears nothing.
    fn tell_of_endings(&self, hearing: Hearing);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moment(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    fn standing(banned: bool, not_before: impl Into<Option<i64>>) -> Standing {
        Standing { banned, not_before: not_before.into().map(moment) }
    }

    #[test]
    fn each_revocation_is_another_moment() {
        for (former, revoked) in [
            (None, 100),
            (Some(99), 100),
            (Some(100), 101),
            (Some(5000), 5001),
            (Some(Timestamp::MAX.as_unix()), 100),
        ] {
            let after = standing(false, former).revoked(moment(100));
            assert_eq!(after, standing(false, revoked), "{former:?}");
            assert_eq!(standing(true, former).revoked(moment(100)), standing(true, revoked));
            assert_ne!(after, standing(false, former));
        }
    }

    #[test]
    fn a_ban_revokes_once_and_its_lifting_revives_nothing() {
        let now = moment(100);
        assert_eq!(standing(false, None).banned(now), standing(true, 100));
        assert_eq!(standing(false, 100).banned(now), standing(true, 101));
        assert_eq!(standing(true, 70).banned(now), standing(true, 70), "nobody has a session");
        assert_eq!(standing(true, None).banned(now), standing(true, 100), "one of before");
        assert_eq!(standing(true, 70).lifted(now), standing(false, 70));
        assert_eq!(standing(true, None).lifted(now), standing(false, 100), "one of before");
        assert_eq!(standing(false, None).lifted(now), Standing::default());
        assert_eq!(standing(false, 70).lifted(now), standing(false, 70));
    }

    #[test]
    fn only_what_is_to_come_is_lowered() {
        for (former, wanted, after) in [
            (None, 50, 50),
            (None, 500, 500),
            (Some(60), 50, 60),
            (Some(60), 70, 70),
            (Some(100), 99, 100),
            (Some(101), 100, 100),
            (Some(5000), 6000, 6000),
            (Some(5000), 4000, 4000),
            (Some(5000), 100, 100),
            (Some(5000), 50, 100),
        ] {
            let moved = standing(true, former).declared(None, Some(moment(wanted)), moment(100));
            assert_eq!(moved, standing(true, after), "{former:?} to {wanted}");
        }
    }

    #[test]
    fn what_is_written_down_counts_at_once() {
        let declare = |before: Standing, banned, not_before: Option<i64>| {
            before.declared(banned, not_before.map(moment), moment(100))
        };
        let new = Standing::default();
        assert_eq!(declare(new, Some(Ban::Impose), None), standing(true, 100));
        assert_eq!(declare(new, Some(Ban::Impose), Some(9)), standing(true, 9), "as exported");
        assert_eq!(declare(standing(false, 9), Some(Ban::Impose), Some(9)), standing(true, 100));
        assert_eq!(declare(standing(false, 9), Some(Ban::Impose), Some(20)), standing(true, 20));
        assert_eq!(declare(standing(true, 9), Some(Ban::Impose), Some(9)), standing(true, 9));
        assert_eq!(declare(standing(true, 9), Some(Ban::Lift), None), standing(false, 9));
        assert_eq!(declare(standing(true, 9), None, Some(20)), standing(true, 20));
        assert_eq!(declare(standing(true, None), Some(Ban::Lift), None), standing(false, 100));
        assert_eq!(declare(new, Some(Ban::Lift), None), new);
        assert_eq!(declare(new, None, None), new);
    }

    /// Who is on which rosters; of the groups one is not in effect.
    struct Realm(Record);

    impl Directory for Realm {
        fn record(&self, _: &UserId, _: Timestamp) -> Record {
            self.0.clone()
        }

        fn has_ended(&self, _: SessionId) -> bool {
            false
        }

        fn has_group(&self, group: &GroupName) -> bool {
            group.as_str() != "gone"
        }

        fn description(&self, _: &GroupName) -> Option<Description> {
            None
        }

        fn rosters(&self, _: Page<'_, Roster>) -> Vec<Roster> {
            Vec::new()
        }

        fn members(&self, _: &Roster, _: Page<'_, UserId>, _: Timestamp) -> Option<Vec<UserId>> {
            None
        }

        fn users(&self, _: Page<'_, UserId>, _: Timestamp) -> Vec<UserId> {
            Vec::new()
        }

        fn client(&self, _: &str) -> Option<Arc<Client>> {
            None
        }

        fn clients(&self) -> Vec<Arc<Client>> {
            Vec::new()
        }

        fn tell_of_endings(&self, _: Hearing) {}
    }

    fn record(holdings: &[(&str, Option<i64>)]) -> Record {
        let holding = |(roster, end): &(&str, Option<i64>)| Holding {
            roster: roster.parse().unwrap(),
            expires_at: end.map(moment),
        };
        Record { holdings: holdings.iter().map(holding).collect(), ..Record::default() }
    }

    #[test]
    fn a_group_counts_for_as_long_as_either_says_it() {
        let before = record(&[("staff", None), ("a", Some(50)), ("b", None), ("b.staff", None)]);
        let groups = ["c", "gone", "b", "a"].map(|group| group.parse().unwrap());
        let after = |until: i64, groups: &[GroupName]| {
            let mut after = before.clone();
            after.add_mapped(groups, moment(until), &Realm(Record::default()), moment(10));
            after
        };
        let with = |a: i64, c: i64| {
            record(&[
                ("staff", None),
                ("a", Some(a)),
                ("b", None),
                ("b.staff", None),
                ("c", Some(c)),
            ])
        };
        assert_eq!(after(80, &groups), with(80, 80), "in the order of the rosters");
        assert_eq!(after(40, &groups), with(50, 40), "the longer one counts");
        assert_eq!(after(11, &groups), with(50, 11));
        assert_eq!(after(10, &groups), before, "it is over");
        assert_eq!(after(9, &groups), before);
        assert_eq!(after(80, &[]), before);
    }

    #[test]
    fn somebody_is_on_a_roster_until_its_end() {
        let realm = Realm(record(&[("a", Some(50)), ("b", None)]));
        let until = |roster: &str| {
            let (ada, roster) = ("k-ada".parse().unwrap(), roster.parse().unwrap());
            realm.until(&ada, &roster, moment(10))
        };
        assert_eq!(until("a"), Some(Some(moment(50))));
        assert_eq!(until("b"), Some(None), "without an end");
        assert_eq!(until("a.staff"), None, "not on it");
    }

    proptest! {
        /// However clocks go and whatever is done, a ban lifted or a session ended is no former standing again.
        #[test]
        fn nothing_that_was_revoked_comes_back(
            deeds in proptest::collection::vec((0..3_u8, 0..50_i64), 1..30),
        ) {
            let (mut now, mut seen) = (standing(false, None), vec![None]);
            for (deed, clock) in deeds {
                let before = now;
                now = match deed {
                    0 => now.revoked(moment(clock)),
                    1 => now.banned(moment(clock)),
                    _ => now.lifted(moment(clock)),
                };
                if now.not_before != before.not_before {
                    prop_assert!(!seen.contains(&now.not_before));
                    seen.push(now.not_before);
                }
                prop_assert!(deed != 0 || now.not_before != before.not_before);
                prop_assert!(deed != 1 || before.banned || now.not_before != before.not_before);
            }
        }
    }
}
