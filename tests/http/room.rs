//! Tokens of users in more groups than a token has room for, and in groups that are about to end: who runs a group locks nobody out.

use serde_json::json;

use super::policy::Person;
use crate::support::forge::part;
use crate::support::pasee::{Pasee, Setup, now};

/// Longest token, in bytes.
const MOST: usize = 6144;

fn groups(token: &str) -> Vec<String> {
    let groups = part(token, 1)["groups"].as_array().unwrap().clone();
    groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect()
}

/// A group's staff make 63 groups below it, with the longest names there are, and put root into each.
async fn crowded(pasee: &Pasee) {
    let ada = Person::of(pasee, "ada").await;
    for number in 0..63 {
        let group = format!("crowd.{number:02}{}", "x".repeat(186));
        assert_eq!(ada.create(&group).await, 201);
        assert_eq!(ada.add(&group, "local-root").await, 201);
        assert_eq!(ada.add(&format!("{group}.staff"), "local-root").await, 201);
    }
}

#[tokio::test]
async fn who_runs_one_tree_locks_nobody_out_and_crowds_out_that_tree_alone() {
    let pasee = Setup::default()
        .members("crowd.staff", ["local-ada", "local-root"])
        .members("admin.staff", ["local-root"])
        .members("admin.developers.rust", ["local-root"])
        .members("zoo", ["local-root"])
        .start()
        .await;
    crowded(&pasee).await;
    let login = pasee.log_in("root").await;
    let refreshed = pasee.refresh(&login.refresh).await.pair();
    for token in [&login.access, &refreshed.access] {
        assert!(token.len() <= MOST, "{}", token.len());
        let (named, claims) = (groups(token), part(token, 1));
        assert_eq!(claims["groups_truncated"], true);
        for group in ["staff", "admin.staff", "admin.developers.rust", "zoo", "crowd.staff"] {
            assert!(named.iter().any(|name| name == group), "{group}");
        }
        assert!(named.len() > 5, "the rest of the room is the tree's");
        let parse = |name: &String| name.parse::<pasee::domain::membership::Roster>().unwrap();
        assert!(named.iter().map(parse).is_sorted(), "{named:?}");
        assert_eq!(named, groups(&login.access), "the same each time");
    }
    // Whatever the token names, the API knows what they are in, and a scope asks for others.
    let last = format!("crowd.62{}", "x".repeat(186));
    assert!(!groups(&login.access).contains(&last));
    let path = format!("/tokens/?refresh&scope={last}");
    let narrowed = pasee.ask("POST", &path).bearer(&login.refresh).send().await.pair();
    assert_eq!(groups(&narrowed.access), [last.clone(), format!("{last}.staff")]);
    assert_eq!(part(&narrowed.access, 1).get("groups_truncated"), None);
    let root = Person::of(&pasee, "root").await;
    assert_eq!(root.delete("crowd").await, 204);
    let all = ["staff", "admin.staff", "admin.developers.rust", "zoo"];
    let after = pasee.log_in("root").await.access;
    assert_eq!(groups(&after), all);
    assert_eq!(part(&after, 1).get("groups_truncated"), None);
}

/// Every answer with tokens says for how long the access token is good.
#[tokio::test]
async fn answers_tell_for_how_long_the_token_is_good() {
    let pasee = Setup::default().start().await;
    let body = json!({ "login": "ada", "password": "pw-ada" });
    let login = pasee.ask("POST", "/tokens/?idp=local").json(&body).await.is(201).json();
    let refresh = login["refresh_token"].as_str().unwrap();
    let refreshed = pasee.refresh(refresh).await.is(201).json();
    for answer in [login, refreshed] {
        let claims = part(answer["access_token"].as_str().unwrap(), 1);
        let left = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!((answer["expires_in"].as_i64(), left), (Some(900), 900));
    }
}

/// What ends within a minute gives no group, so that nobody refreshes over and over.
#[tokio::test]
async fn what_ends_within_a_minute_gives_no_group() {
    let (soon, later) = (now() + 50, now() + 600);
    let pasee = Setup::default()
        .until("soon", "local-ada", soon)
        .until("later", "local-ada", later)
        .start()
        .await;
    let login = pasee.log_in("ada").await;
    let refreshed = pasee.refresh(&login.refresh).await.pair();
    for token in [login.access, refreshed.access] {
        assert_eq!(groups(&token), ["later"]);
        assert_eq!(part(&token, 1)["exp"], later);
    }
}
