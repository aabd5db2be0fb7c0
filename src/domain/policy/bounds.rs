//! What no entitlement goes beyond: how much one author may have made, and that somebody stays on the root staff.
//!
//! Must not know how anything is counted.

use std::time::Duration;

use super::{Actor, Denied};
use crate::domain::bounds::{Bounds, Tally};
use crate::domain::directory::Standing;
use crate::domain::membership::Roster;
use crate::domain::provider::PossibleUsers;
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// Who is on the root staff for no longer than this cannot be counted on to bring others there.
const A_WHILE: Duration = Duration::from_secs(60);

/// Judges what somebody has made, together with what they are about to make. Root staff is trusted with all there is, and nobody
/// bounds an operator.
///
/// # Errors
/// [`Denied`]: it is too much.
pub fn keeps_within(
    actor: &Actor,
    bounds: &Bounds,
    made: Tally,
    more: Tally,
) -> Result<(), Denied> {
    if actor.id().is_none() || actor.holding(&Roster::RootStaff).is_some() {
        return Ok(());
    }
    let Tally { groups, memberships } = made + more;
    match bounds {
        Bounds { groups: Some(most), .. } if more.groups > 0 && groups > *most => {
            Err(Denied::TooManyGroups(*most))
        }
        Bounds { memberships: Some(most), .. } if more.memberships > 0 && memberships > *most => {
            Err(Denied::TooManyMemberships(*most))
        }
        _ => Ok(()),
    }
}

/// Whether somebody who is on the root staff until then, and of whom this is said, can take the place of others who lose it by a
/// change that [weakens](crate::domain::change::Change::weakens_root_staff) it: nobody but an operator leaves it to nobody, nor to
/// those who cannot log in. Where nobody knows who could, everybody may.
#[must_use]
pub fn keeps_root_staff(
    user: &UserId,
    end: Option<Timestamp>,
    standing: Standing,
    possible: Option<&PossibleUsers>,
    now: Timestamp,
) -> bool {
    !standing.banned
        && end.is_none_or(|end| now.after(A_WHILE) < end)
        && possible.is_none_or(|possible| possible.has(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::Holding;
    use crate::domain::policy::{Grant, Login, admit};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(second).unwrap()
    }

    fn actor(rosters: &[&str]) -> Actor {
        let grant = Grant::Login(Login::of("k-john".parse().unwrap()));
        let day = Duration::from_secs(86_400);
        let admission = admit(grant, Standing::default(), day, at(0)).unwrap();
        let holding = |roster: &&str| Holding { roster: roster.parse().unwrap(), expires_at: None };
        Actor::user(&admission, rosters.iter().map(holding).collect())
    }

    #[test]
    fn enough_is_enough() {
        let bounds = Bounds { groups: Some(2), memberships: Some(5) };
        let tally = |groups, memberships| Tally { groups, memberships };
        let john = actor(&["a.staff"]);
        let judged = |made, more| keeps_within(&john, &bounds, made, more);
        assert_eq!(judged(tally(1, 99), tally(1, 0)), Ok(()));
        assert_eq!(judged(tally(2, 0), tally(1, 0)), Err(Denied::TooManyGroups(2)));
        assert_eq!(judged(tally(99, 4), tally(0, 1)), Ok(()));
        assert_eq!(judged(tally(0, 5), tally(0, 1)), Err(Denied::TooManyMemberships(5)));
        assert_eq!(judged(tally(0, 0), tally(0, 6)), Err(Denied::TooManyMemberships(5)));
        assert_eq!(judged(tally(99, 99), tally(0, 0)), Ok(()), "what adds nothing is free");
        let unbound = Bounds { groups: None, memberships: None };
        let much = tally(u64::MAX, u64::MAX);
        assert_eq!(keeps_within(&john, &unbound, much, tally(1, 1)), Ok(()));
        for trusted in [actor(&["staff"]), Actor::operator()] {
            assert_eq!(keeps_within(&trusted, &bounds, much, tally(1, 1)), Ok(()));
        }
    }

    #[test]
    fn whoever_stays_can_act_for_a_while() {
        let (user, names) = ("k-john".parse().unwrap(), "x, k".parse().unwrap());
        let (known, others) = (PossibleUsers::from(&names), PossibleUsers::default());
        let judged = |end: Option<i64>, banned, possible: Option<&PossibleUsers>| {
            let standing = Standing { banned, not_before: None };
            keeps_root_staff(&user, end.map(at), standing, possible, at(100))
        };
        let keeps = |end, banned| {
            assert!(!judged(end, banned, Some(&others)), "nobody could be them");
            let right = judged(end, banned, Some(&known));
            assert_eq!(judged(end, banned, None), right, "nobody knows who could");
            right
        };
        for (end, banned, right) in [
            (None, false, true),
            (None, true, false),
            (Some(99), false, false),
            (Some(160), false, false),
            (Some(161), false, true),
            (Some(161), true, false),
        ] {
            assert_eq!(keeps(end, banned), right, "{end:?} {banned}");
        }
    }
}
