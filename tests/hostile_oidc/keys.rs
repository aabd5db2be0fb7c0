//! JWK Sets with everything in them, keys that change, and tokens that name keys nobody has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::idp::ProviderError;
use pasee::jose::jwks;
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::openid::{Begun, OpenId, Place, tokens};
use super::support::raw_server::answer;
use super::{NOW, corp, header, log_in};

fn jwk(forger: &Forger) -> Value {
    jwks::jwk(forger.key.public())
}

fn with(jwk: &Value, name: &str, value: Value) -> Value {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk
}

/// Keys of kinds that nobody here knows, and broken ones: none of them is believed, none spoils the others.
fn strange_keys(own: &Value) -> Vec<Value> {
    let off_curve = URL_SAFE_NO_PAD.encode([7; 32]);
    let kid = "strange";
    let mut keys = vec![
        jwk(&Forger::new(Algorithm::Es256k)),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": kid}),
        json!({"kty": "EC", "crv": "P-256", "x": off_curve, "y": off_curve, "kid": kid}),
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([0; 32]), "y": URL_SAFE_NO_PAD.encode([0; 32])}),
        json!({"kty": "EC", "crv": "P-256", "x": "", "y": "", "kid": kid}),
        json!({"kty": "EC", "crv": "P-384", "x": own["x"], "y": own["y"], "kid": kid}),
        json!({"kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode([9; 32]), "kid": kid}),
        json!({"kty": "OKP", "crv": "Ed448", "x": URL_SAFE_NO_PAD.encode([9; 57]), "kid": kid}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": kid}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB", "kid": kid}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 2048]), "e": "AQAB", "kid": kid}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQ", "kid": kid}),
        json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "Ag", "kid": kid}),
        json!({"kty": "RSA", "n": "", "e": "", "kid": kid}),
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("secret"), "kid": kid, "alg": "HS256"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": kid}),
        json!({"kty": 1}),
        json!({}),
        json!(null),
        json!("key"),
        json!([]),
    ];
    for (name, value) in [
        ("d", json!(URL_SAFE_NO_PAD.encode([1; 32]))),
        ("use", json!("enc")),
        ("use", json!(["sig"])),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES256K")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!(1)),
        ("kid", json!(1)),
        ("kid", json!("k".repeat(2000))),
        ("kty", json!("RSA")),
        ("kty", json!("ec")),
        ("crv", json!("secp256k1")),
        ("crv", json!("p-256")),
        ("x", json!(format!("{}=", own["x"].as_str().unwrap()))),
        ("y", own["x"].clone()),
        ("x", json!(URL_SAFE_NO_PAD.encode([0; 33]))),
    ] {
        keys.push(with(own, name, value));
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_with_strange_keys() {
    let openid = OpenId::start().await;
    let own = jwk(&openid.forger);
    let strange = strange_keys(&own);
    // Alone, none of them lets anybody in: the set is of no use.
    for key in &strange {
        openid.gives(Place::Keys, &json!({ "keys": [key] }));
        let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{key}: {judged:?}");
    }
    // Around a good one, all of them together spoil nothing.
    let mut keys = strange.clone();
    keys.insert(keys.len() / 2, own.clone());
    openid.gives(Place::Keys, &json!({ "keys": keys, "other": 1 }));
    let identity = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await.unwrap();
    assert_eq!(identity.user.as_str(), "corp-ada");
    // Thousands that say nothing, too; but not more good ones than any provider has.
    let mut many = vec![json!({}); 10_000];
    many.push(own.clone());
    openid.gives(Place::Keys, &json!({ "keys": many }));
    assert!(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await.is_ok());
    let mut good: Vec<Value> = (0..99).map(|_| jwk(&Forger::new(Algorithm::Es256))).collect();
    good.push(own.clone());
    openid.gives(Place::Keys, &json!({ "keys": good }));
    assert!(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await.is_ok());
    good.push(jwk(&Forger::new(Algorithm::Es256)));
    let full = json!({ "keys": good });
    let flood = json!({ "keys": vec![own.clone(); 10_000] });
    for set in
        [full, flood, json!({"keys": {}}), json!({"keys": null}), json!({}), json!({"keys": []})]
    {
        openid.gives(Place::Keys, &set);
        let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))));
    }
    println!("{} strange keys, 0 logins by them", strange.len());
}

/// Where it is not one key that is meant, none is.
#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_keys() {
    let openid = OpenId::start().await;
    let (own, other) = (jwk(&openid.forger), jwk(&Forger::new(Algorithm::Es256)));
    let same = with(&other, "kid", own["kid"].clone());
    for keys in [json!([own, same]), json!([same, own]), json!([own, own])] {
        openid.gives(Place::Keys, &json!({ "keys": keys }));
        let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "a kid twice");
    }
    // Where no key is named it may be any that fits, of a few; who signed it is one of them all the same.
    let stranger = Forger::new(Algorithm::Es256);
    let many: Vec<Value> = (0..8).map(|_| jwk(&Forger::new(Algorithm::Es256))).collect();
    let nine = [&many[..], std::slice::from_ref(&own)].concat();
    let eight = [&many[..7], std::slice::from_ref(&own)].concat();
    for (keys, by, holds) in [
        (json!([own, other]), &openid.forger, true),
        (json!([other, own]), &openid.forger, true),
        (json!(eight), &openid.forger, true),
        (json!(nine), &openid.forger, false),
        (json!([own, other]), &stranger, false),
        (json!([other]), &openid.forger, false),
    ] {
        openid.gives(Place::Keys, &json!({ "keys": keys }));
        let providers = corp(&openid, |_| {});
        let provider = providers.get("corp").unwrap();
        let begun = Begun::at(provider).await.unwrap();
        let mut header = header(&openid);
        header.as_object_mut().unwrap().remove("kid");
        openid.redeems(&by.token(&header, &openid.claims(&begun.parameter("nonce"), NOW)));
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert_eq!(judged.is_ok(), holds, "{keys}");
    }
}

/// The settings say which algorithms are believed, whatever keys there are.
#[tokio::test(flavor = "multi_thread")]
async fn algorithms_of_the_settings() {
    let openid = OpenId::start().await;
    let only = |name: &'static str| {
        corp(&openid, move |oidc| oidc.algorithms = vec![name.parse().unwrap()])
    };
    assert!(log_in(&openid, &only("ES256"), |_| {}).await.is_ok());
    for name in ["RS256", "PS512", "ES384", "EdDSA"] {
        let judged = log_in(&openid, &only(name), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{name}");
    }
}

/// New keys are found at once, for everybody, with one fetch; what comes next by an unknown one waits.
#[tokio::test(flavor = "multi_thread")]
async fn rotation() {
    let mut openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok());
    assert_eq!(openid.asked(Place::Keys), 1);
    // A fetch that fails keeps the old keys.
    let stranger = Forger::new(Algorithm::Es256);
    openid.sends(Place::Keys, answer("500 Internal Server Error", "text/plain", ""));
    let old = std::mem::replace(&mut openid.forger, stranger);
    let judged = log_in(&openid, &providers, |_| {}).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{judged:?}");
    assert_eq!(openid.asked(Place::Keys), 2);
    let new = std::mem::replace(&mut openid.forger, old);
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok(), "the old key is still believed");
    // It was just asked for in vain: not again for a while.
    openid.forger = new;
    openid.gives(Place::Keys, &openid.keys());
    assert!(log_in(&openid, &providers, |_| {}).await.is_err());
    assert_eq!(openid.asked(Place::Keys), 2);
    // Another Pasee, or this one later, finds it.
    assert!(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await.is_ok());
}

/// A key that the provider has withdrawn opens nothing once newer keys are known.
#[tokio::test(flavor = "multi_thread")]
async fn withdrawn_keys() {
    let mut openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok());
    let old = std::mem::replace(&mut openid.forger, Forger::new(Algorithm::Es256));
    openid.gives(Place::Keys, &openid.keys());
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok(), "found with one fetch");
    assert_eq!(openid.asked(Place::Keys), 2);
    openid.forger = old;
    let judged = log_in(&openid, &providers, |_| {}).await;
    assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "the old one is gone");
    assert_eq!(openid.asked(Place::Keys), 2);
}

/// Ten thousand tokens, each by a key that nobody has, cost the provider one fetch in 30 s.
#[tokio::test(flavor = "multi_thread")]
async fn random_key_ids() {
    const TOKENS: usize = 10_000;
    let openid = OpenId::start().await;
    let providers = Arc::new(corp(&openid, |_| {}));
    let begun = Arc::new(Begun::at(providers.get("corp").unwrap()).await.unwrap());
    let stranger = Forger::new(Algorithm::Es256);
    let claims = openid.claims(&begun.parameter("nonce"), NOW);
    let count = AtomicUsize::new(0);
    openid.makes(
        Place::Token,
        Arc::new(move || {
            let kid = format!("random-{}", count.fetch_add(1, Ordering::Relaxed));
            let token = stranger.token(&json!({"alg": "ES256", "kid": kid}), &claims);
            answer("200 OK", "application/json", tokens(&token).to_string())
        }),
    );
    let started = Instant::now();
    let mut logins = tokio::task::JoinSet::new();
    let left = Arc::new(AtomicUsize::new(TOKENS));
    for _ in 0..16 {
        let (providers, begun, left) =
            (Arc::clone(&providers), Arc::clone(&begun), Arc::clone(&left));
        let query = begun.yes(&openid.issuer);
        logins.spawn(async move {
            let provider = providers.get("corp").unwrap();
            let mut refused = 0;
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                let judged = begun.end(provider, &query, NOW).await;
                assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{judged:?}");
                refused += 1;
            }
            refused
        });
    }
    let refused: usize = logins.join_all().await.iter().sum();
    let took = started.elapsed();
    let fetches = openid.asked(Place::Keys) - 1;
    println!("{refused} tokens by unknown keys in {took:?}, {fetches} fetches of keys, 0 logins");
    assert_eq!(refused, TOKENS);
    assert!(fetches as u64 <= 1 + took.as_secs() / 30, "{fetches} fetches in {took:?}");
    assert!(took < Duration::from_secs(120));
}
