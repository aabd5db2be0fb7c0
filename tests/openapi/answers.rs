//! Answers of a Pasee, held against the description.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::described::{Port, holds, judged, operations};
use super::stage::{
    BACK, Browser, authorize, basic, by_app, claims, encoded, pasee_with, plain, redeem, refresh,
};
use super::support::pasee::{Answer, Ask, Pasee, Setup, free_port};

/// An answer to a request with a token, which is described.
async fn asked(
    pasee: &Pasee,
    (method, template, path): (&str, &str, &str),
    token: &str,
    body: Option<Value>,
    status: u16,
) -> Answer {
    let ask = pasee.ask(&method.to_uppercase(), path);
    let ask = if token.is_empty() { ask } else { ask.bearer(token) };
    let answer = match body {
        Some(body) => ask.json(&body).await,
        None => ask.send().await,
    };
    holds(method, template, answer.is(status))
}

#[tokio::test]
async fn of_the_api() {
    let pasee = Setup::default().members("admin", ["local-ada", "local-alan"]).start().await;
    let get = |path| ("get", path, path);
    let post = |path| ("post", path, path);
    let nobody = "";
    for path in ["/", "/public-key/", "/.well-known/jwks.json", "/.well-known/jwks-es256k.json"] {
        asked(&pasee, get(path), nobody, None, 200).await;
    }
    let core = pasee.ask("GET", "/").header("accept", "application/vnd.coreapi+json").send().await;
    holds("get", "/", core.is(200));
    asked(&pasee, get("/tokens/"), nobody, None, 200).await;
    let of_local = ("post", "/tokens/", "/tokens/?idp=local");
    let log_in = |name: &str| json!({ "login": name, "password": format!("pw-{name}") });
    let tokens = asked(&pasee, of_local, nobody, Some(log_in("root")), 201).await.json();
    let (root, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    asked(&pasee, ("post", "/tokens/", "/tokens/?refresh"), refresh, None, 201).await;
    let ada = pasee.log_in("ada").await.access;
    for (path, token) in
        [("/users/", root), ("/users/me", &*ada), ("/groups/", root), ("/groups/", &*ada)]
    {
        asked(&pasee, get(path), token, None, 200).await;
    }
    asked(&pasee, get("/users/"), nobody, None, 200).await;
    asked(&pasee, get("/groups/"), nobody, None, 200).await;
    asked(&pasee, ("get", "/users/{user}", "/users/local-ada"), root, None, 200).await;
    let group = json!({ "group": "admin.news", "description": "who writes" });
    asked(&pasee, post("/groups/"), root, Some(group.clone()), 201).await;
    asked(&pasee, post("/groups/"), root, Some(group), 409).await;
    let of_admin = |method| (method, "/groups/{group}/", "/groups/admin/");
    let until = json!({ "username": "local-john", "expires_at": "2099-01-31T00:00:00Z" });
    asked(&pasee, of_admin("post"), root, Some(until), 201).await;
    asked(&pasee, of_admin("get"), root, None, 200).await;
    asked(&pasee, of_admin("get"), &ada, None, 403).await;
    asked(&pasee, of_admin("patch"), root, Some(json!({ "description": "all" })), 204).await;
    let of_john = |method| (method, "/groups/{group}/{user}/", "/groups/admin/local-john/");
    asked(&pasee, of_john("patch"), root, Some(json!({ "expires_at": null })), 204).await;
    asked(&pasee, of_john("delete"), root, None, 204).await;
    let of_alan = |method| (method, "/users/{user}", "/users/local-alan");
    asked(&pasee, of_alan("patch"), root, Some(json!({ "is_banned": true })), 204).await;
    asked(&pasee, of_alan("delete"), root, None, 204).await;
    asked(&pasee, of_admin("delete"), root, None, 204).await;
    let session = claims(&json!(ada))["sid"].as_str().unwrap().to_owned();
    let path = format!("/users/local-ada/sessions/{session}");
    asked(&pasee, ("delete", "/users/{user}/sessions/{sid}", &path), &ada, None, 204).await;
    // What is refused, as documents and as problems.
    let refused = [
        (of_local, nobody, Some(json!({ "login": "ada", "password": "wrong" })), 403),
        (("post", "/tokens/", "/tokens/?idp=nobody"), nobody, Some(log_in("ada")), 404),
        (("post", "/tokens/", "/tokens/"), nobody, Some(json!({})), 400),
        (("post", "/tokens/", "/tokens/?refresh"), nobody, None, 401),
        (get("/users/me"), nobody, None, 401),
        (get("/users/me"), &*ada, None, 401),
        (get("/users/me"), "nonsense", None, 401),
        (of_admin("get"), root, None, 404),
        (post("/groups/"), root, Some(json!({ "group": "A b" })), 400),
        (get("/password_recoveries/"), nobody, None, 404),
        (get("/.well-known/openid-configuration"), nobody, None, 404),
    ];
    for (operation, token, body, status) in refused {
        asked(&pasee, operation, token, body, status).await;
    }
    let problem = pasee.ask("GET", "/users/me").header("accept", "application/problem+json");
    let problem = holds("get", "/users/me", problem.send().await.is(401));
    assert_eq!(problem.header("content-type"), "application/problem+json");
    for path in ["/", "/login", "/logout"] {
        let page = pasee.ask("GET", path).header("accept", "text/html").send().await;
        holds("get", path, page);
    }
}

#[tokio::test]
async fn of_the_openid_provider() {
    let setup = Setup::default().members("articles.news", ["local-ada"]);
    let pasee = pasee_with(setup, "").await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        holds("get", path, pasee.ask("GET", path).send().await.is(200));
    }
    let mut ada = Browser::new(&pasee);
    let path = authorize(&[("scope", "openid profile email groups")]);
    holds("get", "/oauth2/authorize", ada.get(&path).await.is(200));
    let code = ada.code(&path, "ada").await;
    let tokens = holds("post", "/oauth2/token", redeem(&pasee, &code).await.is(200)).json();
    let of_app = |token: &Value| token.as_str().unwrap().to_owned();
    let again = refresh(&pasee, &tokens["refresh_token"], &[]).await;
    let again = holds("post", "/oauth2/token", again.is(200)).json();
    let access = of_app(&again["access_token"]);
    for (method, token, status) in [
        ("get", &*access, 200),
        ("post", &*access, 200),
        ("get", "nonsense", 401),
        ("get", "", 401),
    ] {
        let ask = pasee.ask(&method.to_uppercase(), "/oauth2/userinfo");
        let ask = if token.is_empty() { ask } else { ask.bearer(token) };
        holds(method, "/oauth2/userinfo", ask.send().await.is(status));
    }
    for token in [&*access, &*of_app(&again["refresh_token"]), "nonsense"] {
        let said = by_app(&pasee, "/oauth2/introspect", &[("token", token)]).await.is(200);
        let said = holds("post", "/oauth2/introspect", said).json();
        assert_eq!(said["active"], token != "nonsense");
    }
    let request: Vec<(&str, &str)> = vec![
        ("response_type", "code"),
        ("redirect_uri", BACK),
        ("scope", "openid"),
        ("nonce", "a nonce"),
    ];
    let pushed = by_app(&pasee, "/oauth2/par", &request).await.is(201);
    holds("post", "/oauth2/par", pushed);
    holds("post", "/oauth2/par", by_app(&pasee, "/oauth2/par", &[]).await.is(400));
    let begun = plain(&pasee, "/oauth2/device_authorization", &[("client_id", "pasee")]).await;
    holds("post", "/oauth2/device_authorization", begun.is(200));
    let wrong = pasee.ask("POST", "/oauth2/token").header("authorization", &basic("app", "wrong"));
    let form = encoded(&[("grant_type", "authorization_code"), ("code", &code)]);
    let wrong = wrong.typed("application/x-www-form-urlencoded", form).send().await.is(401);
    holds("post", "/oauth2/token", wrong);
    let token = of_app(&again["refresh_token"]);
    let revoked = by_app(&pasee, "/oauth2/revoke", &[("token", &token)]).await.is(200);
    holds("post", "/oauth2/revoke", revoked);
    let device = pasee.ask("GET", "/device").header("accept", "text/html").send().await.is(200);
    holds("get", "/device", device);
    let bye = pasee.ask("GET", "/oauth2/logout").header("accept", "text/html").send().await;
    holds("get", "/oauth2/logout", bye.is(303));
}

#[tokio::test]
async fn of_the_port_for_operators() {
    let port = free_port();
    let pasee =
        Setup::default().tables(&format!("[admin]\nlisten = \"127.0.0.1:{port}\"")).start().await;
    let client = &pasee.client;
    let ask = async |path: &str| {
        let ask = client.get(format!("http://127.0.0.1:{port}{path}"));
        Ask::new(ask).send().await
    };
    let mut described = BTreeSet::new();
    for (operation, port) in operations() {
        if port == Port::Operators {
            holds(operation.method, operation.path, ask(operation.path).await.is(200));
            described.insert(operation.path);
        }
    }
    let nothing = String::from_utf8(ask("/").await.is(404).body).unwrap();
    let named: BTreeSet<&str> =
        nothing.split([' ', ',', '\n']).filter(|it| it.starts_with('/')).collect();
    assert_eq!(described, named, "{nothing}");
}

/// That an answer with something more in it, or of another kind, would be found.
#[tokio::test]
async fn what_is_not_described_is_found() {
    let pasee = Setup::default().start().await;
    let root = pasee.log_in("root").await.access;
    let right = pasee.ask("GET", "/users/me").bearer(&root).send().await;
    judged("get", "/users/me", &right).unwrap();
    let mut more = right.json();
    more["groups"][0]["another"] = json!(1);
    let wrong = Answer { body: more.to_string().into_bytes(), ..right.clone() };
    assert!(judged("get", "/users/me", &wrong).is_err());
    let mut wrong = right.clone();
    wrong.headers.insert("content-type", "image/png".parse().unwrap());
    assert!(judged("get", "/users/me", &wrong).is_err());
    assert!(judged("get", "/public-key/", &right).is_err());
}
