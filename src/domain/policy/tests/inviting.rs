//! Who invites, by whose word somebody comes in, and what an invitation of somebody is worth later.

use super::*;
use crate::domain::invitation::{Invited, Joining};

fn join(roster: &str, id: &str) -> Change {
    let membership =
        Membership { roster: roster.parse().unwrap(), user: user(id), expires_at: None };
    Change::Join(Box::new(Joining { membership, mark: "m".parse().unwrap(), name: None }))
}

/// The staff of the group and root staff, and nobody above, below, beside or in it.
#[test]
fn the_staff_of_the_group_alone() {
    let group = || "admin.web".parse().unwrap();
    for (held, right) in [
        ("staff", true),
        ("admin.web.staff", true),
        ("admin.web", false),
        ("admin.staff", false),
        ("admin.web.api.staff", false),
        ("other.staff", false),
    ] {
        let by = actor("kisee-me", &[held]);
        for change in [
            Change::Invite(group()),
            Change::VoidInvitations(group()),
            join("admin.web", "kisee-new"),
            join("admin.web.staff", "kisee-new"),
        ] {
            assert_eq!(permit(&by, change.clone()).is_ok(), right, "{held}: {change:?}");
        }
        assert_eq!(permit(&by, join("staff", "kisee-new")).is_ok(), held == "staff", "{held}");
    }
}

/// Their own invitation gives nobody more time on a staff.
#[test]
fn nobody_invites_themselves_to_stay() {
    let end = Some(moment(100));
    let grant = Grant::Login(Login::of(user("kisee-me")));
    let admission =
        admit(grant, Standing::default(), Duration::from_secs(1000), moment(20)).unwrap();
    let held = vec![holding("admin.staff".parse().unwrap(), end)];
    let by = Actor::user(&admission, held);
    let denied = permit(&by, join("admin.staff", "kisee-me")).err();
    assert_eq!(denied, Some(Denied::OwnTime));
    assert!(permit(&by, join("admin.staff", "kisee-new")).is_ok());
}

/// An invitation speaks for whoever made it while nothing was said of them since.
#[test]
fn whoever_was_stopped_invites_nobody() {
    let day = Duration::from_secs(86_400);
    let speaks = |then: Option<i64>, banned, now: Option<i64>| {
        let invited = Invited { by: user("kisee-me"), revocation: then.map(moment) };
        let standing = Standing { banned, not_before: now.map(moment) };
        admit(Grant::Invitation(invited), standing, day, moment(50)).map(|_| ())
    };
    assert_eq!(speaks(None, false, None), Ok(()));
    assert_eq!(speaks(Some(10), false, Some(10)), Ok(()));
    assert_eq!(speaks(None, true, None), Err(Refusal::Banned));
    assert_eq!(speaks(Some(10), true, Some(10)), Err(Refusal::Banned));
    for (then, now) in [(None, Some(10)), (Some(10), Some(11)), (Some(10), None)] {
        assert_eq!(speaks(then, false, now), Err(Refusal::Revoked), "{then:?} {now:?}");
    }
}
