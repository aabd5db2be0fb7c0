//! The policy's table, for every actor, every action and random trees.

mod inviting;
mod permits;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::change::Ban;
use crate::domain::claim::ClaimValue;
use crate::domain::evidence::{Evidence, Fingerprint};
use crate::domain::membership::Membership;
use crate::domain::token::{SessionId, Token};

fn user(text: &str) -> UserId {
    text.parse().unwrap()
}

fn actor(id: &str, held: &[&str]) -> Actor {
    let held: Vec<Roster> = held.iter().map(|text| text.parse().unwrap()).collect();
    actor_on(id, &held)
}

fn actor_on(id: &str, held: &[Roster]) -> Actor {
    let (grant, session) = (Grant::Login(Login::of(user(id))), Duration::from_secs(1000));
    let admission = admit(grant, Standing::default(), session, moment(20)).unwrap();
    Actor::user(&admission, held.iter().map(|roster| holding(roster.clone(), None)).collect())
}

fn holding(roster: Roster, expires_at: Option<Timestamp>) -> Holding {
    Holding { roster, expires_at }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn create(group: &str, creator: &str) -> Change {
    Change::CreateGroup { group: group.parse().unwrap(), creator: Some(user(creator)) }
}

fn describe(group: &str) -> Change {
    Change::Describe { group: group.parse().unwrap(), description: None }
}

fn add(roster: &str) -> Change {
    Change::AddMember(Membership {
        roster: roster.parse().unwrap(),
        user: user("kisee-new"),
        expires_at: None,
    })
}

fn set_expiry(roster: &str) -> Change {
    Change::SetExpiry(Membership {
        roster: roster.parse().unwrap(),
        user: user("kisee-new"),
        expires_at: Some(moment(30)),
    })
}

/// Beside root staff, the staff of the group and of its parent; of none further above or below.
#[test]
fn whoever_runs_a_group_or_may_make_it_again_says_what_it_is_for() {
    for (held, expected) in [
        ("staff", true),
        ("admin", false),
        ("admin.staff", false),
        ("admin.developers", false),
        ("admin.developers.staff", true),
        ("admin.developers.rust", false),
        ("admin.developers.rust.staff", true),
        ("admin.developers.rust.core.staff", false),
        ("other.staff", false),
    ] {
        let answer = permit(&actor("kisee-me", &[held]), describe("admin.developers.rust"));
        assert_eq!(answer.is_ok(), expected, "{held}");
    }
    let rosters = deciding(&describe("admin.developers"));
    let rosters: Vec<String> = rosters.iter().map(ToString::to_string).collect();
    assert_eq!(rosters, ["staff", "admin.developers.staff", "admin.staff"]);
}

/// Every row of the policy against every kind of actor: (change, who may beside root staff).
#[test]
fn changes() {
    let remove = |roster: &str| Change::RemoveMember {
        roster: roster.parse().unwrap(),
        user: user("kisee-new"),
    };
    let rows: Vec<(Change, Option<&str>)> = vec![
        (create("admin", "kisee-me"), None),
        (create("admin.developers", "kisee-me"), Some("admin.staff")),
        (create("admin.developers.rust", "kisee-me"), Some("admin.developers.staff")),
        (Change::DeleteGroup("admin".parse().unwrap()), None),
        (Change::DeleteGroup("admin.developers".parse().unwrap()), Some("admin.staff")),
        (describe("admin"), Some("admin.staff")),
        (add("staff"), None),
        (add("admin"), Some("admin.staff")),
        (add("admin.staff"), Some("admin.staff")),
        (add("admin.developers"), Some("admin.developers.staff")),
        (add("admin.developers.staff"), Some("admin.developers.staff")),
        (remove("staff"), None),
        (remove("admin"), Some("admin.staff")),
        (remove("admin.staff"), Some("admin.staff")),
        (remove("admin.developers"), Some("admin.developers.staff")),
        (set_expiry("staff"), None),
        (set_expiry("admin"), Some("admin.staff")),
        (set_expiry("admin.developers.staff"), Some("admin.developers.staff")),
        (Change::SetBanned { user: user("kisee-me"), banned: Ban::Lift }, None),
        (Change::SetBanned { user: user("kisee-new"), banned: Ban::Impose }, None),
        (Change::Revoke(user("kisee-new")), None),
        (Change::Declare { user: user("kisee-me"), banned: None, not_before: None }, None),
        (Change::DeleteUser(user("kisee-me")), None),
    ];
    let holders = [
        "staff",
        "admin",
        "admin.staff",
        "admin.developers",
        "admin.developers.staff",
        "admin.developers.rust",
        "admin.developers.rust.staff",
        "other",
        "other.staff",
    ];
    for (change, entitled) in rows {
        for held in holders {
            let expected = held == "staff" || Some(held) == entitled;
            let answer = permit(&actor("kisee-me", &[held]), change.clone());
            assert_eq!(answer.is_ok(), expected, "{held} and {change:?}");
            if let Ok(permit) = answer {
                assert_eq!((permit.change(), permit.actor()), (&change, Some(&user("kisee-me"))));
            }
        }
        assert!(permit(&actor("kisee-me", &[]), change.clone()).is_err());
        assert!(permit(&Actor::operator(), change).is_ok());
    }
}

#[test]
fn views() {
    let members = |roster: &str| View::Members(roster.parse().unwrap());
    let rows = [
        (members("staff"), None),
        (members("admin"), Some("admin.staff")),
        (members("admin.staff"), Some("admin.staff")),
        (members("admin.developers"), Some("admin.developers.staff")),
        (View::Groups, None),
        (View::Users, None),
        (View::User(user("kisee-other")), None),
    ];
    for (view, entitled) in rows {
        for held in ["staff", "admin", "admin.staff", "admin.developers", "admin.developers.staff"]
        {
            let expected = held == "staff" || Some(held) == entitled;
            assert_eq!(
                may_see(&actor("kisee-me", &[held]), &view).is_ok(),
                expected,
                "{held} and {view:?}"
            );
        }
        assert!(may_see(&actor("kisee-me", &[]), &view).is_err());
    }
    assert!(may_see(&actor("kisee-me", &[]), &View::User(user("kisee-me"))).is_ok());
}

#[test]
fn nobody_creates_in_the_name_of_another() {
    assert!(permit(&actor("kisee-me", &["staff"]), create("admin", "kisee-other")).is_err());
    let nameless = Change::CreateGroup { group: "admin".parse().unwrap(), creator: None };
    assert!(permit(&actor("kisee-me", &["staff"]), nameless).is_err());
}

fn token(issued: i64, scope: &str) -> Token {
    Token {
        subject: user("kisee-me"),
        issued_at: moment(issued),
        expires_at: moment(issued + 1000),
        authenticated_at: moment(issued),
        auth_time: AuthTime::AtLogin,
        id: "id".parse().unwrap(),
        scope: if scope.is_empty() { Scope::Unlimited } else { Scope::asked(scope).unwrap() },
        revocation: None,
        session: SessionId::new([9; 16]),
        client: None,
    }
}

/// What a login proved, and what it was limited to, goes into the session and on through each refresh; an access token that is
/// shown proves none of it again.
#[test]
fn what_a_login_proved_goes_on() {
    let evidence: Evidence = [Fingerprint([7; Fingerprint::LENGTH])].into_iter().collect();
    let email = ("email".parse().unwrap(), ClaimValue::Text("me@example.com".to_owned()));
    let extra: ExtraClaims = [email].into_iter().collect();
    let scope: Scope = "groups:admin".parse().unwrap();
    let judge = |grant| {
        let admission = admit(grant, Standing::default(), Duration::from_secs(1000), moment(20));
        let admission = admission.unwrap();
        let session = admission.session();
        (session, admission.scope().clone(), admission.evidence, admission.claims)
    };
    let own = Some(SessionId::new([9; 16]));
    let proved = (scope.clone(), evidence.clone(), extra.clone());
    let proved = |session| (session, proved.0.clone(), proved.1.clone(), proved.2.clone());
    let login = Login {
        scope: scope.clone(),
        evidence: evidence.clone(),
        claims: extra.clone(),
        ..Login::of(user("kisee-me"))
    };
    assert_eq!(judge(Grant::Login(login)), proved(None), "a session begins");
    let token = token(10, "admin");
    let refresh = RefreshClaims { token: token.clone(), evidence, extra: extra.clone() };
    assert_eq!(judge(Grant::Refresh(&refresh, Scope::Unlimited)), proved(own));
    let access = AccessClaims { token, groups: Vec::new(), groups_truncated: false, extra };
    let (evidence, claims) = <(Evidence, ExtraClaims)>::default();
    assert_eq!(judge(Grant::Access(&access)), (own, scope, evidence, claims));
}

/// Every grant meets every standing: banned and revoked users get nothing.
#[test]
fn grants() {
    let session = Duration::from_secs(1000);
    let judge = |kind: usize, standing: Standing, rev: Option<i64>, now: i64| {
        let token = Token { revocation: rev.map(moment), ..token(10, "") };
        let access = AccessClaims {
            token: token.clone(),
            groups: Vec::new(),
            groups_truncated: false,
            extra: ExtraClaims::default(),
        };
        let refresh =
            RefreshClaims { token, evidence: Evidence::default(), extra: ExtraClaims::default() };
        let grant = match kind {
            0 => Grant::Login(Login::of(user("kisee-me"))),
            1 => Grant::Refresh(&refresh, Scope::Unlimited),
            _ => Grant::Access(&access),
        };
        admit(grant, standing, session, moment(now)).map(|admission| admission.revocation)
    };
    let not_before =
        |seconds| Standing { not_before: Some(moment(seconds)), ..Standing::default() };
    for kind in 0..3 {
        assert_eq!(judge(kind, Standing::default(), None, 20), Ok(None));
        for not_before in [None, Some(moment(10))] {
            let banned = Standing { banned: true, not_before };
            assert_eq!(judge(kind, banned, Some(10), 20), Err(Refusal::Banned));
        }
    }
    // A session is good while the user's revocation is exactly its own, whatever clocks say.
    for at in [0, 9, 10, 11, 20, 21, 1_000_000, Timestamp::MAX.as_unix()] {
        assert_eq!(judge(0, not_before(at), None, 20), Ok(Some(moment(at))), "a new login");
        for kind in 1..3 {
            assert_eq!(judge(kind, not_before(at), Some(at), 20), Ok(Some(moment(at))));
            assert_eq!(judge(kind, not_before(at), None, 20), Err(Refusal::Revoked));
            assert_eq!(judge(kind, Standing::default(), Some(at), 20), Err(Refusal::Revoked));
            for other in [at - 1, at + 1].into_iter().filter_map(Timestamp::from_unix) {
                let rev = Some(other.as_unix());
                assert_eq!(judge(kind, not_before(at), rev, 20), Err(Refusal::Revoked), "{rev:?}");
            }
        }
    }
    for kind in 1..3 {
        assert!(judge(kind, Standing::default(), None, 1009).is_ok());
        assert_eq!(judge(kind, Standing::default(), None, 1010), Err(Refusal::SessionOver));
    }
}

#[test]
fn scope_never_widens() {
    let cases = [
        ("", "", true),
        ("", "a", true),
        ("a", "", true),
        ("a", "a.b", true),
        ("a", "a.b.staff", true),
        ("a", "a.staff", true),
        ("a b", "b", true),
        ("a.b", "a", false),
        ("a.staff", "a", false),
        ("a", "b", false),
        ("a", "a b", false),
        ("a", "staff", false),
        ("staff", "a", false),
        ("a", "ab", false),
    ];
    for (held, asked, expected) in cases {
        let refresh = RefreshClaims {
            token: token(10, held),
            evidence: Evidence::default(),
            extra: ExtraClaims::default(),
        };
        let asked_scope =
            if asked.is_empty() { Scope::Unlimited } else { Scope::asked(asked).unwrap() };
        let grant = Grant::Refresh(&refresh, asked_scope);
        let answer = admit(grant, Standing::default(), Duration::from_secs(1000), moment(20));
        match answer {
            Ok(admission) => {
                assert!(expected, "{held:?} to {asked:?}");
                let scope = if asked.is_empty() { held } else { asked };
                assert_eq!(admission.scope, token(10, scope).scope);
            }
            Err(refusal) => {
                assert_eq!(
                    (expected, refusal),
                    (false, Refusal::ScopeWidened),
                    "{held:?} to {asked:?}"
                );
            }
        }
    }
}

fn any_group() -> impl Strategy<Value = GroupName> {
    "[ab](\\.[ab]){0,3}".prop_map(|text| text.parse().unwrap())
}

fn any_roster() -> impl Strategy<Value = Roster> {
    prop_oneof![
        Just(Roster::RootStaff),
        any_group().prop_map(Roster::Members),
        any_group().prop_map(Roster::Staff),
    ]
}

proptest! {
    /// The policy written a second time, in words of its own, holds for random actors and trees.
    #[test]
    fn policy_on_random_trees(
        held in proptest::collection::vec(any_roster(), 0..4), group in any_group(), roster in any_roster(),
    ) {
        let me = user("kisee-me");
        let actor = actor_on("kisee-me", &held);
        let texts: Vec<String> = held.iter().map(ToString::to_string).collect();
        let holds = |text: String| texts.contains(&text);
        let root = holds("staff".into());
        let staff_above = match group.to_string().rsplit_once('.') {
            Some((parent, _)) => holds(format!("{parent}.staff")),
            None => false,
        };
        let own_staff = roster != Roster::RootStaff && {
            let text = roster.to_string();
            let group = text.strip_suffix(".staff").unwrap_or(&text);
            holds(format!("{group}.staff"))
        };
        let creation = Change::CreateGroup { group: group.clone(), creator: Some(me.clone()) };
        prop_assert_eq!(permit(&actor, creation).is_ok(), root || staff_above);
        prop_assert_eq!(permit(&actor, Change::DeleteGroup(group)).is_ok(), root || staff_above);
        let membership = Membership { roster: roster.clone(), user: me.clone(), expires_at: None };
        prop_assert_eq!(permit(&actor, Change::AddMember(membership)).is_ok(), root || own_staff);
        let removal = Change::RemoveMember { roster: roster.clone(), user: me.clone() };
        prop_assert_eq!(permit(&actor, removal).is_ok(), root || own_staff);
        prop_assert_eq!(may_see(&actor, &View::Members(roster)).is_ok(), root || own_staff);
        prop_assert_eq!(permit(&actor, Change::DeleteUser(me)).is_ok(), root);
    }
}

/// The word of another who issues tokens, whose user logged in there a while ago: nothing here counts from now.
#[test]
fn a_login_elsewhere_counts_from_when_it_was() {
    let (now, session) = (moment(10_000), Duration::from_secs(1000));
    let elsewhere = |at: i64, standing: Standing| {
        let login = Login { authenticated_at: Some(moment(at)), ..Login::of(user("a-b-c")) };
        admit(Grant::Login(login), standing, session, now)
    };
    let admission = elsewhere(9_500, Standing::default()).unwrap();
    assert_eq!(admission.authenticated_at, moment(9_500));
    assert_eq!(admission.session_ends, moment(10_500));
    assert_eq!(elsewhere(9_000, Standing::default()).unwrap_err(), Refusal::SessionOver);
    assert!(elsewhere(9_001, Standing::default()).is_ok());
    let ahead = elsewhere(10_060, Standing::default()).unwrap();
    assert_eq!(ahead.authenticated_at, now, "a clock that is ahead gives no longer session");
    let revoked = |at: i64| Standing { not_before: Some(moment(at)), ..Standing::default() };
    assert_eq!(elsewhere(9_500, revoked(9_501)).unwrap_err(), Refusal::Revoked);
    assert!(elsewhere(9_500, revoked(9_500)).is_ok());
    assert_eq!(elsewhere(9_999, revoked(10_000)).unwrap_err(), Refusal::Revoked);
    assert_eq!(elsewhere(9_999, revoked(10_060)).unwrap_err(), Refusal::Revoked);
    let ahead = elsewhere(9_500, revoked(10_061)).unwrap();
    assert_eq!(ahead.revocation, Some(moment(10_061)), "what is far ahead shuts nobody out");
}

/// A permit is the word of a moment: what is said of its author later counts, by the same table.
#[test]
fn permits_are_judged_again() {
    let (now, staff) = (moment(20), || holding("admin.staff".parse().unwrap(), None));
    let access = AccessClaims {
        token: token(10, ""),
        groups: Vec::new(),
        groups_truncated: false,
        extra: ExtraClaims::default(),
    };
    let session = Duration::from_secs(2000);
    let permitted = |change: Change| {
        let admission = admit(Grant::Access(&access), Standing::default(), session, now).unwrap();
        permit(&Actor::user(&admission, vec![staff()]), change).unwrap()
    };
    let again = |standing: Standing, holdings: Vec<Holding>, now: i64| {
        permitted(add("admin")).judge_again(
            Record { standing, holdings },
            Tally::default(),
            moment(now),
        )
    };
    let banned = Standing { banned: true, ..Standing::default() };
    let revoked = |at| Standing { not_before: Some(moment(at)), ..Standing::default() };
    let root = || holding(Roster::RootStaff, None);
    let none = Standing::default();
    assert_eq!(again(none, vec![staff()], 20), Ok(()));
    assert_eq!(again(none, vec![root()], 20), Ok(()), "root staff may too");
    assert_eq!(again(none, vec![], 20), Err(Denied::NotEntitled.into()));
    let member = holding("admin".parse().unwrap(), None);
    assert_eq!(again(none, vec![member], 20), Err(Denied::NotEntitled.into()));
    assert_eq!(again(banned, vec![staff(), root()], 20), Err(Refusal::Banned.into()));
    assert_eq!(again(revoked(11), vec![staff()], 20), Err(Refusal::Revoked.into()));
    assert_eq!(again(none, vec![staff()], 1009), Ok(()));
    assert_eq!(again(none, vec![staff()], 1010), Err(Refusal::TokenOver.into()));
    assert_eq!(again(none, vec![staff()], 2010), Err(Refusal::SessionOver.into()));
    let operator = permit(&Actor::operator(), add("admin")).unwrap();
    assert_eq!(
        operator.judge_again(Record { standing: banned, holdings: vec![] }, Tally::default(), now),
        Ok(())
    );
}

/// A scope holds back again what it held back first.
#[test]
fn a_scope_counts_again() {
    let login = Login { scope: "groups:admin".parse().unwrap(), ..Login::of(user("kisee-me")) };
    let (session, now) = (Duration::from_secs(1000), moment(20));
    let admission = admit(Grant::Login(login), Standing::default(), session, now).unwrap();
    let held = |text: &str| vec![holding(text.parse().unwrap(), None)];
    let permit = permit(&Actor::user(&admission, held("admin.staff")), add("admin")).unwrap();
    let again = |text: &str| {
        permit.judge_again(
            Record { standing: Standing::default(), holdings: held(text) },
            Tally::default(),
            now,
        )
    };
    assert_eq!(again("admin.staff"), Ok(()));
    assert_eq!(
        again("staff"),
        Err(Denied::NotEntitled.into()),
        "root staff, out of this token's reach"
    );
}

/// The rosters that decide are all that have to be looked up: no other holding changes an answer.
#[test]
fn deciding_rosters_decide() {
    let rosters = ["staff", "admin", "admin.staff", "admin.x", "admin.x.staff", "b.staff"];
    let changes = [
        create("admin", "kisee-me"),
        create("admin.x", "kisee-me"),
        Change::DeleteGroup("admin.x".parse().unwrap()),
        add("staff"),
        add("admin"),
        add("admin.staff"),
        add("admin.x.staff"),
        Change::SetBanned { user: user("kisee-me"), banned: Ban::Lift },
        Change::DeleteUser(user("kisee-me")),
    ];
    for change in changes {
        let deciding = deciding(&change);
        for text in rosters {
            let roster: Roster = text.parse().unwrap();
            let allows =
                permit(&actor_on("kisee-me", std::slice::from_ref(&roster)), change.clone());
            assert_eq!(allows.is_ok(), deciding.contains(&roster), "{text}: {change:?}");
        }
    }
}

/// Everybody leaves for themselves, with any token that reaches nothing at all, and nobody for another: that is a removal.
#[test]
fn leaving() {
    let leave = |id: &str| Change::Leave { roster: "admin".parse().unwrap(), user: user(id) };
    for held in [vec![], vec!["admin"], vec!["admin.staff"], vec!["staff"]] {
        let actor = actor("kisee-me", &held);
        assert!(permit(&actor, leave("kisee-me")).is_ok(), "{held:?}");
        assert_eq!(permit(&actor, leave("kisee-other")).err(), Some(Denied::NotEntitled));
    }
    assert!(permit(&Actor::operator(), leave("kisee-other")).is_ok());
}

/// Everybody ends their own sessions, nobody but root staff another's.
#[test]
fn own_sessions() {
    let revoke = |id: &str| Change::Revoke(user(id));
    for held in [vec![], vec!["admin"], vec!["admin.staff"], vec!["staff"]] {
        let actor = actor("kisee-me", &held);
        assert!(permit(&actor, revoke("kisee-me")).is_ok(), "{held:?}");
        assert_eq!(permit(&actor, revoke("kisee-other")).is_ok(), held == ["staff"], "{held:?}");
    }
}

/// Who is staff until a moment stays so: not a second longer by their own hand, on every staff there is.
#[test]
fn own_time_on_a_staff() {
    let (early, end, late) = (Some(moment(50)), Some(moment(100)), Some(moment(101)));
    let by = |held: &[(&str, Option<Timestamp>)], change: Change| {
        let (grant, session) =
            (Grant::Login(Login::of(user("kisee-me"))), Duration::from_secs(1000));
        let admission = admit(grant, Standing::default(), session, moment(20)).unwrap();
        let held = held.iter().map(|(text, end)| holding(text.parse().unwrap(), *end)).collect();
        permit(&Actor::user(&admission, held), change).err()
    };
    let membership = |roster: &str, id: &str, expires_at| Membership {
        roster: roster.parse().unwrap(),
        user: user(id),
        expires_at,
    };
    let add = |roster, id, end| Change::AddMember(membership(roster, id, end));
    let set = |roster, id, end| Change::SetExpiry(membership(roster, id, end));
    for staff in ["admin.staff", "staff"] {
        let own = [(staff, end)];
        for new in [None, early, end, late] {
            assert_eq!(by(&own, add(staff, "kisee-me", new)), Some(Denied::OwnTime), "once more");
            assert_eq!(by(&own, add(staff, "kisee-new", new)), None, "others as before");
            assert_eq!(by(&own, set(staff, "kisee-new", new)), None);
            assert_eq!(by(&[(staff, None)], set(staff, "kisee-me", new)), None, "without an end");
            assert_eq!(by(&[(staff, None)], add(staff, "kisee-me", new)), None);
        }
        assert_eq!(by(&own, set(staff, "kisee-me", early)), None, "less is one's own to say");
        assert_eq!(by(&own, set(staff, "kisee-me", end)), None);
        for later in [None, late] {
            assert_eq!(by(&own, set(staff, "kisee-me", later)), Some(Denied::OwnTime));
        }
    }
    let member_too = [("admin.staff", end), ("admin", end)];
    assert_eq!(by(&member_too, set("admin", "kisee-me", None)), None, "a member's time is staff's");
    for root_end in [None, end] {
        let root_too = [("admin.staff", end), ("staff", root_end)];
        assert_eq!(by(&root_too, add("admin.staff", "kisee-me", None)), None, "root staff may");
        assert_eq!(by(&root_too, set("admin.staff", "kisee-me", late)), None);
    }
}
