//! Pages for people: each, and the way from one to the next.

use std::fs;

use url::{Url, form_urlencoded};

use super::support::authority::Authority;
use super::support::oauth::OAuthProvider;
use super::support::oauth::wire::Kind;
use super::support::pasee::{Pasee, Setup};
use super::support::wanderer::Wanderer;
use super::{PATH, below};

async fn house() -> Pasee {
    below(PATH, Setup::default().members("articles", ["local-ada"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_and_out() {
    in_and_out_of(&house().await, "pasee-").await;
}

/// The same behind TLS.
#[tokio::test(flavor = "multi_thread")]
async fn in_and_out_by_tls() {
    let authority = Authority::new();
    let (folder, (certificate, key)) = (tempfile::tempdir().unwrap(), authority.server());
    let [shown, secret] = [("tls.pem", certificate), ("tls.key", key)].map(|(name, pem)| {
        let file = folder.path().join(name);
        fs::write(&file, pem).unwrap();
        file
    });
    let tls =
        format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", shown.display(), secret.display());
    let mut pasee = house().await;
    let (clear, url) = (pasee.url.clone(), pasee.url.replace("http://", "https://"));
    pasee.restart(|settings| format!("{}\n{tls}", settings.replace(&clear, &url))).await;
    let believed = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([believed]);
    let client = client.redirect(reqwest::redirect::Policy::none());
    (pasee.url, pasee.client) = (url, client.build().unwrap());
    in_and_out_of(&pasee, "__Secure-pasee-").await;
}

async fn in_and_out_of(pasee: &Pasee, prefix: &str) {
    let is_cookie_of_ours = |key: &(String, String)| key.0 == PATH && key.1.starts_with(prefix);
    for start in [pasee.url.clone(), format!("{}/", pasee.url), format!("{}/login", pasee.url)] {
        let mut ada = Wanderer::default();
        let page = ada.open(pasee, &start).await.page();
        assert_eq!(page.1.heading(), "Log in");
        assert!(ada.cookies.keys().all(&is_cookie_of_ours), "{:?}", ada.cookies);
        let wrong = ada.submit(pasee, &page, "username", &[("username", "ada")]).await.page();
        assert!(wrong.1.says("The name or the password is wrong."));
        let home = ada.give(pasee, &wrong, "ada").await.page();
        assert_eq!(home.0.path(), format!("{PATH}/"));
        assert!(home.1.says("local-ada"), "{}", home.1.text);
        assert!(ada.cookies.keys().all(&is_cookie_of_ours), "{:?}", ada.cookies);
        let asked = ada.open(pasee, &format!("{}/logout", pasee.url)).await.page();
        assert_eq!(asked.1.heading(), "Do you want to log out?");
        let out = ada.submit(pasee, &asked, "form_token", &[]).await.page();
        assert_eq!((out.0.path(), out.1.heading()), ("/users/one/logout", "You are logged out"));
        let is_of_device = |(_, name): &(String, String)| name.contains("pasee-device-");
        assert!(ada.cookies.keys().all(is_of_device), "{:?}", ada.cookies);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everywhere_at_once_from_the_first_page() {
    let pasee = house().await;
    let mut ada = Wanderer::default();
    let page = ada.open(&pasee, &pasee.url).await.page();
    let home = ada.give(&pasee, &page, "ada").await.page();
    let out = ada.submit(&pasee, &home, "sessions", &[]).await.page();
    assert_eq!(out.1.heading(), "You are logged out");
    let nothing = ada.open(&pasee, &format!("{}/nothing-here", pasee.url)).await.page();
    assert_eq!(nothing.1.link(PATH), format!("{PATH}/"), "on to our first page");
}

/// To a provider and back, at both places that can be registered there.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_provider() {
    for (settings, back) in [("", "/tokens/?idp=p"), ("callback = \"path\"", "/tokens/p/")] {
        let provider = OAuthProvider::start(Kind::GitHub).await;
        let tables = provider.settings("p", "") + settings + "\n";
        let pasee = below(PATH, Setup::default().tables(&tables)).await;
        provider.register(&format!("{}{back}", pasee.url));
        let mut ada = Wanderer::default();
        let page = ada.open(&pasee, &pasee.url).await.page();
        let choice = page.1.link(&format!("{PATH}/tokens/?idp=p"));
        let there = page.0.join(&choice).unwrap();
        let there = ada.open(&pasee, there.as_str()).await.elsewhere();
        let answer = pasee.client.get(there).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap().to_owned();
        let home = ada.open(&pasee, &back).await.page();
        assert!(home.1.says("p-583231"), "{}", home.1.text);
        assert_eq!(provider.complaints(), [] as [&str; 0]);
    }
}

/// A provider whose page sends its answer in a form, which is sent on to the same place.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_a_form() {
    let provider = OAuthProvider::start(Kind::Google).await;
    let tables =
        provider.settings("p", "") + "response_mode = \"form_post\"\ncallback = \"path\"\n";
    let pasee = below(PATH, Setup::default().tables(&tables)).await;
    provider.register(&format!("{}/tokens/p/", pasee.url));
    let mut ada = Wanderer::default();
    let there = ada.open(&pasee, &format!("{}/tokens/p/", pasee.url)).await.elsewhere();
    let answered = pasee.client.get(there).send().await.unwrap();
    let mut back: Url = answered.headers()["location"].to_str().unwrap().parse().unwrap();
    let form =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(back.query_pairs()).finish();
    back.set_query(None);
    let sent = pasee.client.post(back.clone()).body(form);
    let sent =
        sent.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(sent.status(), 303);
    let ahead = back.join(sent.headers()["location"].to_str().unwrap()).unwrap();
    assert_eq!(ahead.path(), format!("{PATH}/tokens/p/"));
    let home = ada.open(&pasee, ahead.as_str()).await.page();
    assert_eq!(home.1.heading(), "Who you are");
}

/// The other name of this machine leads to the one in the settings, and to the same page there.
#[tokio::test(flavor = "multi_thread")]
async fn by_another_name() {
    let pasee = house().await;
    let there = pasee.url.replace("127.0.0.1", "localhost");
    let asked = pasee.client.get(format!("{there}/?ui_locales=fr")).header("accept", "text/html");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], format!("{}/?ui_locales=fr", pasee.url));
}

/// Behind TLS the prefix of the names says what a browser holds them to: below a path there is no `__Host-`.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_cookies() {
    for (hostname, path, prefix) in [
        ("https://example.com/auth", "/auth", "__Secure-"),
        ("https://example.com", "/", "__Host-"),
    ] {
        let pasee = Setup::default().top(&format!("hostname = \"{hostname}\"")).start().await;
        let place = format!("{}{}/", pasee.url, path.trim_end_matches('/'));
        let answer = pasee.client.get(place).header("accept", "text/html").send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.starts_with(&format!("{prefix}pasee-login-")), "{cookie}");
        assert!(cookie.contains(&format!("; Path={path};")) && cookie.ends_with("; Secure"));
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}
