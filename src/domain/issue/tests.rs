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

fn pair(scope: Scope, holdings: Vec<Holding>) -> TokenPair {
    let ids = ["a".parse().unwrap(), "b".parse().unwrap()];
    issue(login(scope, 1000), holdings, Lifetimes::default(), ids, moment(1000))
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
    let scoped = pair("admin".parse().unwrap(), holdings);
    assert_eq!(scoped.access.token.expires_at, moment(1500), "what is out of scope does not count");
    assert_eq!(scoped.access.groups, ["admin".parse().unwrap()]);
    assert_eq!(scoped.refresh.token.expires_at, moment(1000 + 30 * 86400));
}

#[test]
fn nothing_outlives_the_session() {
    let first = pair(Scope::Unlimited, Vec::new());
    let session = Lifetimes::default().session;
    let late = 1000 + 90 * 86400 - 60;
    let grant = Grant::Refresh(&first.refresh, Scope::Unlimited);
    let admission = admit(grant, Standing::default(), session, moment(late)).unwrap();
    let ids = ["c".parse().unwrap(), "d".parse().unwrap()];
    let last = issue(admission, Vec::new(), Lifetimes::default(), ids, moment(late));
    assert_eq!(last.access.token.expires_at, moment(late + 60));
    assert_eq!(last.refresh.token.expires_at, moment(late + 60));
    assert_eq!(last.access.token.authenticated_at, moment(1000));
}

/// A refresh at a replica whose clock is half a minute behind the one that saw the login.
#[test]
fn no_token_is_older_than_its_login() {
    let first = pair(Scope::Unlimited, Vec::new());
    let grant = Grant::Refresh(&first.refresh, Scope::Unlimited);
    let session = Lifetimes::default().session;
    let admission = admit(grant, Standing::default(), session, moment(970)).unwrap();
    let ids = ["c".parse().unwrap(), "d".parse().unwrap()];
    let early = issue(admission, Vec::new(), Lifetimes::default(), ids, moment(970));
    assert_eq!(early.access.token.issued_at, moment(970));
    assert_eq!(early.access.token.authenticated_at, moment(970));
    assert_eq!(early.refresh.token.authenticated_at, moment(970));
}
