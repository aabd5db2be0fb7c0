//! Clients that act for themselves (RFC 6749 section 4.4): users of their own, like any other; and tokens that pass through several.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::stage::{by, by_app, claims, error, pasee_with, plain, tokens, user_info};
use crate::support::pasee::{Answer, Pasee, Setup};

const OTHER: (&str, &str) = ("other", "other's secret");
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn own_token(pasee: &Pasee, with: &[(&str, &str)]) -> Answer {
    let form = [&[("grant_type", "client_credentials")][..], with].concat();
    by(pasee, OTHER, "/oauth2/token", &form).await
}

fn setup() -> Setup {
    Setup::default()
        .members("articles.news", ["client-other", "local-ada"])
        .members("other", ["client-other"])
}

/// It is in groups, within its own limit and the one it asks for, and never gets what only people have.
#[tokio::test]
async fn a_client_in_groups() {
    let mut pasee = pasee_with(setup(), "").await;
    let given = own_token(&pasee, &[("scope", "openid profile email groups offline_access")]).await;
    let given = given.is(200).json();
    for never in ["refresh_token", "id_token"] {
        assert!(given.get(never).is_none(), "{given}");
    }
    let access = claims(&given["access_token"]);
    assert_eq!(access["groups"], json!(["articles.news", "other"]));
    assert_eq!((&access["sub"], &access["client_id"]), (&json!("client-other"), &json!("other")));
    assert_eq!((&access["idp"], &access["aud"]), (&json!("client"), &json!(["other"])));
    user_info(&pasee, &given["access_token"]).await.is(403);
    // It is for nothing that opens the HTTP API.
    let token = given["access_token"].as_str().unwrap();
    pasee.ask("GET", "/users/me").bearer(token).send().await.is(401);
    let narrowed = own_token(&pasee, &[("scope", "groups:articles")]).await.is(200).json();
    assert_eq!(claims(&narrowed["access_token"])["groups"], json!(["articles.news"]));
    for (with, code) in [
        (("resource", "https://api.example.com"), "invalid_target"),
        (("resource", &*pasee.url), "invalid_target"),
        (("scope", "groups:"), "invalid_scope"),
    ] {
        assert_eq!(error(own_token(&pasee, &[with]).await, 400), code, "{with:?}");
    }
    let change = |more: &'static str| {
        move |settings: &str| settings.replace("id = \"other\"", &format!("id = \"other\"\n{more}"))
    };
    pasee.restart(change("groups = [\"other\"]")).await;
    let given = own_token(&pasee, &[]).await.is(200).json();
    assert_eq!(claims(&given["access_token"])["groups"], json!(["other"]));
    assert_eq!(
        error(own_token(&pasee, &[("scope", "groups:articles")]).await, 400),
        "invalid_scope"
    );
    pasee.restart(change("require_groups = [\"staff\"]")).await;
    assert_eq!(error(own_token(&pasee, &[]).await, 400), "access_denied");
}

/// Only with its secret, and only where its settings say so.
#[tokio::test]
async fn who_acts_for_itself() {
    let pasee = pasee_with(setup(), "").await;
    let form = [("grant_type", "client_credentials")];
    assert_eq!(error(by_app(&pasee, "/oauth2/token", &form).await, 400), "unauthorized_client");
    let public = [form[0], ("client_id", "tool")];
    assert_eq!(error(plain(&pasee, "/oauth2/token", &public).await, 400), "unauthorized_client");
    let named = [form[0], ("client_id", "other")];
    assert_eq!(error(plain(&pasee, "/oauth2/token", &named).await, 401), "invalid_client");
    let wrong = by(&pasee, ("other", "app's secret"), "/oauth2/token", &form).await;
    assert_eq!(error(wrong, 401), "invalid_client");
}

/// Bans and revocations are for whoever a user is: what was given is worth nothing, and nothing more is given.
#[tokio::test]
async fn a_client_that_is_banned() {
    let pasee = pasee_with(setup(), "").await;
    let root = pasee.log_in("root").await;
    let patch = async |said: Value| {
        pasee.ask("PATCH", "/users/client-other").bearer(&root.access).json(&said).await.is(204)
    };
    let given = own_token(&pasee, &[]).await.is(200).json();
    let is_active = async |given: &Value| {
        let form = [("token", given["access_token"].as_str().unwrap())];
        by(&pasee, OTHER, "/oauth2/introspect", &form).await.is(200).json()["active"].clone()
    };
    assert_eq!(is_active(&given).await, true);
    patch(json!({ "not_before": "now" })).await;
    assert_eq!(is_active(&given).await, false);
    let given = own_token(&pasee, &[]).await.is(200).json();
    assert_eq!(is_active(&given).await, true);
    patch(json!({ "is_banned": true })).await;
    assert_eq!(is_active(&given).await, false);
    assert_eq!(error(own_token(&pasee, &[]).await, 400), "invalid_grant");
    patch(json!({ "is_banned": false })).await;
    own_token(&pasee, &[]).await.is(200);
}

/// A token passes on from one to the next: each acts for the one before, four in all, and it ends no later than it would have.
#[tokio::test]
async fn a_token_that_passes_through_many() {
    let digest = Sha256::digest(OTHER.1);
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let client = |number: usize| {
        format!(
            "[[clients]]\nid = \"c{number}\"\nsecret_hashes = [\"sha256:{}\"]\ngrant_types = [\"{EXCHANGE}\"]\naudiences = [\"c{}\"]\n",
            digits.concat(),
            number + 1
        )
    };
    let clients: String = (1..=6).map(client).collect();
    let mut pasee = pasee_with(setup(), &clients).await;
    let own = "audiences = [\"https://api.example.com\"]";
    pasee.restart(|settings| settings.replace(own, "audiences = [\"c1\"]")).await;
    let given = tokens(&pasee, "ada", &[("resource", "c1")]).await;
    let first = claims(&given["access_token"]);
    let mut token = given["access_token"].clone();
    for number in 1..=5 {
        let (id, next) = (format!("c{number}"), format!("c{}", number + 1));
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", token.as_str().unwrap()),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", &*next),
        ];
        let answer = by(&pasee, (&id, OTHER.1), "/oauth2/token", &form).await;
        if number == 5 {
            assert_eq!(error(answer, 400), "invalid_request");
            break;
        }
        let given = answer.is(200).json();
        assert!(given.get("refresh_token").is_none() && given.get("id_token").is_none());
        let access = claims(&given["access_token"]);
        let (mut actor, mut actors) = (&access["act"], Vec::new());
        while let Some(sub) = actor.get("sub") {
            actors.push(sub.as_str().unwrap().to_owned());
            actor = &actor["act"];
        }
        let expected: Vec<String> = (1..=number).rev().map(|number| format!("c{number}")).collect();
        assert_eq!(actors, expected);
        for kept in ["sub", "sid", "auth_time", "groups"] {
            assert_eq!(access[kept], first[kept], "{kept}");
        }
        assert!(access["exp"].as_i64() <= first["exp"].as_i64());
        token = given["access_token"].clone();
    }
}
