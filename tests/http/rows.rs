//! Every row of the API with every status that it may have.

use serde_json::{Value, json};

use crate::support::pasee::{Answer, Pasee, Setup, now};

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum Who {
    Nobody,
    Root,
    /// Staff of `admin`.
    Ada,
    /// In no group.
    You,
}
use Who::{Ada, Nobody, Root, You};

/// A request, the status it gets, and a part of the error's title.
type Row = (Who, &'static str, &'static str, &'static str, u16, &'static str);

/// In order: later rows live with what earlier ones did.
const ROWS: &[Row] = &[
    (Nobody, "GET", "/", "", 200, ""),
    (Nobody, "HEAD", "/", "", 200, ""),
    (Nobody, "POST", "/", "", 405, "GET, HEAD"),
    (Nobody, "GET", "/nowhere", "", 404, "GET / lists"),
    (Nobody, "GET", "/public-key/", "", 200, ""),
    (Nobody, "DELETE", "/public-key/", "", 405, "GET, HEAD"),
    (Nobody, "GET", "/.well-known/openid-configuration", "", 404, "the URL in hostname"),
    (Nobody, "POST", "/.well-known/openid-configuration", "", 405, "GET, HEAD"),
    (Nobody, "GET", "/.well-known/jwks.json", "", 200, ""),
    (Nobody, "GET", "/.well-known/jwks-es256k.json", "", 200, ""),
    (Nobody, "POST", "/.well-known/jwks.json", "", 405, "GET, HEAD"),
    // Tokens.
    (Nobody, "GET", "/tokens/", "", 200, ""),
    (Nobody, "PUT", "/tokens/", "", 405, "GET, HEAD, POST"),
    (Nobody, "GET", "/tokens/?idp=local", "", 405, "POST"),
    (Nobody, "GET", "/tokens/?idp=nobody", "", 404, "GET /tokens/ lists"),
    (Nobody, "POST", "/tokens/", "{}", 400, "?idp=kisee or ?refresh"),
    (Nobody, "POST", "/tokens/?idp=local&refresh", "{}", 400, "?idp=kisee or ?refresh"),
    (Nobody, "POST", "/tokens/?idp=nobody", "{}", 404, "GET /tokens/ lists"),
    (Nobody, "POST", "/tokens/?idp=", "{}", 404, "GET /tokens/ lists"),
    (Nobody, "POST", "/tokens/?idp=local&idp=local", "{}", 400, "idp twice"),
    (Nobody, "POST", "/tokens/?idp=local", "{", 400, "one JSON object"),
    (Nobody, "POST", "/tokens/?idp=local", "{}", 400, "{\"login\": \"…\"}"),
    (Nobody, "POST", "/tokens/?idp=local", r#"{"login":"ada"}"#, 400, "{\"password\": \"…\"}"),
    (Nobody, "POST", "/tokens/?idp=local", r#"{"login":1,"password":""}"#, 400, "must be a text"),
    (Nobody, "POST", "/tokens/?idp=local", r#"{"login":"ada","password":"x"}"#, 403, "not know"),
    (Nobody, "POST", "/tokens/?idp=local", r#"{"login":"eve","password":"x"}"#, 403, "not know"),
    (Nobody, "POST", "/tokens/?idp=local", r#"{"login":"ada","password":"pw-ada"}"#, 201, ""),
    (Nobody, "POST", "/tokens/?idp=local&scope=A", "{}", 400, "such as"),
    (Nobody, "POST", "/tokens/?refresh", "", 401, "refresh token"),
    (You, "POST", "/tokens/?refresh", "", 401, "wrong kind"),
    // Users.
    (Nobody, "GET", "/users/", "", 200, ""),
    (Root, "GET", "/users/?after=john", "", 400, "kisee-john"),
    (Nobody, "POST", "/users/", "{}", 404, "does not offer"),
    (Nobody, "PUT", "/users/", "", 405, "GET, HEAD, POST"),
    (Nobody, "GET", "/users/local-ada", "", 401, "Bearer"),
    (You, "GET", "/users/local-ada", "", 403, "root staff"),
    (You, "GET", "/users/local-nobody", "", 403, "root staff"),
    (You, "GET", "/users/local-you", "", 200, ""),
    (Root, "GET", "/users/local-you/", "", 200, ""),
    (Root, "GET", "/users/you", "", 400, "kisee-john"),
    (Root, "GET", "/users/local-you?last_element=A", "", 400, "such as"),
    (Root, "PATCH", "/users/local-john", r#"{"is_banned":1}"#, 400, "{\"is_banned\": true}"),
    (Root, "PATCH", "/users/local-john", r#"{"not_before":"then"}"#, 400, "\"now\""),
    (
        Root,
        "PATCH",
        "/users/local-john",
        r#"{"is_banned":true,"not_before":"now"}"#,
        400,
        "\"now\"",
    ),
    (Root, "PATCH", "/users/local-john", r#"{"is_banned":true,"username":"x"}"#, 400, "\"now\""),
    (Root, "PATCH", "/users/local-john", "[]", 400, "one JSON object"),
    (Nobody, "PATCH", "/users/local-john", r#"{"is_banned":true}"#, 401, "Bearer"),
    (Ada, "PATCH", "/users/local-john", r#"{"is_banned":true}"#, 403, "root staff"),
    (Root, "PATCH", "/users/local-john", r#"{"is_banned":true}"#, 204, ""),
    (Root, "PATCH", "/users/local-john", r#"{"is_banned":false}"#, 204, ""),
    (Root, "PATCH", "/users/local-john", r#"{"not_before":"now"}"#, 204, ""),
    (Nobody, "DELETE", "/users/local-john", "", 401, "Bearer"),
    (Ada, "DELETE", "/users/local-john", "", 403, "root staff"),
    (Root, "DELETE", "/users/local-john", "", 204, ""),
    (Root, "POST", "/users/local-john", "", 405, "GET, HEAD, PATCH, DELETE"),
    (Nobody, "GET", "/users/me", "", 401, "Bearer"),
    (You, "GET", "/users/me", "", 200, ""),
    (You, "GET", "/users/me/", "", 200, ""),
    (Root, "PUT", "/users/me", "", 405, "GET, HEAD"),
    (
        Nobody,
        "DELETE",
        "/users/local-you/sessions/00000000000000000000000000000000",
        "",
        401,
        "Bearer",
    ),
    (
        You,
        "DELETE",
        "/users/local-you/sessions/00000000000000000000000000000000",
        "",
        403,
        "root staff",
    ),
    (
        You,
        "DELETE",
        "/users/local-ada/sessions/00000000000000000000000000000000",
        "",
        403,
        "root staff",
    ),
    (You, "DELETE", "/users/local-you/sessions/current", "", 400, "32 hexadecimal digits"),
    (Root, "DELETE", "/users/you/sessions/00000000000000000000000000000000", "", 400, "kisee-john"),
    (
        Root,
        "DELETE",
        "/users/locl-you/sessions/00000000000000000000000000000000",
        "",
        400,
        "local-you",
    ),
    (
        Root,
        "DELETE",
        "/users/local-you/sessions/0000000000000000000000000000000A",
        "",
        400,
        "small letters",
    ),
    (Root, "DELETE", "/users/local-you/sessions/00000000000000000000000000000000", "", 204, ""),
    (Root, "DELETE", "/users/local-you/sessions/00000000000000000000000000000000/", "", 204, ""),
    (Root, "GET", "/users/local-you/sessions/00000000000000000000000000000000", "", 405, "DELETE"),
    (Root, "DELETE", "/users/local-you/sessions/", "", 404, "nothing here"),
    // Password recoveries, without a provider that has them.
    (Nobody, "GET", "/password_recoveries/", "", 404, "does not offer"),
    (Nobody, "POST", "/password_recoveries/", "{}", 404, "does not offer"),
    (Nobody, "PATCH", "/password_recoveries/", "", 405, "GET, HEAD, POST"),
    // Groups.
    (Nobody, "GET", "/groups/", "", 200, ""),
    (Root, "GET", "/groups/", "", 200, ""),
    (You, "GET", "/groups/", "", 200, ""),
    (You, "GET", "/groups/?user=local-you", "", 200, ""),
    (You, "GET", "/groups/?user=local-ada", "", 403, "root staff"),
    (Root, "GET", "/groups/?user=ada", "", 400, "kisee-john"),
    (Root, "GET", "/groups/?last_element=%00", "", 400, "such as"),
    (Nobody, "POST", "/groups/", r#"{"group":"x"}"#, 401, "Bearer"),
    (Ada, "POST", "/groups/", r#"{"group":"x"}"#, 403, "root staff"),
    (Root, "POST", "/groups/", r#"{"group":"X"}"#, 400, "such as"),
    (Root, "POST", "/groups/", r#"{"group":"x.staff"}"#, 400, "staff"),
    (
        Root,
        "POST",
        "/groups/",
        r#"{"group":"x","more":1}"#,
        400,
        "{\"group\": \"admin.developers\"}",
    ),
    (Root, "POST", "/groups/", r#"{"name":"x"}"#, 400, "{\"group\": \"…\"}"),
    (Root, "POST", "/groups/", r#"{"group":"admin"}"#, 409, "exists"),
    (Root, "POST", "/groups/", r#"{"group":"no.x"}"#, 404, "create it first"),
    (Ada, "POST", "/groups/", r#"{"group":"admin.developers"}"#, 201, ""),
    (Root, "DELETE", "/groups/", "", 405, "GET, HEAD, POST"),
    // One group.
    (Nobody, "GET", "/groups/admin/", "", 401, "Bearer"),
    (You, "GET", "/groups/admin/", "", 403, "root staff"),
    (Ada, "GET", "/groups/admin/", "", 200, ""),
    (Ada, "GET", "/groups/admin.staff", "", 200, ""),
    (Root, "GET", "/groups/staff/", "", 200, ""),
    (Ada, "GET", "/groups/staff/", "", 403, "root staff"),
    (Root, "GET", "/groups/no/", "", 404, "does not exist"),
    (Root, "GET", "/groups/Admin/", "", 400, "such as"),
    (Root, "GET", "/groups/admin/?after=x", "", 400, "kisee-john"),
    (Nobody, "POST", "/groups/admin/", r#"{"username":"local-you"}"#, 401, "Bearer"),
    (You, "POST", "/groups/admin/", r#"{"username":"local-you"}"#, 403, "root staff"),
    (Ada, "POST", "/groups/admin/", r#"{"username":"you"}"#, 400, "kisee-john"),
    (Ada, "POST", "/groups/admin/", r#"{"username":"kisee-you"}"#, 400, "local"),
    (Ada, "POST", "/groups/admin/", r#"{"username":["local-you"]}"#, 400, "must be a text"),
    (
        Ada,
        "POST",
        "/groups/admin/",
        r#"{"username":"local-you","x":1}"#,
        400,
        "{\"username\": \"kisee-john\"}",
    ),
    (Ada, "POST", "/groups/admin/", r#"{"username":"local-you"}"#, 201, ""),
    (Ada, "POST", "/groups/admin", r#"{"username":"local-you"}"#, 409, "already"),
    (Ada, "POST", "/groups/admin.staff/", r#"{"username":"local-john"}"#, 201, ""),
    (Root, "POST", "/groups/no/", r#"{"username":"local-you"}"#, 404, "does not exist"),
    (Root, "PATCH", "/groups/admin/", "{}", 400, "a right one is"),
    (Root, "PUT", "/groups/admin/", "{}", 405, "GET, HEAD, POST, PATCH, DELETE"),
    // Out again.
    (Nobody, "DELETE", "/groups/admin/local-you/", "", 401, "Bearer"),
    (You, "DELETE", "/groups/admin/local-john/", "", 403, "root staff"),
    (Ada, "DELETE", "/groups/admin/you/", "", 400, "kisee-john"),
    (Ada, "GET", "/groups/admin/local-you/", "", 405, "PATCH, DELETE"),
    (Ada, "DELETE", "/groups/admin/local-you/", "", 204, ""),
    (Ada, "DELETE", "/groups/admin/local-you", "", 404, "not there"),
    (Root, "DELETE", "/groups/no/local-you/", "", 404, "does not exist"),
    (Ada, "DELETE", "/groups/admin/", "", 403, "root staff"),
    (Nobody, "DELETE", "/groups/admin/", "", 401, "Bearer"),
    (Root, "DELETE", "/groups/admin.staff/", "", 400, "staff"),
    (Root, "DELETE", "/groups/staff/", "", 400, "staff"),
    (Root, "DELETE", "/groups/admin/", "", 204, ""),
    (Root, "DELETE", "/groups/admin/", "", 404, "does not exist"),
    (Ada, "DELETE", "/groups/admin.developers/", "", 403, "root staff"),
];

#[tokio::test]
async fn every_row_and_status() {
    let pasee = Setup::default().members("admin.staff", ["local-ada"]).start().await;
    let tokens = [
        pasee.log_in("root").await.access,
        pasee.log_in("ada").await.access,
        pasee.log_in("you").await.access,
    ];
    for row in ROWS {
        let (who, method, path, body, status, words) = *row;
        let mut ask = pasee.ask(method, path);
        match who {
            Nobody => {}
            Root => ask = ask.bearer(&tokens[0]),
            Ada => ask = ask.bearer(&tokens[1]),
            You => ask = ask.bearer(&tokens[2]),
        }
        if !body.is_empty() {
            ask = ask.body(body);
        }
        let answer = ask.send().await;
        assert_eq!(answer.status.as_u16(), status, "{row:?}: {answer:?}");
        check(row, &answer, words);
    }
}

/// What an answer of its status must say besides.
fn check(row: &Row, answer: &Answer, words: &str) {
    let status = answer.status.as_u16();
    if status == 204 || row.1 == "HEAD" {
        assert!(answer.body.is_empty(), "{row:?}");
    } else if status < 400 {
        assert!(answer.json().is_object(), "{row:?}");
    } else {
        let error = answer.json();
        assert_eq!(error["_type"], "error", "{row:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{row:?}");
        if status == 405 {
            assert_eq!(answer.header("allow"), words, "{row:?}");
        } else {
            assert!(answer.title().contains(words), "{row:?}: {}", answer.title());
        }
    }
    let challenge = answer.header("www-authenticate");
    match status {
        401 => assert!(challenge.starts_with("Bearer realm=\"pasee\""), "{row:?}: {challenge}"),
        403 if row.1 != "POST" || !row.2.starts_with("/tokens") => {
            assert!(challenge.contains("error=\"insufficient_scope\""), "{row:?}: {challenge}");
        }
        // Who shows no token is told that one would show more.
        200 if matches!(row.0, Nobody) && matches!(row.2, "/groups/" | "/users/") => {
            assert_eq!(challenge, "Bearer realm=\"pasee\"", "{row:?}");
        }
        _ => assert_eq!(challenge, "", "{row:?}"),
    }
}

/// Links are for everybody: a client of Core API finds here what it could do with a token.
#[tokio::test]
async fn strangers_are_shown_links_and_nobody() {
    let pasee = Setup::default().members("admin", ["local-ada"]).start().await;
    pasee.ask("GET", "/groups/?user=local-ada").send().await.is(401);
    for path in ["/groups/", "/groups/?user=", "/groups/?last_element=admin"] {
        let groups = pasee.ask("GET", path).send().await.is(200).json();
        assert_eq!(groups["groups"], json!([]), "{path}");
        assert_eq!(groups["create_group"]["action"], "post");
        assert!(groups.get("next").is_none());
    }
}

#[tokio::test]
async fn tokens_that_do_not_hold_say_why() {
    let pasee = Setup::default().start().await;
    let mut expired = pasee.access_claims("local-ada");
    for (claim, shift) in [("iat", 1000), ("nbf", 1000), ("auth_time", 1000)] {
        expired[claim] = json!(now() - shift);
    }
    expired["exp"] = json!(now() - 1);
    let expired = pasee.forge(&expired);
    let pair = pasee.log_in("ada").await;
    let bearer = |token: &str| format!("Bearer {token}");
    let table = [
        (bearer(&expired), "invalid_token", "expired"),
        (bearer(&pair.refresh), "invalid_token", "wrong kind"),
        (bearer("garbage"), "invalid_token", "malformed"),
        ("Bearer".to_owned(), "invalid_request", "no token after"),
        ("Bearer ".to_owned(), "invalid_request", "no token after"),
        ("Bearer a b".to_owned(), "invalid_request", "characters"),
        ("Basic YWRhOnB3LWFkYQ==".to_owned(), "invalid_request", "not of scheme Bearer"),
    ];
    for (header, code, words) in table {
        let answer = pasee.ask("GET", "/groups/").header("authorization", &header).send().await;
        let answer = answer.is(401);
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(&format!("error=\"{code}\"")), "{header}: {challenge}");
        // Where everybody is shown something, it is, and what is wrong is said beside.
        let shown = pasee.ask("GET", "/users/").header("authorization", &header).send().await;
        let shown = shown.is(200);
        assert_eq!(shown.header("www-authenticate"), challenge);
        assert_eq!(shown.json()["users"], json!([]));
        assert!(challenge.contains(words), "{header}: {challenge}");
        assert!(answer.title().contains(words), "{header}: {}", answer.title());
    }
}

#[tokio::test]
async fn bodies_have_a_type_and_a_bound() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let login = r#"{"login":"ada","password":"pw-ada"}"#;
    let types = [
        ("application/json", 201),
        ("Application/JSON; charset=utf-8", 201),
        ("application/vnd.coreapi+json", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        ("", 415),
    ];
    for (kind, status) in types {
        let answer = pasee.ask("POST", "/tokens/?idp=local").typed(kind, login).send().await;
        assert_eq!(answer.status.as_u16(), status, "{kind:?}");
        if status == 415 {
            assert!(answer.title().contains("Content-Type: application/json"));
        }
    }
    let untyped = pasee.ask("POST", "/groups/").bearer(&root);
    untyped.send().await.is(415);
    // 64 KiB to the byte, and one more.
    let padded = |length: usize| format!("{{\"group\":\"a\"{}}}", " ".repeat(length - 13));
    for (length, status) in [(64 * 1024, 201), (64 * 1024 + 1, 413), (1024 * 1024, 413)] {
        let body = padded(length);
        assert_eq!(body.len(), length);
        let answer = pasee.ask("POST", "/groups/").bearer(&root).body(body).send().await;
        assert_eq!(answer.status.as_u16(), status, "{length}: {}", answer.title());
    }
}

#[tokio::test]
async fn both_spellings_of_every_path() {
    let pasee = Setup::default().members("admin", ["local-ada"]).start().await;
    let root = pasee.log_in("root").await.access;
    let paths = [
        "/public-key",
        "/.well-known/jwks.json",
        "/.well-known/jwks-es256k.json",
        "/tokens",
        "/users",
        "/users/local-ada",
        "/groups",
        "/groups/admin",
        "/groups/admin.staff",
    ];
    for path in paths {
        let [short, long] = [path.to_owned(), format!("{path}/")];
        let short = pasee.ask("GET", &short).bearer(&root).send().await.is(200);
        let long = pasee.ask("GET", &long).bearer(&root).send().await.is(200);
        assert_eq!(short.telling(), long.telling(), "{path}");
    }
}

#[tokio::test]
async fn what_is_created_is_where_location_says() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let made = created(&pasee, &root, "/groups/", json!({"group": "admin"})).await;
    assert_eq!(made, format!("{}/groups/admin/", pasee.url));
    let added = created(&pasee, &root, "/groups/admin/", json!({"username": "local-a b/é"})).await;
    assert_eq!(added, format!("{}/groups/admin/local-a%20b%2F%C3%A9/", pasee.url));
    let path = added.strip_prefix(&pasee.url).unwrap();
    pasee.ask("DELETE", path).bearer(&root).send().await.is(204);
    pasee.ask("DELETE", path).bearer(&root).send().await.is(404);
}

async fn created(pasee: &Pasee, token: &str, path: &str, body: Value) -> String {
    let answer = pasee.ask("POST", path).bearer(token).json(&body).await.is(201);
    assert_eq!(answer.json()["_meta"]["url"], answer.header("location"));
    answer.header("location").to_owned()
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_reported_as_done() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await;
    let file = rusqlite::Connection::open(pasee.dir.path().join("data/pasee.db")).unwrap();
    file.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let create = || pasee.ask("POST", "/groups/").bearer(&root.access);
    let ban = pasee.ask("PATCH", "/users/local-ada").bearer(&root.access);
    let (group, banned) = (json!({"group": "g"}), json!({"is_banned": true}));
    let (answer, ban) = tokio::join!(create().json(&group), ban.json(&banned));
    let (answer, _) = (answer.is(503), ban.is(503));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(answer.title().contains("nothing was changed"), "{}", answer.title());
    assert!(!answer.title().to_lowercase().contains("sqlite"), "{}", answer.title());
    // Tokens need no disk.
    pasee.refresh(&root.refresh).await.is(201);
    pasee.log_in("ada").await;
    file.execute_batch("ROLLBACK").unwrap();
    create().json(&group).await.is(201);
}
