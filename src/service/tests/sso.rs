//! A browser's session, judged at each use as a refresh is.

use super::stage::{Stage, now, pass, user};
use crate::domain::change::{Ban, Change};
use crate::domain::claim::ClaimValue;
use crate::domain::policy::Refusal;
use crate::domain::time::Timestamp;
use crate::service::{FormToken, GrantError, SsoSession};

const HOUR: i64 = 60 * 60;

/// What becomes of a session that a browser carries.
fn used(stage: &Stage, session: &SsoSession) -> Result<SsoSession, GrantError> {
    stage.service.session(&session.to_bytes(), now())
}

fn refusal(result: Result<SsoSession, GrantError>) -> Refusal {
    match result {
        Err(GrantError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_says_who_logged_in_and_when() {
    let stage = Stage::new();
    let begun = stage.sign_in("local-ada");
    stage.looks();
    let session = used(&stage, &begun).unwrap();
    assert_eq!(stage.looks(), 1, "looked up once");
    assert_eq!(session, begun, "nothing is lost on the way");
    assert_eq!((session.user(), session.authenticated_at()), (&user("local-ada"), now()));
    assert_ne!(session.id(), stage.sign_in("local-ada").id(), "each login has its own");
    let caller = stage.service.caller_in(&session, now()).unwrap();
    assert_eq!(caller.user(), session.user());
    assert_eq!(caller.claims().token.session, session.id());
}

/// 12 hours after the login it is over, used or not; and two hours after it was last used.
#[test]
fn a_session_ends() {
    let stage = Stage::new();
    let mut session = stage.sign_in("local-ada");
    pass(2 * HOUR - 1);
    assert!(used(&stage, &session).is_ok());
    pass(1);
    assert_eq!(refusal(used(&stage, &session)), Refusal::SessionOver, "not used for two hours");

    session = stage.sign_in("local-ada");
    for _ in 0..11 {
        pass(HOUR);
        session = used(&stage, &session).unwrap().used(now()).unwrap();
    }
    pass(HOUR - 1);
    assert!(used(&stage, &session).is_ok());
    pass(1);
    let over = refusal(used(&stage, &session));
    assert_eq!(over, Refusal::SessionOver, "however much it was used");
    let caller = stage.service.caller_in(&session, now());
    assert!(matches!(caller, Err(GrantError::Refused(Refusal::SessionOver))));
}

/// Not at each use, so that a browser is not given a cookie with every answer.
#[test]
fn a_use_is_noted_once_in_a_while() {
    let stage = Stage::new();
    let session = stage.sign_in("local-ada");
    let at = |seconds: i64| Timestamp::from_unix(now().as_unix() + seconds).unwrap();
    assert_eq!(session.used(at(299)), None);
    let noted = session.used(at(300)).unwrap();
    assert_eq!(noted.used(at(599)), None);
    assert_eq!((noted.id(), noted.form_token()), (session.id(), session.form_token()));
}

#[test]
fn whatever_ends_tokens_ends_it() {
    let stage = Stage::new();
    let [one, other, banned] = [(); 3].map(|()| stage.sign_in("local-ada"));
    let end = Change::EndSession {
        user: user("local-ada"),
        session: one.id(),
        until: one.memory().token.expires_at,
    };
    stage.operate(end);
    assert_eq!(refusal(used(&stage, &one)), Refusal::SessionEnded);
    assert!(used(&stage, &other).is_ok(), "the others go on");
    stage.operate(Change::Revoke(user("local-ada")));
    assert_eq!(refusal(used(&stage, &other)), Refusal::Revoked);
    let again = stage.sign_in("local-ada");
    assert!(used(&stage, &again).is_ok());
    stage.operate(Change::SetBanned { user: user("local-ada"), banned: Ban::Impose });
    assert_eq!(refusal(used(&stage, &banned)), Refusal::Banned);
    assert_eq!(refusal(used(&stage, &again)), Refusal::Banned);
    assert!(stage.service.caller_in(&again, now()).is_err());
}

/// What the settings let pass when somebody logged in, and do not any more, is not remembered.
#[test]
fn claims_pass_by_the_settings_of_today() {
    let stage = Stage::new();
    let session = stage.sign_in_with("local-ada", &[("email", "ada@example.com")]);
    let claim = |session: &SsoSession| session.memory().extra.iter().count();
    assert_eq!(claim(&session), 1);
    let carried = SsoSession::from_bytes(&session.to_bytes(), std::time::Duration::MAX).unwrap();
    let said = carried.memory().extra.iter().next().map(|(name, value)| (name.as_str(), value));
    assert_eq!(said, Some(("email", &ClaimValue::Text("ada@example.com".to_owned()))));
    assert_eq!(claim(&used(&stage, &session).unwrap()), 0);
}

#[test]
fn the_provider_may_be_gone() {
    let stage = Stage::new();
    let mut bytes = stage.sign_in("local-ada").to_bytes();
    // The user's id is what it begins with.
    let name = bytes.windows(5).position(|window| window == b"local").unwrap();
    bytes[name..name + 5].copy_from_slice(b"lacol");
    let gone = stage.service.session(&bytes, now());
    assert!(matches!(gone, Err(GrantError::ProviderGone)), "{gone:?}");
    for nothing in [&bytes[..0], &bytes[..10], &bytes[..bytes.len() - 1]] {
        assert_eq!(refusal(stage.service.session(nothing, now())), Refusal::SessionOver);
    }
}

#[test]
fn form_tokens() {
    let (one, other) = (FormToken::random().unwrap(), FormToken::random().unwrap());
    assert!(one.is(&one.to_string()));
    for wrong in ["", "x", &other.to_string(), &format!("{one}A"), &one.to_string()[1..]] {
        assert!(!one.is(wrong), "{wrong}");
    }
    assert_eq!(format!("{one:?}"), "FormToken(..)");
}
