//! Names and passwords forwarded to another Pasee: its answer is believed no more than a token that is shown.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pasee::idp::{Credential, Identity, LoginMethod, PasswordCredential, ProviderError, Providers};
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};

use super::support::forge::Forger;
use super::support::kisee::now;
use super::support::raw_server::{RawServer, Request, Script, Step, answer};
use super::{TIMEOUT, at, claims, good, settings, token};

async fn log_in(providers: &Providers) -> Result<Identity, ProviderError> {
    let credential = PasswordCredential {
        login: "ada".into(),
        password: "s3cret-Passw0rd".into(),
        client: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    let provider = providers.get("externals").unwrap();
    provider.identify(Credential::Password(credential), now()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_and_believed() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (honest, noted) = (good(&forger), Arc::clone(&seen));
    let script: Script = Arc::new(move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        noted.lock().unwrap().push((request.line.clone(), body));
        honest(request)
    });
    let server = RawServer::start(script).await;
    let providers = at(server.address);
    let identity = log_in(&providers).await.unwrap();
    assert_eq!(identity.user.as_str(), "externals-internals-ada");
    assert_eq!(identity.authenticated_at, None, "the password is proof of this moment");
    let seen = seen.lock().unwrap();
    let body: Value = serde_json::from_str(&seen[0].1).unwrap();
    assert_eq!(seen[0].0, "POST /tokens/?idp=internals");
    assert_eq!(body, json!({ "login": "ada", "password": "s3cret-Passw0rd" }));
    let provider = providers.get("externals").unwrap();
    assert_eq!(provider.login_methods(), [LoginMethod::Token, LoginMethod::Password]);
}

/// Below a path, as behind a proxy.
#[tokio::test(flavor = "multi_thread")]
async fn below_a_path() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let honest = good(&forger);
    let script: Script = Arc::new(move |request: &Request| {
        let line = request.line.replace(" /inner/", " /");
        honest(&Request { line, head: String::new(), body: Vec::new() })
    });
    let server = RawServer::start(script).await;
    let providers =
        Providers::new(&[settings(&format!("http://{}/inner", server.address), None)]).unwrap();
    assert!(log_in(&providers).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers() {
    let forger = Arc::new(Forger::new(Algorithm::Es256));
    let stranger = Forger::new(Algorithm::Es256);
    let kind = "application/vnd.coreapi+json";
    let with = |token: Value| {
        answer(
            "201 Created",
            kind,
            json!({ "_type": "document", "access_token": token }).to_string(),
        )
    };
    let mut refresh = claims("internals-ada");
    refresh["refresh_token"] = json!(true);
    let of = |user: &str| with(json!(token(&forger, &claims(user))));
    let status = |status: &str| answer(status, kind, "{}");
    let redirect = |to: &str| {
        let text = format!("HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        vec![Step::Bytes(text.into())]
    };
    let (invalid, refused, away) =
        (ProviderError::InvalidResponse(""), ProviderError::Refused, ProviderError::Unreachable);
    let right = json!({ "access_token": token(&forger, &claims("internals-ada")) }).to_string();
    let cases = vec![
        ("a user of another provider", of("others-ada"), invalid),
        ("a user who is not let in", of("unlisted-ada"), invalid),
        ("a circle", of("internals-externals-ada"), invalid),
        ("a stranger's token", with(json!(token(&stranger, &claims("internals-ada")))), invalid),
        ("a refresh token", with(json!(forger.token(&forger.header("rt+jwt"), &refresh))), invalid),
        ("a number", with(json!(1)), invalid),
        ("a list", with(json!([right])), invalid),
        ("nothing", answer("201 Created", kind, "{}"), invalid),
        ("garbage", answer("201 Created", kind, "\u{0}garbage"), invalid),
        ("the token twice", answer("201 Created", kind, right.replace('{', "{\"access_token\":\"x\",")), invalid),
        ("HTML", answer("201 Created", "text/html", &right), invalid),
        ("another status", answer("418 Teapot", kind, &right), invalid),
        ("a redirect", redirect("/tokens/?idp=internals"), invalid),
        ("a redirect elsewhere", redirect("http://127.0.0.1:1/"), invalid),
        ("400", status("400 Bad"), refused),
        ("401", status("401 No"), refused),
        ("403", status("403 No"), refused),
        ("403 with a token", answer("403 No", kind, &right), refused),
        ("404", status("404 Nothing"), invalid),
        ("429", status("429 Slow"), away),
        ("500", status("500 Oops"), invalid),
        ("502", status("502 Oops"), invalid),
        ("503", status("503 Busy"), away),
        ("hangs", vec![Step::Hang], away),
        ("closes", vec![Step::Close], away),
        (
            "1 GB",
            vec![
                Step::Bytes(format!("HTTP/1.1 201 Created\r\nContent-Type: {kind}\r\nContent-Length: 1073741824\r\n\r\n").into()),
                Step::Forever(vec![b' '; 65_536], Duration::ZERO),
            ],
            invalid,
        ),
    ];
    let count = cases.len();
    for (name, steps, expected) in cases {
        let honest = good(&forger);
        let script: Script = Arc::new(move |request: &Request| {
            if request.line.starts_with("POST") { steps.clone() } else { honest(request) }
        });
        let server = RawServer::start(script).await;
        let providers = at(server.address);
        let started = Instant::now();
        let error = log_in(&providers).await.map(|identity| identity.user).unwrap_err();
        let same = std::mem::discriminant(&error) == std::mem::discriminant(&expected);
        assert!(same, "{name}: {error:?} for {expected:?}");
        assert!(started.elapsed() < TIMEOUT * 2, "{name}");
    }
    println!("{count} answers to a forwarded login, 0 logins");
}

/// What waits for a provider fits on a stack many times over, however many calls lie within calls.
#[tokio::test]
async fn logins_are_small() {
    let forger = Forger::new(Algorithm::Es256);
    for providers in [super::pinned(forger.key.public()), at("127.0.0.1:1".parse().unwrap())] {
        let credential = Credential::Token("x".into());
        let login = providers.get("externals").unwrap().identify(credential, now());
        let size = size_of_val(&login);
        println!("a login at another Pasee takes {size} bytes");
        assert!(size < 4096, "{size}");
    }
}
