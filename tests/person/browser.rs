//! Logins in a browser: at an issuer that keeps to the protocol, and at those that do not.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::jose::key::Algorithm;
use serde_json::{Value, json};
use url::Url;

use super::issuer::Issuer;
use super::support::forge::Forger;
use super::support::pasee::now;
use super::support::person::{Did, Person, Running};
use super::support::raw_server::{Step, answer};

/// Somebody whose desktop writes down which page it was to open.
pub fn with_desktop(issuer: &str) -> Person {
    let person = Person::of(issuer);
    let page = person.home().join("opened");
    person.has_program(
        "xdg-open",
        &format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> {}\n", page.display()),
    );
    person
}

/// The pages that were opened so far.
pub fn opened(person: &Person) -> Vec<String> {
    let pages = fs::read_to_string(person.home().join("opened")).unwrap_or_default();
    pages.lines().map(str::to_owned).collect()
}

/// The page that a login asks for.
fn page(running: &Running) -> String {
    running.says(|said| {
        let line = said.lines().map(str::trim).find(|line| line.starts_with("http://"))?;
        Some(line.to_owned())
    })
}

async fn log_in(person: &Person, issuer: &Issuer) -> Did {
    let running = person.start(&["login"], "");
    let page = page(&running);
    issuer.browse(&page).await;
    running.wait()
}

/// The page's own place to come back to, and its state.
fn place_and_state(page: &str) -> (Url, String) {
    let page: Url = page.parse().unwrap();
    let value = |name: &str| {
        let mut pairs = page.query_pairs().into_owned();
        pairs.find_map(|(key, value)| (key == name).then_some(value)).unwrap()
    };
    (value("redirect_uri").parse().unwrap(), value("state"))
}

/// Everything that comes back for bytes that are sent to a port of this machine.
fn raw(place: &Url, request: &str) -> String {
    let address = (place.host_str().unwrap(), place.port().unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_in_a_browser() {
    let issuer = Issuer::start().await;
    let ada = with_desktop(&issuer.url);
    let running = ada.start(&["login"], "");
    let shown = page(&running);
    let last = issuer.browse(&shown).await;
    assert!(last.contains("Go back to your terminal"), "{last}");
    let did = running.wait();
    assert!(did.err.contains("as local-ada"), "{did:?}");
    did.done();
    assert_eq!(opened(&ada), std::slice::from_ref(&shown));
    assert_eq!(issuer.complaints(), Vec::<String>::new());
    let (place, _) = place_and_state(&shown);
    assert_eq!((place.host_str(), place.path()), (Some("127.0.0.1"), "/callback"));

    assert_eq!(ada.run(&["token"]).done(), "access-1\n");
    ada.age();
    assert_eq!(ada.run(&["token"]).done(), "access-2\n");
    let refreshes = issuer.asked("/token", ("grant_type", "refresh_token"));
    assert_eq!(refreshes.len(), 1);
    assert_eq!(refreshes[0]["resource"], issuer.url);
    assert_eq!(issuer.keys().len(), 1, "all of it by one key");
    ada.run(&["logout"]).done();
    assert_eq!(issuer.asked("/revoke", ("token", "refresh-2")).len(), 1);
    assert!(ada.kept().is_empty());
    log_in(&ada, &issuer).await.done();
    assert_eq!(issuer.keys().len(), 2, "each login has a key of its own");
}

/// Nothing that is worth anything is on a command line, in what is said, or in the page that is opened.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_shown() {
    let issuer = Issuer::start().await;
    let ada = with_desktop(&issuer.url);
    let did = log_in(&ada, &issuer).await;
    let kept: Value = serde_json::from_str(&fs::read_to_string(ada.only_kept()).unwrap()).unwrap();
    let verifier =
        &issuer.asked("/token", ("grant_type", "authorization_code"))[0]["code_verifier"];
    let said = format!("{}{}", did.said(), opened(&ada).join(""));
    for secret in ["access-1", "refresh-1", "BEGIN", verifier] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(kept["session"]["key"].as_str().unwrap().contains("BEGIN PRIVATE KEY"));
    issuer.spoil(|place, body| match place {
        "/token" => Ok(json!({ "access_token": "geheim", "token_type": 1, "beside": body })),
        _ => Ok(body),
    });
    ada.age();
    let told = ada.run(&["token"]).refused(1);
    for secret in ["geheim", "access-", "refresh-", "BEGIN"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_repeated_when_it_is_asked_for() {
    let issuer = Issuer::start().await;
    issuer.wants_nonce("nonce-1");
    let ada = with_desktop(&issuer.url);
    log_in(&ada, &issuer).await.done();
    issuer.wants_nonce("nonce-2");
    ada.age();
    ada.run(&["token"]).done();
    // Who never has enough of nonces is asked twice, not for ever.
    issuer.spoil(|_, body| Ok(body));
    assert_eq!(issuer.asked("/token", ("grant_type", "refresh_token")).len(), 1);
}

/// Twenty at once: one login, and later one refresh.
#[tokio::test(flavor = "multi_thread")]
async fn one_browser_and_one_refresh_for_all() {
    let issuer = Issuer::start().await;
    let ada = with_desktop(&issuer.url);
    let running: Vec<Running> = (0..20).map(|_| ada.start(&["login"], "")).collect();
    let page = loop {
        if let Some(page) = opened(&ada).first() {
            break page.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    for one in &running {
        one.says(|said| {
            (said.contains("another pasee is logging in")
                || said.contains("log in in your browser"))
            .then_some(())
        });
    }
    issuer.browse(&page).await;
    for one in running {
        let did = one.wait();
        assert!(did.err.contains("as local-ada"), "{did:?}");
        did.done();
    }
    assert_eq!(opened(&ada).len(), 1);
    assert_eq!(issuer.asked("/token", ("grant_type", "authorization_code")).len(), 1);
    ada.age();
    let running: Vec<Running> = (0..20).map(|_| ada.start(&["token"], "")).collect();
    for one in running {
        assert_eq!(one.wait().done(), "access-2\n");
    }
    assert_eq!(issuer.asked("/token", ("grant_type", "refresh_token")).len(), 1);
}

/// Whoever finds the port while somebody logs in changes nothing by it: no other host, path, method or state is listened to.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_at_the_port() {
    let issuer = Issuer::start().await;
    let ada = with_desktop(&issuer.url);
    let running = ada.start(&["login"], "");
    let page = page(&running);
    let (place, state) = place_and_state(&page);
    let host = format!("{}:{}", place.host_str().unwrap(), place.port().unwrap());
    let right = format!("state={state}&iss={}", issuer.url);
    let request = |line: &str, host: &str| format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (request, status) in [
        (request("GET /callback?code=injected&state=guess", &host), "400"),
        (request("GET /callback?code=injected", &host), "400"),
        (request("GET /callback?error=access_denied&state=guess", &host), "400"),
        (request(&format!("GET /callback?code=a&code=b&{right}"), &host), "400"),
        (request(&format!("GET /callback?code=injected&{right}"), "evil.example"), "421"),
        (request(&format!("GET /callback?code=injected&{right}"), "localhost"), "421"),
        (request(&format!("POST /callback?code=injected&{right}"), &host), "405"),
        (request(&format!("GET /other?code=injected&{right}"), &host), "404"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(&place, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(!answer.contains("injected") && !answer.contains(&state), "{answer}");
    }
    // Connections that say nothing, as browsers open them, are in nobody's way.
    let address = (place.host_str().unwrap(), place.port().unwrap());
    let _idle: Vec<_> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    issuer.browse(&page).await;
    running.wait().done();
    assert_eq!(issuer.asked("/token", ("grant_type", "authorization_code")).len(), 1);
}

/// A code that somebody else got, brought to the port by whoever knows even the state, is worth nothing with our verifier.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_login() {
    let issuer = Issuer::start().await;
    let (ada, eve) = (with_desktop(&issuer.url), with_desktop(&issuer.url));
    let [hers, theirs] = [&ada, &eve].map(|person| person.start(&["login"], ""));
    let (page_of_ada, page_of_eve) = (page(&hers), page(&theirs));
    let stolen = issuer.visit(&page_of_eve).await;
    let code = stolen.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let (mut place, state) = place_and_state(&page_of_ada);
    place
        .query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &state)
        .append_pair("iss", &issuer.url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(place).send().await.unwrap();
    let told = hers.wait().refused(1);
    assert!(told.contains("invalid_grant"), "{told}");
    assert!(ada.kept().is_empty());
    // Its owner's login ends as well: the code was used up.
    client.get(stolen).send().await.unwrap();
    theirs.wait().refused(1);
}

/// Answers that no honest issuer gives: each ends the login, with words, and nothing is kept.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_to_a_login() {
    let unsigned = |claims: &Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
    };
    type Change = Box<dyn Fn(&str, &str, Value) -> Value + Send + Sync>;
    let at = |wanted: &'static str, change: fn(&str, Value) -> Value| -> Change {
        Box::new(
            move |issuer, place, body| if place == wanted { change(issuer, body) } else { body },
        )
    };
    fn set(mut body: Value, name: &str, value: Value) -> Value {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value;
        }
        body
    }
    let stranger = Forger::new(Algorithm::Es256);
    let cases: Vec<(&str, Change, &str)> = vec![
        (
            "an answer of another issuer",
            at("/authorize", |_, body| set(body, "iss", json!("https://evil.example"))),
            "another issuer",
        ),
        (
            "an answer without its promised issuer",
            at("/authorize", |_, body| set(body, "iss", Value::Null)),
            "another issuer",
        ),
        (
            "no",
            at(
                "/authorize",
                |issuer, body| json!({ "error": "access_denied", "error_description": "not \u{1b}[2Jyou", "state": body["state"], "iss": issuer }),
            ),
            "not [2Jyou (access_denied)",
        ),
        ("another nonce", at("claims", |_, body| set(body, "nonce", json!("other"))), "nonce"),
        ("no nonce", at("claims", |_, body| set(body, "nonce", Value::Null)), "nonce"),
        (
            "another issuer's token",
            at("claims", |_, body| set(body, "iss", json!("https://evil.example"))),
            "another issuer",
        ),
        (
            "somebody else's token",
            at("claims", |_, body| set(body, "aud", json!("grafana"))),
            "another audience",
        ),
        (
            "a token for several",
            at("claims", |_, body| set(body, "aud", json!(["pasee", "grafana"]))),
            "another audience",
        ),
        ("an old token", at("claims", |_, body| set(body, "exp", json!(now() - 3600))), "expired"),
        ("nobody's token", at("claims", |_, body| set(body, "sub", Value::Null)), "sub"),
        ("no ID token", at("/token", |_, body| set(body, "id_token", Value::Null)), "no id_token"),
        (
            "no access token",
            at("/token", |_, body| set(body, "access_token", Value::Null)),
            "no access_token",
        ),
        (
            "a token that breaks a header",
            at("/token", |_, body| set(body, "access_token", json!("a\r\nx: y"))),
            "access_token",
        ),
        (
            "another kind of token",
            at("/token", |_, body| set(body, "token_type", json!("mac"))),
            "token_type",
        ),
        (
            "an unsigned token",
            Box::new(move |issuer, place, body| {
                let claims = json!({ "iss": issuer, "sub": "local-root", "aud": "pasee", "iat": now(), "exp": now() + 300 });
                if place == "/token" {
                    set(body, "id_token", json!(unsigned(&claims)))
                } else {
                    body
                }
            }),
            "algorithm",
        ),
        (
            "a stranger's signature",
            Box::new(move |issuer, place, body| {
                let claims = json!({ "iss": issuer, "sub": "local-root", "aud": "pasee", "iat": now(), "exp": now() + 300 });
                let token = stranger.token(&stranger.header("JWT"), &claims);
                if place == "/token" { set(body, "id_token", json!(token)) } else { body }
            }),
            "key is not known",
        ),
    ];
    for (name, change, says) in cases {
        let issuer = Issuer::start().await;
        let url = issuer.url.clone();
        issuer.spoil(move |place, body| Ok(change(&url, place, body)));
        let ada = with_desktop(&issuer.url);
        let told = log_in(&ada, &issuer).await.refused(1);
        assert!(told.contains(says) && told.contains("you are not logged in"), "{name}: {told}");
        assert!(!told.contains('\u{1b}'), "{name}: {told}");
        assert!(ada.kept().is_empty(), "{name}");
    }
}

/// What is wrong before a browser is opened opens none.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_documents() {
    let redirect = || {
        vec![Step::Bytes(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
        )]
    };
    let huge =
        || answer("200 OK", "application/json", format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20)));
    type Change = Box<dyn Fn(Value) -> Result<Value, Vec<Step>> + Send + Sync>;
    let set = |name: &'static str, value: Value| -> Change {
        Box::new(move |mut body| {
            body[name] = value.clone();
            Ok(body)
        })
    };
    for (change, says) in [
        (set("issuer", json!("https://evil.example")), "it calls itself \"https://evil.example\""),
        (set("issuer", json!(null)), "does not say what it is called"),
        (set("authorization_endpoint", json!("javascript:alert(1)")), "authorization_endpoint"),
        (set("authorization_endpoint", json!("--help")), "authorization_endpoint"),
        (set("authorization_endpoint", json!("http://evil.example/")), "authorization_endpoint"),
        (set("token_endpoint", json!("http://evil.example/")), "token_endpoint"),
        (set("code_challenge_methods_supported", json!(["plain"])), "S256"),
        (Box::new(move |_| Err(redirect())), "a redirect"),
        (Box::new(move |_| Err(huge())), "longer than answers are read"),
        (Box::new(|_| Err(answer("200 OK", "text/html", "<html>"))), "not one JSON object"),
        (Box::new(|_| Err(answer("404 Not Found", "text/html", ""))), "no metadata"),
        (Box::new(|_| Err(answer("503 Service Unavailable", "text/html", ""))), "not there now"),
        (Box::new(|_| Err(vec![Step::Close])), "cannot be reached"),
    ] as [(Change, &str); 13]
    {
        let issuer = Issuer::start().await;
        issuer.spoil(
            move |place, body| if place.contains("well-known") { change(body) } else { Ok(body) },
        );
        let ada = with_desktop(&issuer.url);
        let told = ada.run(&["login"]).refused(1);
        assert!(told.contains(says), "{says}: {told}");
        assert_eq!(opened(&ada), Vec::<String>::new());
        assert!(ada.kept().is_empty());
    }
}

/// Where no code flow is, as at a Pasee whose iss is no URL, that is said.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_token_endpoints() {
    for (steps, says) in [
        (answer("302 Found", "text/plain", ""), "a redirect"),
        (answer("200 OK", "application/json", "[]"), "not one JSON object"),
        (
            answer("200 OK", "application/json", "{\"access_token\":\"a\",\"access_token\":\"b\"}"),
            "not one JSON object",
        ),
        (
            answer("200 OK", "application/json", format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20))),
            "longer than",
        ),
        (answer("500 Internal Server Error", "text/html", "geheim"), "unexpected status"),
    ] {
        let issuer = Issuer::start().await;
        issuer.spoil(
            move |place, body| if place == "/token" { Err(steps.clone()) } else { Ok(body) },
        );
        let ada = with_desktop(&issuer.url);
        let told = log_in(&ada, &issuer).await.refused(1);
        assert!(told.contains(says) && !told.contains("geheim"), "{says}: {told}");
    }
}
