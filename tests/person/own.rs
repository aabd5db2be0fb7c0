//! Pasee's own tokens for another audience, exchanged for what a login by a password has given.

use serde_json::json;

use super::support::forge::part;
use super::support::pasee::Setup;
use super::support::person::Person;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_one_audience_opens_nothing_else() {
    let setup = Setup::default().audience("kubernetes").members("articles", ["local-ada"]);
    let mut pasee = setup.start().await;
    let url = pasee.url.clone();
    pasee
        .restart(|settings| {
            let named =
                settings.replace("iss = \"pasee.example.com\"", &format!("iss = \"{url}\""));
            format!("hostname = \"{url}\"\n{named}")
        })
        .await;
    let ada = Person::of(&url);
    ada.log_in("ada");
    let token = ada.run(&["token", "--audience", "kubernetes"]).done().trim_end().to_owned();
    let claims = part(&token, 1);
    let audiences = json!([claims["aud"]]).to_string();
    assert!(audiences.contains("kubernetes") && !audiences.contains(&url), "{claims}");
    assert_eq!((&claims["sub"], &claims["groups"]), (&json!("local-ada"), &json!(["articles"])));
    pasee.ask("GET", "/groups/").bearer(&token).send().await.is(401);
    let told = ada.run(&["token", "--audience", "elsewhere"]).refused(1);
    assert!(told.contains("no token for \"elsewhere\" alone"), "{told}");
    ada.run(&["logout"]).done();
}
