//! A person's tools at a Pasee below a path: its address is all that they are told.

use std::fs;

use serde_json::json;

use super::support::forge::part;
use super::support::pasee::{Pasee, Setup};
use super::support::person::Person;
use super::support::wanderer::Wanderer;
use super::{PATH, below};

async fn house() -> Pasee {
    let setup = Setup::default().audience("kubernetes").members("articles", ["local-ada"]);
    below(PATH, setup.members("articles.staff", ["local-john"])).await
}

/// What the tools do besides logging in, from fresh tokens to the end.
fn day(ada: &Person) {
    let claims = part(ada.run(&["token"]).done().trim_end(), 1);
    assert_eq!((&claims["sub"], &claims["groups"]), (&json!("local-ada"), &json!(["articles"])));
    let issuer = claims["iss"].as_str().unwrap();
    assert!(issuer.ends_with(PATH) && ada.run(&["whoami"]).done().contains(issuer));
    assert_eq!(ada.run(&["groups"]).done().trim(), "articles");
    // With a proof of the key at the path's own token endpoint.
    ada.age();
    assert_ne!(part(ada.run(&["token"]).done().trim_end(), 1)["jti"], claims["jti"]);
    let token = ada.run(&["token", "--audience", "kubernetes"]).done();
    assert_eq!(part(token.trim_end(), 1)["aud"], json!(["kubernetes"]));
    ada.run(&["leave", "articles"]).done();
    ada.run(&["logout"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_password() {
    let pasee = house().await;
    let (ada, john) = (Person::of(&pasee.url), Person::of(&pasee.url));
    ada.log_in("ada");
    john.log_in("john");
    john.run(&["add", "local-alan", "articles"]).done();
    assert!(john.run(&["members", "articles"]).done().contains("local-alan"));
    day(&ada);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser() {
    let pasee = house().await;
    let ada = Person::of(&pasee.url);
    let opened = ada.home().join("opened");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > {}\n", opened.display());
    ada.has_program("xdg-open", &script);
    let running = ada.start(&["login"], "");
    let page = running.says(|_| {
        let page = fs::read_to_string(&opened).ok()?;
        page.ends_with('\n').then(|| page.trim_end().to_owned())
    });
    let mut browser = Wanderer::default();
    let asked = browser.open(&pasee, &page).await.page();
    let back = browser.give(&pasee, &asked, "ada").await.elsewhere();
    pasee.client.get(back).send().await.unwrap();
    running.wait().done();
    day(&ada);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_code() {
    let pasee = house().await;
    let ada = Person::of(&pasee.url);
    let running = ada.start(&["login", "--device"], "");
    let place = running.says(|said| {
        let (_, rest) = said.split_once("or open ")?;
        Some(rest.split_once(' ')?.0.to_owned())
    });
    let mut browser = Wanderer::default();
    let page = browser.open(&pasee, &place).await.page();
    let asked = browser.give(&pasee, &page, "ada").await.page();
    browser.submit(&pasee, &asked, "form_token", &[("answer", "yes")]).await.page();
    running.wait().done();
    day(&ada);
}
