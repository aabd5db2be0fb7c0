//! What a pair says, for every length of things.

use super::*;
use crate::domain::directory::Standing;
use crate::domain::policy::{Grant, Login, admit};
use crate::domain::token::Scope;

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn holding(roster: &str, expires_at: Option<i64>) -> Holding {
    Holding { roster: roster.parse().unwrap(), expires_at: expires_at.map(moment) }
}

fn login(scope: Scope, now: i64) -> Admission {
    let grant = Grant::Login(Login { scope, ..Login::of("kisee-ada".parse().unwrap()) });
    admit(grant, Standing::default(), Lifetimes::default().session, moment(now)).unwrap()
}

fn ids() -> Ids {
    Ids {
        access: "a".parse().unwrap(),
        refresh: "b".parse().unwrap(),
        session: SessionId::new([7; 16]),
    }
}

fn pair(scope: Scope, holdings: Vec<Holding>) -> TokenPair {
    issue(login(scope, 1000), holdings, Lifetimes::default(), ids(), moment(1000)).fit(usize::MAX)
}

#[test]
fn lengths() {
    let pair = pair(Scope::Unlimited, vec![holding("staff", None), holding("admin", None)]);
    assert_eq!(pair.access.token.expires_at, moment(1000 + 900));
    assert_eq!(pair.refresh.token.expires_at, moment(1000 + 30 * 86400));
    assert_eq!(pair.access.groups.len(), 2);
    assert_ne!(pair.access.token.id, pair.refresh.token.id);
}

#[test]
fn an_access_token_ends_with_the_first_membership_it_shows() {
    let holdings = vec![holding("admin", Some(1500)), holding("oncall", Some(1200))];
    assert_eq!(pair(Scope::Unlimited, holdings.clone()).access.token.expires_at, moment(1200));
    let scoped = pair("groups:admin".parse().unwrap(), holdings);
    assert_eq!(scoped.access.token.expires_at, moment(1500), "what is out of scope does not count");
    assert_eq!(scoped.access.groups, ["admin".parse().unwrap()]);
    assert_eq!(scoped.refresh.token.expires_at, moment(1000 + 30 * 86400));
}

#[test]
fn what_is_over_within_a_minute_gives_no_group() {
    for (left, given) in [(0, false), (1, false), (59, false), (60, true), (61, true)] {
        let holdings = vec![holding("admin", Some(1000 + left)), holding("oncall", None)];
        let access = pair(Scope::Unlimited, holdings).access;
        let groups: Vec<String> = access.groups.iter().map(ToString::to_string).collect();
        let (named, lifetime) = if given { (2, left) } else { (1, 900) };
        assert_eq!(groups.len(), named, "{left} s");
        assert_eq!(access.token.expires_at, moment(1000 + lifetime), "{left} s");
        assert!(!access.groups_truncated, "it was not for want of room");
    }
}

/// What there is no room for neither shows nor shortens the token.
#[test]
fn groups_without_room_are_left_out_and_told() {
    let holdings =
        vec![holding("staff", None), holding("a", Some(1500)), holding("b.c", Some(1200))];
    let fitted = |room| {
        let admission = login(Scope::Unlimited, 1000);
        let draft = issue(admission, holdings.clone(), Lifetimes::default(), ids(), moment(1000));
        assert!(draft.bare().groups.is_empty());
        let AccessClaims { groups, groups_truncated, token, .. } = draft.fit(room).access;
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        (groups.join(" "), groups_truncated, token.expires_at.as_unix() - 1000)
    };
    assert_eq!(fitted(18), ("staff a b.c".to_owned(), false, 200));
    assert_eq!(fitted(17), ("staff a".to_owned(), true, 500));
    assert_eq!(fitted(11), ("staff".to_owned(), true, 900));
    assert_eq!(fitted(7), ("a".to_owned(), true, 500));
    assert_eq!(fitted(0), (String::new(), true, 900));
}

#[test]
fn nothing_outlives_the_session() {
    let mut first = pair(Scope::Unlimited, Vec::new());
    first.refresh.token.expires_at = Timestamp::MAX;
    let session = Lifetimes::default().session;
    let late = 1000 + 90 * 86400 - 60;
    let grant = Grant::Refresh(&first.refresh, Scope::Unlimited);
    let admission = admit(grant, Standing::default(), session, moment(late)).unwrap();
    let last = issue(admission, Vec::new(), Lifetimes::default(), ids(), moment(late)).fit(0);
    assert_eq!(last.access.token.expires_at, moment(late + 60));
    assert_eq!(last.refresh.token.expires_at, moment(late + 60));
    assert_eq!(last.access.token.authenticated_at, moment(1000));
}

/// A session's tokens say which one it is, from the login to its end.
#[test]
fn a_session_keeps_its_id() {
    let first = pair(Scope::Unlimited, Vec::new());
    assert_eq!(first.access.token.session, SessionId::new([7; 16]));
    assert_eq!(first.refresh.token.session, SessionId::new([7; 16]));
    let session = Lifetimes::default().session;
    for scope in [Scope::Unlimited, Scope::asked("admin").unwrap()] {
        let grant = Grant::Refresh(&first.refresh, scope);
        let admission = admit(grant, Standing::default(), session, moment(1100)).unwrap();
        let others = Ids { session: SessionId::new([8; 16]), ..ids() };
        let next = issue(admission, Vec::new(), Lifetimes::default(), others, moment(1100)).fit(0);
        assert_eq!(next.access.token.session, SessionId::new([7; 16]));
        assert_eq!(next.refresh.token.session, SessionId::new([7; 16]));
    }
}

/// A refresh at a replica whose clock is half a minute behind the one that saw the login.
#[test]
fn no_token_is_older_than_its_login() {
    let first = pair(Scope::Unlimited, Vec::new());
    let grant = Grant::Refresh(&first.refresh, Scope::Unlimited);
    let session = Lifetimes::default().session;
    let admission = admit(grant, Standing::default(), session, moment(970)).unwrap();
    let early = issue(admission, Vec::new(), Lifetimes::default(), ids(), moment(970)).fit(0);
    assert_eq!(early.access.token.issued_at, moment(970));
    assert_eq!(early.access.token.authenticated_at, moment(970));
    assert_eq!(early.refresh.token.authenticated_at, moment(970));
}
