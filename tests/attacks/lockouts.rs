//! Who guesses, floods or asks too much keeps nobody else out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pasee::jose::key::Algorithm;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::forge::Forger;
use crate::support::kisee;
use crate::support::pasee::{Answer, Ask, Pasee, Setup};
use crate::support::raw_server::{RawServer, Request, Step, answer};

const BELIEVED: &str = "\ntrusted_proxies = [\"127.0.0.1\"]";

/// A login from an address, as the proxy in front says.
fn login(
    pasee: &Pasee,
    from: &str,
    name: &str,
    password: &str,
) -> impl Future<Output = Answer> + use<> {
    let body = json!({"login": name, "password": password}).to_string();
    let ask = pasee.ask("POST", "/tokens/?idp=local").header("x-forwarded-for", from);
    ask.body(body).send()
}

#[tokio::test]
async fn wrong_passwords_lock_nobody_out_elsewhere() {
    let limits =
        format!("login_attempts_per_user = 10\nlogin_attempts_per_address = 100{BELIEVED}");
    let pasee = Setup::default().limits(&limits).start().await;
    for _ in 0..10 {
        login(&pasee, "198.51.100.1", "root", "wrong").await.is(403);
    }
    login(&pasee, "198.51.100.1", "root", "pw-root").await.is(429);
    login(&pasee, "192.0.2.1", "root", "pw-root").await.is(201);
    // From many addresses at once: each gets little, and who comes from another gets in.
    let mut looked_at = 0;
    for address in 2..52 {
        for _ in 0..10 {
            let answer = login(&pasee, &format!("198.51.100.{address}"), "root", "wrong").await;
            looked_at += usize::from(answer.status.as_u16() == 403);
        }
    }
    // Five times ten, one for each address, and what comes back in a minute that this may take.
    assert!(looked_at <= 150, "{looked_at} of 500");
    for address in 1..20 {
        login(&pasee, &format!("192.0.2.{address}"), "root", "pw-root").await.is(201);
        login(&pasee, "2001:db8::1", "root", "pw-root").await.is(201);
    }
}

#[tokio::test]
async fn right_passwords_do_not_use_the_limits_up() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 5";
    let pasee = Setup::default().limits(limits).start().await;
    for _ in 0..20 {
        pasee.log_in("ada").await;
        pasee.log_in("alan").await;
    }
    for (name, left) in [("ada", 3), ("alan", 2)] {
        for _ in 0..left {
            login(&pasee, "", name, "wrong").await.is(403);
        }
        login(&pasee, "", name, &format!("pw-{name}")).await.is(429);
    }
}

/// A proxy that the settings do not know is one client, and the log says so. One who guesses behind it leaves something to
/// the others there.
#[tokio::test]
async fn behind_an_unknown_proxy() {
    let limits = "login_attempts_per_user = 10\nlogin_attempts_per_address = 100";
    let pasee = Setup::default().limits(limits).start().await;
    let mut refused = 0;
    for number in 0..103 {
        let answer = login(&pasee, "203.0.113.1, 198.51.100.1", &format!("x{number}"), "x").await;
        refused += usize::from(answer.status.as_u16() == 429);
    }
    assert!(refused > 50, "{refused}");
    login(&pasee, "203.0.113.1, 198.51.100.1", "ada", "pw-ada").await.is(429);
    for address in 2..20 {
        login(&pasee, &format!("198.51.100.{address}"), "ada", "pw-ada").await.is(201);
    }
    // What is made up gives no more than the one address has.
    let mut looked_at = 0;
    for number in 0..200 {
        let answer = login(&pasee, &format!("192.0.2.{number}"), &format!("y{number}"), "x").await;
        looked_at += usize::from(answer.status.as_u16() == 403);
    }
    assert!(looked_at < 200, "{looked_at}");
    let log = pasee.log();
    assert_eq!(log.matches("trusted_proxies").count(), 2, "once, in one line: {log}");
}

/// Eighty wrong logins at once, over and over, of one client: another is served each time.
#[tokio::test]
async fn a_flood_of_logins_keeps_nobody_waiting() {
    let limits = format!("login_attempts_per_user = 0\nlogin_attempts_per_address = 0{BELIEVED}");
    let pasee = Setup::default().limits(&limits).memory(4096).start().await;
    let mut flood = JoinSet::new();
    for number in 0..80 {
        let wrong: Vec<_> =
            (0..10).map(|_| login(&pasee, "198.51.100.1", &format!("x{number}"), "x")).collect();
        flood.spawn(async move {
            for one in wrong {
                one.await;
            }
        });
    }
    for number in 0..10 {
        login(&pasee, &format!("192.0.2.{number}"), "ada", "pw-ada").await.is(201);
    }
    flood.shutdown().await;
}

/// Pasee in front of a Kisee that never answers what is passed on.
async fn with_kisee(limits: &str, recoveries: Vec<Step>) -> (Pasee, RawServer, Arc<AtomicUsize>) {
    let home = kisee::home("http://kisee.example.com/jwt/");
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let server = RawServer::start(Arc::new(move |request: &Request| match request.line.as_str() {
        "GET /" => home.clone(),
        "POST /jwt/" => answer("403 Forbidden", "application/json", "{}"),
        _ => {
            counter.fetch_add(1, Ordering::Relaxed);
            recoveries.clone()
        }
    }))
    .await;
    let key = Forger::new(Algorithm::Es256k);
    let setup = Setup::default().limits(limits).kisee(server.address, key.key.public());
    (setup.start().await, server, seen)
}

fn wrong_at_kisee(pasee: &Pasee) -> impl Future<Output = Answer> + use<> {
    pasee.ask("POST", "/tokens/?idp=kisee").body(r#"{"login": "eve", "password": "x"}"#).send()
}

#[tokio::test]
async fn what_is_passed_on_has_turns_of_its_own() {
    let limits = "login_attempts_per_user = 0\nlogin_attempts_per_address = 0";
    let (pasee, _server, seen) = with_kisee(limits, vec![Step::Hang]).await;
    wrong_at_kisee(&pasee).await.is(403);
    let mut flood = JoinSet::new();
    for number in 0..300 {
        let ask = match number % 3 {
            0 => pasee.ask("GET", "/password_recoveries/"),
            1 => pasee.ask("POST", "/password_recoveries/").body(r#"{"login": "ada"}"#),
            _ => pasee.ask("POST", "/users/").body("{}"),
        };
        flood.spawn(async move { Ask::send(ask).await.status.as_u16() });
    }
    while seen.load(Ordering::Relaxed) < 64 {
        wrong_at_kisee(&pasee).await.is(403);
    }
    wrong_at_kisee(&pasee).await.is(403);
    let statuses = flood.join_all().await;
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
}

#[tokio::test]
async fn all_that_is_passed_on_counts() {
    let limits = "login_attempts_per_user = 0\nlogin_attempts_per_address = 5";
    let (pasee, _server, _) =
        with_kisee(limits, answer("201 Created", "application/json", "{}")).await;
    let mut let_through = 0;
    for number in 0..30 {
        let ask = match number % 4 {
            0 => pasee.ask("GET", "/password_recoveries/"),
            1 => pasee.ask("POST", "/password_recoveries/").body(r#"{"login": "ada"}"#),
            2 => pasee.ask("POST", "/users/").body("{}"),
            _ => pasee.ask("PATCH", "/users/kisee-ada").typed("application/json-patch+json", "[]"),
        };
        let_through += usize::from(ask.send().await.status.as_u16() != 429);
    }
    assert!((5..15).contains(&let_through), "{let_through} of 30");
    // Logins have their own.
    wrong_at_kisee(&pasee).await.is(403);
    pasee.log_in("ada").await;
}

/// Whatever the field is called, and however the name is spelled in it.
#[tokio::test]
async fn one_counter_by_whatever_name() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 0";
    let (pasee, _server, seen) =
        with_kisee(limits, answer("201 Created", "application/json", "{}")).await;
    let fields = ["login", "username", "email", "Username", "e_mail"];
    let names = ["ada", "ADA", "ad\u{e1}", "a\u{200b}da", " ada"];
    for number in 0..25 {
        let body = json!({ fields[number % 5]: names[number / 5] }).to_string();
        let answer = pasee.ask("POST", "/password_recoveries/").body(body).send().await;
        answer.is(if number < 3 { 201 } else { 429 });
    }
    let body = json!({"login": "other", "username": "ada"}).to_string();
    pasee.ask("POST", "/password_recoveries/").body(body).send().await.is(429);
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    let body = json!({"login": ["ada"]}).to_string();
    let answer = pasee.ask("POST", "/password_recoveries/").body(body).send().await.is(400);
    assert!(answer.title().contains("{\"login\": \"john\"}"), "{}", answer.title());
}
