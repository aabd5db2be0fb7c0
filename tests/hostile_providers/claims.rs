//! What a hostile provider says of a user, claim by claim, through a login and into an access token.

use std::sync::{Arc, Mutex};

use pasee::domain::auth_time::AuthTime;
use pasee::domain::claim::{ClaimName, ExtraClaims};
use pasee::domain::time::Timestamp;
use pasee::domain::token::{AccessClaims, Scope, SessionId, Token};
use pasee::idp::Providers;
use pasee::jose::claims::Party;
use pasee::jose::key::Algorithm;
use pasee::jose::sign::{Signer, token_id};
use pasee::settings::PassedClaim;
use serde_json::{Value, json};

use super::support::forge::{Forger, part};
use super::support::kisee::{self, NOW, log_in, now};
use super::support::raw_server::{RawServer, Request, Script};
use super::{SLACK, TIMEOUT, Verdict, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_claims_through_a_login() {
    let forger = Forger::new(Algorithm::Es256k);
    let said = Arc::new(Mutex::new(Value::Null));
    let script: Script = {
        let (good, said) = (kisee::good(&forger), Arc::clone(&said));
        Arc::new(move |request: &Request| match request.line.as_str() {
            "POST /jwt/" => kisee::tokens(&json!([said.lock().unwrap().as_str().unwrap()])),
            _ => good(request),
        })
    };
    let server = RawServer::start(script).await;
    let mut settings = kisee::settings(
        "kisee",
        &format!("http://{}/", server.address),
        vec![forger.key.public().clone()],
        TIMEOUT + SLACK,
    );
    settings.mapping.claims = ["email", "tags", "level"]
        .map(|name| PassedClaim::from(name.parse::<ClaimName>().unwrap()))
        .to_vec();
    let providers = Providers::new(&[settings]).unwrap();
    let hostile = hostile_claims();
    assert!(hostile.len() >= 200, "{}", hostile.len());
    for (name, value) in &hostile {
        let mut claims = kisee::claims();
        claims[name.as_str()] = value.clone();
        *said.lock().unwrap() = json!(kisee::jwt(&forger, &claims));
        let identity = match log_in(providers.get("kisee").unwrap()).await {
            Ok(identity) => identity,
            // Some are claims that a Kisee's token must have: then nobody logs in at all.
            Err(error) => {
                assert_eq!(verdict(Err::<(), _>(error)), Ok(Verdict::InvalidResponse));
                continue;
            }
        };
        assert_eq!(identity.user.as_str(), "kisee-ada", "{name}: {value}");
        let token = written(identity.user.as_str(), identity.claims);
        let email = if name == "email" { None } else { Some("ada@example.com") };
        let mut expected = written_keys();
        expected.extend(email.map(|_| "email".to_owned()));
        expected.sort();
        let keys: Vec<String> = token.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, expected, "{name}: {value}");
        assert_eq!(token["groups"], json!([]));
        assert_eq!(token["iss"], "pasee.example.com");
        assert_eq!(token.get("email").and_then(Value::as_str), email);
    }
    println!("{} hostile claims", hostile.len());
}

fn written_keys() -> Vec<String> {
    [
        "aud",
        "auth_time",
        "client_id",
        "exp",
        "groups",
        "iat",
        "idp",
        "iss",
        "jti",
        "nbf",
        "sid",
        "sub",
    ]
    .map(String::from)
    .to_vec()
}

/// The claims of the access token that a login leads to.
fn written(user: &str, extra: ExtraClaims) -> Value {
    let token = Token {
        subject: user.parse().unwrap(),
        issued_at: now(),
        expires_at: Timestamp::from_unix(NOW + 900).unwrap(),
        authenticated_at: now(),
        auth_time: AuthTime::default(),
        id: token_id([7; 16]),
        scope: Scope::Unlimited,
        revocation: None,
        session: SessionId::new([9; 16]),
        client: None,
    };
    let party = Party { issuer: "pasee.example.com".parse().unwrap(), audiences: Vec::new() };
    let signer = Signer::new(Forger::new(Algorithm::Es256).key, party);
    part(
        &signer
            .access(&AccessClaims { token, groups: Vec::new(), groups_truncated: false, extra })
            .unwrap(),
        1,
    )
}

fn hostile_claims() -> Vec<(String, Value)> {
    let reserved = [
        "aud",
        "jti",
        "nbf",
        "auth_time",
        "idp",
        "groups",
        "group",
        "scope",
        "scp",
        "scopes",
        "refresh_token",
        "access_token",
        "token_use",
        "typ",
        "azp",
        "nonce",
        "acr",
        "amr",
        "client_id",
        "cnf",
        "act",
        "may_act",
        "roles",
        "entitlements",
        "permissions",
        "sid",
    ];
    let lookalikes = [
        "Groups",
        "GROUPS",
        "groups ",
        " groups",
        "groups\0",
        "gro\u{200b}ups",
        "gr\u{43e}ups",
        "\u{ff47}roups",
        "groups\u{301}",
        "Refresh_Token",
        "refresh\u{2010}token",
        "ISS",
        "\u{131}ss",
        "i\u{17f}s",
        "Sub",
        "\u{455}ub",
        "EXP",
        "e\u{445}p",
        "emai\u{217c}",
        "Email",
        "EMAIL",
        "email ",
        "",
        "__proto__",
        "constructor",
        "toString",
        "email.groups",
        "email/groups",
        "$ref",
        "@type",
    ];
    let values = [json!(["staff"]), json!("staff"), json!(true), json!({"groups": ["staff"]})];
    let mut hostile = Vec::new();
    for name in reserved.iter().chain(&lookalikes) {
        for value in &values {
            hostile.push(((*name).to_owned(), value.clone()));
        }
    }
    // Under a name that may pass, values that may not.
    let values = [
        json!(null),
        json!({}),
        json!({"groups": ["staff"]}),
        json!([["staff"]]),
        json!([{"groups": "staff"}]),
        json!([1]),
        json!([null]),
        json!(["a", 1]),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!("x".repeat(1025)),
        json!("é".repeat(513)),
        json!(vec!["x"; 65]),
        json!(["x".repeat(1025)]),
        json!("a\nb"),
        json!("a\0"),
        json!("\u{1b}[2J"),
        json!("\u{85}"),
        json!(["fine", "\u{7f}"]),
    ];
    hostile.extend(values.into_iter().map(|value| ("email".to_owned(), value)));
    hostile
}
