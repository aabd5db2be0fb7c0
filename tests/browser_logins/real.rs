//! What real providers of OAuth 2.0 send that a strict reader would refuse, each alone in a login that is right otherwise.

use std::sync::Arc;

use serde_json::{Value, json};

use super::presets::back;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{At, OAuthProvider, Spoiled, Told};
use crate::support::pasee::Setup;
use crate::support::raw_server::{Step, answer};
use url::Url;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// An answer of these members beside the token.
fn token(kind: &'static str, members: Value) -> Told {
    Arc::new(move |token| {
        let mut members = members.clone();
        members["access_token"] = json!(token);
        answer("200 OK", kind, members.to_string())
    })
}

fn form(more: &'static str) -> Told {
    Arc::new(move |token| answer("200 OK", FORM, format!("access_token={token}{more}")))
}

fn spoiled() -> Vec<(&'static str, Spoiled)> {
    let told = |told| Spoiled { told: Some(told), ..Spoiled::default() };
    let user = |kind, body: &str| Spoiled {
        user: Some(answer("200 OK", kind, body)),
        ..Spoiled::default()
    };
    vec![
        ("no token_type", told(token(JSON, json!({})))),
        ("token_type null", told(token(JSON, json!({"token_type": null, "error": null})))),
        ("expires_in as a text", told(token(JSON, json!({"expires_in": "3600"})))),
        ("expires_in with a fraction", told(token(JSON, json!({"expires_in": 3599.5})))),
        ("expires_in -1", told(token(JSON, json!({"expires_in": -1})))),
        ("scope as a list", told(token(JSON, json!({"scope": ["user:read"]})))),
        ("refresh_token null", told(token(JSON, json!({"refresh_token": null})))),
        ("JSON as text", told(token("text/plain; charset=utf-8", json!({})))),
        ("JSON as JavaScript", told(token("text/javascript", json!({"token_type": "bearer"})))),
        ("a form", told(form("&expires_in=3600&scope=&token_type=bearer"))),
        ("a form without token_type", told(form(""))),
        ("a user as text", user("text/plain", "{\"id\": 583231}")),
        ("a user as JavaScript", user("text/javascript", "{\"id\": 583231}")),
        ("a user behind a byte order mark", user(JSON, "\u{feff}{\"id\": \"583231\"}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_by_somebody() {
    let (mut tables, mut servers) = (String::new(), Vec::new());
    for (number, (_, spoiled)) in spoiled().into_iter().enumerate() {
        let provider = OAuthProvider::spoiled(Kind::GitHub, spoiled).await;
        tables += &provider
            .settings(&format!("p{number}"), "")
            .replace("organizations = true\nteams = true\n", "scopes = [\"read:org\"]\n");
        servers.push(provider);
    }
    let pasee = Setup::default().tables(&tables).start().await;
    for (number, (name, _)) in spoiled().iter().enumerate() {
        let idp = format!("p{number}");
        servers[number].register(&back(&pasee, &idp));
        let answer = Browser::default().log_in(&pasee, &idp).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}\n{}", pasee.log());
    }
}

/// An answer with one header more.
fn headed(status: &str, header: &str, body: &Value) -> Vec<Step> {
    answer(&format!("{status}\r\n{header}"), JSON, body.to_string())
}

/// A GitHub that answers otherwise at some place, and what becomes of a login that takes an organization.
async fn at_github(required: &str, at: At) -> (u16, String, String) {
    let spoiled = Spoiled { at: Some(at), ..Spoiled::default() };
    let provider = OAuthProvider::spoiled(Kind::GitHub, spoiled).await;
    let more =
        format!("required_claims = {{ organizations = \"{required}\" }}\nclaims = [\"teams\"]");
    let pasee = Setup::default().tables(&provider.settings("github", &more)).start().await;
    provider.register(&back(&pasee, "github"));
    let answer = Browser::default().log_in(&pasee, "github").await;
    let retry = answer.headers.get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (answer.status.as_u16(), retry.unwrap_or_default(), pasee.log())
}

fn page(target: &Url) -> String {
    target.query_pairs().find(|(name, _)| name == "page").unwrap().1.into_owned()
}

/// Where a list ends is said by the header `Link`: a page may be short and not the last, or full and the last.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_list() {
    const NEXT: &str = "Link: <https://api.github.com/user/orgs?page=2>; rel=\"next\", <https://api.github.com/user/orgs?page=9>; rel=\"last\"";
    const LAST: &str = "Link: <https://api.github.com/user/orgs?page=1>; rel=\"prev\"";
    let organizations = |target: &Url| target.path().ends_with("/orgs").then(|| page(target));
    let short: At = Arc::new(move |target| {
        Some(match organizations(target)?.as_str() {
            "1" => headed("200 OK", NEXT, &json!([{"login": "one"}])),
            "2" => headed("200 OK", NEXT, &json!([])),
            "3" => headed("200 OK", LAST, &json!([{"login": "three"}])),
            _ => answer("500 No such page", JSON, "[]"),
        })
    });
    assert_eq!(at_github("three", Arc::clone(&short)).await.0, 200);
    assert_eq!(at_github("four", short).await.0, 403);
    let full: At = Arc::new(move |target| {
        let all: Vec<Value> = (0..100).map(|id| json!({"login": format!("org-{id}")})).collect();
        Some(match organizations(target)?.as_str() {
            "1" => headed("200 OK", LAST, &json!(all)),
            _ => answer("500 No such page", JSON, "[]"),
        })
    });
    assert_eq!(at_github("org-99", full).await.0, 200);
}

/// Limits are nobody's fault and pass; one odd team takes nobody's login away, and gives nobody another team.
#[tokio::test(flavor = "multi_thread")]
async fn limits_and_odd_entries() {
    let limited = json!({"message": "You have exceeded a secondary rate limit. Please wait.", "documentation_url": "x"});
    for place in ["/orgs", "/teams", "/user"] {
        for (status, header, body) in [
            ("403 Forbidden", "Retry-After: 60", json!({"message": "no"})),
            ("403 Forbidden", "X-RateLimit-Remaining: 0", json!({"message": "no"})),
            ("403 Forbidden", "X-RateLimit-Remaining: 42", limited.clone()),
            ("429 Too Many Requests", "Retry-After: 60", limited.clone()),
        ] {
            let (steps, place) = (headed(status, header, &body), place);
            let at: At =
                Arc::new(move |target| target.path().ends_with(place).then(|| steps.clone()));
            let (status, retry, log) = at_github("org-1", at).await;
            assert_eq!(status, 503, "{place} {header} {body}: {log}");
            assert!(!retry.is_empty(), "503 says when to come again");
        }
    }
    let forbidden: At = Arc::new(|target| {
        let said = json!({"message": "Resource not accessible"});
        target.path().ends_with("/orgs").then(|| answer("403 No", JSON, said.to_string()))
    });
    assert_eq!(
        at_github("org-1", forbidden).await.0,
        502,
        "what is forbidden for good is no limit"
    );
    let odd: At = Arc::new(|target| {
        let named = |name: Value| json!({"slug": name, "organization": {"login": "Example"}});
        let teams = json!([named(json!("a/b")), named(json!(null)), named(json!("writers")), {"slug": "x"}, 1, null]);
        target.path().ends_with("/teams").then(|| answer("200 OK", JSON, teams.to_string()))
    });
    let (status, _, log) = at_github("org-1", odd).await;
    assert_eq!(status, 200, "{log}");
    assert!(
        log.contains("entries without a right name are left out") && log.contains("odd=5"),
        "{log}"
    );
}

/// Each line of the log about a provider has its name, in its own words, shortened and without what a terminal obeys.
#[tokio::test(flavor = "multi_thread")]
async fn whose_fault_it_was() {
    let long = format!("\u{1b}[31mPKCE verification failed\u{202e} {}", "x".repeat(5000));
    let said = json!({"error": "invalid_grant", "error_description": long}).to_string();
    let spoiled =
        Spoiled { token: Some(answer("400 Bad Request", JSON, said)), ..Spoiled::default() };
    let proof = OAuthProvider::spoiled(Kind::GitLab, spoiled).await;
    let moved = answer("302 Found\r\nLocation: /elsewhere", "text/html", "");
    let moved =
        OAuthProvider::spoiled(Kind::Discord, Spoiled { user: Some(moved), ..Spoiled::default() })
            .await;
    let strict = OAuthProvider::start(Kind::Google).await;
    let listed = OAuthProvider::start(Kind::Twitter).await;
    let tables = proof.settings("proof", "")
        + &moved.settings("moved", "")
        + &strict.settings(
            "strict",
            "required_claims = { email_verified = true, hd = \"other.example\" }",
        )
        + &listed.settings("listed", "allowed_subjects = [\"1\"]");
    let pasee = Setup::default().tables(&tables).start().await;
    for (provider, name, status, title) in [
        (&proof, "proof", 502, "that is not your fault"),
        (&moved, "moved", 502, "the identity provider's answer is invalid"),
        (&strict, "strict", 403, "this user may not log in here"),
        (&listed, "listed", 403, "this user may not log in here"),
    ] {
        provider.register(&back(&pasee, name));
        let answer = Browser::default().log_in(&pasee, name).await.is(status);
        assert!(answer.title().contains(title), "{}", answer.title());
    }
    let log = pasee.log();
    let line = |name: &str, words: &[&str]| {
        let named = format!("provider={name}}}");
        let is_it =
            |line: &&str| line.contains(&named) && words.iter().all(|word| line.contains(word));
        assert!(log.lines().any(|line| is_it(&line)), "{name} {words:?}: {log}");
    };
    line("proof", &["invalid_grant", "PKCE verification failed", "xxx"]);
    line("proof", &["it refuses the proof of PKCE"]);
    line("moved", &["a redirect in place of user information"]);
    line("strict", &["110169484474386276334", "required_claims", "claim=\"hd\""]);
    line("listed", &["2244994945", "allowed_subjects"]);
    assert!(
        !log.contains('\u{1b}') && !log.contains('\u{202e}') && !log.contains(&"x".repeat(200)),
        "{log}"
    );
}

/// GitHub tells organizations and teams apart by no case, and neither do rules about them; a name with a typo is told of.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_organizations() {
    let nothing: At = Arc::new(|_| None);
    for (required, status) in
        [("org-7", 200), ("ORG-7", 200), ("Org-103", 200), ("org_7", 403), ("org-7 ", 403)]
    {
        let (found, _, log) = at_github(required, Arc::clone(&nothing)).await;
        assert_eq!(found, status, "{required}: {log}");
        assert_eq!(log.contains("near to what required_claims asks for"), status == 403, "{log}");
    }
    let provider = OAuthProvider::start(Kind::GitHub).await;
    let more = "group_mapping = [{ claim = \"teams\", value = \"example/WRITERS\", group = \"articles\" }, \
                { claim = \"login\", value = \"ADA\", group = \"comments\" }]";
    let groups = ["articles", "comments"];
    let mut setup = Setup::default().tables(&provider.settings("github", more));
    for group in groups {
        setup = setup.members(group, ["local-ada"]);
    }
    let pasee = setup.start().await;
    provider.register(&back(&pasee, "github"));
    let document = Browser::default().log_in(&pasee, "github").await.is(200).json();
    let access = crate::support::forge::part(document["access_token"].as_str().unwrap(), 1);
    assert_eq!(access["groups"], json!(["articles"]), "other claims are compared as they are");
}

/// GitLab's groups by their full paths, where the settings ask for them.
#[tokio::test(flavor = "multi_thread")]
async fn groups_of_gitlab() {
    let rule = "required_claims = { groups = \"example/writers\" }";
    for (asks, status) in [("groups = true\n", 200), ("", 403)] {
        let provider = OAuthProvider::start(Kind::GitLab).await;
        let tables = provider.settings("gitlab", rule) + asks;
        let pasee = Setup::default().tables(&tables).start().await;
        provider.register(&back(&pasee, "gitlab"));
        Browser::default().log_in(&pasee, "gitlab").await.is(status);
        assert_eq!(provider.complaints(), [] as [&str; 0]);
    }
}
