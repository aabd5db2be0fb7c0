//! The modules of the basic certification plan of the OpenID Foundation (oidcc-basic-certification-test-plan), as far as a login is not
//! looked at by eyes.

use serde_json::json;

use crate::stage::{
    BACK, Browser, SECRET, VERIFIER, authorize, claims, encoded, error, pasee, plain, query_of,
    redeem, sent, text, tokens, user_info,
};
use crate::support::pasee::Pasee;

/// Where the browser ends with such a request, somebody having logged in on the way if need be.
async fn answered(
    pasee: &Pasee,
    with: &[(&str, &str)],
) -> std::collections::BTreeMap<String, String> {
    query_of(&Browser::new(pasee).log_in(&authorize(with), "ada").await)
}

#[tokio::test]
async fn response_types() {
    let pasee = pasee().await;
    assert!(answered(&pasee, &[]).await.contains_key("code"));
    let missing = answered(&pasee, &[("response_type", "")]).await;
    assert!(matches!(missing["error"].as_str(), "invalid_request" | "unsupported_response_type"));
    for other in ["token", "id_token", "code id_token"] {
        let refused = answered(&pasee, &[("response_type", other)]).await;
        assert_eq!(refused["error"], "unsupported_response_type", "{other}");
    }
}

#[tokio::test]
async fn user_info_in_three_ways() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let token = given["access_token"].as_str().unwrap();
    let mut told = vec![user_info(&pasee, &given["access_token"]).await.is(200).json()];
    told.push(pasee.ask("POST", "/oauth2/userinfo").bearer(token).send().await.is(200).json());
    told.push(plain(&pasee, "/oauth2/userinfo", &[("access_token", token)]).await.is(200).json());
    assert!(told.iter().all(|one| one["sub"] == "local-ada" && *one == told[0]), "{told:?}");
    let both = pasee.ask("POST", "/oauth2/userinfo").bearer(token);
    let form = encoded(&[("access_token", token)]);
    both.typed("application/x-www-form-urlencoded", form).send().await.is(400);
    let none = pasee.ask("GET", "/oauth2/userinfo").send().await.is(401);
    assert!(none.header("www-authenticate").starts_with("Bearer "));
    let wrong = pasee.ask("GET", "/oauth2/userinfo").bearer("x").send().await;
    assert!(wrong.header("www-authenticate").contains("invalid_token"));
    assert_eq!(error(wrong, 401), "invalid_token");
}

/// With and without a nonce, with and without PKCE: as long as there is one of both.
#[tokio::test]
async fn nonces() {
    let pasee = pasee().await;
    let without_pkce = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = Browser::new(&pasee).code(&authorize(&without_pkce), "ada").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", BACK),
        ("client_id", "app"),
        ("client_secret", SECRET),
    ];
    let given = plain(&pasee, "/oauth2/token", &form).await.is(200).json();
    assert_eq!(claims(&given["id_token"])["nonce"], "a nonce");
    let given = tokens(&pasee, "ada", &[("nonce", "")]).await;
    assert!(claims(&given["id_token"]).get("nonce").is_none());
}

#[tokio::test]
async fn parameters_that_mean_nothing_here() {
    let pasee = pasee().await;
    for with in [
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se fr"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("login_hint", "buffy@example.com"),
        ("extra", "foobar"),
        ("scope", "openid profile email address phone offline_access groups"),
    ] {
        assert!(answered(&pasee, &[with]).await.contains_key("code"), "{with:?}");
    }
}

#[tokio::test]
async fn request_objects() {
    let pasee = pasee().await;
    for (name, value, code) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://app.example.com/request.jwt", "request_uri_not_supported"),
    ] {
        assert_eq!(answered(&pasee, &[(name, value)]).await["error"], code);
    }
}

#[tokio::test]
async fn prompts_and_ages() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let refused = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert_eq!(query_of(&sent(&refused))["error"], "login_required", "nobody is logged in");
    browser.log_in(&authorize(&[]), "ada").await;
    let code =
        query_of(&sent(&browser.begin(&authorize(&[("prompt", "none")])).await)).remove("code");
    let first = claims(&redeem(&pasee, &code.unwrap()).await.is(200).json()["id_token"]);
    // Logged in or not, somebody has to log in again, once.
    for with in [("prompt", "login"), ("max_age", "0"), ("prompt", "select_account")] {
        let page = browser.begin(&authorize(&[with])).await.is(200);
        assert!(text(&page).contains("type=\"password\""), "{with:?}");
        let place = sent(&browser.fill_in(&page, "ada").await);
        let given = redeem(&pasee, &query_of(&place)["code"]).await.is(200).json();
        let again = claims(&given["id_token"]);
        assert!(
            again["auth_time"].as_i64() >= first["auth_time"].as_i64()
                && again["sid"] != first["sid"]
        );
    }
    let young = browser.begin(&authorize(&[("max_age", "15000")])).await;
    assert!(query_of(&sent(&young)).contains_key("code"));
    let both = browser.begin(&authorize(&[("prompt", "none"), ("max_age", "0")])).await;
    assert_eq!(query_of(&sent(&both))["error"], "login_required");
    let wrong = browser.begin(&authorize(&[("prompt", "none login")])).await;
    assert_eq!(query_of(&sent(&wrong))["error"], "invalid_request");
}

#[tokio::test]
async fn id_token_hints() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    let hint = ("id_token_hint", given["id_token"].as_str().unwrap());
    let same = browser.begin(&authorize(&[("prompt", "none"), hint])).await;
    assert!(query_of(&sent(&same)).contains_key("code"));
    let mut other = Browser::new(&pasee);
    other.log_in(&authorize(&[]), "alan").await;
    for hint in [hint, ("id_token_hint", "x")] {
        let refused = other.begin(&authorize(&[("prompt", "none"), hint])).await;
        assert_eq!(query_of(&sent(&refused))["error"], "login_required");
    }
    // Whoever logs in then and is still another than is meant is no loop.
    let page = other.begin(&authorize(&[hint])).await.is(200);
    let refused = other.fill_in(&page, "alan").await;
    assert_eq!(query_of(&sent(&refused))["error"], "access_denied");
}

#[tokio::test]
async fn single_claims() {
    let pasee = pasee().await;
    let asked = (
        "claims",
        r#"{"id_token":{"groups":{"essential":true}},"userinfo":{"preferred_username":null}}"#,
    );
    let given = tokens(&pasee, "ada", &[("scope", "openid"), asked]).await;
    let id = claims(&given["id_token"]);
    assert_eq!(
        (&id["groups"], &id["preferred_username"]),
        (&json!(["articles.news", "other"]), &json!("local-ada"))
    );
    let other = ("claims", r#"{"id_token":{"sub":{"value":"local-alan"}}}"#);
    let mut browser = Browser::new(&pasee);
    browser.log_in(&authorize(&[]), "ada").await;
    let refused = browser.begin(&authorize(&[("prompt", "none"), other])).await;
    assert_eq!(query_of(&sent(&refused))["error"], "login_required");
}

#[tokio::test]
async fn codes() {
    let pasee = pasee().await;
    let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
    let other = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", "https://app.example.com/back?a=1"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(
        error(crate::stage::by_app(&pasee, "/oauth2/token", &other).await, 400),
        "invalid_grant"
    );
    for garbage in ["x", ".", "AAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA", "é"] {
        assert_eq!(error(redeem(&pasee, garbage).await, 400), "invalid_grant", "{garbage}");
    }
    let place = Browser::new(&pasee)
        .log_in(&authorize(&[("redirect_uri", "https://app.example.com/back?a=1")]), "ada")
        .await;
    assert!(place.starts_with("https://app.example.com/back?a=1&code="), "{place}");
}
