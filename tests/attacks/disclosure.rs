//! What answers give away: nothing of names that the caller may not see.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::pasee::{Pasee, Setup};

#[tokio::test]
async fn the_same_refusal_whether_it_exists_or_not() {
    let pasee = Setup::default()
        .members("secret.project", ["local-ada"])
        .members("own.staff", ["local-you"])
        .members("own.sub", ["local-ada"])
        .start()
        .await;
    let you = pasee.log_in("you").await.access;
    let body = json!({"username": "local-you"}).to_string();
    let group = |name: &str| json!({"group": name}).to_string();
    // Method, path and body for what exists, and for what does not.
    let table: Vec<(&str, [&str; 2], [String; 2])> = vec![
        ("GET", ["/groups/secret/", "/groups/nothing/"], Default::default()),
        ("GET", ["/groups/secret.staff/", "/groups/nothing.staff/"], Default::default()),
        ("GET", ["/groups/own.sub/", "/groups/own.none/"], Default::default()),
        ("POST", ["/groups/secret/", "/groups/nothing/"], [body.clone(), body.clone()]),
        ("POST", ["/groups/own.sub/", "/groups/own.none/"], [body.clone(), body.clone()]),
        ("DELETE", ["/groups/secret/", "/groups/nothing/"], Default::default()),
        ("DELETE", ["/groups/secret.project/", "/groups/secret.none/"], Default::default()),
        (
            "DELETE",
            ["/groups/secret.project/local-ada/", "/groups/nothing/local-ada/"],
            Default::default(),
        ),
        (
            "DELETE",
            ["/groups/secret.project/local-ada/", "/groups/secret.project/local-eve/"],
            Default::default(),
        ),
        ("POST", ["/groups/", "/groups/"], [group("secret"), group("nothing")]),
        ("POST", ["/groups/", "/groups/"], [group("secret.new"), group("nothing.new")]),
        ("POST", ["/groups/", "/groups/"], [group("own.sub.new"), group("own.none.new")]),
        ("GET", ["/users/local-ada", "/users/local-eve"], Default::default()),
        ("GET", ["/users/local-ada", "/users/other-eve"], Default::default()),
        ("GET", ["/groups/?user=local-ada", "/groups/?user=local-eve"], Default::default()),
        ("DELETE", ["/users/local-ada", "/users/local-eve"], Default::default()),
        (
            "PATCH",
            ["/users/local-ada", "/users/local-eve"],
            [r#"{"is_banned":true}"#.into(), r#"{"is_banned":true}"#.into()],
        ),
    ];
    for (method, paths, bodies) in &table {
        let mut told = Vec::new();
        for (path, body) in paths.iter().zip(bodies) {
            let mut ask = pasee.ask(method, path).bearer(&you);
            if !body.is_empty() {
                ask = ask.body(body.clone());
            }
            told.push(ask.send().await.is(403).telling());
        }
        assert_eq!(told[0], told[1], "{method} {paths:?} {bodies:?}");
    }
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let pasee = Setup::default().start().await;
    let try_login = async |login: &str, password: &str| {
        let body = json!({"login": login, "password": password});
        pasee.ask("POST", "/tokens/?idp=local").json(&body).await.is(403).telling()
    };
    let wrong = try_login("ada", "wrong").await;
    for (login, password) in [
        ("eve", "wrong"),
        ("eve", "pw-ada"),
        ("", ""),
        ("ADA", "pw-ada"),
        (" ada", "pw-ada"),
        ("ada\0", "pw-ada"),
        ("ada", ""),
        ("ada", "pw-ada\0"),
        ("ada", "pw-ada "),
        ("local-ada", "pw-ada"),
        ("%61da", "pw-ada"),
        ("ada'--", "x"),
        ("\u{ff41}da", "pw-ada"),
    ] {
        assert_eq!(try_login(login, password).await, wrong, "{login:?}");
    }
}

async fn time(pasee: &Pasee, login: &str) -> Duration {
    let body = json!({"login": login, "password": "wrong"});
    let begun = Instant::now();
    pasee.ask("POST", "/tokens/?idp=local").json(&body).await.is(403);
    begun.elapsed()
}

/// The median times of a login with a wrong password and of one of somebody unknown.
async fn medians(pasee: &Pasee) -> (Duration, Duration) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..40 {
        known.push(time(pasee, "ada").await);
        unknown.push(time(pasee, &format!("eve{round}")).await);
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    (median(known), median(unknown))
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_take_the_same_time() {
    let pasee = Setup::default().memory(19_456).start().await;
    time(&pasee, "warm-up").await;
    // Hashing takes most of the time: a user who is not hashed for stands out every time, a busy machine does not.
    for _ in 0..4 {
        let (known, unknown) = medians(&pasee).await;
        println!("medians: known {known:?}, unknown {unknown:?}");
        let (less, more) = (known.min(unknown), known.max(unknown));
        if more < less * 5 / 4 {
            return;
        }
    }
    panic!("an unknown user is told by the time it takes");
}
