//! Logouts that an application asks for (OpenID Connect RP-Initiated Logout 1.0).

use crate::stage::{
    Browser, authorize, between, encoded, pasee, plain, query_of, redeem, refresh, sent, text,
    unescaped, user_info,
};

const BYE: &str = "https://app.example.com/bye";

fn logout(params: &[(&str, &str)]) -> String {
    format!("/oauth2/logout?{}", encoded(params))
}

#[tokio::test]
async fn with_a_hint_of_this_session_nobody_is_asked() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    let hint = given["id_token"].as_str().unwrap();
    let asked = [("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "a b")];
    let answer = browser.begin(&logout(&asked)).await;
    assert_eq!(sent(&answer), format!("{BYE}?state=a+b"));
    let quiet = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert_eq!(query_of(&sent(&quiet))["error"], "login_required");
    user_info(&pasee, &given["access_token"]).await.is(401);
    refresh(&pasee, &given["refresh_token"], &[]).await.is(400);
}

/// Any page can send a browser here: without a hint that is of this session the person says so themselves.
#[tokio::test]
async fn else_the_person_is_asked() {
    let pasee = pasee().await;
    let mut browser = Browser::new(&pasee);
    let code = browser.code(&authorize(&[]), "ada").await;
    let given = redeem(&pasee, &code).await.is(200).json();
    let theirs = Browser::new(&pasee).code(&authorize(&[]), "alan").await;
    let theirs = redeem(&pasee, &theirs).await.is(200).json();
    let other = theirs["id_token"].as_str().unwrap();
    let named = [("client_id", "app"), ("post_logout_redirect_uri", BYE)];
    for asked in [&[][..], &[("id_token_hint", other)], &named] {
        let page = browser.get(&logout(asked)).await.is(200);
        assert!(text(&page).contains("name=\"form_token\""), "{asked:?}");
        user_info(&pasee, &given["access_token"]).await.is(200);
    }
    user_info(&pasee, &theirs["access_token"]).await.is(200);
    let page = text(&browser.get(&logout(&named)).await);
    let hidden = |name: &str| {
        unescaped(&between(&page, &format!("name=\"{name}\" value=\""), "\"").unwrap())
    };
    let (token, request) = (hidden("form_token"), hidden("request"));
    browser
        .post("/oauth2/logout", &[("form_token", "AAAAAAAAAAAAAAAAAAAAAA"), ("request", &request)])
        .await
        .is(403);
    // Nor for a page of another site.
    let form = [("form_token", &*token), ("request", &*request)];
    for site in ["cross-site", "same-site"] {
        browser.post_from(site, "/oauth2/logout", &form).await.is(403);
    }
    user_info(&pasee, &given["access_token"]).await.is(200);
    let answer =
        browser.post("/oauth2/logout", &[("form_token", &token), ("request", &request)]).await;
    assert_eq!(sent(&answer), BYE);
    user_info(&pasee, &given["access_token"]).await.is(401);
}

/// Nobody is sent where the client does not want them.
#[tokio::test]
async fn where_to_after_it() {
    let pasee = pasee().await;
    for asked in [
        &[("post_logout_redirect_uri", BYE)][..],
        &[("client_id", "other"), ("post_logout_redirect_uri", BYE)],
        &[("client_id", "nobody"), ("post_logout_redirect_uri", BYE)],
        &[("client_id", "app"), ("post_logout_redirect_uri", "https://evil.example/")],
        &[("client_id", "app"), ("post_logout_redirect_uri", "https://app.example.com/bye/")],
        &[("id_token_hint", "x")],
        &[("client_id", "app"), ("client_id", "app")],
    ] {
        let answer = Browser::new(&pasee).get(&logout(asked)).await.is(400);
        assert!(!answer.headers.contains_key("location"), "{asked:?}");
    }
    let form = [("client_id", "app"), ("post_logout_redirect_uri", BYE)];
    let sent_on = plain(&pasee, "/oauth2/logout", &form).await.is(303);
    assert!(sent_on.header("location").starts_with("/oauth2/logout?"), "{sent_on:?}");
    let answer = Browser::new(&pasee).begin(sent_on.header("location")).await;
    assert_eq!(sent(&answer), BYE, "nobody was logged in");
}
