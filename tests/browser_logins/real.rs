//! What real providers of OAuth 2.0 send that a strict reader would refuse, each alone in a login that is right otherwise.

use std::sync::Arc;

use serde_json::{Value, json};

use super::presets::back;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{OAuthProvider, Spoiled, Told};
use crate::support::pasee::Setup;
use crate::support::raw_server::answer;

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
