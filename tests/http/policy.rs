//! The policy, end to end.

use serde_json::{Value, json};

use crate::support::forge::part;
use crate::support::pasee::{Pasee, Setup};

/// Somebody with an access token.
pub struct Person<'a> {
    pasee: &'a Pasee,
    pub token: String,
    pub refresh: String,
    id: String,
}

impl<'a> Person<'a> {
    pub async fn of(pasee: &'a Pasee, name: &str) -> Self {
        let pair = pasee.log_in(name).await;
        Self { pasee, token: pair.access, refresh: pair.refresh, id: format!("local-{name}") }
    }

    pub async fn with_scope(pasee: &'a Pasee, name: &str, scope: &str) -> Self {
        let pair = pasee.log_in_within(name, scope).await;
        Self { pasee, token: pair.access, refresh: pair.refresh, id: format!("local-{name}") }
    }

    pub async fn create(&self, group: &str) -> u16 {
        self.send("POST", "/groups/", Some(json!({ "group": group }))).await
    }

    pub async fn add(&self, group: &str, user: &str) -> u16 {
        let body = json!({ "username": user });
        self.send("POST", &format!("/groups/{group}/"), Some(body)).await
    }

    pub async fn remove(&self, group: &str, user: &str) -> u16 {
        self.send("DELETE", &format!("/groups/{group}/{user}/"), None).await
    }

    pub async fn delete(&self, group: &str) -> u16 {
        self.send("DELETE", &format!("/groups/{group}/"), None).await
    }

    pub async fn see(&self, path: &str) -> u16 {
        self.send("GET", path, None).await
    }

    pub async fn patch(&self, user: &str, body: Value) -> u16 {
        self.send("PATCH", &format!("/users/{user}"), Some(body)).await
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> u16 {
        let ask = self.pasee.ask(method, path).bearer(&self.token);
        let answer = match body {
            Some(body) => ask.json(&body).await,
            None => ask.send().await,
        };
        answer.status.as_u16()
    }

    /// The groups that a refresh puts into the next access token.
    pub async fn groups(&self) -> Vec<String> {
        let pair = self.pasee.refresh(&self.refresh).await.pair();
        let groups = part(&pair.access, 1)["groups"].as_array().unwrap().clone();
        groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect()
    }

    /// The groups that the API shows of them.
    async fn shown(&self) -> Vec<String> {
        let path = format!("/users/{}", self.id);
        let answer = self.pasee.ask("GET", &path).bearer(&self.token).send().await.is(200).json();
        let groups = answer["groups"].as_array().unwrap().clone();
        groups.iter().map(|group| group["group"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_team_is_built_from_nothing() {
    let pasee = Setup::default().start().await;
    let root = Person::of(&pasee, "root").await;
    let john = Person::of(&pasee, "john").await;
    let ada = Person::of(&pasee, "ada").await;
    assert_eq!(root.create("admin").await, 201);
    assert_eq!(root.create("admin.developers").await, 201);
    assert_eq!(root.add("admin.developers.staff", "local-john").await, 201);
    assert_eq!(root.groups().await, ["staff", "admin.staff", "admin.developers.staff"]);
    // Staff need not be a member, and their old token acts with their new power at once.
    for name in ["alan", "ada", "donald"] {
        assert_eq!(john.add("admin.developers", &format!("local-{name}")).await, 201);
    }
    assert_eq!(john.groups().await, ["admin.developers.staff"]);
    assert_eq!(ada.groups().await, ["admin.developers"]);
    assert_eq!(ada.shown().await, ["admin.developers"]);
    // What is above, beside or not theirs stays closed.
    let refused = [
        john.add("admin", "local-ada").await,
        john.add("admin.staff", "local-john").await,
        john.add("staff", "local-john").await,
        john.create("admin.operators").await,
        john.create("other").await,
        john.delete("admin").await,
        john.delete("admin.developers").await,
        john.see("/groups/admin/").await,
        john.patch("local-ada", json!({ "is_banned": true })).await,
        ada.add("admin.developers", "local-you").await,
        ada.remove("admin.developers", "local-alan").await,
        ada.see("/groups/admin.developers/").await,
        ada.delete("admin.developers").await,
    ];
    assert_eq!(refused, [403; 13]);
    // Leaving is everybody's own business.
    assert_eq!(ada.remove("admin.developers", "local-ada").await, 204);
    assert_eq!(ada.groups().await, [] as [&str; 0]);
}

/// The file of groups keeps who made each change over HTTP.
#[tokio::test]
async fn changes_are_kept_with_who_made_them() {
    let pasee = Setup::default().start().await;
    let root = Person::of(&pasee, "root").await;
    let john = Person::of(&pasee, "john").await;
    assert_eq!(root.create("a").await, 201);
    assert_eq!(root.add("a.staff", "local-john").await, 201);
    assert_eq!(john.add("a", "local-ada").await, 201);
    assert_eq!(john.add("staff", "local-john").await, 403);
    assert_eq!(root.patch("local-you", json!({ "is_banned": true })).await, 204);
    let file = rusqlite::Connection::open(pasee.dir.path().join("data/pasee.db")).unwrap();
    let sql = "SELECT kind || ' ' || coalesce(name, user) || ' by ' || actor FROM changes
               WHERE actor NOT LIKE 'system:%' AND at > 1700000000 ORDER BY seq";
    let mut statement = file.prepare(sql).unwrap();
    let entries = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(
        entries.map(Result::unwrap).collect::<Vec<_>>(),
        [
            "created a by local-root",
            "joined a.staff by local-root",
            "joined a.staff by local-root",
            "joined a by local-john",
            "stands local-you by local-root",
        ]
    );
}

#[tokio::test]
async fn staff_manages_staff() {
    let pasee = Setup::default().members("g.staff", ["local-ada"]).start().await;
    let ada = Person::of(&pasee, "ada").await;
    let alan = Person::of(&pasee, "alan").await;
    assert_eq!(ada.add("g.staff", "local-alan").await, 201);
    assert_eq!(alan.see("/groups/g.staff/").await, 200);
    // The same access token has lost its power as soon as the removal is answered.
    assert_eq!(alan.remove("g.staff", "local-ada").await, 204);
    assert_eq!(ada.add("g", "local-you").await, 403);
    assert_eq!(ada.see("/groups/g/").await, 403);
    assert_eq!(ada.create("g.sub").await, 403);
    assert_eq!(ada.groups().await, [""; 0]);
    // The last of the staff may go too; root staff can still help.
    assert_eq!(alan.remove("g.staff", "local-alan").await, 204);
    assert_eq!(alan.add("g.staff", "local-alan").await, 403);
    let root = Person::of(&pasee, "root").await;
    assert_eq!(root.add("g.staff", "local-alan").await, 201);
    assert_eq!(alan.add("g", "local-you").await, 201);
}

#[tokio::test]
async fn root_staff_is_managed_by_root_staff_alone() {
    let pasee = Setup::default().members("g.staff", ["local-ada"]).start().await;
    let root = Person::of(&pasee, "root").await;
    let ada = Person::of(&pasee, "ada").await;
    assert_eq!(ada.add("staff", "local-ada").await, 403);
    assert_eq!(root.add("staff", "local-ada").await, 201);
    assert_eq!(ada.see("/groups/staff/").await, 200);
    assert_eq!(ada.remove("staff", "local-root").await, 204);
    assert_eq!(root.see("/groups/staff/").await, 403);
    assert_eq!(root.patch("local-ada", json!({ "is_banned": true })).await, 403);
}

#[tokio::test]
async fn staff_of_a_parent_may_delete_but_not_look() {
    let pasee = Setup::default()
        .members("a.staff", ["local-ada"])
        .members("a.b", ["local-you"])
        .members("a.b.staff", ["local-alan"])
        .start()
        .await;
    let ada = Person::of(&pasee, "ada").await;
    let alan = Person::of(&pasee, "alan").await;
    let you = Person::of(&pasee, "you").await;
    assert_eq!(ada.see("/groups/a.b/").await, 403);
    assert_eq!(ada.see("/groups/a.b.staff/").await, 403);
    assert_eq!(ada.add("a.b", "local-john").await, 403);
    assert_eq!(ada.create("a.b.c").await, 403);
    assert_eq!(alan.create("a.b.c").await, 201);
    assert_eq!(ada.delete("a.b.c").await, 403, "only its parent's staff");
    assert_eq!(alan.delete("a.b").await, 403);
    assert_eq!(you.delete("a.b").await, 403);
    assert_eq!(ada.delete("a.b").await, 204);
    for person in [&alan, &you] {
        assert_eq!(person.groups().await, [""; 0]);
    }
    assert_eq!(alan.add("a.b", "local-john").await, 403);
    assert_eq!(alan.delete("a.b.c").await, 403);
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back() {
    let pasee = Setup::default()
        .members("a.b.c", ["local-ada"])
        .members("a.b.staff", ["local-alan"])
        .start()
        .await;
    let root = Person::of(&pasee, "root").await;
    let ada = Person::of(&pasee, "ada").await;
    let alan = Person::of(&pasee, "alan").await;
    assert_eq!(ada.groups().await, ["a.b.c"]);
    assert_eq!(root.delete("a").await, 204);
    assert_eq!(ada.groups().await, [""; 0]);
    assert_eq!(root.see("/groups/a.b.c/").await, 404);
    for group in ["a", "a.b", "a.b.c"] {
        assert_eq!(root.create(group).await, 201);
    }
    assert_eq!(ada.groups().await, [""; 0]);
    assert_eq!(alan.groups().await, [""; 0]);
    assert_eq!(alan.see("/groups/a.b/").await, 403);
    assert_eq!(root.groups().await, ["staff", "a.staff", "a.b.staff", "a.b.c.staff"]);
}

#[tokio::test]
async fn a_deleted_user_is_out_of_every_group() {
    let pasee = Setup::default()
        .members("a", ["local-ada"])
        .members("b.staff", ["local-ada"])
        .start()
        .await;
    let root = Person::of(&pasee, "root").await;
    let ada = Person::of(&pasee, "ada").await;
    assert_eq!(ada.groups().await, ["a", "b.staff"]);
    assert_eq!(root.send("DELETE", "/users/local-ada", None).await, 204);
    assert_eq!(ada.groups().await, [""; 0]);
    assert_eq!(ada.add("b", "local-you").await, 403);
    assert_eq!(root.send("DELETE", "/users/local-ada", None).await, 204);
}
