//! OpenID providers and people that attack a login: nobody gets in, nothing crashes, and no code or secret goes astray.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong should stop")]

mod answers;
mod browsers;
mod callbacks;
mod elsewhere;
mod keys;
mod known;
mod options;
mod real;
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::idp::{Identity, ProviderError, Providers};
use pasee::settings::{ClientProof, IdentityProvider, Oidc, Protocol};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::openid::{ACCESS_TOKEN, Begun, CLIENT, OpenId, Place, SECRET, parameter};

/// The second all these tests happen in.
const NOW: i64 = 1_800_000_000;
/// How long a provider may take in these tests.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The provider `corp`, with its settings as they are or changed.
fn corp(openid: &OpenId, change: impl FnOnce(&mut Oidc)) -> Providers {
    let mut settings = openid.settings("corp", TIMEOUT);
    if let Protocol::Oidc(oidc) = &mut settings.protocol {
        change(oidc);
    }
    providers(&[settings])
}

fn providers(settings: &[IdentityProvider]) -> Providers {
    Providers::new(settings).unwrap()
}

/// The header of a token of the provider's.
fn header(openid: &OpenId) -> Value {
    openid.forger.header("JWT")
}

/// One whole login with an ID token of these claims, changed before they are signed.
async fn log_in(
    openid: &OpenId,
    providers: &Providers,
    change: impl FnOnce(&mut Value),
) -> Result<Identity, ProviderError> {
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await?;
    let mut claims = openid.claims(&begun.parameter("nonce"), NOW);
    change(&mut claims);
    openid.redeems(&openid.forger.token(&header(openid), &claims));
    begun.end(provider, &begun.yes(&openid.issuer), NOW).await
}

/// What is sent, in a login that is as it should be.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_behaves() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |oidc| {
        oidc.max_age = Some(Duration::from_secs(600));
        oidc.prompt = Some("login".into());
    });
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await.unwrap();
    assert!(begun.url.as_str().starts_with(&format!("{}/auth?tenant=1&", openid.issuer)));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://pasee.example.com/tokens/?idp=corp"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
        ("max_age", "600"),
        ("prompt", "login"),
    ] {
        assert_eq!(begun.parameter(name), value);
    }
    let mut claims = openid.claims(&begun.parameter("nonce"), NOW);
    claims["auth_time"] = json!(NOW - 600);
    claims["groups"] = json!(["staff"]);
    openid.redeems(&openid.forger.token(&header(&openid), &claims));
    let identity = begun.end(provider, &begun.yes(&openid.issuer), NOW).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-ada");
    let passed: Vec<&str> = identity.claims.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(passed, ["email"]);
    let (head, body) = openid.last(Place::Token);
    let body: Url = format!("x:/?{body}").parse().unwrap();
    assert_eq!(parameter(&body, "grant_type"), "authorization_code");
    assert_eq!(parameter(&body, "code"), "c0de");
    assert_eq!(parameter(&body, "redirect_uri"), "https://pasee.example.com/tokens/?idp=corp");
    let hash = Sha256::digest(parameter(&body, "code_verifier"));
    assert_eq!(URL_SAFE_NO_PAD.encode(hash), begun.parameter("code_challenge"));
    assert!(head.to_ascii_lowercase().contains("authorization: basic "));
    assert!(!begun.url.as_str().contains("throw-away") && !body.as_str().contains("throw-away"));
    assert!(!format!("{providers:?} {:?}", begun.pending).contains(SECRET), "no secret shows");
    assert_eq!(openid.asked(Place::UserInfo), 0);
    // No two logins have anything in common.
    let other = Begun::at(provider).await.unwrap();
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(begun.parameter(name), other.parameter(name));
        assert!(begun.parameter(name).len() >= 43, "256 bits");
    }
    assert_eq!((openid.asked(Place::Discovery), openid.asked(Place::Keys)), (1, 1));
}

/// How a client shows who it is, by what the provider takes; PKCE is used whatever it says of that.
#[tokio::test(flavor = "multi_thread")]
async fn client_authentication() {
    for (methods, secret, basic, in_body) in [
        (json!(null), true, true, false),
        (json!(["client_secret_basic", "client_secret_post"]), true, true, false),
        (json!(["private_key_jwt", "client_secret_post"]), true, false, true),
        (json!(["none"]), false, false, false),
        (json!(null), false, false, false),
    ] {
        let openid = OpenId::start().await;
        let mut document = openid.document();
        if !methods.is_null() {
            document["token_endpoint_auth_methods_supported"] = methods.clone();
        }
        document["code_challenge_methods_supported"] = json!(["plain"]);
        openid.gives(Place::Discovery, &document);
        let providers = corp(&openid, |oidc| {
            if !secret {
                oidc.client_proof = ClientProof::Nothing;
            }
        });
        log_in(&openid, &providers, |_| {}).await.unwrap();
        let (head, body) = openid.last(Place::Token);
        assert_eq!(head.to_ascii_lowercase().contains("authorization:"), basic, "{methods}");
        assert_eq!(body.contains("client_secret="), in_body, "{methods}");
        assert_eq!(body.contains("client_id="), !basic, "{methods}");
        assert!(body.contains("code_verifier="));
    }
}

/// Where a proxy has Pasee at another place, both requests name that.
#[tokio::test(flavor = "multi_thread")]
async fn callback_url() {
    let openid = OpenId::start().await;
    let place = "https://login.example.com/back";
    let providers = corp(&openid, |oidc| oidc.callback.url = Some(place.parse().unwrap()));
    let begun = Begun::at(providers.get("corp").unwrap()).await.unwrap();
    assert_eq!(begun.parameter("redirect_uri"), place);
    log_in(&openid, &providers, |_| {}).await.unwrap();
    let (_, body) = openid.last(Place::Token);
    assert_eq!(parameter(&format!("x:/?{body}").parse().unwrap(), "redirect_uri"), place);
}

/// The address of one document and the word on it of another never meet, and UserInfo changes nothing that is signed.
#[tokio::test(flavor = "multi_thread")]
async fn user_info() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |oidc| oidc.user_info = true);
    for (told, email) in [
        (
            json!({"sub": "ada", "email": "root@example.com", "email_verified": true}),
            "ada@example.com",
        ),
        (json!({"sub": "ada", "email": "root@example.com"}), "ada@example.com"),
        (json!({"sub": "ada", "iss": "evil", "aud": "evil", "exp": 0}), "ada@example.com"),
    ] {
        openid.gives(Place::UserInfo, &told);
        let identity = log_in(&openid, &providers, |_| {}).await.unwrap();
        let passed: Vec<String> =
            identity.claims.iter().map(|(_, value)| format!("{value:?}")).collect();
        assert_eq!(passed, [format!("Text({email:?})")], "{told}");
        assert_eq!(identity.user.as_str(), "corp-ada");
        let (head, _) = openid.last(Place::UserInfo);
        assert!(head.contains(&format!("Bearer {ACCESS_TOKEN}")));
    }
    for told in [json!({"sub": "eve"}), json!({}), json!({"sub": ["ada"]}), json!({"sub": "ADA"})] {
        openid.gives(Place::UserInfo, &told);
        let judged = log_in(&openid, &providers, |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{told}");
    }
    for (status, kind, body) in [
        ("401 Unauthorized", "application/json", "{\"sub\":\"ada\"}"),
        ("302 Found\r\nLocation: /me", "application/json", "{\"sub\":\"ada\"}"),
        ("200 OK", "application/jwt", "{\"sub\":\"ada\"}"),
        ("200 OK", "application/json", "{\"sub\":\"eve\",\"sub\":\"ada\"}"),
        ("200 OK", "application/json", "[\"ada\"]"),
    ] {
        openid.sends(Place::UserInfo, support::raw_server::answer(status, kind, body));
        let judged = log_in(&openid, &providers, |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{status} {kind} {body}");
    }
}

/// Who is known by their address has one that the same document calls verified.
#[tokio::test(flavor = "multi_thread")]
async fn subjects() {
    let openid = OpenId::start().await;
    let by_email = corp(&openid, |oidc| oidc.subject_claim = "email".into());
    let identity = log_in(&openid, &by_email, |_| {}).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-ada@example.com");
    for verified in [
        json!(false),
        json!("false"),
        json!("TRUE"),
        json!("true "),
        json!("1"),
        json!(1),
        json!(null),
        json!(["true"]),
    ] {
        let judged =
            log_in(&openid, &by_email, |claims| claims["email_verified"] = verified.clone());
        assert_eq!(judged.await.unwrap_err(), ProviderError::NotAllowed, "{verified}");
    }
    let by_id = corp(&openid, |oidc| oidc.subject_claim = "oid".into());
    for (value, user) in [
        (json!("1-2"), Some("corp-1-2")),
        (json!(1), Some("corp-1")),
        (json!(u64::MAX), Some("corp-18446744073709551615")),
        (json!(-1), None),
        (json!(1.0), None),
        (json!(1e30), None),
        (json!(true), None),
        (json!({"id": 1}), None),
        (json!(""), None),
        (json!(" x"), None),
        (json!("a\u{0}b"), None),
        (json!("x".repeat(201)), None),
        (json!(null), None),
        (json!(["a"]), None),
    ] {
        let judged = log_in(&openid, &by_id, |claims| claims["oid"] = value.clone()).await;
        match user {
            Some(user) => assert_eq!(judged.unwrap().user.as_str(), user),
            None if value.as_str().is_some_and(|name| !name.is_empty()) => {
                assert!(matches!(judged, Err(ProviderError::Subject(_))), "{value}");
            }
            None => assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{value}"),
        }
    }
}

use url::Url;
