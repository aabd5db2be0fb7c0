//! The list of what has ended, as those get it who verify tokens themselves: what it names, for whom, and how one waits for more.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::{SECRET, basic, by_app, claims, error, pasee, pasee_with, tokens};
use crate::support::forge::part;
use crate::support::pasee::{Answer, Pasee, Setup};

async fn ask(pasee: &Pasee, query: &str, tag: Option<&str>) -> Answer {
    let ask = pasee.ask("GET", &format!("/revocations{query}"));
    let ask = ask.header("authorization", &basic("app", SECRET));
    match tag {
        Some(tag) => ask.header("if-none-match", tag),
        None => ask,
    }
    .send()
    .await
}

/// The claims of a list, and its tag.
#[track_caller]
fn list(answer: Answer) -> (Value, String) {
    let tag = answer.header("etag").to_owned();
    let answer = answer.is(200);
    assert_eq!(answer.header("content-type"), "application/revocations+jwt");
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(part(&text, 0)["typ"], "revocations+jwt");
    (part(&text, 1), tag)
}

fn digest(pasee: &Pasee, user: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{}\0{user}", pasee.url)))
}

async fn ban(pasee: &Pasee, user: &str, is_banned: bool) {
    let root = pasee.log_in("root").await;
    let body = json!({ "is_banned": is_banned });
    let path = format!("/users/{user}");
    pasee.ask("PATCH", &path).bearer(&root.access).json(&body).await.is(204);
}

#[tokio::test]
async fn who_may_have_it() {
    let pasee = pasee().await;
    for (id, secret) in [("app", "wrong"), ("nobody", SECRET), ("tool", ""), ("pasee", "")] {
        let ask = pasee.ask("GET", "/revocations").header("authorization", &basic(id, secret));
        assert_eq!(error(ask.send().await, 401), "invalid_client", "{id}");
    }
    assert_eq!(error(pasee.ask("GET", "/revocations").send().await, 401), "invalid_client");
    let query = format!("/revocations?client_id=app&client_secret={SECRET}");
    assert_eq!(
        error(pasee.ask("GET", &query.replace(['%', ' '], "")).send().await, 401),
        "invalid_client"
    );
    pasee.ask("POST", "/revocations").send().await.is(405);
    for query in ["?wait=61", "?wait=x", "?after=-1", "?after=99999999999999999", "?wait=1&wait=1"]
    {
        ask(&pasee, query, None).await.is(400);
    }
}

#[tokio::test]
async fn what_it_names() {
    let pasee = pasee().await;
    let (empty, tag) = list(ask(&pasee, "", None).await);
    assert_eq!((&empty["users"], &empty["sids"]), (&json!({}), &json!([])));
    assert_eq!((&empty["iss"], &empty["lifetime"]), (&json!(pasee.url), &json!(900)));
    assert_eq!(ask(&pasee, "", Some(&tag)).await.status, 304, "nothing new");
    let same = format!("?wait=1&after={}", empty["seq"]);
    assert_eq!(ask(&pasee, &same, None).await.status, 304, "whoever waits is told of news");
    // Whoever has lost the tag, and does not wait, has a list.
    let mut had = empty["seq"].as_u64().unwrap();
    for wait in ["", "&wait=0"] {
        let (again, same) = list(ask(&pasee, &format!("?after={had}{wait}"), None).await);
        let seq = again["seq"].as_u64().unwrap();
        assert!(seq > had, "{again}");
        assert_eq!((&same, &again["sids"]), (&tag, &empty["sids"]));
        had = seq;
    }

    let given = tokens(&pasee, "ada", &[]).await;
    let refresh_token = given["refresh_token"].as_str().unwrap();
    by_app(&pasee, "/oauth2/revoke", &[("token", refresh_token)]).await.is(200);
    let (one, tag) = list(ask(&pasee, "", Some(&tag)).await);
    let sid = &claims(&given["access_token"])["sid"];
    assert_eq!((&one["users"], &one["sids"]), (&json!({}), &json!([sid])));

    ban(&pasee, "local-ada", true).await;
    let (two, banned) = list(ask(&pasee, "", Some(&tag)).await);
    assert_eq!(two["users"], json!({ digest(&pasee, "local-ada"): false }), "{two}");
    ban(&pasee, "local-ada", false).await;
    let (three, _) = list(ask(&pasee, "", Some(&banned)).await);
    let good = &three["users"][digest(&pasee, "local-ada")];
    assert!(good.is_u64(), "{three}");
    let again = tokens(&pasee, "ada", &[]).await;
    assert_eq!(&claims(&again["access_token"])["rev"], good, "a login of now is good by it");
    let numbers = [&empty, &one, &two, &three].map(|list| list["seq"].as_u64().unwrap());
    assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    assert!(!three.to_string().contains("ada"), "nobody is named");
}

/// Over a restart all that may matter is there again, the number never goes back, and the same has the same tag.
#[tokio::test]
async fn it_goes_on_after_a_restart() {
    let mut pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    by_app(&pasee, "/oauth2/revoke", &[("token", given["refresh_token"].as_str().unwrap())])
        .await
        .is(200);
    ban(&pasee, "local-alan", true).await;
    let (before, tag) = list(ask(&pasee, "", None).await);
    pasee.restart(|settings| settings.to_owned()).await;
    assert_eq!(ask(&pasee, "", Some(&tag)).await.status, 304);
    // Whatever number somebody had, of another replica perhaps, the next is greater.
    let had = before["seq"].as_u64().unwrap() + 5_000;
    ban(&pasee, "local-ada", true).await;
    let (after, _) = list(ask(&pasee, &format!("?after={had}"), Some(&tag)).await);
    assert!(after["seq"].as_u64().unwrap() > had, "{after}");
    assert_eq!(after["sids"], before["sids"]);
    let users = |list: &Value| -> BTreeMap<String, Value> {
        list["users"].as_object().unwrap().clone().into_iter().collect()
    };
    assert_eq!(users(&before).len() + 1, users(&after).len(), "{after}");
}

/// Who waits is told as soon as something ends, and by then nothing was told.
#[tokio::test]
async fn who_waits_is_told() {
    let pasee = pasee().await;
    let (_, tag) = list(ask(&pasee, "", None).await);
    let waiting = ask(&pasee, "?wait=60", Some(&tag));
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "nothing has ended");
    ban(&pasee, "local-ada", true).await;
    let (told, tag) = list(waiting.await);
    assert_eq!(told["users"], json!({ digest(&pasee, "local-ada"): false }));
    assert_eq!(ask(&pasee, "?wait=1", Some(&tag)).await.status, 304, "after the wait");
}

/// Past the bound nobody waits: they are asked to come again.
#[tokio::test]
async fn so_many_wait_at_once() {
    let pasee = pasee_with(Setup::default().limits("max_waiting = 1"), "").await;
    let (_, tag) = list(ask(&pasee, "", None).await);
    let first = ask(&pasee, "?wait=60", Some(&tag));
    tokio::pin!(first);
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut first).await.is_err());
    let second = ask(&pasee, "?wait=60", Some(&tag)).await;
    assert_eq!((second.status.as_u16(), second.header("retry-after")), (304, "5"));
    ban(&pasee, "local-ada", true).await;
    list(first.await);
    let (_, tag) = list(ask(&pasee, "", None).await);
    assert_eq!(
        ask(&pasee, "?wait=1", Some(&tag)).await.header("retry-after"),
        "",
        "there is a place"
    );
}
