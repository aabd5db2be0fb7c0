//! Logins on pages, from the first page to the last.

use super::support::visitor::{Read, Visitor};
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{Decision, OAuthProvider};
use crate::support::pasee::{Pasee, Setup};

/// A Pasee with users of its own and a provider `p`.
pub async fn house() -> (Pasee, OAuthProvider) {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let tables = provider.settings("p", "claims = [\"preferred_username\"]");
    let pasee = Setup::default().members("articles", ["local-ada"]).tables(&tables).start().await;
    provider.register(&format!("{}/tokens/?idp=p", pasee.url));
    (pasee, provider)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_and_out_with_a_password() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, "/", 200).await;
    assert_eq!(page.heading(), "Log in");
    assert_eq!(ada.named("pasee-login-").len(), 1);
    assert!(ada.named("pasee-session-").is_empty());

    let answer = ada.give(&pasee, &page, "ada", "pw-ada").await.is(303);
    assert_eq!((answer.header("location"), answer.header("cache-control")), ("/", "no-store"));
    assert!(ada.named("pasee-login-").is_empty(), "the login is over");
    let (_, cookie) = ada.session();
    assert!(cookie.len() < 3500 && !answer.header("set-cookie").contains("Expires"));

    let home = ada.read(&pasee, "/", 200).await;
    assert_eq!(home.heading(), "Who you are");
    for what in [
        "<code>local-ada</code>",
        "<code>articles</code>",
        "Logged in through",
        "<dd><code>local</code></dd>",
    ] {
        assert!(home.says(what), "{what}: {}", home.text);
    }
    let before = ada.clone();
    let asked = ada.read(&pasee, "/logout", 200).await;
    assert_eq!(asked.heading(), "Do you want to log out?");
    let answer = ada.press(&pasee, &asked, "form_token").await.is(303);
    assert_eq!(answer.header("location"), "/logout");
    assert_eq!(ada.cookies.len(), ada.named("pasee-device-").len(), "{:?}", ada.cookies);
    assert_eq!(ada.read(&pasee, "/logout", 200).await.heading(), "You are logged out");
    // Whoever has kept the cookie has nothing.
    assert_eq!(before.clone().read(&pasee, "/", 200).await.heading(), "Log in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_next_is_taken() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    let first = ada.read(&pasee, "/", 200).await;
    for (name, password) in [("ada", "wrong"), ("nobody", "pw-ada"), ("", ""), ("<b>\"ada", "x")] {
        let again = Read::of(ada.give(&pasee, &first, name, password).await.is(403));
        assert!(again.says("The name or the password is wrong."), "{}", again.text);
        assert!(again.says("role=\"alert\"") && !again.says("<b>"), "{}", again.text);
        assert_eq!(again.field("username"), name, "nobody types it twice");
        assert_eq!(again.field("password"), "");
        let id = again.answer.header("x-request-id");
        assert!(!id.is_empty() && again.says(id), "what to ask about");
        assert!(ada.named("pasee-session-").is_empty());
    }
    ada.give(&pasee, &first, "ada", "pw-ada").await.is(303);
    assert!(ada.read(&pasee, "/", 200).await.says("local-ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_provider_and_back() {
    let (pasee, provider) = house().await;
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, "/", 200).await;
    assert!(page.says("Go on with p"), "{}", page.text);
    let back = ada.through(&pasee, &page, &provider).await;
    let answer = ada.get(&pasee, &back).await.is(303);
    assert_eq!(answer.header("location"), "/");
    let body = String::from_utf8_lossy(&answer.body);
    assert!(body.is_empty(), "{body}");
    let home = ada.read(&pasee, "/", 200).await;
    assert!(home.says("<code>p-583231</code>") && home.says("<dd>ada</dd>"), "{}", home.text);
    // The same answer once more: the page says that it is over, and what to do.
    let over = ada.read(&pasee, &back, 400).await;
    assert_eq!(over.heading(), "This login is not known here any more");
    assert!(ada.read(&pasee, "/", 200).await.says("p-583231"), "and the session goes on");
    assert_eq!(provider.complaints(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_no_may_choose_again() {
    let (pasee, provider) = house().await;
    provider.state.lock().unwrap().decision = Decision::No;
    let mut ada = Visitor::default();
    let page = ada.read(&pasee, "/", 200).await;
    let back = ada.through(&pasee, &page, &provider).await;
    let again = ada.read(&pasee, &back, 403).await;
    assert!(again.says("You or the identity provider said no"), "{}", again.text);
    provider.state.lock().unwrap().decision = Decision::Yes;
    let back = ada.through(&pasee, &again, &provider).await;
    ada.get(&pasee, &back).await.is(303);
    assert!(ada.read(&pasee, "/", 200).await.says("p-583231"));
}

/// Of two tabs each finishes, in any order.
#[tokio::test(flavor = "multi_thread")]
async fn two_tabs() {
    let (pasee, provider) = house().await;
    let mut ada = Visitor::default();
    let [one, two] = [ada.read(&pasee, "/", 200).await, ada.read(&pasee, "/", 200).await];
    let first = ada.through(&pasee, &one, &provider).await;
    let second = ada.through(&pasee, &two, &provider).await;
    assert_eq!(ada.named("pasee-login-").len(), 2);
    ada.get(&pasee, &first).await.is(303);
    ada.get(&pasee, &second).await.is(303);
    assert!(ada.named("pasee-login-").is_empty());
    // By form and by provider.
    ada.cookies.clear();
    let form = ada.read(&pasee, "/", 200).await;
    let other = ada.read(&pasee, "/", 200).await;
    let back = ada.through(&pasee, &other, &provider).await;
    ada.give(&pasee, &form, "ada", "pw-ada").await.is(303);
    assert!(ada.read(&pasee, "/", 200).await.says("local-ada"));
    ada.get(&pasee, &back).await.is(303);
    assert!(ada.read(&pasee, "/", 200).await.says("p-583231"), "the last login counts");
}

/// A bookmark of the place where logins through a provider begin ends on a page; a program's login in tokens, as ever.
#[tokio::test(flavor = "multi_thread")]
async fn where_a_login_ends_is_known_when_it_begins() {
    let (pasee, provider) = house().await;
    for begin in ["/tokens/?idp=p", "/tokens/p/"] {
        let mut ada = Visitor::default();
        let place = ada.get(&pasee, begin).await.is(303);
        let there = crate::support::pasee::Ask::new(pasee.client.get(place.header("location")));
        let back: url::Url = there.send().await.header("location").parse().unwrap();
        let answer = ada.get(&pasee, &back[url::Position::BeforePath..]).await.is(303);
        assert_eq!(answer.header("location"), "/");
        assert!(ada.read(&pasee, "/", 200).await.says("p-583231"));
    }
    let begun = pasee.ask("POST", "/tokens/?idp=p").send().await.is(201);
    let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
    let place = begun.json()["authorize_url"].as_str().unwrap().to_owned();
    let there = crate::support::pasee::Ask::new(pasee.client.get(place)).send().await;
    let back: url::Url = there.header("location").parse().unwrap();
    let ask = pasee.ask("GET", &back[url::Position::BeforePath..]).header("cookie", &cookie);
    let document = ask.header("accept", super::support::visitor::HTML).send().await.is(200).json();
    assert!(document["access_token"].is_string(), "{document}");
    assert_eq!(provider.complaints(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_end_at_once() {
    let (pasee, _provider) = house().await;
    let [mut desk, mut phone] = [Visitor::default(), Visitor::default()];
    let home = desk.log_in(&pasee, "ada").await;
    phone.log_in(&pasee, "ada").await;
    let pair = pasee.log_in("ada").await;
    desk.press(&pasee, &home, "sessions").await.is(303);
    for browser in [&mut desk, &mut phone] {
        assert_eq!(browser.read(&pasee, "/", 200).await.heading(), "Log in");
    }
    pasee.refresh(&pair.refresh).await.is(401);
    desk.log_in(&pasee, "ada").await;
}

/// The end of one session leaves the others, in browsers and of tokens.
#[tokio::test(flavor = "multi_thread")]
async fn one_session_ends_alone() {
    let (pasee, _provider) = house().await;
    let [mut desk, mut phone] = [Visitor::default(), Visitor::default()];
    let home = desk.log_in(&pasee, "ada").await;
    phone.log_in(&pasee, "ada").await;
    let pair = pasee.log_in("ada").await;
    let (action, fields) = home.form("form_token");
    assert_eq!((action.as_str(), fields.len()), ("/logout", 1), "the first form is of this one");
    desk.press(&pasee, &home, "form_token").await.is(303);
    assert_eq!(phone.read(&pasee, "/", 200).await.heading(), "Who you are");
    pasee.refresh(&pair.refresh).await.is(201);
}

/// Whoever is banned has no session in any browser, and is told when they log in.
#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_what_browsers_have() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    ada.log_in(&pasee, "ada").await;
    let root = pasee.log_in("root").await;
    let ban = serde_json::json!({ "is_banned": true });
    pasee.ask("PATCH", "/users/local-ada").bearer(&root.access).json(&ban).await.is(204);
    let page = ada.read(&pasee, "/", 200).await;
    assert_eq!(page.heading(), "Log in");
    let shut = Read::of(ada.give(&pasee, &page, "ada", "pw-ada").await.is(403));
    assert!(shut.says("You may not use this Pasee."), "{}", shut.text);
}

/// Providers send browsers to the name in the settings: whoever came by another name of this machine would have no cookie there.
#[tokio::test(flavor = "multi_thread")]
async fn this_machine_has_one_name() {
    let (pasee, _provider) = house().await;
    let port = pasee.address.port();
    let ask = |path: &str, host: &str| {
        pasee
            .ask("GET", path)
            .header("host", host)
            .header("accept", super::support::visitor::HTML)
            .send()
    };
    for (path, host) in [
        ("/?ui_locales=fr", format!("localhost:{port}")),
        ("/", format!("[::1]:{port}")),
        ("/tokens/?idp=p", format!("LOCALHOST:{port}")),
    ] {
        let answer = ask(path, &host).await.is(303);
        assert_eq!(answer.header("location"), format!("{}{path}", pasee.url), "{host}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    for host in
        ["localhost", "localhost:1", "evil.example", &format!("evil.example:{port}"), "127.0.0.1"]
    {
        ask("/", host).await.is(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_groups_there_are_now_is_shown() {
    let (pasee, _provider) = house().await;
    let mut ada = Visitor::default();
    assert!(ada.log_in(&pasee, "ada").await.says("<code>articles</code>"));
    let root = pasee.log_in("root").await;
    pasee.ask("DELETE", "/groups/articles/local-ada/").bearer(&root.access).send().await.is(204);
    let home = ada.read(&pasee, "/", 200).await;
    assert!(home.says("You are in no group.") && !home.says("<code>articles</code>"));
}

/// Applications show to those whom they let in; nobody opens the command line's own client.
#[tokio::test(flavor = "multi_thread")]
async fn applications_that_let_one_in() {
    let client = |id: &str, name: &str, more: &str| {
        format!(
            "[[clients]]\nid = \"{id}\"\nname = \"{name}\"\nredirect_uris = [\"https://{id}.example.com/cb\"]\n{more}\n"
        )
    };
    let tables = client("wiki", "Wiki <b>", "")
        + &client("grafana", "Grafana", "require_groups = [\"articles\"]")
        + &client("vault", "Vault", "require_groups = [\"admin\"]")
        + &client("old", "Old one", "enabled = false");
    let setup = Setup::default().members("articles", ["local-ada"]).tables(&tables);
    let pasee = setup.start().await;
    let home = Visitor::default().log_in(&pasee, "ada").await;
    assert!(
        home.says("<li>Grafana</li>") && home.says("<li>Wiki &#60;b&#62;</li>"),
        "{}",
        home.text
    );
    for hidden in ["Vault", "Old one", "<li>Pasee</li>"] {
        assert!(!home.says(hidden), "{hidden}: {}", home.text);
    }
    let home = Visitor::default().log_in(&pasee, "john").await;
    assert!(home.says("Wiki") && !home.says("Grafana"), "{}", home.text);
}
