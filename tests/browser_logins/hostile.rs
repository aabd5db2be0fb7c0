//! Providers that hang, flood and lie in the middle of a login: nobody gets in, nothing breaks, nobody else waits.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::presets::back;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{OAuthProvider, Spoiled};
use crate::support::pasee::Setup;
use crate::support::patience::done_before;
use crate::support::raw_server::{Step, answer};

const JSON: &str = "application/json";

/// One behaviour and the status that the browser gets.
type Case = (&'static str, Vec<Step>, u16);

fn ok(body: impl AsRef<[u8]>) -> Vec<Step> {
    answer("200 OK", JSON, body)
}

/// Below JSON: in place of any answer.
fn transport() -> Vec<Case> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let bytes = |text: String| Step::Bytes(text.into());
    let megabyte = vec![b' '; 1 << 20];
    let slow = Duration::from_millis(200);
    let moved = |to: &str| {
        vec![bytes(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))]
    };
    let gzip = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0; 2000]].concat();
    let mut bomb =
        format!("{head}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", gzip.len())
            .into_bytes();
    bomb.extend(gzip);
    vec![
        ("hangs", vec![Step::Hang], 503),
        (
            "hangs in the body",
            vec![bytes(format!("{head}Content-Length: 9\r\n\r\n{{")), Step::Hang],
            503,
        ),
        (
            "drips",
            vec![
                bytes(format!("{head}Content-Length: 999\r\n\r\n")),
                Step::Forever(b" ".to_vec(), slow),
            ],
            503,
        ),
        ("closes", vec![Step::Close], 503),
        (
            "sends a gigabyte",
            vec![
                bytes(format!("{head}Content-Length: 1073741824\r\n\r\n")),
                Step::Forever(megabyte.clone(), Duration::ZERO),
            ],
            502,
        ),
        (
            "sends without end",
            vec![bytes(format!("{head}\r\n")), Step::Forever(megabyte, Duration::ZERO)],
            502,
        ),
        ("redirects to itself", moved("/"), 502),
        ("redirects elsewhere", moved("http://127.0.0.1:1/"), 502),
        ("sends a gzip bomb", vec![Step::Bytes(bomb)], 502),
        ("speaks something else", vec![bytes("SSH-2.0-x\r\n".into()), Step::Close], 502),
        (
            "answers with a page",
            answer("200 OK", "text/html", "<html>{\"access_token\":\"x\"}</html>"),
            502,
        ),
        (
            "calls JSON a picture",
            answer(
                "200 OK",
                "image/png",
                "{\"id\":1,\"access_token\":\"x\",\"token_type\":\"bearer\"}",
            ),
            502,
        ),
        ("fails with a page", answer("500 Oops", "text/html", "<html>"), 502),
        ("is overloaded", answer("503 Later", "text/html", "<html>"), 503),
        ("is asked too often", answer("429 Later", JSON, "{}"), 503),
        ("has nothing to say", answer("204 No Content", JSON, ""), 502),
        ("sends nothing", ok(""), 502),
        ("sends half", ok("{\"id\": 583231, \"access_token\": \"x\", "), 502),
        ("sends a list", ok("[]"), 502),
        ("sends null", ok("null"), 502),
        ("sends two objects", ok("{\"id\":1}{\"id\":2}"), 502),
        ("sends no UTF-8", ok(b"{\"id\":\"\xff\"}"), 502),
        ("nests deep", ok("{\"a\":".repeat(100_000)), 502),
    ]
}

/// In place of a token.
fn tokens() -> Vec<Case> {
    let token = |value: serde_json::Value| ok(value.to_string());
    vec![
        ("token_type mac", token(json!({"access_token": "x", "token_type": "mac"})), 502),
        ("token_type DPoP", token(json!({"access_token": "x", "token_type": "DPoP"})), 502),
        ("no text for a token_type", token(json!({"access_token": "x", "token_type": 1})), 502),
        ("no token", token(json!({"token_type": "bearer"})), 502),
        ("an empty token", token(json!({"access_token": "", "token_type": "bearer"})), 502),
        (
            "a token that is a number",
            token(json!({"access_token": 1, "token_type": "bearer"})),
            502,
        ),
        ("a token in a list", token(json!({"access_token": ["x"], "token_type": "bearer"})), 502),
        (
            "a token with a line break",
            token(json!({"access_token": "x\r\nX: y", "token_type": "bearer"})),
            502,
        ),
        (
            "a token with a space",
            token(json!({"access_token": "x y", "token_type": "bearer"})),
            502,
        ),
        (
            "a token in the wrong place",
            token(json!({"data": {"access_token": "x", "token_type": "bearer"}})),
            502,
        ),
        (
            "two tokens",
            ok("{\"access_token\":\"x\",\"access_token\":\"y\",\"token_type\":\"bearer\"}"),
            502,
        ),
        (
            "a token beside an error",
            token(json!({"access_token": "x", "token_type": "bearer", "error": "invalid_grant"})),
            403,
        ),
        ("a strange error", token(json!({"error": ["invalid_grant"]})), 502),
        ("an error nobody knows", token(json!({"error": "<script>"})), 502),
        (
            "a token with 401",
            answer("401 No", JSON, "{\"access_token\":\"x\",\"token_type\":\"bearer\"}"),
            502,
        ),
        (
            "two tokens in a form",
            answer(
                "200 OK",
                "application/x-www-form-urlencoded",
                "access_token=x&access_token=y&token_type=bearer",
            ),
            502,
        ),
    ]
}

/// In place of a user.
fn users() -> Vec<Case> {
    let user = |value: serde_json::Value| ok(value.to_string());
    vec![
        ("no id", user(json!({"login": "ada"})), 502),
        ("a null id", user(json!({"id": null})), 502),
        ("a false id", user(json!({"id": false})), 502),
        ("a float id", ok("{\"id\": 1.5}"), 502),
        ("a whole float id", ok("{\"id\": 583231.0}"), 502),
        ("an exponent id", ok("{\"id\": 5e3}"), 502),
        ("a huge id", ok("{\"id\": 18446744073709551616}"), 502),
        ("a negative id", ok("{\"id\": -1}"), 502),
        ("an id in a list", user(json!({"id": [1]})), 502),
        ("an id in an object", user(json!({"id": {"id": 1}})), 502),
        ("an empty id", user(json!({"id": ""})), 502),
        ("an id of spaces", user(json!({"id": "  "})), 403),
        ("an id with a space", user(json!({"id": "1 "})), 403),
        ("an id with a line break", user(json!({"id": "1\n2"})), 403),
        ("an id with a NUL", user(json!({"id": "1\u{0}"})), 403),
        ("an id in another form", user(json!({"id": "e\u{301}"})), 403),
        ("an id that looks like another", user(json!({"id": "1\u{200b}"})), 403),
        ("an id that turns around", user(json!({"id": "\u{202e}1"})), 403),
        ("an id too long", user(json!({"id": "1".repeat(201)})), 403),
        ("two ids", ok("{\"id\": 1, \"id\": 2}"), 502),
        ("two ids, one spelled otherwise", ok("{\"id\": 1, \"\\u0069d\": 2}"), 502),
        ("two keys deep below", ok("{\"id\": 1, \"a\": [{\"b\": 1, \"b\": 2}]}"), 502),
        ("__proto__", user(json!({"__proto__": {"id": 1}})), 502),
        ("an id in the wrong case", user(json!({"ID": 1, "Id": 2})), 502),
        ("an id one level down", user(json!({"user": {"id": 1}})), 502),
        (
            "does not know its own token",
            answer("401 No", JSON, "{\"message\":\"Bad credentials\"}"),
            502,
        ),
        ("forbids", answer("403 No", JSON, "{\"id\": 1}"), 502),
        ("created somebody", answer("201 Created", JSON, "{\"id\": 1}"), 502),
    ]
}

/// Many providers in one Pasee, one for each behaviour.
async fn judge(place: &str, cases: Vec<Case>) -> Vec<String> {
    let (mut tables, mut servers) = (String::new(), Vec::new());
    for (number, (_, steps, _)) in cases.iter().enumerate() {
        let mut spoiled = Spoiled::default();
        match place {
            "token" => spoiled.token = Some(steps.clone()),
            _ => spoiled.user = Some(steps.clone()),
        }
        let provider = OAuthProvider::spoiled(Kind::GitHub, spoiled).await;
        tables += &provider
            .settings(&format!("p{number}"), "")
            .replace("organizations = true\nteams = true\n", "scopes = [\"read:org\"]\n");
        servers.push(provider);
    }
    let mut pasee = Setup::default().tables(&tables).start().await;
    let mut wrong = Vec::new();
    for (number, (name, _, expected)) in cases.iter().enumerate() {
        let idp = format!("p{number}");
        servers[number].register(&back(&pasee, &idp));
        let started = Instant::now();
        let answer = Browser::default().log_in(&pasee, &idp).await;
        let took = started.elapsed();
        let says = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != *expected
            || took > Duration::from_secs(5)
            || says.contains("_token\":")
            || says.contains("script")
        {
            wrong.push(format!(
                "{place}: {name}: {} for {expected} after {took:?}: {says}",
                answer.status
            ));
        }
    }
    pasee.ask("GET", "/tokens/").send().await.is(200);
    assert!(!pasee.log().contains("panicked"), "{}", pasee.log());
    pasee.signal("-TERM");
    assert!(pasee.ended().await.success());
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_and_no_crash() {
    let token = [transport(), tokens()].concat();
    let user = [transport(), users()].concat();
    println!("{} behaviours", token.len() + user.len());
    let (one, two) = tokio::join!(judge("token", token), judge("user", user));
    let wrong = [one, two].concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A provider that hangs holds its own turns, and the logins through another do not wait for it. By how much it slows them
/// is measured by `benches/providers.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_does_not_slow_another() {
    let spoiled = Spoiled { token: Some(vec![Step::Hang]), ..Spoiled::default() };
    let bad = OAuthProvider::spoiled(Kind::Discord, spoiled).await;
    let good = OAuthProvider::start(Kind::Google).await;
    let bad_settings = bad.settings("bad", "").replace("timeout = 2", "timeout = 60");
    let tables = bad_settings + &good.settings("good", "");
    let pasee = Setup::default().tables(&tables).start().await;
    bad.register(&back(&pasee, "bad"));
    good.register(&back(&pasee, "good"));
    let quick = async || {
        let mut browser = Browser::default();
        let back = browser.ask(&pasee, "good").await;
        browser.visit(&pasee, &back).await.is(200);
    };
    let mut begun = Vec::new();
    for _ in 0..300 {
        let mut browser = Browser::default();
        let url = browser.ask(&pasee, "bad").await;
        let cookie = browser.login_cookie(&pasee);
        let ask = pasee.ask("GET", &url.as_str()[pasee.url.len()..]).header("cookie", &cookie);
        begun.push(async move { ask.send().await.status.as_u16() });
    }
    let mut hanging: JoinSet<u16> = begun.into_iter().collect();
    for _ in 256..300 {
        let status = hanging.join_next().await.unwrap().unwrap();
        assert_eq!(status, 503, "at once, before anybody is done");
    }
    done_before(&mut hanging, 100, quick).await;
    drop(bad);
    assert_eq!(hanging.join_all().await, [503; 256]);
}
