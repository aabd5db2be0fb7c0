//! Documents and answers that are wrong in every way, at each of a provider's places.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pasee::idp::{ProviderError, Providers};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::support::hostile::{self, Verdict};
use super::support::openid::{Begun, OpenId, Place};
use super::support::patience::done_before;
use super::support::raw_server::{Step, answer};
use super::{NOW, corp, header, log_in, providers};

const QUICK: Duration = Duration::from_millis(500);
/// What a busy machine may add to that.
const SLACK: Duration = Duration::from_millis(1500);

fn quick(openid: &OpenId) -> Providers {
    corp(openid, |oidc| {
        oidc.timeout = QUICK;
        oidc.user_info = true;
    })
}

/// Every way to break HTTP, at every place of a provider.
#[tokio::test(flavor = "multi_thread")]
async fn broken_http_everywhere() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, steps, expected) in hostile::transport() {
        for place in [Place::Discovery, Place::Keys, Place::Token, Place::UserInfo] {
            let openid = OpenId::start().await;
            openid.gives(Place::UserInfo, &json!({"sub": "ada"}));
            let (steps, expected) = (steps.clone(), expected);
            let token = steps.clone();
            openid.sends(place, steps);
            let providers = quick(&openid);
            let started = Instant::now();
            let judged = if place == Place::Token {
                at_token(&openid, &providers, token).await
            } else {
                log_in(&openid, &providers, |_| {}).await.map(|identity| identity.user.to_string())
            };
            let verdict = match &judged {
                Err(ProviderError::Unreachable) => Some(Verdict::Unreachable),
                Err(ProviderError::InvalidResponse(_)) => Some(Verdict::InvalidResponse),
                _ => None,
            };
            // Nobody gets in and it is told as what it is; a flood may also be cut off by the time.
            let is_as_expected = verdict == Some(expected)
                || (verdict.is_some() && expected == Verdict::InvalidResponse);
            if !is_as_expected || started.elapsed() > 2 * QUICK + SLACK {
                wrong.push(format!("{place:?} {name}: {judged:?} after {:?}", started.elapsed()));
            }
            count += 1;
        }
    }
    println!("{count} broken answers, {} of them taken for something else", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 80);
}

/// A login whose code is redeemed by these bytes.
async fn at_token(
    openid: &OpenId,
    providers: &Providers,
    steps: Vec<Step>,
) -> Result<String, ProviderError> {
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await?;
    openid.sends(Place::Token, steps);
    begun
        .end(provider, &begun.yes(&openid.issuer), NOW)
        .await
        .map(|identity| identity.user.to_string())
}

fn changed(document: &Value, name: &str, value: Value) -> Value {
    let mut document = document.clone();
    if value.is_null() {
        document.as_object_mut().unwrap().remove(name);
    } else {
        document[name] = value;
    }
    document
}

/// Documents that are another's, or that lead where nobody should go.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_documents() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let openid = OpenId::start().await;
    let good = openid.document();
    let issuer = &openid.issuer;
    let mut documents = Vec::new();
    for other in [
        json!(null),
        json!("https://evil.example.com"),
        json!(format!("{issuer}/")),
        json!(issuer.to_uppercase()),
        json!(issuer.replace("127.0.0.1", "localhost")),
        json!([issuer]),
        json!(""),
    ] {
        documents.push(changed(&good, "issuer", other));
    }
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        for place in [
            "http://192.0.2.1/x",
            "http://evil.example.com/x",
            "http://127.0.0.1.evil.example.com/x",
            "http://localhost.evil.example.com/x",
            "ftp://127.0.0.1/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:application/json,{}",
            "//127.0.0.1/x",
            "/x",
            "",
            "https://user:word@evil.example.com/x",
            "https://evil.example.com/x#part",
            "http://0.0.0.0/x",
            "http://[::]/x",
            "http://169.254.169.254/latest/meta-data/",
            "unix:/run/x",
        ] {
            documents.push(changed(&good, name, json!(place)));
        }
        for value in [json!(1), json!([]), json!({}), json!(true)] {
            documents.push(changed(&good, name, value));
        }
        if name != "userinfo_endpoint" {
            documents.push(changed(&good, name, json!(null)));
        }
    }
    for methods in [json!(["private_key_jwt"]), json!([]), json!("client_secret_basic"), json!(1)] {
        documents.push(changed(&good, "token_endpoint_auth_methods_supported", methods));
    }
    for document in &documents {
        openid.gives(Place::Discovery, document);
        let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{document}: {judged:?}");
    }
    let texts = [
        ("twice", good.to_string().replacen('{', "{\"issuer\":\"https://evil.example.com\",", 1)),
        ("a list", format!("[{good}]")),
        ("two documents", format!("{good}{good}")),
        ("nothing", String::new()),
        ("a page", "<html>".to_owned()),
        ("too deep", format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200))),
        ("too long", format!("{{\"a\":\"{}\"}}", "x".repeat(2 << 20))),
    ];
    for (name, text) in &texts {
        openid.sends(Place::Discovery, answer("200 OK", "application/json", text));
        let judged = log_in(&openid, &corp(&openid, |_| {}), |_| {}).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{name}: {judged:?}");
    }
    assert_eq!((openid.asked(Place::Keys), openid.asked(Place::Token)), (0, 0));
    println!("{} wrong documents, 0 logins", documents.len() + texts.len());
    openid.gives(Place::Discovery, &good);
    assert!(log_in(&openid, &corp(&openid, |_| {}), |_| {}).await.is_ok());
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// Nothing is followed: no loop, no code and no secret that goes on to somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn redirects() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}/", trap.local_addr().unwrap());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        for place in [Place::Discovery, Place::Keys, Place::Token, Place::UserInfo] {
            for target in
                [elsewhere.as_str(), "/.well-known/openid-configuration", "/jwks", "/token", "/me"]
            {
                let openid = OpenId::start().await;
                let redirect =
                    format!("HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
                let redirect = vec![Step::Bytes(redirect.into())];
                openid.sends(place, redirect.clone());
                let providers = quick(&openid);
                let judged = match place {
                    Place::Token => at_token(&openid, &providers, redirect).await.map(drop),
                    _ => log_in(&openid, &providers, |_| {}).await.map(drop),
                };
                assert!(
                    matches!(judged, Err(ProviderError::InvalidResponse(_))),
                    "{place:?} {status} {target}: {judged:?}"
                );
                assert_eq!(openid.asked(place), 1, "{place:?} {status} {target}");
            }
        }
    }
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// What is no answer to a code.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_token_answers() {
    let openid = OpenId::start().await;
    let providers = corp(&openid, |_| {});
    let provider = providers.get("corp").unwrap();
    let begun = Begun::at(provider).await.unwrap();
    let token =
        openid.forger.token(&header(&openid), &openid.claims(&begun.parameter("nonce"), NOW));
    let good = super::support::openid::tokens(&token);
    let mut bodies: Vec<(String, String)> = Vec::new();
    for name in ["access_token", "token_type", "id_token"] {
        let mut wrong = vec![json!(1), json!([]), json!({"a": 1})];
        if name != "token_type" {
            wrong.push(json!(null));
        }
        for value in wrong {
            bodies.push((format!("{name} = {value}"), changed(&good, name, value).to_string()));
        }
    }
    bodies.push(("id_token = \"\"".into(), changed(&good, "id_token", json!("")).to_string()));
    let text = good.to_string();
    for (name, body) in [
        ("empty", String::new()),
        ("a list", format!("[{text}]")),
        ("two", format!("{text}{text}")),
        ("id_token twice", text.replacen('{', &format!("{{\"id_token\":\"{token}\","), 1)),
        ("a form", "access_token=a&token_type=bearer".to_owned()),
        ("a page", "<html>".to_owned()),
        ("cut off", text[..text.len() - 1].to_owned()),
    ] {
        bodies.push((name.to_owned(), body));
    }
    for (name, body) in &bodies {
        openid.sends(Place::Token, answer("200 OK", "application/json", body));
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{name}: {judged:?}");
    }
    let kinds = ["text/html", "image/png", "application/x-www-form-urlencoded", ""];
    for kind in kinds {
        openid.sends(Place::Token, answer("200 OK", kind, &text));
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{kind}: {judged:?}");
    }
    let statuses =
        ["201 Created", "204 No Content", "404 Not Found", "500 Internal Server Error", "999 Odd"];
    for status in statuses {
        openid.sends(Place::Token, answer(status, "application/json", &text));
        let judged = begun.end(provider, &begun.yes(&openid.issuer), NOW).await;
        assert!(matches!(judged, Err(ProviderError::InvalidResponse(_))), "{status}: {judged:?}");
    }
    println!("{} wrong token answers, 0 logins", bodies.len() + kinds.len() + statuses.len());
    openid.redeems(&token);
    assert!(begun.end(provider, &begun.yes(&openid.issuer), NOW).await.is_ok());
}

/// One fetch for a crowd; a provider that was away is back with the next login; one that is known may go away.
#[tokio::test(flavor = "multi_thread")]
async fn away_and_back() {
    let openid = OpenId::start().await;
    let providers = Arc::new(corp(&openid, |_| {}));
    openid.sends(Place::Discovery, answer("503 Service Unavailable", "text/plain", ""));
    assert_eq!(log_in(&openid, &providers, |_| {}).await.unwrap_err(), ProviderError::Unreachable);
    let document = openid.document().to_string();
    openid.makes(
        Place::Discovery,
        Arc::new(move || {
            let mut steps = vec![Step::Wait(Duration::from_millis(50))];
            steps.extend(answer("200 OK", "text/plain", &document));
            steps
        }),
    );
    let before = openid.asked(Place::Discovery);
    let mut crowd = JoinSet::new();
    for _ in 0..100 {
        let providers = Arc::clone(&providers);
        crowd.spawn(async move { Begun::at(providers.get("corp").unwrap()).await.map(drop) });
    }
    assert_eq!(crowd.join_all().await, vec![Ok(()); 100]);
    assert_eq!((openid.asked(Place::Discovery) - before, openid.asked(Place::Keys)), (1, 1));
    for place in [Place::Discovery, Place::Keys] {
        openid.sends(place, answer("500 Internal Server Error", "text/plain", ""));
    }
    assert!(log_in(&openid, &providers, |_| {}).await.is_ok());
}

/// A provider that hangs holds no more than its share, and others do not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_slow_another() {
    let (slow, fast) = (OpenId::start().await, OpenId::start().await);
    let patience = Duration::from_secs(60);
    let providers =
        Arc::new(providers(&[slow.settings("slow", patience), fast.settings("corp", patience)]));
    let begun = Arc::new(Begun::at(providers.get("slow").unwrap()).await.unwrap());
    slow.sends(Place::Token, vec![Step::Hang]);
    let quick = async || {
        log_in(&fast, &providers, |_| {}).await.unwrap();
    };
    let mut waiting = JoinSet::new();
    for _ in 0..456 {
        let (providers, begun) = (Arc::clone(&providers), Arc::clone(&begun));
        let query = begun.yes(&slow.issuer);
        waiting.spawn(async move {
            begun.end(providers.get("slow").unwrap(), &query, NOW).await.map(drop)
        });
    }
    for _ in 0..200 {
        let told = waiting.join_next().await.unwrap().unwrap();
        assert_eq!(told, Err(ProviderError::Busy), "at once, before anybody is done");
    }
    done_before(&mut waiting, 100, quick).await;
    drop(slow);
    assert_eq!(waiting.join_all().await, vec![Err(ProviderError::Unreachable); 256]);
}
