//! What the settings of a client demand of people and of its requests, and what they are signed with.

use serde_json::json;

use crate::stage::{
    Browser, authorize, between, claims, pasee_with, query_of, redeem, refresh, sent, text, tokens,
    unescaped,
};
use crate::support::pasee::Setup;

/// Makes the settings of `app` say more.
fn change(settings: &str, more: &str) -> String {
    settings.replace("name = \"The App\"", &format!("name = \"The App\"\n{more}"))
}

fn setup() -> Setup {
    Setup::default()
        .members("articles.news", ["local-ada"])
        .members("other", ["local-ada", "local-alan"])
}

#[tokio::test]
async fn groups_of_a_client() {
    let mut pasee = pasee_with(setup(), "").await;
    let before = tokens(&pasee, "alan", &[]).await;
    pasee
        .restart(|settings| {
            change(settings, "groups = [\"articles\"]\nrequire_groups = [\"articles.news\"]")
        })
        .await;
    let given = tokens(&pasee, "ada", &[]).await;
    let access = claims(&given["access_token"]);
    assert_eq!(
        (&access["groups"], &access["scope"]),
        (&json!(["articles.news"]), &json!("openid groups groups:articles"))
    );
    assert_eq!(claims(&given["id_token"])["groups"], json!(["articles.news"]));
    let place = Browser::new(&pasee).log_in(&authorize(&[]), "alan").await;
    assert_eq!(query_of(&place)["error"], "access_denied");
    // Whoever is not in any more gets no more tokens either.
    let refused = refresh(&pasee, &before["refresh_token"], &[]).await.is(400);
    assert_eq!(refused.json()["error"], "access_denied");
    let place =
        Browser::new(&pasee).log_in(&authorize(&[("scope", "openid groups:other")]), "ada").await;
    assert_eq!(query_of(&place)["error"], "invalid_scope");
}

#[tokio::test]
async fn a_login_that_is_not_enough() {
    let mut pasee = pasee_with(setup(), "").await;
    let before = tokens(&pasee, "ada", &[]).await;
    pasee.restart(|settings| change(settings, "require_amr = [\"mfa\"]")).await;
    let mut browser = Browser::new(&pasee);
    // The provider is asked again once, and then the client is told.
    let page = browser.begin(&authorize(&[])).await.is(200);
    let refused = sent(&browser.fill_in(&page, "ada").await);
    assert_eq!(query_of(&refused)["error"], "unmet_authentication_requirements");
    let page = browser.begin(&authorize(&[])).await.is(200);
    assert!(text(&page).contains("type=\"password\""));
    let quiet = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert_eq!(query_of(&sent(&quiet))["error"], "login_required");
    assert_eq!(
        refresh(&pasee, &before["refresh_token"], &[]).await.is(400).json()["error"],
        "invalid_grant"
    );
}

/// What is not in `audiences` any more is no audience of what was granted before either.
#[tokio::test]
async fn an_audience_that_was_taken_away() {
    let api = "https://api.example.com";
    let mut pasee = pasee_with(setup(), "").await;
    let before = tokens(&pasee, "ada", &[("resource", api)]).await;
    let kept = tokens(&pasee, "ada", &[]).await;
    let renewed = refresh(&pasee, &before["refresh_token"], &[]).await.is(200).json();
    assert_eq!(claims(&renewed["access_token"])["aud"], json!([api]));
    let none = |settings: &str| settings.replace(&format!("audiences = [\"{api}\"]"), "");
    pasee.restart(none).await;
    for token in [&before, &renewed] {
        let refused = refresh(&pasee, &token["refresh_token"], &[]).await.is(400);
        assert_eq!(refused.json()["error"], "invalid_target");
    }
    refresh(&pasee, &kept["refresh_token"], &[]).await.is(200);
}

#[tokio::test]
async fn consent() {
    let mut pasee = pasee_with(setup(), "").await;
    pasee.restart(|settings| change(settings, "consent = true")).await;
    let mut browser = Browser::new(&pasee);
    let page = browser.begin(&authorize(&[])).await;
    let page = browser.fill_in(&page, "ada").await.is(200);
    crate::stage::is_small(&page);
    let shown = text(&page);
    assert!(shown.contains("The App") && shown.contains("local-ada"), "{shown}");
    let hidden = |name: &str| {
        between(&shown, &format!("name=\"{name}\" value=\""), "\"")
            .map(|value| unescaped(&value))
            .unwrap_or_default()
    };
    let (token, request, login) = (hidden("form_token"), hidden("request"), hidden("login"));
    let form = |token: &str, answer: &str| {
        [("form_token", token), ("request", &request), ("login", &login), ("answer", answer)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let posted = |form: [(String, String); 4]| form;
    // Without the page's token nobody has said anything.
    let forged = posted(form("AAAAAAAAAAAAAAAAAAAAAA", "yes"));
    let forged: Vec<(&str, &str)> =
        forged.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.post("/oauth2/consent", &forged).await.is(403);
    let quiet = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert_eq!(query_of(&sent(&quiet))["error"], "consent_required");
    let no = form(&token, "no");
    let no: Vec<(&str, &str)> = no.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        query_of(&sent(&browser.post("/oauth2/consent", &no).await))["error"],
        "access_denied"
    );
    let yes = form(&token, "yes");
    let yes: Vec<(&str, &str)> = yes.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = browser.post("/oauth2/consent", &yes).await;
    redeem(&pasee, &query_of(&sent(&answer))["code"]).await.is(200);
    // It is asked once in a session, unless more is asked for.
    let quiet = browser.begin(&authorize(&[("prompt", "none")])).await;
    assert!(query_of(&sent(&quiet)).contains_key("code"));
    let less = [("prompt", "none"), ("scope", "openid groups:articles")];
    assert!(query_of(&sent(&browser.begin(&authorize(&less)).await)).contains_key("code"));
    for more in [("scope", "openid groups email"), ("resource", "https://api.example.com")] {
        let asked = browser.begin(&authorize(&[("prompt", "none"), more])).await;
        assert_eq!(query_of(&sent(&asked))["error"], "consent_required", "{more:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_served() {
    let mut pasee = pasee_with(setup(), "").await;
    let before = tokens(&pasee, "ada", &[]).await;
    pasee.restart(|settings| change(settings, "enabled = false")).await;
    Browser::new(&pasee).get(&authorize(&[])).await.is(400);
    refresh(&pasee, &before["refresh_token"], &[]).await.is(401);
    crate::stage::user_info(&pasee, &before["access_token"]).await.is(401);
}

/// Keys that were made at the first start are of both algorithms; an ID token has the one that the client can take.
#[tokio::test]
async fn algorithms() {
    let mut pasee = pasee_with(setup(), "").await;
    pasee
        .restart(|settings| {
            let start = settings.find("private_key = ").unwrap();
            let end = settings.find("-----END PRIVATE KEY-----").unwrap();
            let end = end + settings[end..].find("\"\"\"").unwrap() + 3;
            format!("{}{}", &settings[..start], &settings[end..])
        })
        .await;
    let header =
        |token: &serde_json::Value| crate::support::forge::part(token.as_str().unwrap(), 0);
    let given = tokens(&pasee, "ada", &[]).await;
    assert_eq!(header(&given["id_token"])["alg"], "RS256", "the default");
    assert_eq!(header(&given["access_token"])["alg"], "ES256");
    pasee.restart(|settings| change(settings, "id_token_alg = \"ES256\"")).await;
    let given = tokens(&pasee, "ada", &[]).await;
    assert_eq!(header(&given["id_token"])["alg"], "ES256");
}

/// Where applications cannot find the issuer, there is no provider, and the answer says what it takes.
#[tokio::test]
async fn where_there_is_no_provider() {
    let pasee = setup().start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/oauth2/authorize",
        "/oauth2/userinfo",
    ] {
        let answer = pasee.ask("GET", path).send().await.is(404);
        assert!(answer.title().contains("iss in [jwt] that is the URL in hostname"), "{path}");
    }
    crate::stage::plain(&pasee, "/oauth2/token", &[]).await.is(404);
}
