//! Pages: how long they are, that following `next` shows everything once, and that cursors are nothing but names.

use serde_json::Value;

use crate::support::pasee::{Pasee, Setup};

/// Every item of a list over all its pages, and how long the pages were.
async fn every(
    pasee: &Pasee,
    token: &str,
    path: &str,
    list: &str,
    key: &str,
) -> (Vec<String>, Vec<usize>) {
    let (mut items, mut lengths) = (Vec::new(), Vec::new());
    let mut path = path.to_owned();
    loop {
        let answer = pasee.ask("GET", &path).bearer(token).send().await.is(200);
        let (page, link) = (answer.json(), answer.header("link").to_owned());
        let found = page[list].as_array().unwrap();
        lengths.push(found.len());
        items.extend(found.iter().map(|item| item[key].as_str().unwrap().to_owned()));
        let Some(next) = page.get("next") else {
            assert_eq!(link, "");
            return (items, lengths);
        };
        assert_eq!(link, format!("<{}>; rel=\"next\"", next["url"].as_str().unwrap()));
        assert_eq!((&next["_type"], &next["action"]), (&Value::from("link"), &Value::from("get")));
        path = next["url"].as_str().unwrap().strip_prefix(&pasee.url).unwrap().to_owned();
        assert!(lengths.len() < 20, "it never ends");
    }
}

/// User names that need care in a URL.
fn names(count: usize) -> Vec<String> {
    let odd = ["a+b", "a&user=x", "a%20b", "a/b", "a?b#c", "é日", "x y", "..", "\"'<>"];
    let odd = odd.iter().map(|name| format!("local-{name}"));
    odd.chain((0..).map(|number| format!("local-n{number:03}"))).take(count).collect()
}

#[tokio::test]
async fn members_come_all_up_to_five_hundred() {
    for (count, lengths) in [(0, vec![0]), (51, vec![51]), (500, vec![500]), (501, vec![500, 1])] {
        let pasee = Setup::default().members("g", names(count)).start().await;
        let root = pasee.log_in("root").await.access;
        let (found, pages) = every(&pasee, &root, "/groups/g/", "members", "username").await;
        let mut right = names(count);
        right.sort();
        assert_eq!((found, pages), (right, lengths));
    }
}

#[tokio::test]
async fn users_come_fifty_at_a_time() {
    let pasee = Setup::default().members("g", names(110)).start().await;
    let root = pasee.log_in("root").await.access;
    let (found, pages) = every(&pasee, &root, "/users/", "users", "username").await;
    let mut right = names(110);
    right.push("local-root".to_owned());
    right.sort();
    assert_eq!((found, pages), (right, vec![50, 50, 11]));
    // Nobody else sees any, whatever cursor they bring.
    let you = pasee.log_in("you").await.access;
    for path in ["/users/", "/users/?after=local-a"] {
        for ask in [pasee.ask("GET", path), pasee.ask("GET", path).bearer(&you)] {
            let page = ask.send().await.is(200).json();
            assert_eq!(page["users"], Value::Array(Vec::new()));
            assert!(page.get("next").is_none());
        }
    }
}

#[tokio::test]
async fn groups_come_twenty_at_a_time() {
    let mut setup = Setup::default();
    let names: Vec<String> = (0..25).map(|number| format!("g{number:02}")).collect();
    for name in &names {
        setup = setup.members(name, ["local-ada"]);
    }
    let pasee = setup.start().await;
    let root = pasee.log_in("root").await.access;
    let ada = pasee.log_in("ada").await.access;
    let (all, pages) = every(&pasee, &root, "/groups/", "groups", "group").await;
    let both = names.iter().flat_map(|name| [name.clone(), format!("{name}.staff")]);
    assert_eq!(all, std::iter::once("staff".to_owned()).chain(both).collect::<Vec<_>>());
    assert_eq!(pages, [20, 20, 11]);
    for (who, path) in [
        (&ada, "/groups/"),
        (&ada, "/groups/?user=local-ada"),
        (&ada, "/users/local-ada"),
        (&root, "/groups/?user=local-ada"),
        (&root, "/users/local-ada"),
    ] {
        let (own, pages) = every(&pasee, who, path, "groups", "group").await;
        assert_eq!((&own, pages), (&names, vec![20, 5]), "{path}");
    }
}

#[tokio::test]
async fn a_cursor_is_a_name_and_opens_nothing() {
    let pasee = Setup::default()
        .members("a", ["local-ada"])
        .members("b", ["local-alan"])
        .members("c", ["local-ada"])
        .start()
        .await;
    let ada = pasee.log_in("ada").await.access;
    let root = pasee.log_in("root").await.access;
    let groups = async |token: &str, query: &str| -> Vec<String> {
        let page = pasee.ask("GET", &format!("/groups/{query}")).bearer(token).send().await;
        let groups = page.is(200).json()["groups"].as_array().unwrap().clone();
        groups.iter().map(|group| group["group"].as_str().unwrap().to_owned()).collect()
    };
    // Of another's group, of none, and past the end: a place in the order of one's own list.
    assert_eq!(groups(&ada, "?last_element=a").await, ["c"]);
    assert_eq!(groups(&ada, "?last_element=b").await, ["c"]);
    assert_eq!(groups(&ada, "?last_element=b.none").await, ["c"]);
    assert_eq!(groups(&ada, "?last_element=staff").await, ["a", "c"]);
    assert_eq!(groups(&ada, "?last_element=zz").await, [""; 0]);
    assert_eq!(groups(&root, "?last_element=b").await, ["b.staff", "c", "c.staff"]);
    let long = "x".repeat(201);
    for (path, key) in [
        ("/groups/", "last_element"),
        ("/groups/", "user"),
        ("/users/local-ada", "last_element"),
        ("/groups/a/", "after"),
        ("/users/", "after"),
    ] {
        let all = pasee.ask("GET", path).bearer(&root).send().await.is(200);
        let empty = pasee.ask("GET", &format!("{path}?{key}=")).bearer(&root).send().await.is(200);
        assert_eq!(empty.body, all.body, "an empty {key} is none");
    }
    for wrong in ["A", "a..b", "%00", "a%0d%0ab", "-1", "a'--", "staff.staff", "%ff", &long] {
        for (path, key) in [
            ("/groups/", "last_element"),
            ("/users/local-ada", "last_element"),
            ("/groups/a/", "after"),
            ("/users/", "after"),
        ] {
            let answer = pasee.ask("GET", &format!("{path}?{key}={wrong}")).bearer(&root);
            let answer = answer.send().await;
            assert_eq!(answer.status.as_u16(), 400, "{path} {wrong}");
        }
    }
    let twice = pasee.ask("GET", "/groups/?last_element=a&last_element=b").bearer(&root);
    twice.send().await.is(400);
}
