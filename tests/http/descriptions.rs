//! What groups are for: said, shown, changed and taken back.

use serde_json::{Value, json};

use super::policy::Person;
use crate::support::pasee::{Pasee, Setup};

async fn seen(pasee: &Pasee, who: &Person<'_>, path: &str) -> Value {
    pasee.ask("GET", path).bearer(&who.token).send().await.json()
}

#[tokio::test]
async fn groups_are_described() {
    let pasee = Setup::default().start().await;
    let [root, john, ada] = [
        Person::of(&pasee, "root").await,
        Person::of(&pasee, "john").await,
        Person::of(&pasee, "ada").await,
    ];
    let describe = async |who: &Person<'_>, group: &str, description: Value| {
        let body = json!({ "description": description });
        who.send("PATCH", &format!("/groups/{group}/"), Some(body)).await
    };
    let post = pasee.ask("POST", "/groups/").bearer(&root.token);
    let made = post.json(&json!({ "group": "a", "description": "those who write" })).await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["description"]),
        (201, &json!("those who write"))
    );
    assert_eq!(root.create("a.b").await, 201);
    assert_eq!(root.add("a.b.staff", "local-john").await, 201);
    assert_eq!(root.add("a.b", "local-ada").await, 201);
    assert_eq!(seen(&pasee, &root, "/groups/a/").await["description"], "those who write");
    assert_eq!(seen(&pasee, &john, "/groups/a.b/").await["description"], Value::Null);
    assert_eq!(seen(&pasee, &john, "/groups/a.b/").await["patch"]["action"], "patch");

    assert_eq!(describe(&john, "a.b", json!("her \"group\"\n")).await, 204);
    assert_eq!(describe(&john, "a", json!("mine")).await, 403);
    assert_eq!(describe(&ada, "a.b", json!("mine")).await, 403);
    assert_eq!(describe(&john, "missing", json!("mine")).await, 403);
    assert_eq!(describe(&root, "missing", json!("mine")).await, 404);
    let listed = seen(&pasee, &ada, "/groups/").await;
    assert_eq!(listed["groups"][0]["description"], "her \"group\"\n");
    let listed = seen(&pasee, &root, "/groups/").await;
    let of = |name: &str| {
        let groups = listed["groups"].as_array().unwrap().iter();
        groups.filter(|it| it["group"] == name).map(|it| it["description"].clone()).next()
    };
    assert_eq!(of("a"), Some(json!("those who write")));
    assert_eq!((of("a.staff"), of("staff")), (Some(Value::Null), Some(Value::Null)));

    assert_eq!(describe(&root, "a", json!("é".repeat(1024))).await, 204);
    for wrong in [json!("é".repeat(1025)), json!(7), json!(["x"])] {
        let ask = pasee.ask("PATCH", "/groups/a/").bearer(&root.token);
        let answer = ask.json(&json!({ "description": wrong })).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert!(
            answer.json().to_string().contains("at most 1024 characters, or null"),
            "{}",
            answer.json()
        );
        let body = json!({ "group": "c", "description": wrong });
        assert_eq!(root.send("POST", "/groups/", Some(body)).await, 400);
    }
    for wrong in [json!({}), json!({ "description": "x", "members": [] })] {
        assert_eq!(root.send("PATCH", "/groups/a/", Some(wrong)).await, 400);
    }
    assert_eq!(describe(&root, "a.staff", json!("x")).await, 400);
    assert_eq!(root.see("/groups/c/").await, 404, "nothing was made");
    for nothing in [Value::Null, json!("")] {
        assert_eq!(describe(&root, "a", json!("x")).await, 204);
        assert_eq!(describe(&root, "a", nothing).await, 204);
        assert_eq!(seen(&pasee, &root, "/groups/a/").await["description"], Value::Null);
    }
}

/// In a file nothing waits for a group, so there is nothing to be taken in: who asks for it gets the group.
#[tokio::test]
async fn a_group_may_be_asked_to_take_in_what_waits() {
    let pasee = Setup::default().start().await;
    let root = Person::of(&pasee, "root").await;
    let make = async |group: &str, adopt: Value| {
        let body = json!({ "group": group, "adopt": adopt });
        pasee.ask("POST", "/groups/").bearer(&root.token).json(&body).await
    };
    for (group, adopt) in [("a", true), ("b", false)] {
        let made = make(group, json!(adopt)).await.is(201);
        assert_eq!(made.json()["group"], group);
        let john = Person::of(&pasee, "john").await;
        let body = json!({ "group": format!("{group}.sub"), "adopt": adopt });
        assert_eq!(john.send("POST", "/groups/", Some(body)).await, 403);
    }
    for wrong in [json!("true"), json!(1), Value::Null] {
        let refused = make("c", wrong).await.is(400);
        assert!(refused.title().contains("adopt is true"), "{}", refused.title());
    }
    make("a", json!(true)).await.is(409);
}
