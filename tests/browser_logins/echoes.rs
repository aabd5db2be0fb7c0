//! Providers that say again what they were sent, cut, escaped or encoded: none of it is in the log, nor in what people read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::faults::{at, corp};
use super::presets::back;
use crate::support::ldap::wire::{Question, bound};
use crate::support::ldap::{ACCOUNT, ADA, Directory, PEOPLE};
use crate::support::oauth::browser::Browser;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{OAuthProvider, SECRET, Spoiled};
use crate::support::pasee::{Pasee, Setup};
use crate::support::raw_server::{Step, answer};

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What a secret comes back as, with a name.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    vec![
        ("as it is", secret.to_owned()),
        ("cut at its end", secret[..secret.len() - 4].to_owned()),
        ("cut at its beginning", secret[3..].to_owned()),
        ("escaped twice", percent(&percent(secret))),
        ("escaped and cut", percent(&secret[4..])),
        ("in JSON within JSON", secret.replace('/', "\\u002f").replace('+', "\\u002b")),
        ("in HTML", secret.replace('/', "&#x2F;").replace('+', "&#43;")),
        ("in base 64", STANDARD.encode(format!("client_secret={secret}"))),
        ("in lines", secret.replacen('c', "c\r\n", 1)),
    ]
}

/// That nothing of a secret is seen, nor its parts in another spelling.
fn assert_hidden(pasee: &Pasee, told: &str, secret: &str, name: &str) {
    let escaped = percent(&percent(secret));
    for text in [&pasee.log(), told] {
        let small = text.to_ascii_lowercase();
        for start in 0..=secret.len() - 8 {
            let part = &secret[start..start + 8].to_ascii_lowercase();
            assert!(!small.contains(part), "{name} shows {part}: {text}");
        }
        for part in [&escaped, &STANDARD.encode(format!("client_secret={secret}"))] {
            assert!(!text.contains(part.as_str()), "{name} shows {part}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_token_endpoint() {
    for (kind, names) in [(Kind::GitLab, "error"), (Kind::Facebook, "graph")] {
        for (name, said) in spellings(SECRET) {
            let words = format!("before {said} behind");
            let body = match names {
                "error" => json!({"error": &words, "error_description": words}),
                _ => json!({"error": {"code": 1, "message": words}}),
            };
            let token = Some(answer("400 No", "application/json", body.to_string()));
            let provider =
                OAuthProvider::spoiled(kind, Spoiled { token, ..Spoiled::default() }).await;
            let pasee = Setup::default().tables(&provider.settings("corp", "")).start().await;
            provider.register(&back(&pasee, "corp"));
            let told = Browser::default().log_in(&pasee, "corp").await.is(502);
            let log = pasee.log();
            assert!(
                log.contains("[hidden] behind") || log.contains("[hidden]= behind"),
                "{name} is not told: {log}"
            );
            assert_hidden(&pasee, &format!("{:?}", told.json()), SECRET, name);
        }
    }
}

/// The browser brings back why there is no code, and what it was sent to the provider with.
#[tokio::test(flavor = "multi_thread")]
async fn of_an_authorization_endpoint() {
    let provider = OAuthProvider::start(Kind::GitLab).await;
    let pasee = Setup::default().tables(&provider.settings("corp", "")).start().await;
    provider.register(&back(&pasee, "corp"));
    for (name, cut) in [("as it is", 0), ("cut", 5)] {
        let mut browser = Browser::default();
        let mut place = browser.ask(&pasee, "corp").await;
        let state = place.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let code = "code-of-ada-which-is-good-once";
        let said = format!("no {} for {}", percent(&state[cut..]), &code[cut..]);
        let query = [
            ("idp", "corp"),
            ("state", &state),
            ("code", code),
            ("error", "access_denied"),
            ("error_description", &said),
        ];
        place.set_query(None);
        place.query_pairs_mut().extend_pairs(query);
        let told = format!("{:?}", browser.visit(&pasee, &place).await.is(403).json());
        assert!(pasee.log().contains("no [hidden] for [hidden]"), "{name}: {}", pasee.log());
        assert_hidden(&pasee, &told, &state, name);
        assert_hidden(&pasee, &told, code, name);
    }
}

/// A directory's diagnostic message, to the login of a user and to our own.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_directory() {
    for (dn, secret, status) in [(ADA.0, ADA.1, 403), (ACCOUNT.0, ACCOUNT.1, 502)] {
        for (name, said) in spellings(secret) {
            let words = format!("before {said} behind");
            let directory = Directory::spoiled(move |question: &Question| {
                question.binds(dn).then(|| vec![Step::Bytes(bound(question.id(), 49, &words))])
            })
            .await;
            let tables = format!(
                "[[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\nendpoint = \"ldap://{}\"\n\
                 [identity_providers.settings]\nplaintext_passwords = true\nbase = \"{PEOPLE}\"\nfilter = \"(uid={{login}})\"\n\
                 bind_dn = \"{}\"\nbind_password = \"{}\"\ntimeout = 2\n",
                directory.address, ACCOUNT.0, ACCOUNT.1
            );
            let pasee = Setup::default().tables(&tables).start().await;
            let asked = pasee.ask("POST", "/tokens/?idp=corp");
            let told = asked.json(&json!({"login": "ada", "password": ADA.1})).await.is(status);
            let log = pasee.log();
            assert!(
                log.contains("[hidden] behind") || log.contains("[hidden]= behind"),
                "{name} is not told: {log}"
            );
            assert_hidden(&pasee, &format!("{:?}", told.json()), secret, name);
        }
    }
}

/// Names of claims that are elsewhere are the provider's words, too.
#[tokio::test(flavor = "multi_thread")]
async fn of_claims_that_are_elsewhere() {
    let (openid, pasee) = corp("claim_sources = [\"graph.example\"]").await;
    let name = format!("\u{1b}[31m\u{202e}{}", "x".repeat(5000));
    at(&openid, &pasee, |claims| {
        claims["_claim_names"] = json!({ &name: "src1" });
        claims["_claim_sources"] =
            json!({ "src1": { "endpoint": "https://other.example/groups" } });
    })
    .await
    .is(200);
    let log = pasee.log();
    let line = log.lines().find(|line| line.contains("claim_sources does not name")).unwrap();
    assert!(
        line.contains("claim=\\u{1b}[31m\\u{202e}xxx") && line.contains("other.example"),
        "{line}"
    );
    assert!(line.len() < 700 && line.chars().all(|letter| !letter.is_control()), "{line}");
}
