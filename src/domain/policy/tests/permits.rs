//! What an actor and a permit say of themselves, and whose session is ended.

use super::*;
use crate::domain::provider::ProviderNames;

/// Somebody in the session of [`token`], with a token that reaches so far.
fn in_session(scope: &str, held: &[&str]) -> Actor {
    let access = AccessClaims {
        token: token(10, scope),
        groups: Vec::new(),
        groups_truncated: false,
        extra: ExtraClaims::default(),
    };
    let session = Duration::from_secs(1000);
    let admission = admit(Grant::Access(&access), Standing::default(), session, moment(20));
    let held = held.iter().map(|text| holding(text.parse().unwrap(), None)).collect();
    Actor::user(&admission.unwrap(), held)
}

fn end_session(id: &str, session: u8) -> Change {
    let session = SessionId::new([session; 16]);
    Change::EndSession { user: user(id), session, until: moment(1010) }
}

/// Whoever has seen a token knows the id of its session: that is enough for nobody else, nor elsewhere. Root staff ends any.
#[test]
fn a_session_is_ended_in_itself() {
    for held in [&[][..], &["admin.staff"], &["staff"]] {
        let (actor, is_root) = (in_session("", held), held == ["staff"]);
        assert!(permit(&actor, end_session("kisee-me", 9)).is_ok(), "{held:?}");
        for (id, session) in [("kisee-me", 8), ("kisee-other", 9), ("kisee-other", 8)] {
            let answer = permit(&actor, end_session(id, session)).err();
            let expected = (!is_root).then_some(Denied::NotEntitled);
            assert_eq!(answer, expected, "{held:?}: {session} of {id}");
        }
    }
    // One that begins has nothing to end yet.
    assert!(permit(&actor("kisee-me", &["admin.staff"]), end_session("kisee-me", 9)).is_err());
    assert!(permit(&Actor::operator(), end_session("kisee-other", 8)).is_ok());
}

#[test]
fn what_counts_is_what_the_token_reaches() {
    let held = ["admin.staff", "staff"];
    for (scope, reached) in [("", &held[..]), ("admin", &["admin.staff"]), ("staff", &["staff"])] {
        let actor = in_session(scope, &held);
        let holdings: Vec<_> = actor.holdings().iter().map(|it| it.roster.to_string()).collect();
        assert_eq!(holdings, reached, "{scope:?}");
        let permit = permit(&actor, add("admin")).unwrap();
        let mut deciding: Vec<_> = permit.deciding().iter().map(ToString::to_string).collect();
        deciding.sort();
        assert_eq!(deciding, reached, "{scope:?}");
        assert_eq!(permit.session(), Some(SessionId::new([9; 16])));
    }
    let operator = Actor::operator();
    assert_eq!((operator.holdings(), operator.id()), (&[][..], None));
    let permit = permit(&operator, add("admin")).unwrap();
    assert_eq!((permit.session(), permit.actor(), permit.deciding()), (None, None, vec![]));
}

/// How much may be made, and who could log in, is known where it is asked for, and carried out with that in mind.
#[test]
fn a_permit_knows_its_bounds_and_who_could_log_in() {
    let permit = permit(&Actor::operator(), add("admin")).unwrap();
    assert_eq!((permit.bounds(), permit.possible().is_some()), (Bounds::default(), false));
    let fewer = Bounds { groups: None, memberships: Some(7) };
    let providers: ProviderNames = "kisee".parse().unwrap();
    let permit = permit.within(fewer).knowing(Arc::new(PossibleUsers::from(&providers)));
    assert_eq!(permit.bounds(), fewer);
    let possible = permit.possible().unwrap();
    assert!(possible.has(&user("kisee-ada")) && !possible.has(&user("local-ada")));
}
