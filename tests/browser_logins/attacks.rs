//! What somebody can try who is not the user, or whose browser is not the one that began.

use std::collections::HashSet;

use url::Url;

use super::presets::{back, house};
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{Decision, OAuthProvider};
use crate::support::pasee::{Pasee, Setup};

fn parameter(url: &Url, wanted: &str) -> String {
    url.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned()
}

/// The same URL with other parameters.
fn with(url: &Url, change: impl Fn(&str, &str) -> Option<String>) -> Url {
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .filter_map(|(name, value)| Some((name.to_string(), change(&name, &value)?)))
        .collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    changed
}

async fn one(kind: Kind) -> (Pasee, OAuthProvider) {
    let provider = OAuthProvider::start(kind).await;
    let pasee = Setup::default().tables(&provider.settings("p", "")).start().await;
    provider.register(&back(&pasee, "p"));
    (pasee, provider)
}

/// Whatever is wrong with the state: no tokens, no code is used, and the login that is under way is not ended by it.
#[tokio::test(flavor = "multi_thread")]
async fn the_state() {
    let (pasee, provider) = one(Kind::GitHub).await;
    let mut browser = Browser::default();
    let right = browser.ask(&pasee, "p").await;
    let of_another = Browser::default().ask(&pasee, "p").await;
    let state = parameter(&right, "state");
    let mut changes: Vec<Url> = vec![
        with(&right, |name, value| (name != "state").then(|| value.to_owned())),
        with(&right, |name, value| Some(if name == "state" { "" } else { value }.to_owned())),
        with(&right, |name, value| Some(if name == "state" { "x" } else { value }.to_owned())),
        with(&right, |name, value| {
            Some(if name == "state" { parameter(&of_another, "state") } else { value.to_owned() })
        }),
        with(&right, |name, value| {
            Some(if name == "state" { value.to_uppercase() } else { value.to_owned() })
        }),
        with(&right, |name, value| {
            Some(if name == "state" { format!("{value}=") } else { value.to_owned() })
        }),
        with(&right, |name, value| {
            Some(if name == "state" { value[..42].to_owned() } else { value.to_owned() })
        }),
        of_another.clone(),
    ];
    for twice in ["state", "code", "idp", "error"] {
        let mut url = right.clone();
        url.query_pairs_mut().append_pair(twice, "x").append_pair(twice, "y");
        changes.push(url);
    }
    let mut same_twice = right.clone();
    same_twice.query_pairs_mut().append_pair("state", &state);
    changes.push(same_twice);
    let mut foreign = right.clone();
    foreign.query_pairs_mut().append_pair("oauth_token", "x");
    changes.push(foreign);
    for url in &changes {
        let answer = browser.visit(&pasee, url).await.is(400);
        assert!(!String::from_utf8_lossy(&answer.body).contains("token\":\""), "{url}");
    }
    assert_eq!(provider.state.lock().unwrap().exchanged, 0, "no code was used");
    browser.visit(&pasee, &right).await.is(200);
    browser.visit(&pasee, &right).await.is(400);
    assert_eq!(provider.complaints(), [] as [&str; 0]);
}

/// Somebody who keeps the cookie and the answer ends the login no second time, whether it went well or not.
#[tokio::test(flavor = "multi_thread")]
async fn replay() {
    let (pasee, provider) = one(Kind::GitLab).await;
    for decision in [Decision::Yes, Decision::No] {
        provider.state.lock().unwrap().decision = decision;
        let mut browser = Browser::default();
        let back = browser.ask(&pasee, "p").await;
        let cookie = browser.login_cookie(&pasee);
        let again =
            || pasee.ask("GET", &back.as_str()[pasee.url.len()..]).header("cookie", &cookie).send();
        let first = if decision == Decision::Yes { 200 } else { 403 };
        again().await.is(first);
        for _ in 0..3 {
            let answer = again().await.is(400);
            assert!(answer.title().starts_with("this browser has no such login under way"));
        }
    }
    // Many at once: one wins.
    provider.state.lock().unwrap().decision = Decision::Yes;
    let mut browser = Browser::default();
    let back = browser.ask(&pasee, "p").await;
    let cookie = browser.login_cookie(&pasee);
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let ask = pasee.ask("GET", &back.as_str()[pasee.url.len()..]).header("cookie", &cookie);
        crowd.spawn(ask.send());
    }
    let won = crowd.join_all().await.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((won, provider.complaints()), (1, Vec::new()));
}

/// Login fixation: an answer that was made for one browser is nothing in another, with or without a login of its own.
#[tokio::test(flavor = "multi_thread")]
async fn another_browser() {
    let (pasee, provider) = one(Kind::Twitter).await;
    let mut eve = Browser::default();
    let of_eve = eve.ask(&pasee, "p").await;
    let mut ada = Browser::default();
    ada.visit(&pasee, &of_eve).await.is(400);
    let of_ada = ada.ask(&pasee, "p").await;
    ada.visit(&pasee, &of_eve).await.is(400);
    eve.visit(&pasee, &of_ada).await.is(400);
    // A code of Eve's under the state of Ada: PKCE binds the code to the browser that asked for it.
    let injected = with(&of_ada, |name, value| {
        Some(if name == "code" { parameter(&of_eve, "code") } else { value.to_owned() })
    });
    ada.visit(&pasee, &injected).await.is(403);
    assert_eq!(provider.state.lock().unwrap().exchanged, 0);
}

/// A cookie that was changed, cut, doubled, taken from another provider's login or from another Pasee opens nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie() {
    let (pasee, providers) = house("").await;
    let (other, _other_provider) = one(Kind::GitHub).await;
    let mut stranger = Browser::default();
    stranger.begin(&other, "p").await;
    let foreign = stranger.login_cookie(&other);
    let (foreign_name, foreign) = foreign.split_once('=').unwrap();
    let (mut browser, mut second) = (Browser::default(), Browser::default());
    let github = browser.ask(&pasee, "github").await;
    second.begin(&pasee, "gitlab").await;
    let (cookie, gitlab) = (browser.login_cookie(&pasee), second.login_cookie(&pasee));
    let ((name, own), (gitlab_name, gitlab)) =
        (cookie.split_once('=').unwrap(), gitlab.split_once('=').unwrap());
    assert!(own.len() < 1000 && !own.contains(&parameter(&github, "state")));
    let mut lines: Vec<String> = [
        String::new(),
        gitlab.to_owned(),
        foreign.to_owned(),
        own[..own.len() - 1].to_owned(),
        format!("{own}A"),
        format!("{own}="),
        format!("\"{own}\""),
        own.to_uppercase(),
        "A".repeat(5000),
    ]
    .iter()
    .map(|value| format!("{name}={value}"))
    .collect();
    lines.push(format!("{gitlab_name}={own}"));
    lines.push(format!("{foreign_name}={foreign}"));
    lines.push(format!("{}={own}", name.to_uppercase()));
    lines.push(format!("__Host-{name}={own}"));
    lines.push(format!("{name}0={own}"));
    lines.push(format!("{}={own}", &name[..name.len() - 1]));
    lines.push(format!("{name}={own}; {name}={own}"));
    lines.push(format!("{name}={own}; {name}=x"));
    lines.push(format!("{name}=; {name}={own}"));
    let path = &github.as_str()[pasee.url.len()..];
    for line in &lines {
        pasee.ask("GET", path).header("cookie", line).send().await.is(400);
    }
    assert_eq!(providers[1].state.lock().unwrap().exchanged, 0);
    let crowded = format!("a=b; c; =; {name}={own}; {}", "x=y; ".repeat(50));
    // Cookies are octets: what another program on the host keeps in one may be any (RFC 6265 section 5.4).
    let mut octets = b"a=\xff\xc3; caf\xe9=\x80; ".to_vec();
    octets.extend_from_slice(crowded.as_bytes());
    let octets = http::HeaderValue::from_bytes(&octets).unwrap();
    let ask = pasee.client.get(format!("{}{path}", pasee.url)).header("cookie", octets);
    assert_eq!(ask.send().await.unwrap().status(), 200);
}

/// Mix-up: what one provider gave is nothing to the other, under either's place.
#[tokio::test(flavor = "multi_thread")]
async fn two_providers() {
    let (pasee, providers) = house("").await;
    let mut browser = Browser::default();
    let github = browser.ask(&pasee, "github").await;
    let gitlab = browser.ask(&pasee, "gitlab").await;
    let swap = |url: &Url, code: &Url, state: &Url| {
        with(url, |name, value| {
            Some(match name {
                "code" => parameter(code, "code"),
                "state" => parameter(state, "state"),
                _ => value.to_owned(),
            })
        })
    };
    // The whole answer of one at the place of the other.
    browser.visit(&pasee, &swap(&gitlab, &github, &github)).await.is(400);
    browser.visit(&pasee, &swap(&github, &gitlab, &gitlab)).await.is(400);
    // Only the code: the other provider does not know it.
    browser.visit(&pasee, &swap(&gitlab, &github, &gitlab)).await.is(403);
    let used: usize =
        providers.iter().map(|provider| provider.state.lock().unwrap().exchanged).sum();
    assert_eq!(used, 0);
    browser.visit(&pasee, &github).await.is(200);
}

/// Nothing that comes in changes the challenge, and states are never the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for() {
    let (pasee, provider) = one(Kind::Discord).await;
    let mut states = HashSet::new();
    for extra in [
        "",
        "&code_challenge=x",
        "&code_challenge_method=plain",
        "&redirect_uri=https://evil.example",
        "&response_mode=fragment",
        "&next=https://evil.example",
        "&client_id=evil",
    ] {
        let begin: Url = format!("{}{extra}", back(&pasee, "p")).parse().unwrap();
        let answer = Browser::default().visit(&pasee, &begin).await.is(303);
        let asked: Url = answer.header("location").parse().unwrap();
        assert_eq!(
            asked.origin().ascii_serialization(),
            format!("http://{}", provider.server.address)
        );
        assert!(!asked.as_str().contains("evil") && !asked.as_str().contains("plain"), "{asked}");
        assert_eq!(parameter(&asked, "code_challenge_method"), "S256");
        assert_eq!(parameter(&asked, "redirect_uri"), back(&pasee, "p"));
        let (state, challenge) = (parameter(&asked, "state"), parameter(&asked, "code_challenge"));
        assert_eq!((state.len(), challenge.len()), (43, 43));
        assert!(states.insert(state) && states.insert(challenge));
    }
    // A challenge that somebody takes out or weakens on the way: the provider of this test refuses, and so does a code
    // that was made without one.
    let asked = Browser::default().begin(&pasee, "p").await;
    let weak =
        with(&asked, |name, value| (!name.starts_with("code_challenge")).then(|| value.to_owned()));
    Browser::default().visit(&pasee, &weak).await.is(400);
}

/// Attempts count for browsers as for everybody, at the beginning and at the end; an end that was right does not.
#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let setup = Setup::default().limits("login_attempts_per_address = 6");
    let pasee = setup.tables(&provider.settings("p", "")).start().await;
    provider.register(&back(&pasee, "p"));
    let mut browser = Browser::default();
    for _ in 0..3 {
        browser.log_in(&pasee, "p").await.is(200);
    }
    for (path, status) in [("", 303), ("&state=x&code=y", 400), ("", 303)] {
        pasee.ask("GET", &format!("/tokens/?idp=p{path}")).send().await.is(status);
    }
    for path in ["/tokens/?idp=p", "/tokens/?idp=p&state=x&code=y"] {
        let answer = pasee.ask("GET", path).send().await.is(429);
        assert_ne!(answer.header("retry-after"), "");
    }
    pasee.ask("POST", "/tokens/?idp=p").send().await.is(429);
}

/// Behind https the cookie cannot be set from another host or in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn https() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let setup = Setup::default().top("hostname = \"https://pasee.example.com\"");
    let pasee = setup.tables(&provider.settings("p", "")).start().await;
    let answer = pasee.ask("GET", "/tokens/?idp=p").send().await.is(303);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-pasee-login-"), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let asked: Url = answer.header("location").parse().unwrap();
    assert_eq!(parameter(&asked, "redirect_uri"), "https://pasee.example.com/tokens/?idp=p");
}

/// A page of another origin reads nothing of a login, and no origin may bring cookies.
#[tokio::test(flavor = "multi_thread")]
async fn other_origins() {
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let tables =
        provider.settings("p", "") + "[cors]\nallowed_origins = [\"https://app.example.com\"]\n";
    let pasee = Setup::default().tables(&tables).start().await;
    for (origin, allowed) in
        [("https://app.example.com", "https://app.example.com"), ("https://evil.example", "")]
    {
        let answer =
            pasee.ask("POST", "/tokens/?idp=p").header("origin", origin).send().await.is(201);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}
