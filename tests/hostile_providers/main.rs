//! Providers that hang, flood, lie and break the protocol: nobody gets in through them, and nobody else waits for them.
#![allow(clippy::unwrap_used)]

mod claims;
mod tls;

#[path = "../support/mod.rs"]
mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pasee::idp::{Forward, ForwardedRequest, ProviderError, Providers};
use pasee::jose::key::Algorithm;
use pasee::settings::Protocol;
use serde_json::json;
use support::forge::Forger;
use support::hostile::{self, Case, Verdict};
use support::kisee::{self, log_in};
use support::patience::{done_before, eventually};
use support::raw_server::{RawServer, Request, Script, Step, answer};
use tokio::task::JoinSet;

/// How long a provider may take in these tests.
const TIMEOUT: Duration = Duration::from_millis(500);
/// What a busy machine may add to that.
const SLACK: Duration = Duration::from_millis(1500);

fn verdict(result: Result<impl std::fmt::Debug, ProviderError>) -> Result<Verdict, String> {
    match result {
        Err(ProviderError::Refused) => Ok(Verdict::Refused),
        Err(ProviderError::Unreachable) => Ok(Verdict::Unreachable),
        Err(ProviderError::InvalidResponse(_)) => Ok(Verdict::InvalidResponse),
        Err(ProviderError::Subject(_)) => Ok(Verdict::Subject),
        other => Err(format!("{other:?}")),
    }
}

/// The most memory this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Which answer of a Kisee is replaced.
#[derive(Clone, Copy, Debug)]
enum Place {
    Home,
    Login,
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers() {
    let (forger, stranger) = (Forger::new(Algorithm::Es256k), Forger::new(Algorithm::Es256k));
    let at = |place: Place, cases: Vec<Case>| cases.into_iter().map(move |case| (place, case));
    let cases: Vec<(Place, Case)> = at(Place::Home, hostile::transport())
        .chain(at(Place::Login, hostile::transport()))
        .chain(at(Place::Home, hostile::bodies()))
        .chain(at(Place::Login, hostile::bodies()))
        .chain(at(Place::Home, hostile::homes()))
        .chain(at(Place::Login, hostile::statuses(&forger)))
        .chain(at(Place::Login, hostile::documents(&forger)))
        .chain(at(Place::Login, hostile::jwts(&forger, &stranger)))
        .collect();
    let before = peak();
    let mut wrong = Vec::new();
    for (place, (name, steps, expected)) in &cases {
        let script = match place {
            Place::Home => kisee::spoiled(&forger, Some(steps.clone()), None),
            Place::Login => kisee::spoiled(&forger, None, Some(steps.clone())),
        };
        let server = RawServer::start(script).await;
        let providers = kisee::at(server.address, &forger, TIMEOUT);
        let started = Instant::now();
        let judged = verdict(log_in(providers.get("kisee").unwrap()).await);
        let took = started.elapsed();
        if judged != Ok(*expected) || took > TIMEOUT + SLACK {
            wrong.push(format!("{place:?} {name}: {judged:?} for {expected:?} after {took:?}"));
        }
    }
    let grown = peak().saturating_sub(before);
    println!("{} behaviours, {grown} KiB more", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() > 100);
    assert!(grown < 64 * 1024, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_behaves() {
    let forger = Forger::new(Algorithm::Es256k);
    let server = RawServer::start(kisee::good(&forger)).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    let identity = log_in(providers.get("kisee").unwrap()).await.unwrap();
    assert_eq!(identity.user.as_str(), "kisee-ada");
    let names: Vec<&str> = identity.claims.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["email"]);
}

/// Who logs in is who the token names, not who they said they were.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_names_the_user() {
    let forger = Forger::new(Algorithm::Es256k);
    let mut claims = kisee::claims();
    claims["sub"] = json!("internals-ada");
    let login = kisee::tokens(&json!([kisee::jwt(&forger, &claims)]));
    let server = RawServer::start(kisee::spoiled(&forger, None, Some(login))).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    let identity = log_in(providers.get("kisee").unwrap()).await.unwrap();
    assert_eq!(identity.user.as_str(), "kisee-internals-ada");
}

/// A password goes to the configured server or nowhere: not after a redirect, not where a home document points.
#[tokio::test(flavor = "multi_thread")]
async fn passwords_go_nowhere_else() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = trap.local_addr().unwrap();
    let forger = Forger::new(Algorithm::Es256k);
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        for target in [
            format!("http://{elsewhere}/jwt/"),
            format!("//{elsewhere}/jwt/"),
            "/jwt/".into(),
            "/".into(),
        ] {
            for extra in ["", "Refresh: 0; url=/\r\n"] {
                let redirect = vec![Step::Bytes(
                    format!("HTTP/1.1 {status}\r\nLocation: {target}\r\n{extra}Content-Length: 0\r\n\r\n").into(),
                )];
                for script in [
                    kisee::spoiled(&forger, None, Some(redirect.clone())),
                    kisee::spoiled(&forger, Some(redirect.clone()), None),
                ] {
                    let server = RawServer::start(script).await;
                    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
                    let judged = verdict(log_in(providers.get("kisee").unwrap()).await);
                    assert_eq!(judged, Ok(Verdict::InvalidResponse), "{status} {target}");
                    assert!(server.connections() <= 3, "no loops");
                }
            }
        }
    }
    // Whatever host the home document names, the path is asked for at the configured one.
    for href in [
        format!("http://{elsewhere}/jwt/"),
        format!("//{elsewhere}/jwt/"),
        format!("http://user:word@{elsewhere}/jwt/"),
        format!("\\\\{elsewhere}\\jwt/"),
        format!("https://{elsewhere}/jwt/#x"),
        "/x/../../../jwt/".into(),
        "jwt/".into(),
    ] {
        let server =
            RawServer::start(kisee::spoiled(&forger, Some(kisee::home(&href)), None)).await;
        let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
        assert!(log_in(providers.get("kisee").unwrap()).await.is_ok(), "{href}");
    }
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Nothing asks a provider to compress, so nothing is unpacked.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent() {
    let forger = Forger::new(Algorithm::Es256k);
    let heads = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (good, seen) = (kisee::good(&forger), Arc::clone(&heads));
    let script: Script = Arc::new(move |request: &Request| {
        seen.lock().unwrap().push(request.head.to_ascii_lowercase());
        good(request)
    });
    let server = RawServer::start(script).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    log_in(providers.get("kisee").unwrap()).await.unwrap();
    for head in heads.lock().unwrap().iter() {
        for name in ["accept-encoding", "cookie", "referer", "authorization", "s3cret"] {
            assert!(!head.contains(name), "{head}");
        }
    }
}

/// One discovery for a hundred first logins; again when the resource has moved; the old one while there is no new one.
#[tokio::test(flavor = "multi_thread")]
async fn discovery() {
    let forger = Forger::new(Algorithm::Es256k);
    let homes = Arc::new(AtomicUsize::new(0));
    let (moved, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let script: Script = {
        let (homes, moved, broken) = (Arc::clone(&homes), Arc::clone(&moved), Arc::clone(&broken));
        let token = kisee::tokens(&json!([kisee::jwt(&forger, &kisee::claims())]));
        Arc::new(move |request: &Request| {
            let place = if moved.load(Ordering::SeqCst) { "/new/jwt/" } else { "/jwt/" };
            if request.line == "GET /" {
                homes.fetch_add(1, Ordering::SeqCst);
                if broken.load(Ordering::SeqCst) {
                    return answer("500 Internal Server Error", "text/plain", "");
                }
                let mut steps = vec![Step::Wait(Duration::from_millis(50))];
                steps.extend(kisee::home(place));
                steps
            } else if request.line == format!("POST {place}") {
                token.clone()
            } else if request.line == "POST /jwt/" {
                answer("404 Not Found", "text/plain", "")
            } else {
                vec![Step::Bytes(
                    b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /jwt/\r\nContent-Length: 0\r\n\r\n".into(),
                )]
            }
        })
    };
    let server = RawServer::start(script).await;
    let providers = Arc::new(kisee::at(server.address, &forger, Duration::from_secs(20)));
    let crowd = |number: usize| {
        let providers = Arc::clone(&providers);
        async move {
            let mut logins = JoinSet::new();
            for _ in 0..number {
                let providers = Arc::clone(&providers);
                logins
                    .spawn(async move { log_in(providers.get("kisee").unwrap()).await.map(drop) });
            }
            logins.join_all().await
        }
    };
    assert_eq!(crowd(100).await, vec![Ok(()); 100]);
    assert_eq!(homes.load(Ordering::SeqCst), 1);
    moved.store(true, Ordering::SeqCst);
    assert_eq!(crowd(100).await, vec![Ok(()); 100], "found again, nobody sent away");
    assert_eq!(homes.load(Ordering::SeqCst), 2);
    // Gone, and no home to ask: invalid while that lasts, and the old place is not forgotten.
    broken.store(true, Ordering::SeqCst);
    moved.store(false, Ordering::SeqCst);
    assert!(
        crowd(10).await.iter().all(|login| matches!(login, Err(ProviderError::InvalidResponse(_))))
    );
    moved.store(true, Ordering::SeqCst);
    assert_eq!(crowd(10).await, vec![Ok(()); 10]);
    // Back where it was, and a redirect where it is now: not followed, but looked into.
    broken.store(false, Ordering::SeqCst);
    moved.store(false, Ordering::SeqCst);
    assert_eq!(crowd(10).await, vec![Ok(()); 10]);
}

/// A server may close a connection it offered to keep; that is nobody's error.
#[tokio::test(flavor = "multi_thread")]
async fn kept_connections_that_are_not_kept() {
    let forger = Forger::new(Algorithm::Es256k);
    for patience in [0, 1, 3] {
        let good = kisee::good(&forger);
        let script: Script = Arc::new(move |request: &Request| {
            let mut steps = good(request);
            steps.extend([Step::Wait(Duration::from_millis(patience)), Step::Close]);
            steps
        });
        let server = RawServer::start(script).await;
        let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
        let provider = providers.get("kisee").unwrap();
        for round in 0..300 {
            assert!(log_in(provider).await.is_ok(), "round {round}");
            tokio::time::sleep(Duration::from_micros(17 * (round % 200))).await;
        }
    }
}

/// What may not happen twice is not sent twice, whatever becomes of the connection.
#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_sent_once() {
    let forger = Forger::new(Algorithm::Es256k);
    let posts = Arc::new(AtomicUsize::new(0));
    let (good, seen) = (kisee::good(&forger), Arc::clone(&posts));
    let script: Script = Arc::new(move |request: &Request| {
        if request.line != "POST /users/" {
            return good(request);
        }
        seen.fetch_add(1, Ordering::SeqCst);
        vec![Step::Close]
    });
    let server = RawServer::start(script).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    let request = || ForwardedRequest {
        method: http::Method::POST,
        headers: http::HeaderMap::new(),
        body: "{}".into(),
    };
    let kisee = providers.registering().unwrap();
    let answer = kisee.forward(Forward::Users, request()).await;
    assert_eq!(answer.unwrap_err(), ProviderError::Unreachable);
    assert_eq!(posts.load(Ordering::SeqCst), 1);
    // A name cannot climb out of its collection.
    for name in ["..", "."] {
        let answer = kisee.forward(Forward::User(name), request()).await;
        assert_eq!(answer.unwrap_err(), ProviderError::NotOffered, "{name}");
    }
}

/// A user whom Kisee does not know says nothing of where Kisee keeps its users, however often.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_users_cause_no_discovery() {
    let forger = Forger::new(Algorithm::Es256k);
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (good, seen) = (kisee::good(&forger), Arc::clone(&lines));
    let script: Script = Arc::new(move |request: &Request| {
        seen.lock().unwrap().push(request.line.clone());
        good(request)
    });
    let server = RawServer::start(script).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    for name in ["eve", "../jwt", "%2e%2e"] {
        let request = ForwardedRequest {
            method: http::Method::PATCH,
            headers: http::HeaderMap::new(),
            body: "[]".into(),
        };
        let kisee = providers.registering().unwrap();
        let answer = kisee.forward(Forward::User(name), request).await.unwrap();
        assert_eq!(answer.status, http::StatusCode::NOT_FOUND);
    }
    let expected =
        ["GET /", "PATCH /users/eve/", "PATCH /users/..%2Fjwt/", "PATCH /users/%252e%252e/"];
    assert_eq!(*lines.lock().unwrap(), expected);
}

/// The path and the query of a place are the home document's, its host is not.
#[tokio::test(flavor = "multi_thread")]
async fn places_keep_their_query() {
    let forger = Forger::new(Algorithm::Es256k);
    let good = kisee::good(&forger);
    let script: Script = Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /" => kisee::home("https://kisee.example.com/a%20b/jwt/?tenant=1&x=%2F#part"),
        "POST /a%20b/jwt/?tenant=1&x=%2F" => {
            good(&Request { line: "POST /jwt/".into(), head: String::new(), body: Vec::new() })
        }
        _ => answer("404 Not Found", "text/plain", ""),
    });
    let server = RawServer::start(script).await;
    let providers = kisee::at(server.address, &forger, TIMEOUT + SLACK);
    assert!(log_in(providers.get("kisee").unwrap()).await.is_ok());
}

/// A provider that hangs holds no more than its share, and others do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_slow_another() {
    const TURNS: usize = 256;
    let forger = Forger::new(Algorithm::Es256k);
    let honest = kisee::good(&forger);
    let script: Script =
        Arc::new(
            move |request: &Request| {
                if request.line.starts_with("POST") { vec![Step::Hang] } else { honest(request) }
            },
        );
    let hanging = RawServer::start(script).await;
    let quick = RawServer::start(kisee::good(&forger)).await;
    let keys = || vec![forger.key.public().clone()];
    let patience = Duration::from_secs(60);
    let providers = Providers::new(&[
        kisee::settings("slow", &format!("http://{}/", hanging.address), keys(), patience),
        kisee::settings("quick", &format!("http://{}/", quick.address), keys(), patience),
    ]);
    let providers = Arc::new(providers.unwrap());
    let quick = async || {
        log_in(providers.get("quick").unwrap()).await.unwrap();
    };
    let mut waiting = JoinSet::new();
    for _ in 0..TURNS + 200 {
        let providers = Arc::clone(&providers);
        waiting.spawn(async move { log_in(providers.get("slow").unwrap()).await.map(drop) });
    }
    for _ in 0..200 {
        let told = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(told, Err(ProviderError::Busy), "at once, before anybody is done");
    }
    eventually("all wait together, not in turn", || hanging.connections() >= TURNS);
    done_before(&mut waiting, 100, quick).await;
    drop(hanging);
    assert_eq!(waiting.join_all().await, vec![Err(ProviderError::Unreachable); TURNS]);
    // And its turns come back.
    let result = log_in(providers.get("slow").unwrap()).await;
    assert_eq!(result.unwrap_err(), ProviderError::Unreachable);
}

/// The key of one provider opens nothing at another, whatever issuer its tokens name.
#[tokio::test(flavor = "multi_thread")]
async fn providers_do_not_stand_in_for_each_other() {
    let (one, two) = (Forger::new(Algorithm::Es256k), Forger::new(Algorithm::Es256k));
    // Both servers answer with tokens of the first key, under either issuer.
    for issuer in ["one.example.com", "two.example.com"] {
        let mut claims = kisee::claims();
        claims["iss"] = json!(issuer);
        let login = kisee::tokens(&json!([kisee::jwt(&one, &claims)]));
        let server = RawServer::start(kisee::spoiled(&one, None, Some(login))).await;
        let provider = |name: &str, forger: &Forger| {
            let keys = vec![forger.key.public().clone()];
            let endpoint = format!("http://{}/", server.address);
            let mut settings = kisee::settings(name, &endpoint, keys, TIMEOUT + SLACK);
            if let Protocol::Kisee(kisee) = &mut settings.protocol {
                kisee.issuer = Some(format!("{name}.example.com"));
            }
            settings
        };
        let providers = Providers::new(&[provider("one", &one), provider("two", &two)]).unwrap();
        let through_one = log_in(providers.get("one").unwrap()).await;
        match issuer {
            "one.example.com" => assert_eq!(through_one.unwrap().user.as_str(), "one-ada"),
            _ => assert_eq!(verdict(through_one), Ok(Verdict::InvalidResponse)),
        }
        let through_two = log_in(providers.get("two").unwrap()).await;
        assert_eq!(verdict(through_two), Ok(Verdict::InvalidResponse));
    }
}
/// Every turn taken by a provider that floods: what one provider can take is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn floods_on_every_turn() {
    let forger = Forger::new(Algorithm::Es256k);
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n";
    let flood = vec![Step::Bytes(head.into()), Step::Bytes(vec![b'['; 200_000]), Step::Hang];
    let server = RawServer::start(kisee::spoiled(&forger, None, Some(flood))).await;
    let providers = Arc::new(kisee::at(server.address, &forger, Duration::from_secs(3)));
    let before = peak();
    let mut logins = JoinSet::new();
    for _ in 0..256 {
        let providers = Arc::clone(&providers);
        logins.spawn(async move { log_in(providers.get("kisee").unwrap()).await.map(drop) });
    }
    let results = logins.join_all().await;
    assert_eq!(results, vec![Err(ProviderError::Unreachable); 256]);
    let grown = peak().saturating_sub(before);
    println!("256 floods, {grown} KiB more");
    assert!(grown < 256 * 1024, "{grown} KiB");
}
