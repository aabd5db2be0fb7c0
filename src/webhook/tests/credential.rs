//! What is made of what the API server says of a token.

use super::*;
use crate::domain::policy::Grant;
use crate::domain::token::{Scope, SessionId};
use crate::webhook::credential::{scope, session};

fn known(extra: &Value) -> Review {
    known_by(extra, "CREATE", "groups", (&Value::Null, &object("Group", "a.c", json!({}))))
}

/// Nobody is without a session by saying half of one, however the API server knows them.
#[test]
fn half_a_session_is_none() {
    let sid = "0".repeat(32);
    for (extra, is_known) in [
        (json!({}), true),
        (json!({ "example.com/sid": [sid] }), true),
        (json!({ "authentication.kubernetes.io/credential-id": ["X509SHA256=x"] }), true),
        (json!({ "authentication.kubernetes.io/credential-id": ["X509SHA256=x", "JTI=x"] }), false),
        (json!({ "authentication.kubernetes.io/credential-id": ["JTI=x"] }), false),
        (json!({ "pasee.meltylab.fr/sid": [sid, sid] }), false),
        (json!({ "pasee.meltylab.fr/rev": ["600"] }), false),
    ] {
        let told = grant(&known(&extra), &ada());
        assert_eq!(told.is_ok(), is_known, "{extra} {told:?}");
        if let Ok(grant) = told {
            assert!(matches!(grant, Grant::Login(_)), "{extra} {grant:?}");
            assert_eq!(session(&grant), None, "no session can have ended");
        }
    }
}

/// Whether it has ended is asked of the very session that the token names.
#[test]
fn the_session_that_is_asked_about() {
    let sid = "000102030405060708090a0b0c0d0e0f";
    let extra = json!({ "pasee.meltylab.fr/sid": [sid], "pasee.meltylab.fr/rev": ["600"] });
    let told = grant(&known(&extra), &ada()).unwrap();
    assert_eq!(session(&told), Some(sid.parse::<SessionId>().unwrap()));
    let Grant::Vouched(vouched) = told else { panic!("{told:?}") };
    assert_eq!((vouched.user, vouched.scope), (ada(), Scope::Unlimited));
    assert_eq!(vouched.revocation, Timestamp::from_unix(600));
}

#[test]
fn how_far_a_token_reaches() {
    let limited = |limits: &[&str]| {
        scope(&known(&json!({ "pasee.meltylab.fr/scope": limits })))
            .map(|scope| scope.to_string())
            .map_err(|refusal| refusal.to_string())
    };
    assert_eq!(limited(&[]), Ok(String::new()));
    assert_eq!(limited(&["groups:a", "groups:b"]), Ok("groups:a groups:b".to_owned()));
    assert_eq!(limited(&["groups:b groups:a"]), Ok("groups:a groups:b".to_owned()));
    // What a client was granted besides limits nothing.
    assert_eq!(limited(&["openid groups email"]), Ok(String::new()));
    assert_eq!(limited(&["openid groups groups:a"]), Ok("groups:a".to_owned()));
    assert!(limited(&["openid a"]).is_err() && limited(&["openid groups:A"]).is_err());
    assert!(limited(&["a"]).unwrap_err().starts_with("the limit of your token, a, cannot be read"));
}
