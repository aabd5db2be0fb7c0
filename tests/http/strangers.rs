//! User ids of nobody: a provider that is misspelt or gone, and characters that nobody sees.

use serde_json::{Value, json};

use super::policy::Person;
use crate::support::pasee::{Pasee, Setup};

/// Every request in which a user id comes in and something happens by it, or is shown.
fn deeds(user: &str) -> Vec<(&'static str, String, Option<Value>)> {
    let path = format!("/users/{user}");
    vec![
        ("PATCH", path.clone(), Some(json!({ "is_banned": true }))),
        ("PATCH", path.clone(), Some(json!({ "is_banned": false }))),
        ("PATCH", path.clone(), Some(json!({ "not_before": "now" }))),
        ("DELETE", path.clone(), None),
        ("GET", path, None),
        ("GET", format!("/groups/?user={user}"), None),
        ("POST", "/groups/g/".to_owned(), Some(json!({ "username": percent_decoded(user) }))),
        ("POST", "/groups/g.staff/".to_owned(), Some(json!({ "username": percent_decoded(user) }))),
        ("DELETE", format!("/groups/g/{user}/"), None),
    ]
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

async fn told(pasee: &Pasee, token: &str, deed: (&str, String, Option<Value>)) -> (u16, String) {
    let (method, path, body) = deed;
    let ask = pasee.ask(method, &path).bearer(token);
    let answer = match body {
        Some(body) => ask.json(&body).await,
        None => ask.send().await,
    };
    let is_error = answer.status.as_u16() >= 400;
    let title = if is_error { answer.title().to_owned() } else { String::new() };
    (answer.status.as_u16(), format!("{method} {path}: {title}"))
}

/// Whoever may do it is told whom they may have meant, and nothing is done; who may not is told nothing.
#[tokio::test]
async fn of_no_provider() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let (root, ada) = (pasee.log_in("root").await.access, pasee.log_in("ada").await.access);
    for user in ["locl-ada", "lokal-ada", "k8s-ci:deployer", "client-x", "locallocal-ada"] {
        let (_, subject) = user.split_once('-').unwrap();
        for deed in deeds(user) {
            let (status, told_ada) = told(&pasee, &ada, deed.clone()).await;
            assert_eq!(status, 403, "{told_ada}");
            let (status, told) = told(&pasee, &root, deed).await;
            assert_eq!(status, 400, "{told}");
            let right = match user {
                "client-x" => "no client is called x".to_owned(),
                _ => format!("as in local-{subject}, "),
            };
            assert!(told.contains(&right), "{told}");
        }
    }
    let users = pasee.ask("GET", "/users/").bearer(&root).send().await.is(200).json().to_string();
    for user in ["locl", "lokal", "k8s", "client-", "locallocal"] {
        assert!(!users.contains(user), "{users}");
    }
}

/// What is said of the users of a provider that is gone can be changed, and taken back.
#[tokio::test]
async fn of_a_provider_that_is_gone() {
    let setup =
        Setup::default().members("g", ["gone-john", "gone-jane"]).members("g.staff", ["gone-john"]);
    let pasee = setup.start().await;
    let root = Person::of(&pasee, "root").await;
    assert_eq!(root.add("g.staff", "gone-jane").await, 400, "nobody new");
    assert_eq!(root.patch("gone-john", json!({ "is_banned": true })).await, 204);
    assert_eq!(root.patch("gone-john", json!({ "not_before": "now" })).await, 204);
    assert_eq!(root.remove("g", "gone-john").await, 204);
    assert_eq!(root.remove("g", "gone-john").await, 400, "they are not there any more");
    assert_eq!(root.send("DELETE", "/users/gone-john", None).await, 204);
    assert_eq!(root.patch("gone-john", json!({ "is_banned": false })).await, 204);
    for path in ["/users/gone-jane", "/groups/?user=gone-jane"] {
        assert_eq!(root.send("GET", path, None).await, 200, "{path}");
    }
    assert_eq!(root.send("DELETE", "/users/gone-jane", None).await, 204);
    for path in ["/users/gone-jane", "/groups/?user=gone-jane"] {
        assert_eq!(root.send("GET", path, None).await, 400, "{path}");
    }
    assert_eq!(root.send("GET", "/users/local-nobody", None).await, 200, "who may come one day");
    assert_eq!(root.send("DELETE", "/users/gone-jane", None).await, 400, "nothing is said of them");
}

/// Ids that look like another are nobody's, and which character it is stands in the answer.
#[tokio::test]
async fn that_nobody_sees() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    for (user, named) in [
        ("local-root%E2%80%8B", "U+200B"),
        ("local-%E2%80%AEtoor", "U+202E"),
        ("local-%E3%85%A4", "U+3164"),
        ("local-ro%C2%ADot", "U+00AD"),
        ("local-root%EF%B8%8F", "U+FE0F"),
        ("local-ro%E2%81%A6ot", "U+2066"),
        ("local-the%C2%A0root", "U+00A0"),
        ("local-ro%F3%A0%81%81ot", "U+E0041"),
        ("local-ro%E2%A0%80ot", "U+2800"),
    ] {
        for deed in deeds(user) {
            let (status, told) = told(&pasee, &root, deed).await;
            assert_eq!(status, 400, "{told}");
            assert!(told.contains(named), "{told}");
        }
    }
}
