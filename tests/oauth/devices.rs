//! Logins on a device that has no browser (RFC 8628).

use serde_json::Value;

use crate::stage::{
    Browser, between, claims, encoded, error, is_small, pasee_with, plain, text, unescaped,
    user_info,
};
use crate::support::pasee::{Answer, Pasee, Setup};

pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn with_devices() -> Pasee {
    let client = format!(
        "[[clients]]\nid = \"tv\"\nname = \"The TV\"\ngrant_types = [\"{GRANT}\", \"refresh_token\"]\n\
         [[clients]]\nid = \"radio\"\ngrant_types = [\"{GRANT}\"]\n"
    );
    pasee_with(Setup::default().members("articles", ["local-ada"]), &client).await
}

pub async fn begin(pasee: &Pasee) -> Value {
    let form = [("client_id", "tv"), ("scope", "openid groups")];
    plain(pasee, "/oauth2/device_authorization", &form).await.is(200).json()
}

pub async fn poll(pasee: &Pasee, client: &str, begun: &Value) -> Answer {
    let code = begun["device_code"].as_str().unwrap();
    let form = [("grant_type", GRANT), ("client_id", client), ("device_code", code)];
    plain(pasee, "/oauth2/token", &form).await
}

/// Says so on the page that asks, which is always shown.
pub async fn say(browser: &mut Browser<'_>, page: &Answer, answer: &str) -> Answer {
    let page = text(page);
    let hidden = |name: &str| {
        unescaped(&between(&page, &format!("name=\"{name}\" value=\""), "\"").unwrap())
    };
    let (token, code) = (hidden("form_token"), hidden("user_code"));
    browser
        .post("/device", &[("form_token", &token), ("user_code", &code), ("answer", answer)])
        .await
}

#[tokio::test]
async fn a_device_is_logged_in() {
    let pasee = with_devices().await;
    let begun = begin(&pasee).await;
    assert_eq!((&begun["interval"], &begun["expires_in"]), (&5.into(), &600.into()));
    assert_eq!(begun["verification_uri"], format!("{}/device", pasee.url));
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "authorization_pending");
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "slow_down");
    assert_eq!(error(poll(&pasee, "radio", &begun).await, 400), "invalid_grant");
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let mut browser = Browser::new(&pasee);
    let page = browser.begin(complete.strip_prefix(&pasee.url).unwrap()).await;
    let page = browser.fill_in(&page, "ada").await.is(200);
    let shown = text(&page);
    assert!(
        shown.contains("The TV") && shown.contains(begun["user_code"].as_str().unwrap()),
        "{shown}"
    );
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "slow_down", "nobody has said yes");
    say(&mut browser, &page, "yes").await.is(200);
    // Once only, and it is not asked about any more.
    let again = browser
        .get(&format!(
            "/device?{}",
            encoded(&[("user_code", begun["user_code"].as_str().unwrap())])
        ))
        .await;
    again.is(404);
}

/// Typed in in another case and without the dash; the tokens are of the one who said yes, and are given once.
#[tokio::test]
async fn a_code_that_is_typed_in() {
    let pasee = with_devices().await;
    let begun = begin(&pasee).await;
    let typed = begun["user_code"].as_str().unwrap().to_lowercase().replace('-', " ");
    let mut browser = Browser::new(&pasee);
    let page = browser.begin("/device").await;
    let page = browser.fill_in(&page, "ada").await.is(200);
    assert!(text(&page).contains("name=\"user_code\""));
    is_small(&page);
    let page = browser.get(&format!("/device?{}", encoded(&[("user_code", &typed)]))).await.is(200);
    is_small(&page);
    let forged =
        [("form_token", "AAAAAAAAAAAAAAAAAAAAAA"), ("user_code", &typed), ("answer", "yes")];
    browser.post("/device", &forged).await.is(403);
    // Nor from a page of another site, whatever token and cookies it has.
    let shown = text(&page);
    let token = between(&shown, "name=\"form_token\" value=\"", "\"").unwrap();
    let foreign = [("form_token", &*token), ("user_code", &typed), ("answer", "yes")];
    for site in ["cross-site", "same-site"] {
        let refused = browser.post_from(site, "/device", &foreign).await.is(403);
        assert!(text(&refused).contains("This form is too old"), "{site}");
    }
    is_small(&say(&mut browser, &page, "yes").await.is(200));
    let given = poll(&pasee, "tv", &begun).await.is(200).json();
    let access = claims(&given["access_token"]);
    assert_eq!((&access["sub"], &access["client_id"]), (&"local-ada".into(), &"tv".into()));
    assert!(given["refresh_token"].is_string() && given["id_token"].is_string());
    user_info(&pasee, &given["access_token"]).await.is(200);
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "invalid_grant");
}

#[tokio::test]
async fn who_says_no() {
    let pasee = with_devices().await;
    let begun = begin(&pasee).await;
    let mut browser = Browser::new(&pasee);
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let page = browser.begin(complete.strip_prefix(&pasee.url).unwrap()).await;
    let page = browser.fill_in(&page, "ada").await.is(200);
    say(&mut browser, &page, "no").await.is(200);
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "access_denied");
    assert_eq!(error(poll(&pasee, "tv", &begun).await, 400), "invalid_grant");
}

/// Codes are short: whoever guesses is counted, and one address begins only so many.
#[tokio::test]
async fn guesses_and_floods() {
    let setup =
        Setup::default().limits("login_attempts_per_user = 5\nlogin_attempts_per_address = 0");
    let client = format!("[[clients]]\nid = \"tv\"\ngrant_types = [\"{GRANT}\"]\n");
    let pasee = pasee_with(setup, &client).await;
    let mut browser = Browser::new(&pasee);
    let page = browser.begin("/device").await;
    browser.fill_in(&page, "ada").await.is(200);
    let mut statuses = Vec::new();
    for letter in ['B', 'C', 'D', 'F', 'G', 'H', 'J'] {
        let code = letter.to_string().repeat(8);
        statuses.push(browser.get(&format!("/device?user_code={code}")).await.status.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 404, 404, 429, 429]);
    for _ in 0..20 {
        plain(&pasee, "/oauth2/device_authorization", &[("client_id", "tv")]).await.is(200);
    }
    let full = plain(&pasee, "/oauth2/device_authorization", &[("client_id", "tv")]).await;
    assert_eq!(error(full, 503), "temporarily_unavailable");
    let other = plain(&pasee, "/oauth2/device_authorization", &[("client_id", "tool")]).await;
    assert_eq!(error(other, 400), "unauthorized_client");
}

/// Nobody guesses by answers what they could not guess by questions.
#[tokio::test]
async fn guesses_by_answers() {
    let setup =
        Setup::default().limits("login_attempts_per_user = 5\nlogin_attempts_per_address = 0");
    let client = format!("[[clients]]\nid = \"tv\"\ngrant_types = [\"{GRANT}\"]\n");
    let pasee = pasee_with(setup, &client).await;
    let mut browser = Browser::new(&pasee);
    let page = browser.begin("/device").await;
    browser.fill_in(&page, "ada").await.is(200);
    let own = begin(&pasee).await;
    let own = own["user_code"].as_str().unwrap();
    let page = text(&browser.get(&format!("/device?user_code={own}")).await.is(200));
    let token = between(&page, "name=\"form_token\" value=\"", "\"").unwrap();
    let mut statuses = Vec::new();
    for letter in ['B', 'C', 'D', 'F', 'G', 'H', 'J'] {
        let code = letter.to_string().repeat(8);
        let form = [("form_token", &*token), ("user_code", &code), ("answer", "no")];
        statuses.push(browser.post("/device", &form).await.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429]);
}
