//! Tokens that clients were granted: what stands in them, and what is believed.

use std::sync::Arc;

use super::*;
use crate::domain::authorization::{ClientGrant, OAuthScope};

fn granted() -> AccessClaims {
    let client = ClientGrant {
        client: "grafana".parse().unwrap(),
        scopes: [OAuthScope::Openid, OAuthScope::Groups].into_iter().collect(),
        audiences: vec!["grafana".parse().unwrap()],
        confirmation: None,
        actors: Vec::new(),
    };
    let token = Token { client: Some(Arc::new(client)), ..token() };
    AccessClaims { token, ..access() }
}

/// What a client gets is for that client or what it named, and the HTTP API takes it only when it is for it.
#[test]
fn tokens_of_clients() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let public = key.public().clone();
    let signer = Signer::new(
        key,
        Party { issuer: party(None).issuer, audiences: vec!["besides".parse().unwrap()] },
    );
    let verifier = |audience: Option<&str>| {
        let audience = audience.map(|audience| audience.parse().unwrap());
        Verifier::new(party(None).issuer, audience, vec![public.clone()])
    };
    let mut claims = granted();
    claims.token.scope = "groups:admin".parse().unwrap();
    let token = signer.access(&claims).unwrap();
    let payload: Value = payload_of(&token);
    assert_eq!((&payload["aud"], &payload["client_id"]), (&json!(["grafana"]), &json!("grafana")));
    assert_eq!(payload["scope"], "openid groups groups:admin");
    assert!(payload.get("cnf").is_none() && payload.get("act").is_none());
    assert_eq!(verifier(None).access(&token, now()), Err(VerifyError::Audience));
    assert_eq!(verifier(Some("besides")).access(&token, now()), Err(VerifyError::Audience));
    assert_eq!(verifier(Some("grafana")).access(&token, now()), Ok(claims.clone()));
    assert_eq!(verifier(None).issued(&token, now()), Ok(claims.clone()));
    // Bound to a key, it is worth nothing alone; who acts for whom stands in it, the latest first.
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let mut bound = ClientGrant::clone(claims.token.client.as_ref().unwrap());
    bound.confirmation = Some(thumbprint.parse().unwrap());
    bound.audiences =
        vec![party(None).issuer.as_str().parse().unwrap(), "grafana".parse().unwrap()];
    bound.actors = vec!["b".parse().unwrap(), "a".parse().unwrap()];
    claims.token.client = Some(Arc::new(bound));
    let token = signer.access(&claims).unwrap();
    let payload = payload_of(&token);
    assert_eq!(payload["cnf"], json!({ "jkt": thumbprint }));
    assert_eq!(payload["act"], json!({ "sub": "b", "act": { "sub": "a" } }));
    assert_eq!(verifier(None).access(&token, now()), Err(VerifyError::Bound));
    assert_eq!(verifier(None).issued(&token, now()), Ok(claims));
}

/// What we never write of a client is not read either.
#[test]
fn clients_are_read_as_they_are_written() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let verifier = Verifier::new(party(None).issuer, None, vec![key.public().clone()]);
    let signer =
        Signer::new(key.clone(), Party { issuer: party(None).issuer, audiences: Vec::new() });
    let right = payload_of(&signer.access(&granted()).unwrap());
    let chain = |length: usize| {
        (0..length).fold(Value::Null, |act, _| match act {
            Value::Null => json!({ "sub": "a" }),
            act => json!({ "sub": "a", "act": act }),
        })
    };
    for (claim, value, is_read) in [
        ("client_id", json!("argo"), true),
        ("client_id", json!("Argo"), false),
        ("client_id", json!(""), false),
        ("client_id", json!(["argo"]), false),
        ("client_id", json!("pasee-http"), false),
        ("scope", json!("openid"), true),
        ("scope", json!(""), false),
        ("scope", json!("openid  email"), false),
        ("scope", json!("openid a"), false),
        ("scope", json!("openid groups:A"), false),
        ("cnf", json!({}), false),
        ("cnf", json!({ "jkt": "short" }), false),
        ("cnf", json!({ "x5t#S256": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }), false),
        ("cnf", json!("x"), false),
        ("act", chain(4), true),
        ("act", chain(5), false),
        ("act", json!({ "sub": "A" }), false),
        ("act", json!({ "sub": "a", "iss": "x" }), false),
        ("act", json!("a"), false),
        ("aud", json!([]), true),
        ("aud", json!(["a b"]), false),
    ] {
        let mut payload = right.clone();
        payload[claim] = value.clone();
        let token = signed_by(&key, &payload);
        assert_eq!(verifier.issued(&token, now()).is_ok(), is_read, "{claim} {value}");
    }
}

/// When somebody showed who they are is written where it is not when they logged in, and read as it is written.
#[test]
fn times_of_logins() {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let verifier = Verifier::new(party(None).issuer, None, vec![key.public().clone()]);
    let signer =
        Signer::new(key.clone(), Party { issuer: party(None).issuer, audiences: Vec::new() });
    let earlier = Timestamp::from_unix(NOW - 100).unwrap();
    for (auth_time, said, logged_in) in [
        (AuthTime::AtLogin, json!(NOW), Value::Null),
        (AuthTime::Before(earlier), json!(NOW - 100), json!(NOW)),
        (AuthTime::Unproved, Value::Null, json!(NOW)),
    ] {
        let mut claims = granted();
        claims.token.auth_time = auth_time;
        let token = signer.access(&claims).unwrap();
        let payload = payload_of(&token);
        let found = |name: &str| payload.get(name).cloned().unwrap_or_default();
        assert_eq!((found("auth_time"), found("logged_in_at")), (said, logged_in));
        assert_eq!(verifier.issued(&token, now()), Ok(claims));
    }
    let right = payload_of(&signer.access(&granted()).unwrap());
    for (auth_time, logged_in) in [
        (Value::Null, Value::Null),
        (json!(NOW), json!(NOW)),
        (json!(NOW + 1), json!(NOW)),
        (json!(NOW - 1), json!(NOW + 1)),
        (json!("x"), json!(NOW)),
        (json!(-1), json!(NOW)),
        (json!(NOW - 1), json!("x")),
    ] {
        let mut payload = right.clone();
        for (name, value) in [("auth_time", auth_time), ("logged_in_at", logged_in)] {
            payload.as_object_mut().unwrap().remove(name);
            if !value.is_null() {
                payload[name] = value;
            }
        }
        let token = signed_by(&key, &payload);
        assert!(verifier.issued(&token, now()).is_err(), "{payload}");
    }
}

fn payload_of(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn signed_by(key: &PrivateKey, payload: &Value) -> String {
    let header = json!({ "typ": "at+jwt", "alg": key.algorithm().as_str(), "kid": key.public().id().as_str() });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(&header), part(payload));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{signature}")
}
