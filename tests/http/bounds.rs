//! How much one user changes, and how fast, over HTTP: enough is enough, in words, and root staff is not kept from anything.

use serde_json::json;

use super::policy::Person;
use crate::support::pasee::{Pasee, Setup};

async fn limited(limits: &str) -> Pasee {
    Setup::default().limits(limits).members("team.staff", ["local-ada", "local-alan"]).start().await
}

#[tokio::test]
async fn whoever_made_too_much_is_told_what_to_do() {
    let pasee = limited("groups_per_author = 2\nmemberships_per_author = 1").await;
    let (ada, alan) = (Person::of(&pasee, "ada").await, Person::of(&pasee, "alan").await);
    let root = Person::of(&pasee, "root").await;
    assert_eq!(ada.create("team.one").await, 201);
    assert_eq!(ada.create("team.two").await, 201);
    let body = json!({ "group": "team.three" });
    let token = pasee.log_in("ada").await.access;
    let told = pasee.ask("POST", "/groups/").bearer(&token).json(&body).await.is(403);
    assert!(told.title().contains("you have made 2 groups"), "{}", told.title());
    assert_eq!(alan.create("team.three").await, 201);
    assert_eq!(ada.add("team", "local-john").await, 201);
    let body = json!({ "username": "local-donald" });
    let told = pasee.ask("POST", "/groups/team/").bearer(&token).json(&body).await.is(403);
    assert!(told.title().contains("you have put users into groups 1 times"), "{}", told.title());
    for number in 0..5 {
        let name = format!("r{number}");
        assert_eq!(root.create(&name).await, 201);
        assert_eq!(root.add(&name, "local-donald").await, 201);
    }
    assert_eq!(ada.delete("team.one").await, 204);
    assert_eq!(ada.create("team.one").await, 201);
}

#[tokio::test]
async fn whoever_changes_too_fast_is_told_when_to_come_back() {
    let pasee = limited("changes_per_user = 3").await;
    let (ada, alan) = (Person::of(&pasee, "ada").await, Person::of(&pasee, "alan").await);
    let root = Person::of(&pasee, "root").await;
    let token = pasee.log_in("ada").await.access;
    // What the policy refuses is no change.
    for _ in 0..5 {
        assert_eq!(ada.create("elsewhere").await, 403);
    }
    for number in 0..2 {
        assert_eq!(ada.create(&format!("team.n{number}")).await, 201);
    }
    // One request is one change: the last that passes is made as a whole.
    let described = json!({ "group": "team.n2", "description": "the last" });
    pasee.ask("POST", "/groups/").bearer(&token).json(&described).await.is(201);
    let shown = pasee.ask("GET", "/groups/team.n2/").bearer(&token).send().await.is(200);
    assert_eq!(shown.json()["description"], "the last");
    for (method, path, body) in [
        ("POST", "/groups/", json!({ "group": "team.more" })),
        ("POST", "/groups/team/", json!({ "username": "local-john" })),
        ("PATCH", "/groups/team/", json!({ "description": "x" })),
        ("DELETE", "/groups/team.n0/", json!(null)),
    ] {
        let ask = pasee.ask(method, path).bearer(&token);
        let answer = if body.is_null() { ask.send().await } else { ask.json(&body).await };
        let answer = answer.is(429);
        assert!(answer.title().contains("you have changed too much"), "{}", answer.title());
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
    }
    // Others are not kept waiting, and root staff never is: least of all with a ban.
    assert_eq!(alan.create("team.of_alan").await, 201);
    for number in 0..10 {
        assert_eq!(root.create(&format!("r{number}")).await, 201);
    }
    // Nor is anybody who ends their own sessions; reading is no change.
    let me = pasee.ask("GET", "/users/me").bearer(&token).send().await;
    me.is(200);
    let now = json!({ "not_before": "now" });
    pasee.ask("PATCH", "/users/local-ada").bearer(&token).json(&now).await.is(204);
    let ban = json!({ "is_banned": true });
    let root = pasee.log_in("root").await.access;
    pasee.ask("PATCH", "/users/local-alan").bearer(&root).json(&ban).await.is(204);
}
