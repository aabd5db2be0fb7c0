//! Tokens of limited scope: they neither reach beyond it, nor grow.

use serde_json::json;

use super::policy::Person;
use crate::support::forge::part;
use crate::support::pasee::{Pasee, Setup};

async fn realm() -> Pasee {
    Setup::default()
        .members("articles", ["local-root", "local-ada"])
        .members("articles.drafts.staff", ["local-root", "local-ada"])
        .members("other.staff", ["local-root", "local-ada"])
        .start()
        .await
}

#[tokio::test]
async fn root_staff_without_staff_in_the_scope_is_nobody() {
    let pasee = realm().await;
    let root = Person::with_scope(&pasee, "root", "articles").await;
    let claims = part(&root.token, 1);
    assert_eq!(claims["groups"], json!(["articles", "articles.drafts.staff"]));
    assert_eq!(claims["scope"], "groups:articles");
    let refused = [
        root.patch("local-ada", json!({ "is_banned": true })).await,
        root.patch("local-ada", json!({ "not_before": "now" })).await,
        root.send("DELETE", "/users/local-ada", None).await,
        root.see("/users/local-ada").await,
        root.see("/groups/?user=local-ada").await,
        root.see("/groups/other/").await,
        root.create("new").await,
        root.create("articles.new").await,
        root.add("staff", "local-ada").await,
        root.add("other", "local-ada").await,
        root.delete("other").await,
    ];
    assert_eq!(refused, [403; 11]);
    // Within it, what they are counts.
    assert_eq!(root.add("articles.drafts", "local-you").await, 201);
    assert_eq!(root.create("articles.drafts.new").await, 201);
    // What they see of themselves and of others ends there too.
    let get =
        async |path: &str| pasee.ask("GET", path).bearer(&root.token).send().await.is(200).json();
    assert_eq!(get("/users/").await["users"], json!([]));
    for path in ["/groups/", "/users/local-root"] {
        let shown = get(path).await;
        let groups: Vec<_> = shown["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["group"].clone())
            .collect();
        let right = ["articles", "articles.drafts.staff", "articles.drafts.new.staff"];
        assert_eq!(groups, right, "{path}");
    }
}

#[tokio::test]
async fn a_refresh_narrows_and_never_widens() {
    let pasee = realm().await;
    let whole = pasee.log_in("ada").await;
    let refresh = async |token: &str, scope: &str| {
        pasee.ask("POST", &format!("/tokens/?refresh&scope={scope}")).bearer(token).send().await
    };
    let narrow = refresh(&whole.refresh, "articles+other").await.pair();
    assert_eq!(
        part(&narrow.access, 1)["groups"],
        json!(["articles", "articles.drafts.staff", "other.staff"])
    );
    let narrower = refresh(&narrow.refresh, "articles.drafts").await.pair();
    assert_eq!(part(&narrower.access, 1)["groups"], json!(["articles.drafts.staff"]));
    assert_eq!(part(&narrower.refresh, 1)["scope"], "groups:articles.drafts");
    for wider in ["articles", "other", "staff", "articles.drafts+other"] {
        let answer = refresh(&narrower.refresh, wider).await.is(403);
        assert!(answer.title().contains("never widen"), "{wider}");
    }
    // Asked for nothing, it stays as narrow as it is.
    let same = pasee.refresh(&narrower.refresh).await.pair();
    assert_eq!(part(&same.access, 1)["groups"], json!(["articles.drafts.staff"]));
    // Both spellings, of one and of several: a union.
    let both = refresh(&whole.refresh, "other+groups:articles").await.pair();
    assert_eq!(part(&both.access, 1)["scope"], "groups:articles groups:other");
    assert_eq!(part(&both.access, 1)["groups"], part(&narrow.access, 1)["groups"]);
    for wrong in [
        "",
        "+",
        "A",
        "groups:",
        "groups:groups:articles",
        "Groups:articles",
        "articles,other",
        &["a"; 17].join("+"),
        "a..b",
    ] {
        refresh(&narrower.refresh, wrong).await.is(400);
    }
    let twice = pasee.ask("POST", "/tokens/?refresh&scope=articles&scope=other");
    twice.bearer(&whole.refresh).send().await.is(400);
}

#[tokio::test]
async fn a_scope_gives_nothing_that_its_owner_has_not() {
    let pasee = realm().await;
    let you = Person::with_scope(&pasee, "you", "staff+articles+other.staff").await;
    assert_eq!(part(&you.token, 1)["groups"], json!([]));
    assert_eq!(you.see("/groups/staff/").await, 403);
    assert_eq!(you.add("other", "local-you").await, 403);
    let root = Person::with_scope(&pasee, "root", "staff").await;
    assert_eq!(part(&root.token, 1)["groups"], json!(["staff"]));
    assert_eq!(root.see("/users/local-ada").await, 200);
}
