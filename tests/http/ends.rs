//! What people may do about themselves, and memberships for a time.

use serde_json::{Value, json};

use crate::support::forge::part;
use crate::support::own_time;
use crate::support::pasee::{Pasee, Setup, now, user as pasee_user};

/// A moment so many seconds from now, as RFC 3339 writes it.
fn in_seconds(seconds: i64) -> String {
    jiff::Timestamp::from_second(now() + seconds).unwrap().to_string()
}

async fn get(pasee: &Pasee, path: &str, token: &str) -> Value {
    pasee.ask("GET", path).bearer(token).send().await.is(200).json()
}

#[tokio::test]
async fn everybody_sees_who_they_are() {
    let pasee = Setup::default().members("admin", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let soon = in_seconds(3600);
    let body = json!({"username": "local-ada", "expires_at": soon});
    pasee.ask("POST", "/groups/admin.staff/").bearer(&root).json(&body).await.is(201);
    let ada = pasee.log_in("ada").await;
    let me = get(&pasee, "/users/me", &ada.access).await;
    assert_eq!(me["username"], "local-ada");
    assert_eq!(me["_meta"]["url"], format!("{}/users/local-ada", pasee.url));
    let groups = me["groups"].as_array().unwrap();
    let ends: Vec<_> = groups.iter().map(|it| (&it["group"], it.get("expires_at"))).collect();
    let right = [(&json!("admin"), None), (&json!("admin.staff"), Some(&json!(soon)))];
    assert_eq!(ends, right);
    assert_eq!(me["names"], json!({}));
    let session = &me["session"];
    assert_eq!(session["idp"], "local");
    assert_eq!(session["sid"], part(&ada.access, 1)["sid"]);
    for name in ["authenticated_at", "issued_at", "expires_at"] {
        let moment: jiff::Timestamp = session[name].as_str().unwrap().parse().unwrap();
        assert!((moment.as_second() - now()).abs() < 16 * 60, "{name}: {moment}");
    }
    assert!(session.get("scope").is_none());
    // With a limited token, no more than that reaches.
    let narrow = pasee.ask("POST", "/tokens/?refresh&scope=admin.web").bearer(&ada.refresh);
    let narrow = narrow.send().await.pair();
    let me = get(&pasee, "/users/me", &narrow.access).await;
    assert_eq!((&me["groups"], &me["session"]["scope"]), (&json!([]), &json!("groups:admin.web")));
    pasee.ask("GET", "/users/me").bearer(&ada.refresh).send().await.is(401);
}

/// Nothing is kept of logins: a name is known of users of the settings, and of oneself by one's own token.
#[tokio::test]
async fn members_have_names_where_they_are_known() {
    let user = |name: &str, called: &str| {
        let claims =
            format!("claims = {{ name = \"{called}\", email = \"{name}@example.com\" }}\n");
        pasee_user(name, 8) + &claims
    };
    let provider = |name: &str, passes: &str, users: &[String]| {
        format!(
            "[[identity_providers]]\nname = \"{name}\"\nprotocol = \"local\"\n{passes}\n{}",
            users.concat()
        )
    };
    let users = [user("ada", "Ada Lovelace"), user("grace", "Grace Hopper")];
    let numbered = pasee_user("seven", 8) + "claims = { name = 7 }\n";
    let setup = Setup::default()
        .tables(&provider("book", "claims = [\"name\"]", &[users.concat(), numbered]))
        .tables(&provider("shy", "claims = [\"email\"]", &users));
    let members = ["book-ada", "book-grace", "book-seven", "shy-ada", "local-john", "book-nobody"];
    let pasee = setup.members("g", members).members("g.staff", ["shy-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let named = async |token: &str| {
        let shown = get(&pasee, "/groups/g/", token).await;
        let named = shown["members"].as_array().unwrap().iter();
        let named = named.filter_map(|it| Some((it["username"].as_str()?, it["name"].as_str()?)));
        named.map(|(user, name)| format!("{user}: {name}")).collect::<Vec<_>>()
    };
    assert_eq!(named(&root).await, ["book-ada: Ada Lovelace", "book-grace: Grace Hopper"]);
    let body = json!({"login": "ada", "password": "pw-ada"});
    let shy = pasee.ask("POST", "/tokens/?idp=shy").json(&body).await.pair();
    assert_eq!(named(&shy.access).await.len(), 2, "their own did not pass");
    let body = json!({"username": "book-grace"});
    let added = pasee.ask("POST", "/groups/g.staff/").bearer(&root).json(&body).await.is(201);
    assert_eq!(added.json()["name"], "Grace Hopper");
}

#[tokio::test]
async fn everybody_ends_their_own_sessions() {
    let pasee = Setup::default().start().await;
    let (ada, you) = (pasee.log_in("ada").await, pasee.log_in("you").await);
    let patch = |token: &str, user: &str, body: Value| {
        let ask = pasee.ask("PATCH", &format!("/users/{user}")).bearer(token);
        async move { ask.json(&body).await }
    };
    let now = json!({"not_before": "now"});
    patch(&ada.access, "local-you", now.clone()).await.is(403);
    patch(&ada.access, "local-ada", json!({"is_banned": true})).await.is(403);
    patch(&ada.access, "local-ada", json!({"not_before": "then"})).await.is(400);
    patch(&ada.access, "local-ada", now.clone()).await.is(204);
    pasee.ask("GET", "/users/me").bearer(&ada.access).send().await.is(401);
    pasee.refresh(&ada.refresh).await.is(401);
    pasee.refresh(&you.refresh).await.is(201);
    let again = pasee.log_in("ada").await;
    get(&pasee, "/users/me", &again.access).await;
}

/// One session ends, by its own token or by root staff; every token of it is worth nothing from then on, and all others go on.
#[tokio::test]
async fn one_session_ends_and_the_others_go_on() {
    let pasee = Setup::default().members("admin.staff", ["local-ada"]).start().await;
    let [one, two, three] =
        [pasee.log_in("ada").await, pasee.log_in("ada").await, pasee.log_in("ada").await];
    let (you, root) = (pasee.log_in("you").await, pasee.log_in("root").await);
    let sid = |token: &str| part(token, 1)["sid"].as_str().unwrap().to_owned();
    let end = |token: &str, user: &str, sid: &str| {
        let ask = pasee.ask("DELETE", &format!("/users/{user}/sessions/{sid}")).bearer(token);
        async move { ask.send().await }
    };
    // Whose a session is only its own tokens prove: whoever has seen its id ends nothing.
    for (token, user) in
        [(&two, "local-ada"), (&you, "local-ada"), (&you, "local-you"), (&one, "local-you")]
    {
        let told = end(&token.access, user, &sid(&one.access)).await.is(403);
        assert!(told.title().contains("not allowed"), "{}", told.title());
    }
    end(&one.refresh, "local-ada", &sid(&one.access)).await.is(401);
    let link = get(&pasee, "/users/me", &one.access).await["end_session"].clone();
    assert_eq!(link["action"], "delete");
    let path = link["url"].as_str().unwrap().strip_prefix(&pasee.url).unwrap().to_owned();
    // Tokens of the same session from before, and narrower ones.
    let refreshed = pasee.refresh(&one.refresh).await.pair();
    let narrow = pasee.ask("POST", "/tokens/?refresh&scope=admin").bearer(&one.refresh);
    let narrow = narrow.send().await.pair();
    pasee.ask("DELETE", &path).bearer(&refreshed.access).send().await.is(204);
    for pair in [&one, &refreshed, &narrow] {
        let told = pasee.ask("GET", "/users/me").bearer(&pair.access).send().await.is(401);
        assert!(told.title().contains("this session was ended"), "{}", told.title());
        pasee.refresh(&pair.refresh).await.is(401);
        pasee.ask("DELETE", &path).bearer(&pair.access).send().await.is(401);
        let add = pasee.ask("POST", "/groups/admin/").bearer(&pair.access);
        add.json(&json!({"username": "local-you"})).await.is(401);
    }
    get(&pasee, "/users/me", &two.access).await;
    let two = pasee.refresh(&two.refresh).await.pair();
    // Root staff ends another's, as often as they like; the third goes on.
    for _ in 0..2 {
        end(&root.access, "local-ada", &sid(&two.access)).await.is(204);
        pasee.refresh(&two.refresh).await.is(401);
    }
    pasee.ask("GET", "/users/me").bearer(&two.access).send().await.is(401);
    get(&pasee, "/users/me", &three.access).await;
    pasee.refresh(&three.refresh).await.is(201);
    pasee.log_in("ada").await;
}

#[tokio::test]
async fn everybody_leaves() {
    let pasee = Setup::default()
        .members("admin", ["local-ada", "local-you"])
        .members("admin.staff", ["local-ada"])
        .start()
        .await;
    let root = pasee.log_in("root").await.access;
    let (ada, you) = (pasee.log_in("ada").await.access, pasee.log_in("you").await.access);
    let leave = |token: &str, path: &str| {
        let ask = pasee.ask("DELETE", path).bearer(token);
        async move { ask.send().await }
    };
    leave(&you, "/groups/admin/local-ada/").await.is(403);
    leave(&you, "/groups/admin/local-you/").await.is(204);
    // Whether there is such a group is nobody's business who is not in it.
    let there = leave(&you, "/groups/admin/local-you/").await.is(404);
    let nowhere = leave(&you, "/groups/nowhere/local-you/").await.is(404);
    assert_eq!(there.body, nowhere.body);
    leave(&ada, "/groups/admin/local-ada").await.is(204);
    leave(&ada, "/groups/admin.staff/local-ada/").await.is(204);
    assert_eq!(get(&pasee, "/groups/admin.staff/", &root).await["members"], json!([]), "the last");
    pasee.ask("GET", "/groups/admin/").bearer(&ada).send().await.is(403);
    // But the last of the root staff.
    let last = leave(&root, "/groups/staff/local-root/").await.is(409);
    assert!(last.title().contains("put another user into staff first"), "{}", last.title());
    let body = json!({"username": "local-ada"});
    pasee.ask("POST", "/groups/staff/").bearer(&root).json(&body).await.is(201);
    leave(&root, "/groups/staff/local-root/").await.is(204);
    leave(&root, "/groups/staff/local-root/").await.is(404);
}

/// Nobody takes the last away who can log in, whoever else is on the root staff and cannot.
#[tokio::test]
async fn who_cannot_log_in_keeps_no_root_staff() {
    let off = Setup::absent_provider("off").replace("claims =", "enabled = false\nclaims =");
    // Of no provider, of one that is not offered, of nobody whom the provider knows, and a ServiceAccount.
    let others = ["gone-ada", "off-ada", "local-nobody", "k8s-ci:deployer", "client-robot"];
    let pasee = Setup::default().tables(&off).members("staff", others);
    let pasee = pasee.start().await;
    let root = pasee.log_in("root").await.access;
    let say = |method: &str, path: &str, body: Value| {
        let ask = pasee.ask(method, path).bearer(&root);
        async move { if body.is_null() { ask.send().await } else { ask.json(&body).await } }
    };
    for (method, path, body) in [
        ("DELETE", "/groups/staff/local-root/", Value::Null),
        ("DELETE", "/users/local-root", Value::Null),
        ("PATCH", "/users/local-root", json!({"is_banned": true})),
        ("PATCH", "/groups/staff/local-root/", json!({"expires_at": in_seconds(7200)})),
    ] {
        let told = say(method, path, body).await.is(409);
        assert!(told.title().contains("whom a provider of the settings knows"), "{}", told.title());
    }
    // They themselves can be taken away.
    for user in others {
        say("DELETE", &format!("/groups/staff/{user}/"), Value::Null).await.is(204);
    }
    say("POST", "/groups/staff/", json!({"username": "local-ada"})).await.is(201);
    say("DELETE", "/groups/staff/local-root/", Value::Null).await.is(204);
}

#[tokio::test]
async fn memberships_are_given_ends() {
    let pasee = Setup::default().members("admin.staff", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let ada = pasee.log_in("ada").await.access;
    let (soon, later) = (in_seconds(600), in_seconds(7200));
    let add = |user: &str, end: Value| {
        let ask = pasee.ask("POST", "/groups/admin/").bearer(&ada);
        let body = json!({"username": user, "expires_at": end});
        async move { ask.json(&body).await }
    };
    for wrong in [
        json!(in_seconds(-1)),
        json!(in_seconds(0)),
        json!("2020-01-01T00:00:00Z"),
        json!("tomorrow"),
        json!("2099-01-01"),
        json!("2099-01-01T00:00:00"),
        json!(""),
        json!(4_070_908_800_u32),
        json!(true),
        json!([]),
    ] {
        let refused = add("local-you", wrong.clone()).await.is(400);
        assert!(refused.title().contains("such as \"20"), "{wrong}: {}", refused.title());
    }
    let made = add("local-you", json!(soon)).await.is(201);
    assert_eq!(made.json()["expires_at"], json!(soon));
    assert!(add("local-john", Value::Null).await.is(201).json().get("expires_at").is_none());
    add("local-you", json!(later)).await.is(409);
    let shown = async || -> Vec<(String, Value)> {
        let group = get(&pasee, "/groups/admin/", &ada).await;
        let members = group["members"].as_array().unwrap().iter();
        members
            .map(|it| (it["username"].as_str().unwrap().to_owned(), it["expires_at"].clone()))
            .collect()
    };
    let john = || ("local-john".to_owned(), Value::Null);
    assert_eq!(shown().await, [john(), ("local-you".to_owned(), json!(soon))]);
    let you = get(&pasee, "/users/local-you", &root).await;
    assert_eq!(you["groups"][0]["expires_at"], json!(soon));
    let of_you = get(&pasee, "/groups/?user=local-you", &root).await;
    assert_eq!(of_you["groups"][0]["expires_at"], json!(soon));

    let patch = |token: &str, path: &str, body: Value| {
        let ask = pasee.ask("PATCH", path).bearer(token);
        async move { ask.json(&body).await }
    };
    let path = "/groups/admin/local-you/";
    for end in [json!(later), json!(soon), Value::Null, json!(later)] {
        patch(&ada, path, json!({"expires_at": end})).await.is(204);
        assert_eq!(shown().await[1].1, end);
    }
    let offset = "2099-01-01T02:00:00.5+02:00";
    patch(&ada, "/groups/admin/local-you", json!({"expires_at": offset})).await.is(204);
    assert_eq!(shown().await[1].1, "2099-01-01T00:00:01Z", "to the end of the second");
    for (body, words) in [
        (json!({}), "{\"expires_at\": null}"),
        (json!({"expires_at": in_seconds(-1)}), "not to come any more"),
        (json!({"expires_at": 1}), "such as \"20"),
        (json!({"expires_at": soon, "x": 1}), "{\"expires_at\": null}"),
    ] {
        let refused = patch(&ada, path, body).await.is(400);
        assert!(refused.title().contains(words), "{}", refused.title());
    }
    let john = pasee.log_in("john").await.access;
    patch(&john, path, json!({"expires_at": null})).await.is(403);
    patch(&john, "/groups/admin/local-john/", json!({"expires_at": soon})).await.is(403);
    patch(&ada, "/groups/admin/local-alan/", json!({"expires_at": soon})).await.is(404);
    patch(&root, "/groups/no/local-you/", json!({"expires_at": soon})).await.is(404);
    pasee.ask("PATCH", path).json(&json!({"expires_at": soon})).await.is(401);
}

#[tokio::test]
async fn nobody_prolongs_their_own_time_on_a_staff() {
    let pasee = Setup::default().start().await;
    own_time::nobody_prolongs_their_own(&pasee, "local-root").await;
}

/// What has ended shows nowhere, can be taken away, and can be given anew.
#[tokio::test]
async fn what_has_ended_is_taken_away() {
    let pasee = Setup::default().members("g", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let file = rusqlite::Connection::open(pasee.dir.path().join("data/pasee.db")).unwrap();
    let ended = now() - 10;
    let delete = |path: &str| pasee.ask("DELETE", path).bearer(&root);
    file.execute(
        "INSERT INTO memberships (group_id, role, user, expires_at) SELECT id, 0, 'local-you', ? FROM groups WHERE name = 'g'",
        [ended],
    )
    .unwrap();
    let group = get(&pasee, "/groups/g/", &root).await;
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    delete("/groups/g/local-you/").send().await.is(204);
    delete("/groups/g/local-you/").send().await.is(404);
    let left: i64 = file
        .query_row("SELECT count(*) FROM memberships WHERE user = 'local-you'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(left, 0);
}
