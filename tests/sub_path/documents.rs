//! What programs read: documents, headers, and where nothing is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::support::pasee::{Ask, Pasee, Setup};
use super::{PATH, at_host, below};

/// Every address in a document.
fn addresses(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => members.values().for_each(|value| addresses(value, found)),
        Value::Array(items) => items.iter().for_each(|value| addresses(value, found)),
        Value::String(text) if text.contains("://") => {
            found.insert(text.clone());
        }
        _ => {}
    }
}

async fn house() -> Pasee {
    let mut setup = Setup::default().members("articles.staff", ["local-ada"]);
    for number in 0..30 {
        setup = setup.members(&format!("many.g{number:02}"), ["local-ada"]);
    }
    below(PATH, setup).await
}

/// From the start, link by link: each is below the path, and something is there.
#[tokio::test(flavor = "multi_thread")]
async fn every_address_leads_on() {
    let pasee = house().await;
    let ada = pasee.log_in("ada").await;
    let mut open = vec![format!("{}/", pasee.url)];
    let mut seen = BTreeSet::new();
    while let Some(place) = open.pop() {
        assert!(place.starts_with(&format!("{}/", pasee.url)), "{place}");
        if place.contains(['{', '[']) || !seen.insert(place.clone()) || seen.len() > 60 {
            continue;
        }
        let path = place.strip_prefix(&pasee.url).unwrap();
        for accepted in ["application/json", "application/coreapi+json"] {
            let ask = pasee.ask("GET", path).bearer(&ada.access).header("accept", accepted);
            let answer = ask.send().await;
            assert!(!(answer.status == 404 && answer.title().contains("hostname")), "{place}");
            let mut found = BTreeSet::new();
            addresses(&answer.json(), &mut found);
            open.extend(found);
        }
    }
    for path in
        ["/tokens/", "/users/me", "/groups/", "/groups/articles.staff/", "/.well-known/jwks.json"]
    {
        assert!(seen.contains(&format!("{}{path}", pasee.url)), "{path}: {seen:?}");
    }
    let pair = pasee.refresh(&ada.refresh).await.is(201).json();
    let mut found = BTreeSet::new();
    addresses(&pair, &mut found);
    assert!(!found.is_empty() && found.iter().all(|it| it.starts_with(&pasee.url)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_name_places_below() {
    let pasee = house().await;
    let ada = pasee.log_in("ada").await;
    let new = json!({ "group": "articles.new" });
    let made = pasee.ask("POST", "/groups/").bearer(&ada.access).json(&new).await.is(201);
    assert_eq!(made.header("location"), format!("{}/groups/articles.new/", pasee.url));
    let listed = pasee.ask("GET", "/groups/").bearer(&ada.access).send().await.is(200);
    let link = listed.header("link");
    assert!(link.starts_with(&format!("<{}/groups/?", pasee.url)), "{link}");
}

/// What is not below the path is somebody else's: no page, no document, no token, and words that say what a proxy does wrong.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_elsewhere() {
    let pasee = house().await;
    for path in [
        "/",
        "/users",
        "/users/",
        "/users/onetwo",
        "/users/One/",
        "/users/one%2ftokens/",
        "/users/%6fne/tokens/",
        "/tokens/",
        "/login",
        "/oauth2/authorize",
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/users",
        "/.well-known/jwks.json/users/one",
    ] {
        let answer = at_host(&pasee, "GET", path).await.is(404);
        assert!(answer.title().contains("passes paths on as they are"), "{path}");
        assert!(answer.headers.get("set-cookie").is_none(), "{path}");
    }
    at_host(&pasee, "POST", "/tokens/?idp=local").await.is(404);
    at_host(&pasee, "GET", "/users/one").await.is(200);
    at_host(&pasee, "GET", "/users/one/users/one/").await.is(401);
    at_host(&pasee, "GET", "/users/one/users/two/nothing").await.is(404);
}

/// The issuer is found in both places, by either name.
#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    let pasee = house().await;
    let first = pasee.ask("GET", "/.well-known/openid-configuration").send().await.is(200);
    let document = first.json();
    assert_eq!(document["issuer"], pasee.url);
    let mut found = BTreeSet::new();
    addresses(&document, &mut found);
    for place in &found {
        assert!(place.starts_with(&pasee.url), "{place}");
    }
    for name in ["openid-configuration", "oauth-authorization-server"] {
        for path in [
            format!("{PATH}/.well-known/{name}"),
            format!("/.well-known/{name}{PATH}"),
            format!("/.well-known/{name}{PATH}/"),
        ] {
            let there = at_host(&pasee, "GET", &path).await.is(200);
            assert_eq!(there.json(), document, "{path}");
            assert_eq!(at_host(&pasee, "POST", &path).await.is(405).header("allow"), "GET, HEAD");
            // Scripts of any page may read it.
            let asked = pasee.client.get(format!("http://{}{path}", pasee.address));
            let asked = asked.header("origin", "https://app.example.com").send().await.unwrap();
            assert_eq!(asked.headers()["access-control-allow-origin"], "*", "{path}");
        }
    }
    let keys = document["jwks_uri"].as_str().unwrap();
    assert_eq!(keys, format!("{}/.well-known/jwks.json", pasee.url));
    let keys = Ask::new(pasee.client.get(keys)).send().await.is(200).json();
    assert!(!keys["keys"].as_array().unwrap().is_empty());
}
