//! The sidecar in front of an application, beside a running Pasee: who reaches it, what it is told, and browsers on their way
//! there and back.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{self, Seen};
use crate::check::Sidecar;
use crate::login::{Browser, COOKIE_SECRET, SECRET, location, pasee, settings, through};
use crate::support::pasee::{Pasee, free_port};

/// Tables for tokens of this Pasee that are for everybody, and for its list of what has ended.
pub fn followed(pasee: &Pasee, secret: &str, mode: &str) -> String {
    let url = &pasee.url;
    format!(
        "[[issuers]]\nissuer = \"{url}\"\naudience = \"{url}\"\n[revocations]\nissuer = \"{url}\"\nclient_id = \"app\"\n\
         client_secret = \"{secret}\"\nmode = \"{mode}\"\n"
    )
}

/// An application, and a sidecar in front of it that follows what has ended.
pub async fn started() -> (Pasee, Sidecar, Arc<Seen>, u16) {
    let port = free_port();
    let pasee = pasee(port).await;
    let (address, seen) = app::start().await;
    let sidecar = Sidecar::in_front(port, address, &followed(&pasee, SECRET, "required"));
    sidecar.becomes("200");
    (pasee, sidecar, seen, port)
}

/// What the application says of a request, or the status in its place.
fn told(answer: &str) -> Result<Value, String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    if status == "200" { Ok(serde_json::from_str(body).unwrap()) } else { Err(status.to_owned()) }
}

/// Every value of a header that reached the application.
fn values<'t>(told: &'t Value, name: &str) -> Vec<&'t str> {
    let all = told["headers"].as_array().unwrap().iter();
    all.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_it_is_and_nobody_else() {
    let (pasee, sidecar, seen, _) = started().await;
    let token = pasee.log_in("ada").await.access;
    let bearer = format!("authorization: bearer {token}");
    let forged = "x-pasee-user: local-root\nX_Pasee_User: local-root\nx.pasee.groups: staff\nx-forwarded-user: local-root\n\
                  remote-user: local-root\nx-auth-request-user: local-root\nx-pasee-claims-email: a@b";
    let ask = |head: &str| {
        let head = format!("{head}\nhost: app.example.com\n{forged}");
        let request = head.replace('\n', "\r\n");
        let answer = sidecar.ask_as_is(&format!("{request}\r\nconnection: close\r\n\r\n"));
        told(&answer)
    };
    let known = ask(&format!("GET /groups/articles?a=%62 HTTP/1.1\n{bearer}")).unwrap();
    assert_eq!(known["target"], "/groups/articles?a=%62");
    assert_eq!(values(&known, "x-pasee-user"), ["local-ada"]);
    assert_eq!(values(&known, "x-pasee-groups"), ["articles"]);
    assert_eq!(values(&known, "x-auth-request-user"), ["local-ada"]);
    assert_eq!(values(&known, "authorization"), [""; 0], "the token goes no further");
    let anybody = ask("GET /public/1 HTTP/1.1").unwrap();
    for (told, allowed) in [(&known, 4), (&anybody, 0)] {
        let ours: Vec<&Value> = told["headers"].as_array().unwrap().iter().collect();
        let names = ours.iter().map(|pair| pair[0].as_str().unwrap().replace(['_', '.'], "-"));
        let ours: Vec<String> = names
            .filter(|name| {
                ["x-pasee", "x-auth-request", "remote-"].iter().any(|of| name.starts_with(of))
                    || name == "x-forwarded-user"
            })
            .collect();
        assert_eq!(ours.len(), allowed, "{ours:?}");
        assert!(!told.to_string().contains("local-root"), "{told}");
    }
    let before = seen.requests().len();
    for (head, status) in [
        ("GET /any/1 HTTP/1.1".to_owned(), "401"),
        ("GET /any/1 HTTP/1.1\nauthorization: Bearer wrong".to_owned(), "401"),
        (format!("GET /groups/staff HTTP/1.1\n{bearer}"), "403"),
        (format!("POST /groups/articles HTTP/1.1\ncontent-length: 0\n{bearer}"), "403"),
        (format!("GET /nowhere HTTP/1.1\n{bearer}"), "403"),
        (format!("GET /public/../groups/staff HTTP/1.1\n{bearer}"), "400"),
        (format!("GET /public/%2e%2e/any/1 HTTP/1.1\n{bearer}"), "400"),
        (format!("GET //any/1 HTTP/1.1\n{bearer}"), "400"),
    ] {
        assert_eq!(ask(&head), Err(status.to_owned()), "{head}");
    }
    assert_eq!(seen.requests().len(), before, "nothing of that reached the application");
    let metrics = sidecar.metrics();
    for line in [
        "pasee_sidecar_requests_total{way=\"proxy\",outcome=\"allowed\"} 2",
        "pasee_sidecar_requests_total{way=\"proxy\",outcome=\"unauthenticated\"} 2",
        "pasee_sidecar_requests_total{way=\"proxy\",outcome=\"forbidden\"} 3",
        "pasee_sidecar_requests_total{way=\"proxy\",outcome=\"ambiguous\"} 3",
        "pasee_sidecar_revocations_stale 0",
        "pasee_sidecar_revocations_age_seconds ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

/// A browser that goes somewhere comes back there, known to the application, which never sees what the browser carries for us.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_there_and_back() {
    let port = free_port();
    let pasee = pasee(port).await;
    let (address, seen) = app::start().await;
    let tables = settings(&pasee, port, &format!("\"{COOKIE_SECRET}\""));
    let sidecar = Sidecar::in_front(port, address, &tables);
    sidecar.becomes("200");
    let mut browser = Browser::new();
    let place = sidecar.at("/groups/articles?a=b%20c");
    let sent = browser.get(&place).await;
    assert_eq!(sent.status(), StatusCode::FOUND);
    let scripted = browser.send(Method::GET, &place, &[("sec-fetch-mode", "cors")]).await;
    assert_eq!(scripted.status(), StatusCode::UNAUTHORIZED);
    let begun = browser.get(&location(&sent)).await;
    let back = through(&pasee, &location(&begun)).await;
    let done = browser.get(&back).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&done), "/groups/articles?a=b%20c");
    assert_eq!(seen.requests().len(), 0, "our own paths are none of the application's");

    browser.cookies.insert("own".to_owned(), "1".to_owned());
    browser.cookies.insert("pasee_sign_in".to_owned(), "x".to_owned());
    for path in ["/groups/articles?a=b%20c", "/public/1"] {
        let answer = browser.get(&sidecar.at(path)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(told["target"], path);
        assert_eq!(values(&told, "x-pasee-user"), ["local-ada"]);
        assert_eq!(values(&told, "cookie"), ["own=1"], "{told}");
    }
    browser.cookies.remove("pasee_sign_in");
    // Another replica has to refresh, and has the browser carry what it got, once: beside what the application answers to what
    // goes somewhere, which nobody else may keep then.
    let (elsewhere, _) = app::start().await;
    let replica = Sidecar::in_front(free_port(), elsewhere, &tables);
    replica.becomes("200");
    let carried = browser.cookies["pasee_session"].clone();
    let navigate = [("sec-fetch-mode", "navigate")];
    let script = [("sec-fetch-mode", "cors")];
    for (how, renews) in [(script, false), (navigate, true), (navigate, false)] {
        let answer = browser.send(Method::GET, &replica.at("/any/1"), &how).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let renewed = answer.headers().get("set-cookie").cloned();
        assert_eq!(renewed.is_some(), renews, "{how:?}");
        let kept = answer.headers().get("cache-control").map(|value| value.to_str().unwrap());
        assert_eq!(kept, renews.then_some("no-store"), "{how:?}");
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(values(&told, "cookie"), ["own=1"], "{told}");
    }
    assert_ne!(browser.cookies["pasee_session"], carried);
    let me = browser.get(&sidecar.at("/.pasee/me")).await;
    let me: Value = serde_json::from_str(&me.text().await.unwrap()).unwrap();
    assert_eq!((&me["user"], &me["groups"]), (&json!("local-ada"), &json!(["articles"])));
    // What another host's page has a browser send changes nothing.
    let evil = [("origin", "https://evil.example.com")];
    let origin = sidecar.at("");
    let own = [("origin", origin.as_str())];
    let before = seen.requests().len();
    assert_eq!(browser.send(Method::POST, &sidecar.at("/any/1"), &evil).await.status(), 401);
    assert_eq!(seen.requests().len(), before);
    assert_eq!(browser.send(Method::POST, &sidecar.at("/any/1"), &own).await.status(), 200);
    let ended = browser.send(Method::POST, &sidecar.at("/.pasee/sign_out"), &own).await;
    assert_eq!(ended.status(), StatusCode::SEE_OTHER);
    assert!(!browser.cookies.contains_key("pasee_session"));
    assert_eq!(browser.get(&place).await.status(), StatusCode::FOUND);
}
