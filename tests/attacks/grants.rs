//! Bans and revocations against every grant, and against those who run as they fall.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::forge::part;
use crate::support::pasee::{Pair, Pasee, Setup};

async fn patch(pasee: &Pasee, root: &str, body: Value) {
    pasee.ask("PATCH", "/users/local-ada").bearer(root).json(&body).await.is(204);
}

/// What a login, a refresh and a use of the API are answered with.
async fn grants(pasee: &Pasee, pair: &Pair) -> [u16; 4] {
    let login = json!({"login": "ada", "password": "pw-ada"});
    let own = pasee.ask("GET", "/users/local-ada").bearer(&pair.access).send().await;
    let add = pasee.ask("POST", "/groups/g/").bearer(&pair.access);
    [
        pasee.ask("POST", "/tokens/?idp=local").json(&login).await.status.as_u16(),
        pasee.refresh(&pair.refresh).await.status.as_u16(),
        own.status.as_u16(),
        add.json(&json!({"username": "local-you"})).await.status.as_u16(),
    ]
}

#[tokio::test]
async fn a_banned_user_gets_nothing_by_any_grant() {
    let pasee = Setup::default().members("g.staff", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let pair = pasee.log_in("ada").await;
    assert_eq!(grants(&pasee, &pair).await, [201, 201, 200, 201]);
    patch(&pasee, &root, json!({"is_banned": true})).await;
    assert_eq!(grants(&pasee, &pair).await, [403; 4]);
    let shown = pasee.ask("GET", "/users/local-ada").bearer(&root).send().await.json();
    assert_eq!(shown["is_banned"], true);
    // A wrong password says nothing of the ban.
    let wrong = json!({"login": "ada", "password": "x"});
    let told = pasee.ask("POST", "/tokens/?idp=local").json(&wrong).await.is(403);
    assert!(!told.title().contains("banned"));
    patch(&pasee, &root, json!({"is_banned": true})).await;
    patch(&pasee, &root, json!({"is_banned": false})).await;
    // Lifting the ban revives nothing, and shuts nobody out.
    assert_eq!(grants(&pasee, &pair).await, [201, 401, 401, 401]);
    let again = pasee.log_in("ada").await;
    assert_eq!(grants(&pasee, &again).await, [201, 201, 200, 409]);
}

/// A login passes as soon as a revocation or the end of a ban is answered, and no session of before does: five times of five,
/// however many there are in one second.
#[tokio::test]
async fn a_login_right_after_a_revocation_passes() {
    let pasee = Setup::default().members("g.staff", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let mut pairs = Vec::new();
    for round in 0..10 {
        pairs.push(pasee.log_in("ada").await);
        if round % 2 == 0 {
            patch(&pasee, &root, json!({"not_before": "now"})).await;
        } else {
            patch(&pasee, &root, json!({"is_banned": true})).await;
            patch(&pasee, &root, json!({"is_banned": false})).await;
        }
        for pair in &pairs {
            assert_eq!(grants(&pasee, pair).await, [201, 401, 401, 401], "{round}");
        }
        let after = pasee.log_in("ada").await;
        assert_eq!(grants(&pasee, &after).await[..3], [201, 201, 200], "{round}");
        let narrowed = pasee.ask("POST", "/tokens/?refresh&scope=g").bearer(&after.refresh);
        let narrowed = narrowed.send().await.pair();
        assert_eq!(part(&narrowed.access, 1)["rev"], part(&after.refresh, 1)["rev"]);
    }
}

/// Tokens say which revocation was in force, and those of users who had none say nothing. Whoever forgets it, or names another, is
/// refused, whatever their clock said.
#[tokio::test]
async fn only_the_revocation_in_force_counts() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let before = pasee.log_in("ada").await;
    for token in [&before.access, &before.refresh] {
        assert_eq!(part(token, 1).get("rev"), None);
    }
    patch(&pasee, &root, json!({"not_before": "now"})).await;
    let rev = part(&pasee.log_in("ada").await.refresh, 1)["rev"].as_i64().unwrap();
    let refresh = async |rev: Value, issued: i64| {
        let mut claims = pasee.refresh_claims("local-ada");
        for name in ["iat", "nbf", "auth_time"] {
            claims[name] = json!(claims[name].as_i64().unwrap() + issued);
        }
        if !rev.is_null() {
            claims["rev"] = rev;
        }
        pasee.refresh(&pasee.forger.issue("rt+jwt", &claims)).await.status.as_u16()
    };
    // A replica's clock may be half a minute ahead or behind.
    for skew in [-30, 0, 30] {
        assert_eq!(refresh(json!(rev), skew).await, 201, "{skew}");
        for wrong in [Value::Null, json!(rev - 1), json!(rev + 1), json!(0)] {
            assert_eq!(refresh(wrong.clone(), skew).await, 401, "{wrong} {skew}");
        }
        for malformed in [json!("now"), json!(rev.to_string()), json!(-1), json!(1.5), json!([rev])]
        {
            assert_eq!(refresh(malformed.clone(), skew).await, 401, "{malformed} {skew}");
        }
    }
}

#[tokio::test]
async fn a_revoked_user_logs_in_again_and_nothing_else() {
    let pasee = Setup::default().members("g.staff", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let pair = pasee.log_in("ada").await;
    patch(&pasee, &root, json!({"not_before": "now"})).await;
    assert_eq!(grants(&pasee, &pair).await, [201, 401, 401, 401]);
    let again = pasee.log_in("ada").await;
    assert_eq!(grants(&pasee, &again).await, [201, 201, 200, 201]);
    // A ban and its end take nothing back of the revocation.
    patch(&pasee, &root, json!({"is_banned": true})).await;
    patch(&pasee, &root, json!({"is_banned": false})).await;
    assert_eq!(grants(&pasee, &pair).await[1..], [401; 3]);
}

#[tokio::test]
async fn root_staff_can_ban_and_revoke_themselves() {
    let pasee = Setup::default().members("staff", ["local-alan"]).start().await;
    let root = pasee.log_in("root").await;
    let path = "/users/local-root";
    pasee.ask("PATCH", path).bearer(&root.access).json(&json!({"is_banned": true})).await.is(204);
    pasee.ask("PATCH", path).bearer(&root.access).json(&json!({"is_banned": false})).await.is(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_all_succeed() {
    let pasee = Arc::new(Setup::default().start().await);
    let pair = pasee.log_in("ada").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (pasee, token) = (Arc::clone(&pasee), pair.refresh.clone());
        tasks.spawn(async move { pasee.refresh(&token).await.pair() });
    }
    let pairs = tasks.join_all().await;
    let ids: std::collections::HashSet<String> = pairs
        .iter()
        .flat_map(|pair| [&pair.access, &pair.refresh])
        .map(|token| part(token, 1)["jti"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 200);
    for pair in pairs {
        pasee.refresh(&pair.refresh).await.is(201);
    }
}

/// Refreshes for as long as it may, each time with the newest token; everything it was given.
async fn run_away(pasee: Arc<Pasee>, first: String, stop: Arc<AtomicBool>) -> Vec<Pair> {
    let (mut all, mut newest) = (Vec::new(), first);
    while !stop.load(Ordering::SeqCst) {
        let answer = pasee.refresh(&newest).await;
        if answer.status.as_u16() == 201 {
            let pair = answer.pair();
            newest.clone_from(&pair.refresh);
            all.push(pair);
        } else {
            assert_eq!(answer.status.as_u16(), 401, "{answer:?}");
        }
    }
    all
}

/// Rounds of `RUNNERS` who refresh while one revokes: as many races as the scoreboard asks for.
const ROUNDS: usize = 40;
const RUNNERS: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_from_before_an_acknowledged_revocation_is_usable() {
    let pasee = Arc::new(Setup::default().start().await);
    let root = pasee.log_in("root").await.access;
    let (mut minted, mut tried) = (0, 0);
    for round in 0..ROUNDS {
        let user = format!("local-{round}");
        let mut claims = pasee.refresh_claims(&user);
        claims["jti"] = json!(round.to_string());
        let first = pasee.forger.issue("rt+jwt", &claims);
        let stop = Arc::new(AtomicBool::new(false));
        let runners: Vec<_> = (0..RUNNERS)
            .map(|_| tokio::spawn(run_away(Arc::clone(&pasee), first.clone(), Arc::clone(&stop))))
            .collect();
        // At another place of the second every time.
        let pause = 20 + (round as u64 * 137) % 100;
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        let path = format!("/users/{user}");
        let body = json!({"not_before": "now"});
        pasee.ask("PATCH", &path).bearer(&root).json(&body).await.is(204);
        // Refreshes that began before this may still come back; whatever they bring is worth nothing.
        stop.store(true, Ordering::SeqCst);
        let mut got = vec![];
        for runner in runners {
            got.extend(runner.await.unwrap());
        }
        minted += got.len();
        let sample = got.iter().rev().take(50);
        for pair in sample {
            tried += 1;
            pasee.refresh(&pair.refresh).await.is(401);
            pasee.ask("GET", &path).bearer(&pair.access).send().await.is(401);
        }
        pasee.refresh(&first).await.is(401);
    }
    println!(
        "{} races, {minted} pairs minted in them, {tried} tried: none usable",
        ROUNDS * RUNNERS
    );
    assert!(minted > ROUNDS, "{minted}");
}

#[tokio::test]
async fn an_expired_session_refreshes_no_more() {
    let pasee = Setup::default().start().await;
    let mut claims = pasee.refresh_claims("local-ada");
    claims["auth_time"] = json!(crate::support::pasee::now() - 90 * 86_400 + 100);
    let old = pasee.forger.issue("rt+jwt", &claims);
    let pair = pasee.refresh(&old).await.pair();
    // Neither token outlives the session.
    for token in [&pair.access, &pair.refresh] {
        let claims_now = part(token, 1);
        assert_eq!(claims_now["auth_time"], claims["auth_time"]);
        let end = claims["auth_time"].as_i64().unwrap() + 90 * 86_400;
        assert_eq!(claims_now["exp"], end);
    }
    claims["auth_time"] = json!(crate::support::pasee::now() - 90 * 86_400);
    let over = pasee.forger.issue("rt+jwt", &claims);
    let answer = pasee.refresh(&over).await.is(401);
    assert!(answer.title().contains("log in again"));
}
