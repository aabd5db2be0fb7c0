//! What is carried comes out as it went in, and nothing else does.

use proptest::prelude::*;

use super::*;
use crate::domain::auth_time::AuthTime;
use crate::domain::authorization::OAuthScope;
use crate::domain::claim::ClaimValue;
use crate::domain::evidence::{Evidence, Fingerprint};
use crate::domain::token::{SessionId, Token};
use crate::jose::sign::token_id;

const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
}

fn memory() -> RefreshClaims {
    let token = Token {
        subject: "local-ada".parse().unwrap(),
        issued_at: at(5),
        expires_at: at(0).after(LASTS),
        authenticated_at: at(0),
        auth_time: AuthTime::Before(at(-60)),
        id: token_id([0; 16]),
        scope: Default::default(),
        revocation: Some(at(-9)),
        session: SessionId::new([7; 16]),
        client: None,
    };
    let evidence: Evidence = [Fingerprint([3; Fingerprint::LENGTH])].into_iter().collect();
    let extra = [("email".parse().unwrap(), ClaimValue::Text("ada@example.com".to_owned()))];
    RefreshClaims { token, evidence, extra: extra.into_iter().collect() }
}

fn authorized() -> Authorized {
    Authorized {
        client: "app".parse().unwrap(),
        redirect_uri: Some("https://app.example.com/back".to_owned()),
        challenge: Some(Challenge::new([1; 32])),
        nonce: Some("a nonce \u{e9}".to_owned()),
        scopes: [OAuthScope::Openid, OAuthScope::Groups].into_iter().collect(),
        limit: "groups:a groups:b.staff".parse().unwrap(),
        resource: Some("https://api.example.com".parse().unwrap()),
        dpop_key: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap()),
        memory: memory(),
    }
}

fn shown(authorized: &Authorized) -> String {
    format!("{authorized:?}")
}

#[test]
fn what_was_granted_comes_out_as_it_went_in() {
    let full = authorized();
    let bare = Authorized {
        redirect_uri: None,
        challenge: None,
        nonce: None,
        scopes: Default::default(),
        limit: Default::default(),
        resource: None,
        dpop_key: None,
        ..authorized()
    };
    for authorized in [full, bare] {
        let answer = Answer::Authorized(Box::new(authorized.clone().into()));
        let read: Answer = from_bytes(&to_bytes(&answer)).unwrap();
        let Answer::Authorized(carried) = read else { panic!("{read:?}") };
        assert_eq!(shown(&carried.read(LASTS).unwrap()), shown(&authorized));
    }
}

/// A session that is over says nothing to a device.
#[test]
fn what_is_said_in_a_session() {
    let bytes = memory_to_bytes(&memory());
    let end = at(0).after(LASTS);
    assert_eq!(said_from(None, LASTS, at(1)), Some(None));
    assert_eq!(said_from(Some(bytes.clone()), LASTS, at(1)), Some(Some(memory())));
    assert_eq!(said_from(Some(bytes.clone()), LASTS, end), None);
    assert_eq!(said_from(Some(bytes[1..].to_vec()), LASTS, at(1)), None);
}

#[test]
fn nothing_stands_behind_a_question() {
    let guesser = Guesser {
        address: "2001:db8::1".parse().unwrap(),
        claimed: None,
        user: "local-ada".to_owned(),
    };
    let question = Question::WrongGuess(guesser);
    let mut bytes = to_bytes(&question);
    assert_eq!(from_bytes(&bytes), Some(question));
    bytes.push(0);
    assert_eq!(from_bytes::<Question>(&bytes), None);
}

proptest! {
    /// Whatever bytes come, they are read without a fault, and what is read is written as it was, or shorter.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(question) = from_bytes::<Question>(&bytes) {
            prop_assert!(to_bytes(&question).len() <= bytes.len());
        }
        if let Some(Answer::Authorized(carried)) = from_bytes::<Answer>(&bytes) {
            carried.read(LASTS);
        }
        memory_from_bytes(&bytes, LASTS);
    }

    /// One byte of a real one changed is read without a fault too.
    #[test]
    fn changed_bytes(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = to_bytes(&Answer::Authorized(Box::new(authorized().into())));
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Some(Answer::Authorized(carried)) = from_bytes::<Answer>(&bytes) {
            carried.read(LASTS);
        }
    }
}
