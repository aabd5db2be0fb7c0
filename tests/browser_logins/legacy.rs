//! Twitter's OAuth 1.0a.

use http::StatusCode;

use super::presets::back;
use crate::support::forge::part;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::legacy::Legacy;
use crate::support::oauth::{Decision, SECRET};
use crate::support::pasee::{Pasee, Setup};
use crate::support::raw_server::{Step, answer};

async fn house() -> (Pasee, Legacy) {
    let legacy = Legacy::start().await;
    let tables = legacy.settings("twitter", "claims = [\"screen_name\", \"preferred_username\"]");
    let pasee = Setup::default().tables(&tables).start().await;
    legacy.state.lock().unwrap().callback = back(&pasee, "twitter");
    (pasee, legacy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login() {
    let (pasee, legacy) = house().await;
    for _ in 0..2 {
        let document = Browser::default().log_in(&pasee, "twitter").await.is(200).json();
        let access = part(document["access_token"].as_str().unwrap(), 1);
        assert_eq!(access["sub"], "twitter-6253282");
        assert_eq!(
            (&access["screen_name"], &access["preferred_username"]),
            (&"ada".into(), &"ada".into())
        );
    }
    assert_eq!(legacy.state.lock().unwrap().complaints, [] as [&str; 0]);
}

/// A secret in a file of its own is the one that stands there now; one that is no secret leaves the one of before.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("consumer.secret");
    std::fs::write(&file, "of-last-year").unwrap();
    let legacy = Legacy::start().await;
    let inline = format!("consumer_secret = \"{SECRET}\"");
    let in_file = format!("consumer_secret_file = \"{}\"", file.display());
    let settings = legacy.settings("twitter", "").replace(&inline, &in_file);
    assert!(settings.contains(&in_file));
    let pasee = Setup::default().tables(&settings).start().await;
    legacy.state.lock().unwrap().callback = back(&pasee, "twitter");
    let begin = back(&pasee, "twitter").parse().unwrap();
    Browser::default().visit(&pasee, &begin).await.is(502);
    std::fs::write(&file, format!("\u{feff}{SECRET}\n")).unwrap();
    Browser::default().log_in(&pasee, "twitter").await.is(200);
    std::fs::write(&file, "x".repeat(100_000)).unwrap();
    Browser::default().log_in(&pasee, "twitter").await.is(200);
    std::fs::write(&file, "of-next-year").unwrap();
    Browser::default().visit(&pasee, &begin).await.is(502);
    let log = pasee.log();
    assert!(log.contains("a file has changed and holds nothing right"), "{log}");
    assert!(
        !log.contains(SECRET) && !log.contains("of-last-year") && !log.contains("of-next-year"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_no_gets_nothing() {
    let (pasee, legacy) = house().await;
    legacy.decide(Decision::No);
    let mut browser = Browser::default();
    let denied = browser.ask(&pasee, "twitter").await;
    // Somebody else's browser learns nothing and ends nothing.
    Browser::default().visit(&pasee, &denied).await.is(400);
    let answer = browser.visit(&pasee, &denied).await.is(403);
    assert!(answer.title().starts_with("the identity provider did not confirm this login"));
    browser.visit(&pasee, &denied).await.is(400);
}

/// The answer of one login in the browser of another, twice, or with a verifier of somebody's own.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_belong_elsewhere() {
    let (pasee, _legacy) = house().await;
    let (mut ada, mut eve) = (Browser::default(), Browser::default());
    let (of_ada, of_eve) = (ada.ask(&pasee, "twitter").await, eve.ask(&pasee, "twitter").await);
    eve.visit(&pasee, &of_ada).await.is(400);
    ada.visit(&pasee, &of_eve).await.is(400);
    let token = |url: &url::Url| {
        url.query_pairs().find(|(name, _)| name == "oauth_token").unwrap().1.into_owned()
    };
    let place = back(&pasee, "twitter");
    for query in [
        "&oauth_verifier=x".to_owned(),
        format!("&oauth_token={}", token(&of_eve)),
        format!("&oauth_token={0}&oauth_token={0}&oauth_verifier=x", token(&of_eve)),
        format!("&oauth_token={}&state=x&oauth_verifier=x", token(&of_eve)),
        "&oauth_token=&oauth_verifier=x".to_owned(),
    ] {
        let status = eve.visit(&pasee, &format!("{place}{query}").parse().unwrap()).await.status;
        assert!(
            matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN),
            "{query}: {status}"
        );
    }
    ada.visit(&pasee, &of_ada).await.is(200);
    ada.visit(&pasee, &of_ada).await.is(400);
}

/// Answers of Twitter that make no sense, or say no, at either step.
#[tokio::test(flavor = "multi_thread")]
async fn strange_answers() {
    let (pasee, legacy) = house().await;
    let form = |body: &str| answer("200 OK", "text/html", body);
    let long = "x".repeat(600);
    for (steps, status) in [
        (form("oauth_token=a&oauth_token_secret=b"), 502),
        (form("oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false"), 502),
        (form("oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=TRUE"), 502),
        (
            form("oauth_token=a&oauth_token=c&oauth_token_secret=b&oauth_callback_confirmed=true"),
            502,
        ),
        (form("oauth_token=&oauth_token_secret=b&oauth_callback_confirmed=true"), 502),
        (form("oauth_token=a%0d%0ab&oauth_token_secret=b&oauth_callback_confirmed=true"), 502),
        (
            form(&format!("oauth_token={long}&oauth_token_secret=b&oauth_callback_confirmed=true")),
            502,
        ),
        (form("<html>over capacity</html>"), 502),
        (answer("500 Oops", "text/html", ""), 502),
        (answer("503 Over capacity", "text/html", ""), 503),
        (answer("429 Too many", "application/json", "{\"errors\":[{\"code\":88}]}"), 503),
        (answer("401 Unauthorized", "application/json", "{\"errors\":[{\"code\":32}]}"), 502),
        (vec![Step::Close], 503),
    ] {
        legacy.state.lock().unwrap().request_token = Some(steps.clone());
        let begun = pasee.ask("GET", "/tokens/?idp=twitter").send().await;
        assert_eq!(begun.status.as_u16(), status, "{steps:?}");
        assert_eq!(begun.header("set-cookie"), "");
    }
    legacy.state.lock().unwrap().request_token = None;
    let user = |user: &str| form(&format!("oauth_token=a&oauth_token_secret=b&{user}"));
    for (steps, status) in [
        (form("user_id=1"), 502),
        (user("screen_name=ada"), 502),
        (user("user_id="), 502),
        (user("user_id=%201"), 403),
        (user("user_id=1%00"), 403),
        (user("user_id=1&user_id=2"), 502),
        (user(&format!("user_id={long}")), 403),
        (answer("401 Unauthorized", "text/plain", "Reverse auth credentials are invalid"), 403),
        (answer("302 Found", "text/plain", ""), 502),
        (vec![Step::Hang], 503),
    ] {
        legacy.state.lock().unwrap().access_token = Some(steps.clone());
        let ended = Browser::default().log_in(&pasee, "twitter").await;
        assert_eq!(ended.status.as_u16(), status, "{steps:?}");
    }
    assert!(!pasee.log().contains(SECRET));
}
