//! Guessing passwords: how many attempts, however they are spelled and from wherever they claim to come.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pasee::jose::key::Algorithm;
use serde_json::json;

use crate::support::forge::Forger;
use crate::support::kisee;
use crate::support::pasee::{Answer, Ask, Pasee, Setup};
use crate::support::raw_server::{RawServer, Request, answer};

const JSON_PATCH: &str = "application/json-patch+json";

fn guess(pasee: &Pasee, login: &str) -> impl Future<Output = Answer> + use<> {
    let body = json!({"login": login, "password": "wrong"}).to_string();
    pasee.ask("POST", "/tokens/?idp=local").body(body).send()
}

/// How many attempts are let through until the first 429.
async fn let_through(mut attempt: impl AsyncFnMut(usize) -> Answer) -> usize {
    for number in 0..60 {
        let answer = attempt(number).await;
        if answer.status.as_u16() == 429 {
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            assert!(answer.title().contains("Retry-After"));
            return number;
        }
    }
    usize::MAX
}

#[tokio::test]
async fn one_counter_per_person_however_spelled() {
    let pasee = Setup::default()
        .limits("login_attempts_per_user = 3\nlogin_attempts_per_address = 0")
        .start()
        .await;
    let spellings = [
        "ada",
        "ADA",
        " ada ",
        "\u{ff41}da",
        "A\u{ff24}a",
        "\u{a0}ada",
        "\u{24d0}da",
        "ada\u{3000}",
    ];
    assert_eq!(let_through(async |n| guess(&pasee, spellings[n % 8]).await).await, 3);
    for spelling in spellings {
        guess(&pasee, spelling).await.is(429);
    }
    // The right password waits like a wrong one, and others do not wait at all.
    let right = json!({"login": "ada", "password": "pw-ada"});
    let told = pasee.ask("POST", "/tokens/?idp=local").json(&right).await.is(429);
    assert_eq!(told.header("cache-control"), "no-store");
    pasee.log_in("alan").await;
}

#[tokio::test]
async fn who_waits_gets_in() {
    let pasee = Setup::default()
        .limits("login_attempts_per_user = 60\nlogin_attempts_per_address = 0")
        .start()
        .await;
    // Sixty at once, then one a second.
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..62 {
        tasks.spawn(guess(&pasee, "ada"));
    }
    let statuses: Vec<u16> =
        tasks.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.contains(&403) && statuses.contains(&429), "{statuses:?}");
    let answer = guess(&pasee, "ada").await;
    if answer.status.as_u16() == 429 {
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!(wait <= 2, "{wait}");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    pasee.log_in("ada").await;
}

#[tokio::test]
async fn one_counter_per_address_whatever_the_headers_say() {
    let limits = "login_attempts_per_user = 0\nlogin_attempts_per_address = 5";
    let pasee = Setup::default().limits(limits).start().await;
    let made_up = async |number: usize| {
        let ask = pasee.ask("POST", "/tokens/?idp=local");
        let address = format!("198.51.100.{number}");
        let ask = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip"]
            .iter()
            .fold(ask, |ask, name| ask.header(name, &address));
        ask.json(&json!({"login": format!("u{number}"), "password": "x"})).await
    };
    assert_eq!(let_through(made_up).await, 5);
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let limits = "login_attempts_per_user = 0\nlogin_attempts_per_address = 5\ntrusted_proxies = [\"127.0.0.1\"]";
    let pasee = Setup::default().limits(limits).start().await;
    let from = async |list: String| {
        let ask = pasee.ask("POST", "/tokens/?idp=local").header("x-forwarded-for", &list);
        ask.json(&json!({"login": "eve", "password": "x"})).await
    };
    // What the client made up stands left of what the proxy wrote.
    assert_eq!(let_through(async |n| from(format!("203.0.113.{n}, 198.51.100.1")).await).await, 5);
    from("198.51.100.2".to_owned()).await.is(403);
    // An IPv6 client is its network.
    assert_eq!(let_through(async |n| from(format!("2001:db8::{n}")).await).await, 5);
    from("2001:db8:0:1::1".to_owned()).await.is(403);
}

/// Pasee in front of a Kisee that knows nobody.
async fn with_kisee(limits: &str) -> (Pasee, RawServer) {
    let home = kisee::home("http://kisee.example.com/jwt/");
    let server = RawServer::start(Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /" => home.clone(),
        "POST /jwt/" => answer("403 Forbidden", "application/json", "{}"),
        "POST /password_recoveries/" => answer("201 Created", "application/json", "{}"),
        _ => answer("401 Unauthorized", "application/json", "{}"),
    }))
    .await;
    let key = Forger::new(Algorithm::Es256k);
    let setup = Setup::default().limits(limits).kisee(server.address, key.key.public());
    (setup.start().await, server)
}

fn new_password(pasee: &Pasee, user: &str, login: &str) -> Ask {
    let basic = format!("Basic {}", STANDARD.encode(format!("{login}:guess")));
    let ask = pasee.ask("PATCH", &format!("/users/{user}")).header("authorization", &basic);
    ask.typed(JSON_PATCH, "[]")
}

#[tokio::test]
async fn a_new_password_is_no_way_to_guess_the_old_one() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 0";
    let (pasee, _server) = with_kisee(limits).await;
    // Logins and password changes count together.
    let login = |login: &str| {
        let body = json!({"login": login, "password": "x"}).to_string();
        pasee.ask("POST", "/tokens/?idp=kisee").body(body).send()
    };
    login("ada").await.is(403);
    let through =
        let_through(async |_| new_password(&pasee, "kisee-ada", "ada").send().await).await;
    assert_eq!(through, 2);
    login("Ada").await.is(429);
    // The provider judges the login in the header: other paths are no way around.
    let others = async |n: usize| {
        new_password(&pasee, &format!("kisee-other{n}"), ["bob", "BOB"][n % 2]).send().await
    };
    assert_eq!(let_through(others).await, 3);
    login("bob").await.is(429);
    login("alan").await.is(403);
}

#[tokio::test]
async fn recoveries_are_limited() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 10";
    let (pasee, _server) = with_kisee(limits).await;
    let recover = |body: serde_json::Value| {
        pasee.ask("POST", "/password_recoveries/").body(body.to_string()).send()
    };
    let named = async |n: usize| match n % 2 {
        0 => recover(json!({"login": "ada"})).await,
        _ => recover(json!({"login": format!("x{n}"), "email": "ada"})).await,
    };
    assert_eq!(let_through(named).await, 3);
    // Mail to Ada is stopped; Ada's logins are not.
    let body = json!({"login": "ada", "password": "x"});
    pasee.ask("POST", "/tokens/?idp=kisee").json(&body).await.is(403);
    let nameless = async |_| recover(json!({})).await;
    assert!(let_through(nameless).await <= 10);
    pasee.ask("POST", "/users/").body("{}").send().await.is(429);
}

/// What is refused as a guess uses up nothing of what may be passed on, and the other way round.
#[tokio::test]
async fn what_is_refused_counts_for_nothing_else() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 20";
    let proof = format!("Basic {}", STANDARD.encode("ada:guess"));
    for method in ["GET", "PATCH"] {
        let (pasee, _server) = with_kisee(limits).await;
        let guess = async |_| match method {
            "GET" => {
                let ask = pasee.ask("GET", "/password_recoveries/");
                ask.header("authorization", &proof).send().await
            }
            _ => new_password(&pasee, "kisee-ada", "ada").send().await,
        };
        assert_eq!(let_through(guess).await, 3, "{method}");
        for number in 0..40 {
            guess(number).await;
        }
        let nameless = async |_| pasee.ask("GET", "/password_recoveries/").send().await;
        let left = let_through(nameless).await;
        assert!(left >= 10, "{method}: only {left} of seventeen are left");
        // Now nothing is passed on, and others can be guessed at as often as before.
        let other = async |_| match method {
            "GET" => {
                let proof = format!("Basic {}", STANDARD.encode("bob:guess"));
                let ask = pasee.ask("GET", "/password_recoveries/");
                ask.header("authorization", &proof).send().await
            }
            _ => new_password(&pasee, "kisee-bob", "bob").send().await,
        };
        for number in 0..40 {
            other(number).await;
        }
        let body = json!({"login": "bob", "password": "x"});
        let login = async |_| pasee.ask("POST", "/tokens/?idp=kisee").json(&body).await;
        assert!(let_through(login).await >= 1, "{method}");
    }
}
