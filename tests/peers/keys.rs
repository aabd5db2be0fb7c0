//! The keys that another Pasee publishes: rotated, spoiled, withheld, and asked for by strangers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pasee::idp::{ProviderError, Providers};
use pasee::jose::error::VerifyError;
use pasee::jose::key::Algorithm;
use pasee::settings::Protocol;
use serde_json::json;
use tokio::task::JoinSet;

use super::support::forge::Forger;
use super::support::patience::done_before;
use super::support::raw_server::{RawServer, Request, Script, Step, answer};
use super::{TIMEOUT, at, claims, good, json_answer, set, show, token};

#[tokio::test(flavor = "multi_thread")]
async fn fetched_once_and_kept() {
    for algorithm in [Algorithm::Es256, Algorithm::Es256k] {
        let forger = Arc::new(Forger::new(algorithm));
        let server = RawServer::start(good(&forger)).await;
        let providers = at(server.address);
        let token = token(&forger, &claims("internals-ada"));
        assert_eq!(
            show(&providers, &token).await.unwrap().user.as_str(),
            "externals-internals-ada"
        );
        drop(server);
        for _ in 0..100 {
            assert!(show(&providers, &token).await.is_ok(), "the keys are known");
        }
    }
}

/// Strangers with keys of their own cause no more than one fetch in 30 s, and do not slow those who are known.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let fetches = Arc::new(AtomicUsize::new(0));
    let (honest, seen) = (good(&forger), Arc::clone(&fetches));
    let script: Script = Arc::new(move |request: &Request| {
        seen.fetch_add(1, Ordering::SeqCst);
        honest(request)
    });
    let server = RawServer::start(script).await;
    let providers = at(server.address);
    let known = token(&forger, &claims("internals-ada"));
    assert!(show(&providers, &known).await.is_ok());
    let time = async || {
        let started = Instant::now();
        for _ in 0..300 {
            assert!(show(&providers, &known).await.is_ok());
        }
        started.elapsed()
    };
    let alone = time().await;
    let first = fetches.load(Ordering::SeqCst);
    assert_eq!(first, 2, "both sets, once");
    let started = Instant::now();
    for number in 0..10_000 {
        let mut header = forger.header("at+jwt");
        header["kid"] = json!(format!("kid-{number}"));
        let strange = forger.token(&header, &claims("internals-ada"));
        let refused = show(&providers, &strange).await.unwrap_err();
        assert_eq!(refused, ProviderError::Token(VerifyError::UnknownKey));
    }
    let beside = time().await;
    let took = started.elapsed();
    let sets = fetches.load(Ordering::SeqCst) - first;
    println!(
        "10000 unknown keys in {took:?}, {sets} sets fetched for them; 300 logins {alone:?}, then {beside:?}"
    );
    assert!(
        sets as u64 <= 2 * (1 + took.as_secs() / 30),
        "both sets, once in 30 s: {sets} in {took:?}"
    );
}

/// A set with members that make no sense gives the keys that do.
#[tokio::test(flavor = "multi_thread")]
async fn sets_are_read_one_by_one() {
    let (forger, other) = (Forger::new(Algorithm::Es256), Forger::new(Algorithm::Es256k));
    let good = set(Algorithm::Es256, &[&forger])["keys"][0].clone();
    let foreign = set(Algorithm::Es256k, &[&other])["keys"][0].clone();
    let mut private = good.clone();
    private["d"] = json!("AAAA");
    let mut renamed = good.clone();
    renamed["kid"] = json!("../../x");
    for keys in [
        vec![foreign.clone(), good.clone()],
        vec![json!(null), json!("x"), json!([]), good.clone()],
        vec![
            json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "oct", "k": "AA" }),
            good.clone(),
        ],
        vec![private, good.clone()],
        vec![renamed],
        vec![good.clone(), good.clone(), good.clone()],
    ] {
        let default = json!({ "keys": keys });
        let script: Script = Arc::new(move |request: &Request| match request.line.as_str() {
            "GET /.well-known/jwks.json" => json_answer(&default),
            _ => json_answer(&json!({ "keys": [] })),
        });
        let server = RawServer::start(script).await;
        let providers = at(server.address);
        assert!(show(&providers, &token(&forger, &claims("internals-ada"))).await.is_ok());
        let refused = show(&providers, &token(&other, &claims("internals-ada"))).await;
        assert_eq!(refused.unwrap_err(), ProviderError::Token(VerifyError::UnknownKey));
    }
}

/// Whatever comes in place of the keys: nobody gets in, nothing breaks, and keys that are known stay.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_sets() {
    let forger = Forger::new(Algorithm::Es256);
    let right = token(&forger, &claims("internals-ada"));
    let stranger = Forger::new(Algorithm::Es256);
    let head = |length: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\n\r\n")
    };
    let redirect = |to: &str| {
        vec![Step::Bytes(
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into(),
        )]
    };
    let body = |text: &str| answer("200 OK", "application/json", text);
    let deep = format!("{{\"keys\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let cases: Vec<(&str, Vec<Step>)> = vec![
        (
            "1 GB",
            vec![
                Step::Bytes(head("Content-Length: 1073741824").into()),
                Step::Forever(vec![b' '; 65_536], Duration::ZERO),
            ],
        ),
        (
            "endless",
            vec![
                Step::Bytes(head("Transfer-Encoding: chunked").into()),
                Step::Forever(b"5\r\n     \r\n".to_vec(), Duration::from_millis(1)),
            ],
        ),
        ("hangs", vec![Step::Hang]),
        ("hangs in its head", vec![Step::Bytes(b"HTTP/1.1 200".to_vec()), Step::Hang]),
        ("hangs in its body", vec![Step::Bytes(head("Content-Length: 100").into()), Step::Hang]),
        (
            "drips",
            vec![
                Step::Bytes(head("Content-Length: 100").into()),
                Step::Forever(b" ".to_vec(), Duration::from_millis(200)),
            ],
        ),
        ("closes", vec![Step::Close]),
        ("no HTTP", vec![Step::Bytes(b"220 smtp.example.com\r\n\r\n".to_vec()), Step::Close]),
        ("redirects to itself", redirect("/.well-known/jwks.json")),
        ("redirects elsewhere", redirect("http://127.0.0.1:1/")),
        ("redirects to a file", redirect("file:///etc/passwd")),
        ("HTML", answer("200 OK", "text/html", set(Algorithm::Es256, &[&forger]).to_string())),
        (
            "without a type",
            vec![Step::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec())],
        ),
        ("garbage", body("\u{0}\u{1}garbage")),
        ("empty", body("")),
        ("no keys", body("{}")),
        ("keys twice", body("{\"keys\":[],\"keys\":[]}")),
        ("keys an object", body("{\"keys\":{}}")),
        ("a list", body("[]")),
        ("deep", body(&deep)),
        ("an empty set", body("{\"keys\":[]}")),
        ("a stranger's", body(&set(Algorithm::Es256, &[&stranger]).to_string())),
        ("many", body(&json!({ "keys": vec![json!({"kty":"EC"}); 10_000] }).to_string())),
        ("404", answer("404 Not Found", "application/json", "{}")),
        ("500", answer("500 Oops", "application/json", "{}")),
        ("503", answer("503 Busy", "application/json", "{}")),
    ];
    let count = cases.len();
    for (name, steps) in cases {
        let script: Script = Arc::new(move |_: &Request| steps.clone());
        let server = RawServer::start(script).await;
        let providers = at(server.address);
        let started = Instant::now();
        let judged = show(&providers, &right).await;
        assert!(
            matches!(
                judged,
                Err(ProviderError::Unreachable
                    | ProviderError::InvalidResponse(_)
                    | ProviderError::Token(VerifyError::UnknownKey))
            ),
            "{name}: {judged:?}"
        );
        assert!(started.elapsed() < TIMEOUT * 2, "{name}: {:?}", started.elapsed());
    }
    println!("{count} answers in place of keys, 0 logins");
}

/// While one Pasee hangs, another answers as before.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_slow_another() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let quick = RawServer::start(good(&forger)).await;
    let hanging = RawServer::start(Arc::new(|_: &Request| vec![Step::Hang])).await;
    let mut slow = super::settings(&format!("http://{}/", hanging.address), None);
    slow.name = "slow".parse().unwrap();
    let Protocol::Pasee(settings) = &mut slow.protocol else { panic!("a Pasee") };
    settings.timeout = Duration::from_secs(60);
    let quick = super::settings(&format!("http://{}/", quick.address), None);
    let providers = Arc::new(Providers::new(&[slow, quick]).unwrap());
    let token = token(&forger, &claims("internals-ada"));
    let quick = async || {
        show(&providers, &token).await.unwrap();
    };
    let mut waiting = JoinSet::new();
    for _ in 0..400 {
        let (providers, token) = (Arc::clone(&providers), token.clone());
        waiting.spawn(async move {
            let credential = pasee::idp::Credential::Token(token.into());
            let slow = providers.get("slow").unwrap();
            slow.identify(credential, super::now()).await.map(drop)
        });
    }
    for _ in 256..400 {
        let told = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(told, Err(ProviderError::Busy), "at once, before anybody is done");
    }
    done_before(&mut waiting, 100, quick).await;
    drop(hanging);
    assert_eq!(waiting.join_all().await, vec![Err(ProviderError::Unreachable); 256]);
}

/// A key that changes is found; one that is taken away is believed as long as nobody says anew.
#[tokio::test(flavor = "multi_thread")]
async fn old_keys_outlive_their_server() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let is_away = Arc::new(Mutex::new(false));
    let (honest, away) = (good(&forger), Arc::clone(&is_away));
    let script: Script =
        Arc::new(
            move |request: &Request| {
                if *away.lock().unwrap() { vec![Step::Close] } else { honest(request) }
            },
        );
    let server = RawServer::start(script).await;
    let providers = at(server.address);
    *is_away.lock().unwrap() = true;
    let token = token(&forger, &claims("internals-ada"));
    assert_eq!(show(&providers, &token).await.unwrap_err(), ProviderError::Unreachable);
    *is_away.lock().unwrap() = false;
    assert!(show(&providers, &token).await.is_ok());
    *is_away.lock().unwrap() = true;
    assert!(show(&providers, &token).await.is_ok());
}
