//! Everything that can go wrong at a provider, of every kind, each once: what the person reads, what the log has under the
//! request's name, and that no secret is in either.

use std::sync::Arc;

use serde_json::json;
use url::Url;

use super::presets::back;
use crate::support::kisee;
use crate::support::oauth::browser::Browser;
use crate::support::oauth::legacy::Legacy;
use crate::support::oauth::wire::Kind;
use crate::support::oauth::{OAuthProvider, SECRET, Spoiled};
use crate::support::openid::{self, OpenId, Place};
use crate::support::pasee::{Answer, Pasee, Setup, free_port, now};
use crate::support::raw_server::{RawServer, Step, answer};

const JSON: &str = "application/json";
const NOBODYS: &str = "that is not your fault";

/// What must come of a failure: a status, what the person reads, and what the log has.
type Expected<'a> = (u16, &'a str, &'a [&'a str]);

/// Compares, by the lines of the log that have the request's name and the provider's.
fn assert_told(pasee: &Pasee, name: &str, answer: &Answer, (status, says, logged): Expected<'_>) {
    let title = answer.clone().is(status).title();
    assert!(title.contains(says), "{name}: {title}");
    let id = answer.header("x-request-id");
    assert_eq!(answer.json()["request_id"], id, "{name}: the person can name the request");
    let log = pasee.log();
    let (of_request, of_provider) = (format!("request_id=\"{id}\""), format!("provider={name}"));
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&of_request)).collect();
    for words in logged {
        let is_it = |line: &&&str| line.contains(words) && line.contains(&of_provider);
        assert!(lines.iter().any(|line| is_it(&line)), "{name} lacks {words:?}: {lines:#?}\n{log}");
    }
    for text in [title, lines.join("\n")] {
        for secret in [SECRET, openid::SECRET, openid::ACCESS_TOKEN, "token-", "code-", "pw-of-ada"]
        {
            assert!(!text.contains(secret), "{name} shows {secret}: {text}");
        }
    }
}

fn said(status: &str, error: &str, description: &str) -> Spoiled {
    let body = json!({"error": error, "error_description": description}).to_string();
    Spoiled { token: Some(answer(status, JSON, body)), ..Spoiled::default() }
}

fn token(steps: Vec<Step>) -> Spoiled {
    Spoiled { token: Some(steps), ..Spoiled::default() }
}

fn user(steps: Vec<Step>) -> Spoiled {
    Spoiled { user: Some(steps), ..Spoiled::default() }
}

fn oauth2() -> Vec<(Spoiled, &'static str, Expected<'static>)> {
    let with_secret = format!("the secret {SECRET} is wrong");
    let busy = "503 Busy\r\nRetry-After: 7";
    let moved = "302 Found\r\nLocation: /elsewhere";
    vec![
        (
            said("400 No", "invalid_grant", "too late"),
            "",
            (403, "did not confirm", &["invalid_grant", "too late"]),
        ),
        (
            said("401 No", "invalid_client", &with_secret),
            "",
            (502, NOBODYS, &["[hidden] is wrong", "client_id and client_secret"]),
        ),
        (
            said("400 No", "invalid_grant", "code_verifier: no"),
            "",
            (502, NOBODYS, &["the proof of PKCE", "code_verifier"]),
        ),
        (
            said("400 No", "redirect_uri_mismatch", ""),
            "",
            (502, NOBODYS, &["hostname and callback_url"]),
        ),
        (said("400 No", "strange", "\u{1b}[31m"), "", (502, NOBODYS, &["strange", "\\u{1b}"])),
        (
            said("400 No", "temporarily_unavailable", "later"),
            "",
            (503, NOBODYS, &["temporarily_unavailable"]),
        ),
        (token(answer(busy, JSON, "{}")), "", (503, "when Retry-After says", &["retry_after=7"])),
        (
            token(answer(moved, JSON, "")),
            "",
            (502, NOBODYS, &["a redirect in place of a token answer"]),
        ),
        (
            token(answer("500 No", JSON, "")),
            "",
            (502, NOBODYS, &["an unexpected status for a token"]),
        ),
        (token(answer("200 OK", JSON, "{")), "", (502, NOBODYS, &["a malformed token answer"])),
        (
            token(vec![Step::Close]),
            "",
            (503, NOBODYS, &["a call to another server failed", "connection"]),
        ),
        (
            user(answer(moved, JSON, "")),
            "",
            (502, NOBODYS, &["a redirect in place of user information"]),
        ),
        (user(answer("403 No", JSON, "{}")), "", (502, NOBODYS, &["for its own access token"])),
        (
            user(answer("200 OK", "text/html", "<html>")),
            "",
            (502, NOBODYS, &["user information that is not JSON"]),
        ),
        (user(answer("200 OK", JSON, "{}")), "", (502, NOBODYS, &["a user without an id"])),
        (
            user(answer("200 OK", JSON, "{\"id\": \"a\u{202e}b\"}")),
            "",
            (403, "cannot be one here", &["a\\u{202e}b"]),
        ),
        (
            Spoiled::default(),
            "allowed_subjects = [\"7\"]",
            (403, "settings of this Pasee do not let you in", &["subject=42", "allowed_subjects"]),
        ),
        (
            Spoiled::default(),
            "required_claims = { state = \"activ\" }",
            (403, "settings of this Pasee", &["required_claims", "nearest=state=\\\"active\\\""]),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_oauth2() {
    let (mut tables, mut servers) = (String::new(), Vec::new());
    for (number, (spoiled, more, _)) in oauth2().into_iter().enumerate() {
        let provider = OAuthProvider::spoiled(Kind::GitLab, spoiled).await;
        tables += &provider.settings(&format!("p{number}"), more);
        servers.push(provider);
    }
    let pasee = Setup::default().tables(&tables).start().await;
    for (number, (_, _, expected)) in oauth2().into_iter().enumerate() {
        let name = format!("p{number}");
        servers[number].register(&back(&pasee, &name));
        let answer = Browser::default().log_in(&pasee, &name).await;
        assert_told(&pasee, &name, &answer, expected);
        if expected.1.contains("Retry-After") {
            assert_eq!(answer.header("retry-after"), "7");
        }
    }
    // What the browser brings back in place of a code.
    for (error, expected) in [
        ("access_denied", (403, "did not confirm", &["access_denied", "words"][..])),
        ("invalid_scope", (502, NOBODYS, &["client_id, scopes and pkce"])),
        ("server_error", (503, NOBODYS, &["server_error"])),
    ] {
        let mut browser = Browser::default();
        let mut answered = browser.ask(&pasee, "p16").await;
        let state =
            answered.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        answered.set_query(Some(&format!(
            "idp=p16&state={state}&error={error}&error_description=words"
        )));
        let answer = browser.visit(&pasee, &answered).await;
        assert_told(&pasee, "p16", &answer, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_oauth1() {
    let legacy = Legacy::start().await;
    let away = format!("http://127.0.0.1:{}/", free_port());
    let gone =
        legacy.settings("gone", "").replace(&format!("http://{}/", legacy.server.address), &away);
    let wrong = legacy.settings("wrong", "").replace(SECRET, "another");
    let pasee = Setup::default().tables(&(gone + &wrong)).start().await;
    for (name, expected) in [
        ("gone", (503, NOBODYS, &["Connection refused"][..])),
        ("wrong", (502, NOBODYS, &["consumer_key, consumer_secret"])),
    ] {
        let begin: Url = back(&pasee, name).parse().unwrap();
        let answer = Browser::default().visit(&pasee, &begin).await;
        assert_told(&pasee, name, &answer, expected);
    }
}

/// One login at an OpenID provider, whose ID token says more or else.
pub async fn at(openid: &OpenId, pasee: &Pasee, change: impl Fn(&mut serde_json::Value)) -> Answer {
    let mut browser = Browser::default();
    let begun = browser.visit(pasee, &back(pasee, "corp").parse().unwrap()).await;
    if begun.status != 303 {
        return begun;
    }
    let asked: Url = begun.header("location").parse().unwrap();
    let mut claims = openid.claims(&openid::parameter(&asked, "nonce"), now());
    change(&mut claims);
    openid.redeems(&openid.forger.token(&openid.forger.header("JWT"), &claims));
    let mut place: Url = back(pasee, "corp").parse().unwrap();
    place
        .query_pairs_mut()
        .append_pair("code", "code-of-ada")
        .append_pair("state", &openid::parameter(&asked, "state"))
        .append_pair("iss", &openid.issuer);
    browser.visit(pasee, &place).await
}

pub async fn corp(more: &str) -> (OpenId, Pasee) {
    let openid = OpenId::start().await;
    let tables = format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n[identity_providers.settings]\nissuer = \"{}\"\n\
         client_id = \"{}\"\nclient_secret = \"{}\"\ntimeout = 2\n{more}\n",
        openid.issuer,
        openid::CLIENT,
        openid::SECRET
    );
    (openid, Setup::default().tables(&tables).start().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_openid_connect() {
    type Spoil = fn(&OpenId);
    let moved = || answer("302 Found\r\nLocation: /elsewhere", JSON, "");
    let spoiled: [(Spoil, Expected<'_>); 5] = [
        (
            |it| it.sends(Place::Discovery, answer("302 Found\r\nLocation: /x", JSON, "")),
            (502, NOBODYS, &["a redirect in place of a document"]),
        ),
        (
            |it| it.gives(Place::Discovery, &json!({"issuer": "https://other.example"})),
            (502, NOBODYS, &["other.example", "another issuer"]),
        ),
        (
            |it| it.gives(Place::Keys, &json!({"keys": []})),
            (502, NOBODYS, &["a JWK Set without a key of use"]),
        ),
        (|it| it.sends(Place::Keys, answer("503 No", JSON, "")), (503, NOBODYS, &["503"])),
        (
            |it| it.sends(Place::Discovery, answer("200 OK", JSON, "{")),
            (502, NOBODYS, &["a malformed document"]),
        ),
    ];
    for (spoil, expected) in spoiled {
        let (openid, pasee) = corp("").await;
        spoil(&openid);
        let answer = at(&openid, &pasee, |_| {}).await;
        assert_told(&pasee, "corp", &answer, expected);
    }
    let (openid, pasee) = corp("user_info = true\nsubject_claim = \"email\"").await;
    openid.sends(Place::UserInfo, moved());
    let answer_to = at(&openid, &pasee, |_| {}).await;
    assert_told(&pasee, "corp", &answer_to, (502, NOBODYS, &["a redirect in place of UserInfo"]));
    openid.gives(Place::UserInfo, &json!({"sub": "ada"}));
    for (member, value, expected) in [
        ("nonce", json!("x"), (502, NOBODYS, &["nonce"][..])),
        ("aud", json!("x"), (502, NOBODYS, &["aud"])),
        ("exp", json!(1), (502, NOBODYS, &["expired"])),
        (
            "email_verified",
            json!(false),
            (403, "settings of this Pasee", &["email_verified", "sub=ada"]),
        ),
    ] {
        let answer = at(&openid, &pasee, |claims| claims[member] = value.clone()).await;
        assert_told(&pasee, "corp", &answer, expected);
    }
}

/// Providers that are asked with a password or a token.
#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_are_asked() {
    let forger = crate::support::forge::Forger::new(pasee::jose::key::Algorithm::Es256k);
    let stranger = crate::support::forge::Forger::new(pasee::jose::key::Algorithm::Es256k);
    let moved = answer("302 Found\r\nLocation: /elsewhere", JSON, "");
    let jwt = kisee::jwt(&stranger, &kisee::claims());
    let kisees = [
        (
            kisee::spoiled(&forger, Some(moved.clone()), None),
            (502, NOBODYS, &["a redirect", "see endpoint"][..]),
        ),
        (
            kisee::spoiled(&forger, None, Some(moved.clone())),
            (502, NOBODYS, &["a redirect", "see endpoint"]),
        ),
        (
            kisee::spoiled(&forger, None, Some(answer("503 No\r\nRetry-After: 9", JSON, ""))),
            (503, "when Retry-After says", &["retry_after=9"]),
        ),
        (
            kisee::spoiled(&forger, None, Some(kisee::tokens(&json!([jwt])))),
            (502, NOBODYS, &["a JWT that does not hold"]),
        ),
    ];
    let (mut tables, mut servers, mut expected) = (String::new(), Vec::new(), Vec::new());
    for (number, (script, outcome)) in kisees.into_iter().enumerate() {
        let server = RawServer::start(script).await;
        tables += &format!(
            "[[identity_providers]]\nname = \"k{number}\"\nprotocol = \"kisee\"\nendpoint = \"http://{}/\"\n\
             [identity_providers.settings]\ntimeout = 2\npublic_keys = [\"\"\"\n{}\"\"\"]\n",
            server.address,
            forger.key.public().to_pem()
        );
        servers.push(server);
        expected.push((
            format!("k{number}"),
            json!({"login": "ada", "password": "pw-of-ada"}),
            outcome,
        ));
    }
    let inner = RawServer::start(Arc::new(move |_| moved.clone())).await;
    tables += &format!(
        "[[identity_providers]]\nname = \"inner\"\nprotocol = \"pasee\"\nendpoint = \"http://{}/\"\n\
         [identity_providers.settings]\nissuer = \"inner.example.com\"\nproviders = [\"internals\"]\nidp = \"internals\"\ntimeout = 2\n\
         [[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\nendpoint = \"ldap://127.0.0.1:{}\"\n\
         [identity_providers.settings]\nplaintext_passwords = true\nbase = \"dc=example\"\nfilter = \"(uid={{login}})\"\ntimeout = 2\n",
        inner.address,
        free_port()
    );
    let password = json!({"login": "ada", "password": "pw-of-ada"});
    let redirect = ["a redirect, which is not followed", "see endpoint"];
    expected.push(("inner".into(), json!({"token": "a.b.c"}), (502, NOBODYS, &redirect)));
    expected.push(("inner".into(), password.clone(), (502, NOBODYS, &redirect)));
    expected.push((
        "corp".into(),
        password,
        (503, NOBODYS, &["Connection refused", "ldap://127.0.0.1"]),
    ));
    let pasee = Setup::default().tables(&tables).start().await;
    for (name, body, expected) in expected {
        let answer = pasee.ask("POST", &format!("/tokens/?idp={name}")).json(&body).await;
        assert_told(&pasee, &name, &answer, expected);
    }
    // A wrong password looks like any other: nothing names the request in it, so that nothing can be told apart.
    let wrong = json!({"login": "ada", "password": "x"});
    let answer = pasee.ask("POST", "/tokens/?idp=local").json(&wrong).await.is(403);
    assert_eq!(answer.json().get("request_id"), None);
}
