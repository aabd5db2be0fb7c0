//! Nobody keeps others out by asking much.

use serde_json::Value;

use crate::stage::{
    BACK, Browser, by, by_app, encoded, error, pasee, pasee_with, plain, query_of, request,
};
use crate::support::pasee::{Answer, Pasee, Setup};

const PAR: &str = "/oauth2/par";

async fn push(pasee: &Pasee, with: &[(&str, &str)]) -> Answer {
    let params = request(with);
    let form: Vec<(&str, &str)> = params.iter().map(|(name, value)| (&**name, &**value)).collect();
    plain(pasee, PAR, &form).await
}

/// Whoever has no secret pushes as much as they like, and the requests of who has one go on.
#[tokio::test]
async fn pushed_by_nobody_in_particular() {
    let pasee = pasee().await;
    let back = [("client_id", "pasee"), ("redirect_uri", "http://127.0.0.1:1/callback")];
    let mut refused = 0;
    for _ in 0..1_001 {
        let answer = push(&pasee, &back).await;
        if answer.status != 201 {
            assert_eq!(error(answer, 503), "temporarily_unavailable");
            refused += 1;
        }
    }
    assert_eq!(refused, 1_001 - 100, "of one address 100 at once");
    let form = request(&[]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let pushed: Value = by_app(&pasee, PAR, &form).await.is(201).json();
    let begin =
        encoded(&[("client_id", "app"), ("request_uri", pushed["request_uri"].as_str().unwrap())]);
    let place = Browser::new(&pasee).log_in(&format!("/oauth2/authorize?{begin}"), "ada").await;
    assert!(place.starts_with(BACK) && query_of(&place).contains_key("code"), "{place}");
}

/// Wrong secrets of clients are counted by themselves: people at the same address log in with their passwords.
#[tokio::test]
async fn wrong_secrets() {
    let limits = "login_attempts_per_user = 3\nlogin_attempts_per_address = 5";
    let pasee = pasee_with(Setup::default().limits(limits), "").await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let mut refused = 0;
    for _ in 0..40 {
        let answer = by(&pasee, ("app", "wrong"), "/oauth2/token", &form).await;
        match answer.status.as_u16() {
            401 => {}
            429 => refused += 1,
            _ => panic!("{answer:?}"),
        }
    }
    assert!(refused > 20, "{refused}");
    Browser::new(&pasee).code(&crate::stage::authorize(&[]), "ada").await;
    pasee.log_in("ada").await;
    // Nor the other way round; right ones count for nothing.
    let pasee = pasee_with(Setup::default().limits(limits), "").await;
    for _ in 0..40 {
        let wrong = serde_json::json!({ "login": "ada", "password": "wrong" });
        let answer = pasee.ask("POST", "/tokens/?idp=local").json(&wrong).await;
        assert!(matches!(answer.status.as_u16(), 403 | 429), "{answer:?}");
    }
    for _ in 0..40 {
        assert_eq!(error(by_app(&pasee, "/oauth2/token", &form).await, 400), "invalid_grant");
    }
}

/// What is kept of a request is bounded: what no browser could bring is not kept either.
#[tokio::test]
async fn a_pushed_request_that_is_long() {
    let pasee = pasee().await;
    let long = "x".repeat(20_000);
    let form = request(&[("unknown", &long)]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(error(by_app(&pasee, PAR, &form).await, 400), "invalid_request");
}
