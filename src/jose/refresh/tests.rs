//! What a refresh token holds, how long it gets, and whose it is.

mod forged;

use serde_json::{Map, json};

use super::*;
use crate::domain::authorization::OAuthScope;
use crate::domain::claim::{ClaimName, ClaimValue};
use crate::jose::claims::unflattened;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

fn issuer() -> Issuer {
    "pasee.example.com".parse().unwrap()
}

fn secret(number: u8) -> Secret {
    Secret::new([number; 32])
}

fn tokens() -> RefreshTokens {
    RefreshTokens::new(issuer(), &secret(1), &[])
}

fn claims() -> RefreshClaims {
    let token = Token {
        subject: "kisee-ada".parse().unwrap(),
        issued_at: now(),
        expires_at: Timestamp::from_unix(NOW + 86_400).unwrap(),
        authenticated_at: now(),
        auth_time: AuthTime::AtLogin,
        id: token_id([7; 16]),
        scope: Scope::Unlimited,
        revocation: None,
        session: SessionId::new([9; 16]),
        client: None,
    };
    RefreshClaims { token, evidence: Evidence::default(), extra: ExtraClaims::default() }
}

fn grant() -> Arc<ClientGrant> {
    Arc::new(ClientGrant {
        client: "grafana".parse().unwrap(),
        scopes: [OAuthScope::Openid, OAuthScope::Groups].into_iter().collect(),
        audiences: vec!["https://api.example.com".parse().unwrap()],
        confirmation: Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap()),
        actors: Vec::new(),
    })
}

/// A refresh token is good for whom it was made, and for nobody else: not for another client, nor for the HTTP API, nor the other
/// way round.
#[test]
fn a_client_refreshes_with_its_own() {
    let client = |name: &str| name.parse::<ClientId>().unwrap();
    let (grafana, argo) = (client("grafana"), client("argo"));
    let mut claims = claims();
    let of_nobody = tokens().write(&claims).unwrap();
    claims.token.client = Some(grant());
    let token = tokens().write(&claims).unwrap();
    let payload = part(&token, 1);
    assert_eq!(payload["client_id"], "grafana");
    assert_eq!(payload["resource"], "https://api.example.com");
    assert_eq!(payload["scope"], "openid groups");
    assert_eq!(payload["aud"], "pasee.example.com#refresh");
    assert_eq!(tokens().read(&token, Some(&grafana), now()), Ok(claims));
    for (token, shown_by) in [
        (&token, Some(&argo)),
        (&token, None),
        (&of_nobody, Some(&grafana)),
        (&of_nobody, Some(&argo)),
    ] {
        assert_eq!(tokens().read(token, shown_by, now()), Err(VerifyError::OtherClient));
    }
    assert!(tokens().read(&of_nobody, None, now()).is_ok());
}

fn evidence_of(rules: usize) -> Evidence {
    (0..rules as u64).map(|rule| Fingerprint(rule.to_be_bytes())).collect()
}

fn extra_of(length: usize) -> ExtraClaims {
    let name: ClaimName = "c".parse().unwrap();
    let around = ExtraClaims::from_iter([(name.clone(), ClaimValue::Text(String::new()))]).length();
    let text = ClaimValue::Text("x".repeat(length - around));
    ExtraClaims::from_iter([(name, text)])
}

fn part(compact: &str, place: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(compact.split('.').nth(place).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn what_is_written_is_read() {
    for (rules, length) in [(0, None), (1, None), (0, Some(20)), (5, Some(500))] {
        for scope in ["", "admin", "admin staff"] {
            let mut claims = claims();
            claims.token.scope = Scope::asked(scope).unwrap_or_default();
            claims.evidence = evidence_of(rules);
            claims.extra = length.map(extra_of).unwrap_or_default();
            let token = tokens().write(&claims).unwrap();
            let said = part(&token, 1);
            assert_eq!(said["aud"], "pasee.example.com#refresh");
            assert_eq!(said["refresh_token"], true);
            assert_eq!(said.get("evidence").is_some(), rules > 0);
            assert_eq!(said.get("claims").is_some(), length.is_some());
            assert!(said.get("groups").is_none());
            assert_eq!(tokens().read(&token, None, now()), Ok(claims));
        }
    }
    let header = part(&tokens().write(&claims()).unwrap(), 0);
    let kid = secret(1).id().to_string();
    assert_eq!(header, json!({"typ": "rt+jwt", "alg": "HS256", "kid": kid}));
}

#[test]
fn tokens_under_former_secrets_are_believed_until_the_secret_is_gone() {
    let old = tokens().write(&claims()).unwrap();
    let rotated = RefreshTokens::new(issuer(), &secret(2), &[secret(3), secret(1)]);
    assert_eq!(rotated.read(&old, None, now()), Ok(claims()));
    let new = rotated.write(&claims()).unwrap();
    assert_eq!(part(&new, 0)["kid"], secret(2).id().to_string());
    assert_eq!(tokens().read(&new, None, now()), Err(VerifyError::UnknownKey));
    let later = RefreshTokens::new(issuer(), &secret(2), &[]);
    assert_eq!(later.read(&old, None, now()), Err(VerifyError::UnknownKey));
    // The name of one secret over the work of another.
    let (_, rest) = old.split_once('.').unwrap();
    let (header, _) = new.split_once('.').unwrap();
    assert_eq!(rotated.read(&format!("{header}.{rest}"), None, now()), Err(VerifyError::Signature));
}

#[test]
fn another_issuer_believes_nothing_of_it() {
    let other = RefreshTokens::new("pasee.example.org".parse().unwrap(), &secret(1), &[]);
    let token = tokens().write(&claims()).unwrap();
    assert_eq!(other.read(&token, None, now()), Err(VerifyError::Audience));
}

/// What the room says fits, and one more does not.
#[test]
fn the_room_is_what_fits() {
    for user in ["kisee-ada".to_owned(), format!("kisee-{}", "x".repeat(200))] {
        for (scope, client) in [("", None), ("admin", None), ("admin staff", Some(grant()))] {
            let user: UserId = user.parse().unwrap();
            let scope = Scope::asked(scope).unwrap_or_default();
            let room = tokens().room(&user, &scope, client.as_ref()).unwrap();
            for rules in [0, 1, 2, 3, room.rules() / 2, room.rules()] {
                let mut claims = claims();
                claims.token = Token {
                    subject: user.clone(),
                    scope: scope.clone(),
                    auth_time: AuthTime::Before(Timestamp::from_unix(NOW - 1).unwrap()),
                    revocation: Some(Timestamp::MAX),
                    client: client.clone(),
                    ..claims.token
                };
                claims.evidence = evidence_of(rules);
                let most = room.claims_beside(rules);
                if most > 10 {
                    claims.extra = extra_of(most);
                }
                let token = tokens().write(&claims).unwrap();
                assert_eq!(tokens().issued(&token, now()), Ok(claims.clone()));
                claims.evidence = evidence_of(room.rules() + 3);
                assert!(matches!(tokens().write(&claims), Err(SignError::NoRoom)));
            }
        }
    }
}

/// The room by hand: `,"evidence":""` is 14 bytes, `,"claims":` is 10, and 8 bytes of a rule are 11 in base64url, 16 are 22.
#[test]
fn room_by_hand() {
    for (bytes, rules) in [(0, 0), (13, 0), (24, 0), (25, 1), (35, 1), (36, 2), (46, 3), (121, 10)]
    {
        assert_eq!(Room(bytes).rules(), rules, "{bytes}");
        assert!(Room(bytes).holds(rules, &ExtraClaims::default()), "{bytes}");
        assert!(!Room(bytes).holds(rules + 1, &ExtraClaims::default()), "{bytes}");
    }
    for (bytes, rules, length) in [
        (0, 0, 0),
        (10, 0, 0),
        (11, 0, 1),
        (500, 0, 490),
        (500, 1, 465),
        (500, 2, 454),
        (500, 3, 444),
    ] {
        assert_eq!(Room(bytes).claims_beside(rules), length, "{bytes} beside {rules}");
    }
    assert_eq!(Room(3000).claims_beside(0), 1024, "as many as pass at all");
    for (rules, length, holds) in
        [(1, 20, true), (1, 21, false), (2, 20, false), (0, 45, true), (0, 46, false)]
    {
        assert_eq!(Room(55).holds(rules, &extra_of(length)), holds, "{length} beside {rules}");
    }
}

#[test]
fn a_scope_can_be_too_long() {
    let names: Vec<String> = (0..16).map(|n| format!("{}{n}", "g".repeat(150))).collect();
    let scope = Scope::asked(&names.join(" ")).unwrap();
    let user = "kisee-ada".parse().unwrap();
    assert!(matches!(tokens().room(&user, &scope, None), Err(SignError::NoRoom)));
    let token = Token { scope, ..claims().token };
    let claims = RefreshClaims { token, ..claims() };
    assert!(matches!(tokens().write(&claims), Err(SignError::NoRoom)));
}

/// Claims are measured as JSON writes them.
#[test]
fn lengths_are_those_of_json() {
    let said = json!({
        "a": true, "b": false, "c": 0, "d": -42, "e": i64::MIN, "f": "", "g": "é\"\\/\u{2028}",
        "h": [], "i": [""], "j": ["a", "\"b\"", "c"],
    });
    let Value::Object(said) = said else { panic!("an object") };
    for count in 0..=said.len() {
        let some: Map<String, Value> = said.clone().into_iter().take(count).collect();
        let claims = read_extra(&some).unwrap();
        assert_eq!(claims.length(), Value::from(unflattened(&claims)).to_string().len());
    }
}
