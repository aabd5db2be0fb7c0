//! One login through each provider, what it says of itself, and its documented errors.

use serde_json::json;

use crate::support::forge::part;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{Decision, OAuthProvider};
use crate::support::pasee::{Pasee, Setup};

/// A Pasee with all providers, each under the name of its preset.
pub async fn house(more: &str) -> (Pasee, Vec<OAuthProvider>) {
    let mut providers = Vec::new();
    let mut tables = String::new();
    for kind in Kind::ALL {
        let provider = OAuthProvider::start(kind).await;
        tables += &provider.settings(kind.preset(), more);
        providers.push(provider);
    }
    let pasee = Setup::default().tables(&tables).start().await;
    for provider in &providers {
        provider.register(&back(&pasee, provider.kind.preset()));
    }
    (pasee, providers)
}

/// Where a provider sends browsers back to.
pub fn back(pasee: &Pasee, name: &str) -> String {
    format!("{}/tokens/?idp={name}", pasee.url)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_preset_logs_somebody_in() {
    let claims = "claims = [\"preferred_username\", \"email\", \"organizations\", \"teams\"]";
    let (pasee, providers) = house(claims).await;
    for provider in &providers {
        let (kind, name) = (provider.kind, provider.kind.preset());
        let mut browser = Browser::default();
        let answer = browser.log_in(&pasee, name).await.is(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(browser.cookies(&pasee).is_empty(), "the cookie is gone");
        let document = answer.json();
        let access = part(document["access_token"].as_str().unwrap(), 1);
        let (subject, readable) = kind.ada();
        assert_eq!(access["sub"], format!("{name}-{subject}"));
        assert_eq!(access["preferred_username"], readable);
        assert_eq!(provider.complaints(), [] as [&str; 0], "{name}");
        if kind == Kind::GitHub {
            assert_eq!(access["teams"], json!(["Example/writers", "Example/readers"]));
            assert!(access.get("organizations").is_none(), "103 are more than a claim holds");
        }
        let pair = pasee.refresh(document["refresh_token"].as_str().unwrap()).await.pair();
        assert_eq!(part(&pair.access, 1)["sub"], format!("{name}-{subject}"));
    }
}

/// What decides is found wherever it stands in a long list, and asked for again at each refresh.
#[tokio::test(flavor = "multi_thread")]
async fn organizations_and_teams_decide() {
    for (required, status) in
        [("\"org-103\"", 200), ("\"org-104\"", 403), ("[\"x\", \"org-2\"]", 200)]
    {
        let provider = OAuthProvider::start(Kind::GitHub).await;
        let more = format!(
            "required_claims = {{ organizations = {required} }}\n\
             group_mapping = [{{ claim = \"teams\", value = \"Example/writers\", group = \"articles\" }}]"
        );
        let tables = provider.settings("github", &more);
        let pasee =
            Setup::default().members("articles", ["local-ada"]).tables(&tables).start().await;
        provider.register(&back(&pasee, "github"));
        let answer = Browser::default().log_in(&pasee, "github").await.is(status);
        if status == 200 {
            let document = answer.json();
            let access = part(document["access_token"].as_str().unwrap(), 1);
            assert_eq!(access["groups"], json!(["articles"]));
        } else {
            assert!(answer.title().starts_with("this user may not log in here"));
        }
    }
}

/// A client that opens the browser itself gets the place to open, and its cookie.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_open_the_browser_itself() {
    let (pasee, providers) = house("").await;
    let answer = pasee.ask("POST", "/tokens/?idp=github&scope=articles").send().await.is(201);
    let document = answer.json();
    let url = document["authorize_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("http://{}/login/oauth/authorize?", providers[1].server.address))
    );
    assert!(answer.header("set-cookie").starts_with("pasee-login-"));
    assert_eq!(answer.header("cache-control"), "no-store");
    // Nothing else about the login is told.
    assert_eq!(document.as_object().unwrap().len(), 3, "{document}");
    let listed = pasee.ask("GET", "/tokens/").send().await.is(200).json();
    for kind in Kind::ALL {
        let link = &listed[format!("identify_via_{}", kind.preset())];
        assert_eq!(link["url"], format!("{}/tokens/?idp={}", pasee.url, kind.preset()));
        let fields: Vec<&str> = link["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap())
            .collect();
        assert_eq!(fields, ["scope"], "no login and no password");
    }
}

/// The scope of the beginning limits the tokens of the end; nothing that comes back widens it.
#[tokio::test(flavor = "multi_thread")]
async fn the_scope_is_that_of_the_beginning() {
    let (pasee, _providers) = house("").await;
    let mut browser = Browser::default();
    let begin = format!("{}&scope=articles", back(&pasee, "discord")).parse().unwrap();
    let asked = browser.visit(&pasee, &begin).await.is(303);
    let asked = browser.visit(&pasee, &asked.header("location").parse().unwrap()).await.is(302);
    let ended = format!("{}&scope=staff", asked.header("location")).parse().unwrap();
    let document = browser.visit(&pasee, &ended).await.is(200).json();
    assert_eq!(part(document["access_token"].as_str().unwrap(), 1)["scope"], "groups:articles");
}

/// The user says no: a clear answer, and nothing of the provider's text in it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_no_gets_nothing() {
    let (pasee, providers) = house("").await;
    for provider in &providers {
        provider.state.lock().unwrap().decision = Decision::No;
        let mut browser = Browser::default();
        let answer = browser.log_in(&pasee, provider.kind.preset()).await.is(403);
        assert!(answer.title().starts_with("the identity provider did not confirm this login"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("script"));
        assert!(browser.cookies(&pasee).is_empty(), "over is over");
    }
}

/// A wrong secret is our mistake, not the user's: 502, and the log says where to look.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_named_in_the_log() {
    for kind in Kind::ALL {
        let provider = OAuthProvider::start(kind).await;
        let tables = provider.settings("p", "").replace("secret/of+pasee", "another");
        let pasee = Setup::default().tables(&tables).start().await;
        provider.register(&back(&pasee, "p"));
        let answer = Browser::default().log_in(&pasee, "p").await.is(502);
        let title = answer.title();
        assert!(kind == Kind::Facebook || title.contains("that is not your fault"), "{title}");
        assert_eq!(provider.state.lock().unwrap().exchanged, 0);
        let log = pasee.log();
        assert!(
            kind == Kind::Facebook || log.contains("see client_id and client_secret"),
            "{kind:?}: {log}"
        );
        for secret in ["another", "code-1-"] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

/// HEAD begins nothing; neither does a provider without a browser.
#[tokio::test(flavor = "multi_thread")]
async fn methods() {
    let (pasee, providers) = house("").await;
    let answer = pasee.ask("HEAD", "/tokens/?idp=github").send().await.is(405);
    assert_eq!((answer.header("allow"), answer.header("set-cookie")), ("GET, POST", ""));
    let answer = pasee.ask("GET", "/tokens/?idp=local").send().await.is(405);
    assert_eq!(answer.header("allow"), "POST");
    let answer = pasee.ask("GET", "/tokens/?idp=nobody").send().await.is(404);
    assert_eq!(answer.header("location"), "");
    assert!(
        providers.iter().all(|provider| provider.server.connections() == 0),
        "begins ask nobody"
    );
}
