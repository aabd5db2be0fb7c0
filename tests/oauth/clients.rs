//! How clients show who they are, and what only they may know.

use serde_json::json;

use crate::stage::{
    SECRET, by, by_app, claims, encoded, error, pasee, pasee_with, plain, refresh, tokens,
    user_info,
};
use crate::support::pasee::{Pasee, Setup};

const GRANT: [(&str, &str); 2] = [("grant_type", "authorization_code"), ("code", "x")];

#[tokio::test]
async fn one_way_to_show_who_one_is() {
    let pasee = pasee().await;
    let with = |more: &[(&'static str, &'static str)]| [&GRANT[..], more].concat();
    // Whoever is known is told of the code.
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &GRANT).await, 400), "invalid_grant");
    let post = with(&[("client_id", "app"), ("client_secret", SECRET)]);
    assert_eq!(error(plain(&pasee, "/oauth2/token", &post).await, 400), "invalid_grant");
    let none = with(&[("client_id", "tool")]);
    assert_eq!(error(plain(&pasee, "/oauth2/token", &none).await, 400), "invalid_grant");
    for (id, secret) in [
        ("app", "wrong"),
        ("app", "other's secret"),
        ("nobody", SECRET),
        ("tool", "x"),
        ("app", ""),
    ] {
        let answer = by(&pasee, (id, secret), "/oauth2/token", &GRANT).await;
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{id}");
        assert_eq!(error(answer, 401), "invalid_client", "{id} {secret}");
    }
    for form in
        [&[("client_id", "app")][..], &[("client_id", "app"), ("client_secret", "wrong")], &[]]
    {
        assert_eq!(
            error(plain(&pasee, "/oauth2/token", &with(form)).await, 401),
            "invalid_client",
            "{form:?}"
        );
    }
    let two = with(&[("client_secret", SECRET)]);
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &two).await, 400), "invalid_request");
    let other = with(&[("client_id", "other")]);
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &other).await, 400), "invalid_request");
    let query =
        format!("/oauth2/token?{}", encoded(&[("client_id", "app"), ("client_secret", SECRET)]));
    assert_eq!(error(plain(&pasee, &query, &GRANT).await, 401), "invalid_client", "not in a query");
}

#[tokio::test]
async fn a_client_that_acts_for_itself() {
    let pasee = pasee().await;
    let form = [("grant_type", "client_credentials"), ("scope", "openid email")];
    let given =
        by(&pasee, ("other", "other's secret"), "/oauth2/token", &form).await.is(200).json();
    assert!(given.get("refresh_token").is_none() && given.get("id_token").is_none(), "{given}");
    let access = claims(&given["access_token"]);
    assert_eq!((&access["sub"], &access["client_id"]), (&json!("client-other"), &json!("other")));
    assert_eq!(access["aud"], json!(["other"]));
    user_info(&pasee, &given["access_token"]).await.is(403);
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &form).await, 400), "unauthorized_client");
}

/// What a token says, those are told whom it is for or who were granted it, and nobody else.
#[tokio::test]
async fn introspection() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let other = ("other", "other's secret");
    for name in ["access_token", "refresh_token"] {
        let token = given[name].as_str().unwrap();
        let said = by_app(&pasee, "/oauth2/introspect", &[("token", token)]).await.is(200).json();
        assert_eq!((&said["active"], &said["sub"]), (&json!(true), &json!("local-ada")), "{said}");
        assert_eq!((&said["client_id"], &said["scope"]), (&json!("app"), &json!("openid groups")));
        let said =
            by(&pasee, other, "/oauth2/introspect", &[("token", token)]).await.is(200).json();
        assert_eq!(said, json!({ "active": false }), "{name}");
    }
    // Nor is anything told of the tokens of the HTTP API, of ID tokens, and of what is none.
    let pair = pasee.log_in("ada").await;
    for token in [&*pair.access, &*pair.refresh, given["id_token"].as_str().unwrap(), "x", "a.b.c"]
    {
        let said = by_app(&pasee, "/oauth2/introspect", &[("token", token)]).await.is(200).json();
        assert_eq!(said, json!({ "active": false }));
    }
    let anybody = [("token", given["access_token"].as_str().unwrap()), ("client_id", "tool")];
    assert_eq!(error(plain(&pasee, "/oauth2/introspect", &anybody).await, 401), "invalid_client");
    assert_eq!(error(by_app(&pasee, "/oauth2/introspect", &[]).await, 400), "invalid_request");
}

/// A refresh token that would bring nothing now is no good one: whoever's rules say no.
#[tokio::test]
async fn introspection_of_what_brings_nothing() {
    let mut pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let is_active = async |pasee: &Pasee| {
        let form = [("token", given["refresh_token"].as_str().unwrap())];
        by_app(pasee, "/oauth2/introspect", &form).await.is(200).json()["active"].clone()
    };
    assert_eq!(is_active(&pasee).await, true);
    for (of, more) in [
        ("protocol = \"local\"", "allowed_subjects = [\"alan\"]"),
        ("name = \"The App\"", "require_groups = [\"staff\"]"),
        ("name = \"The App\"", "require_amr = [\"mfa\"]"),
        ("name = \"The App\"", "grant_types = [\"authorization_code\"]"),
    ] {
        let line = format!("{of}\n{more}");
        pasee.restart(|settings| settings.replacen(of, &line, 1)).await;
        assert_eq!(is_active(&pasee).await, false, "{more}");
        pasee.restart(|settings| settings.replacen(&line, of, 1)).await;
        assert_eq!(is_active(&pasee).await, true, "without {more}");
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_session() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    let revoke = |token: String| {
        let pasee = &pasee;
        async move { by_app(pasee, "/oauth2/revoke", &[("token", &token)]).await }
    };
    assert_eq!(error(revoke(text("access_token")).await, 400), "unsupported_token_type");
    let other = ("other", "other's secret");
    let theirs = by(&pasee, other, "/oauth2/revoke", &[("token", &text("refresh_token"))]).await;
    assert_eq!(error(theirs, 400), "invalid_grant");
    refresh(&pasee, &given["refresh_token"], &[]).await.is(200);
    for token in ["x".to_owned(), pasee.log_in("ada").await.refresh + "x"] {
        revoke(token).await.is(200);
    }
    revoke(text("refresh_token")).await.is(200);
    assert_eq!(error(refresh(&pasee, &given["refresh_token"], &[]).await, 400), "invalid_grant");
    user_info(&pasee, &given["access_token"]).await.is(401);
    let said =
        by_app(&pasee, "/oauth2/introspect", &[("token", &text("access_token"))]).await.json();
    assert_eq!(said, json!({ "active": false }));
    revoke(text("refresh_token")).await.is(200);
}

/// Pages of the client's own origins may call for it, and no others; nobody's page may stand where a person is to be.
#[tokio::test]
async fn pages_of_the_client() {
    let pasee = pasee().await;
    for (path, origin, allowed) in [
        ("/oauth2/token", "https://app.example.com", true),
        ("/oauth2/userinfo", "https://app.example.com", true),
        ("/oauth2/revoke", "https://app.example.com", true),
        ("/oauth2/token", "https://evil.example", false),
        ("/oauth2/authorize", "https://app.example.com", false),
        ("/oauth2/introspect", "https://app.example.com", false),
        ("/.well-known/openid-configuration", "https://evil.example", true),
    ] {
        let ask = pasee.ask("OPTIONS", path).header("origin", origin);
        let method = if path.starts_with("/.well-known") { "GET" } else { "POST" };
        let answer = ask.header("access-control-request-method", method).send().await;
        let found = answer.headers.contains_key("access-control-allow-origin");
        assert_eq!(found, allowed, "{path} {origin}");
    }
    // What follows is for the client that asked.
    for (client, secret, allowed) in [("app", SECRET, true), ("other", "other's secret", false)] {
        let ask = pasee.ask("POST", "/oauth2/token").header("origin", "https://app.example.com");
        let ask = ask.header("authorization", &crate::stage::basic(client, secret));
        let answer = ask.typed("application/x-www-form-urlencoded", encoded(&GRANT)).send().await;
        assert_eq!(answer.headers.contains_key("access-control-allow-origin"), allowed, "{client}");
    }
}

/// A secret changes without a restart: two in its file while it does. What is no secret changes nothing.
#[tokio::test]
async fn a_secret_in_a_file_that_changes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    // As it is swapped in a volume, or by whoever writes a file beside it first.
    let put = |text: &str| {
        let beside = dir.path().join("beside");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, &file).unwrap();
    };
    let [one, two] = ["1", "2"].map(|digit| digit.repeat(43));
    put(&one);
    let client = format!(
        "[[clients]]\nid = \"filed\"\ngrant_types = [\"client_credentials\"]\nsecret_file = \"{}\"\n",
        file.display()
    );
    let pasee = pasee_with(Setup::default(), &client).await;
    let known = async || {
        let mut known = Vec::new();
        for secret in [&one, &two] {
            let form = [("grant_type", "client_credentials")];
            let answer = by(&pasee, ("filed", secret), "/oauth2/token", &form).await;
            known.push(match answer.status.as_u16() {
                200 => true,
                401 => false,
                other => panic!("{other}"),
            });
        }
        known
    };
    assert_eq!(known().await, [true, false]);
    put(&format!("{one}\n{two}\n"));
    assert_eq!(known().await, [true, true]);
    put(&two);
    assert_eq!(known().await, [false, true]);
    for wrong in ["", "short", "\n\n", &"long enough, and again\n".repeat(11)] {
        put(wrong);
        assert_eq!(known().await, [false, true], "{wrong:?}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(known().await, [false, true]);
    put(&one);
    assert_eq!(known().await, [true, false]);
    assert!(!pasee.log().contains(&one) && !pasee.log().contains(&two));
}
