//! Which test is which module of the basic certification plan of the OpenID Foundation (`oidcc-basic-certification-test-plan`), and those
//! that no other test has. What a person looks at in a screenshot there is a page that is asked for here.

use serde_json::json;

use crate::stage::{
    Browser, authorize, claims, encoded, pasee, query_of, redeem, request, sent, text, tokens,
    user_info,
};
use crate::support::pasee::now;

/// Each module, and the test that does what it does.
const MODULES: [(&str, &str); 35] = [
    ("oidcc-server", "codes::a_login_and_its_tokens"),
    ("oidcc-response-type-missing", "certification::response_types"),
    ("oidcc-userinfo-get", "certification::user_info_in_three_ways"),
    ("oidcc-userinfo-post-header", "certification::user_info_in_three_ways"),
    ("oidcc-userinfo-post-body", "certification::user_info_in_three_ways"),
    ("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", "certification::nonces"),
    ("oidcc-scope-profile", "step_up::an_access_token_says_what_its_scope_says"),
    ("oidcc-scope-email", "step_up::an_access_token_says_what_its_scope_says"),
    ("oidcc-scope-address", "certification::parameters_that_mean_nothing_here"),
    ("oidcc-scope-phone", "modules::scopes_that_mean_nothing_here"),
    ("oidcc-scope-all", "modules::scopes_that_mean_nothing_here"),
    ("oidcc-ensure-other-scope-order-succeeds", "modules::scopes_in_another_order"),
    ("oidcc-display-page", "certification::parameters_that_mean_nothing_here"),
    ("oidcc-display-popup", "certification::parameters_that_mean_nothing_here"),
    ("oidcc-prompt-login", "certification::prompts_and_ages"),
    ("oidcc-prompt-none-not-logged-in", "certification::prompts_and_ages"),
    ("oidcc-prompt-none-logged-in", "certification::prompts_and_ages"),
    ("oidcc-max-age-1", "modules::a_login_of_more_than_a_second_ago"),
    ("oidcc-max-age-10000", "modules::a_login_of_less_than_three_hours_ago"),
    (
        "oidcc-ensure-request-with-unknown-parameter-succeeds",
        "certification::parameters_that_mean_nothing_here",
    ),
    ("oidcc-id-token-hint", "certification::id_token_hints"),
    ("oidcc-login-hint", "certification::parameters_that_mean_nothing_here"),
    ("oidcc-ui-locales", "certification::parameters_that_mean_nothing_here"),
    ("oidcc-claims-locales", "certification::parameters_that_mean_nothing_here"),
    (
        "oidcc-ensure-request-with-acr-values-succeeds",
        "certification::parameters_that_mean_nothing_here",
    ),
    ("oidcc-codereuse", "modules::a_code_once_more"),
    ("oidcc-codereuse-30seconds", "modules::a_code_once_more"),
    ("oidcc-ensure-registered-redirect-uri", "attacks::addresses_that_are_nearly_right"),
    ("oidcc-ensure-post-request-succeeds", "codes::a_request_in_a_form"),
    ("oidcc-server-client-secret-post", "certification::nonces"),
    (
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
        "certification::request_objects",
    ),
    ("oidcc-claims-essential", "modules::a_claim_that_is_essential"),
    ("oidcc-ensure-request-object-with-redirect-uri", "modules::an_address_in_a_request_object"),
    ("oidcc-refresh-token", "modules::a_refresh_of_the_same_person"),
    ("oidcc-ensure-request-with-valid-pkce-succeeds", "codes::a_login_and_its_tokens"),
];

/// Every test of the table is there, by its name.
#[test]
fn every_module_has_its_test() {
    for (module, test) in MODULES {
        let (file, name) = test.split_once("::").unwrap();
        let text = match file {
            "attacks" => include_str!("attacks.rs"),
            "certification" => include_str!("certification.rs"),
            "codes" => include_str!("codes.rs"),
            "modules" => include_str!("modules.rs"),
            "step_up" => include_str!("step_up.rs"),
            _ => panic!("{file}"),
        };
        let is_there = text.contains(&format!("#[tokio::test]\nasync fn {name}()"));
        assert!(is_there, "{module}: {test}");
    }
}

#[tokio::test]
async fn scopes_that_mean_nothing_here() {
    let pasee = pasee().await;
    for scope in ["openid phone", "openid profile email address phone"] {
        let given = tokens(&pasee, "ada", &[("scope", scope)]).await;
        let told = user_info(&pasee, &given["access_token"]).await.is(200).json();
        assert_eq!(told["sub"], "local-ada");
        // What was granted is said where it is not what was asked for (RFC 6749 section 5.1).
        assert!(!given["scope"].as_str().unwrap().contains("phone"), "{given}");
    }
}

#[tokio::test]
async fn scopes_in_another_order() {
    let pasee = pasee().await;
    for scope in ["email openid", "groups profile openid email"] {
        let given = tokens(&pasee, "ada", &[("scope", scope)]).await;
        assert_eq!(claims(&given["id_token"])["sub"], "local-ada", "{scope}");
    }
}

#[tokio::test]
async fn a_login_of_more_than_a_second_ago() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "ada").await;
    let first = claims(&redeem(&pasee, &code).await.is(200).json()["id_token"]);
    let logged_in = first["auth_time"].as_i64().unwrap();
    while now() <= logged_in + 1 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let page = browser.begin(&authorize(&[("max_age", "1")])).await.is(200);
    assert!(text(&page).contains("type=\"password\""));
    let place = sent(&browser.fill_in(&page, "ada").await);
    let again = redeem(&pasee, &query_of(&place)["code"]).await.is(200).json();
    let again = claims(&again["id_token"]);
    assert!(again["auth_time"].as_i64().unwrap() > logged_in, "{again}");
    assert_eq!(again["sub"], first["sub"]);
}

#[tokio::test]
async fn a_login_of_less_than_three_hours_ago() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "ada").await;
    let first = claims(&redeem(&pasee, &code).await.is(200).json()["id_token"]);
    let place = sent(&browser.begin(&authorize(&[("max_age", "10000")])).await);
    let again = redeem(&pasee, &query_of(&place)["code"]).await.is(200).json();
    let again = claims(&again["id_token"]);
    assert_eq!((&again["sub"], &again["auth_time"]), (&first["sub"], &first["auth_time"]));
}

#[tokio::test]
async fn a_code_once_more() {
    let pasee = pasee().await;
    let code = Browser::new(&pasee).code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    user_info(&pasee, &given["access_token"]).await.is(200);
    let again = redeem(&pasee, &code).await.is(400).json();
    assert_eq!(again["error"], "invalid_grant");
    // What was issued for it is void (RFC 6749 section 4.1.2).
    user_info(&pasee, &given["access_token"]).await.is(401);
    crate::stage::refresh(&pasee, &given["refresh_token"], &[]).await.is(400);
}

#[tokio::test]
async fn a_claim_that_is_essential() {
    let pasee = pasee().await;
    let essential = json!({ "userinfo": { "preferred_username": { "essential": true } } });
    let asked = essential.to_string();
    let given = tokens(&pasee, "ada", &[("scope", "openid"), ("claims", &asked)]).await;
    let told = user_info(&pasee, &given["access_token"]).await.is(200).json();
    assert_eq!(told["preferred_username"], "local-ada");
}

/// What stands in the object counts for nothing: nobody is sent to an address out of it.
#[tokio::test]
async fn an_address_in_a_request_object() {
    let pasee = pasee().await;
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ.";
    let place = Browser::new(&pasee).log_in(&authorize(&[("request", object)]), "ada").await;
    assert!(place.starts_with(crate::stage::BACK), "{place}");
    assert_eq!(query_of(&place)["error"], "request_not_supported");
    let mut params = request(&[("request", object)]);
    params.retain(|(name, _)| name != "redirect_uri");
    let params: Vec<(&str, &str)> =
        params.iter().map(|(name, value)| (&**name, &**value)).collect();
    Browser::new(&pasee).get(&format!("/oauth2/authorize?{}", encoded(&params))).await.is(400);
}

#[tokio::test]
async fn a_refresh_of_the_same_person() {
    let pasee = pasee().await;
    let given = tokens(&pasee, "ada", &[]).await;
    let renewed = crate::stage::refresh(&pasee, &given["refresh_token"], &[]).await.is(200).json();
    let (first, again) = (claims(&given["id_token"]), claims(&renewed["id_token"]));
    for name in ["iss", "sub", "aud", "auth_time", "azp", "sid"] {
        assert_eq!(first[name], again[name], "{name}");
    }
    assert!(again.get("nonce").is_none() && again["iat"].as_i64() >= first["iat"].as_i64());
    assert_ne!(given["access_token"], renewed["access_token"]);
    user_info(&pasee, &renewed["access_token"]).await.is(200);
    // Another client gets nothing for it.
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", renewed["refresh_token"].as_str().unwrap()),
    ];
    let other = ("other", "other's secret");
    crate::stage::by(&pasee, other, "/oauth2/token", &form).await.is(400);
}
