//! Claims that a provider leaves out and says to be elsewhere: asked for where the settings let Pasee, and nowhere else.

use std::sync::{Arc, Mutex};

use pasee::domain::group::GroupName;
use pasee::idp::ProviderError;
use pasee::settings::{Mapping, Protocol};
use serde_json::{Value, json};

use super::support::openid::{ACCESS_TOKEN, OpenId};
use super::support::raw_server::{RawServer, Request, Script, Step, answer};
use super::{TIMEOUT, log_in, providers};

const JSON: &str = "application/json";

/// What the login comes to, and what the server elsewhere was asked.
async fn overage(
    path: &str,
    steps: Vec<Step>,
    (is_named, claims): (bool, Value),
) -> (Result<Vec<GroupName>, ProviderError>, Vec<String>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let script: Script = Arc::new(move |request: &Request| {
        let body = String::from_utf8_lossy(&request.body);
        seen.lock().unwrap().push(format!("{}\n{body}", request.head));
        steps.clone()
    });
    let elsewhere = RawServer::start(script).await;
    let openid = OpenId::start().await;
    let mut settings = openid.settings("corp", TIMEOUT);
    let rules = "[jwt]\niss = \"a.example\"\n[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
                 group_mapping = [{ claim = \"groups\", value = \"7e57\", group = \"articles\" }]\n\
                 settings = { issuer = \"https://id.example.com\", client_id = \"a\" }\n";
    let mut read = pasee::settings::parse(std::path::Path::new("settings.toml"), rules).unwrap();
    let mapping: Mapping = read.identity_providers.remove(0).mapping;
    settings.mapping = mapping;
    let Protocol::Oidc(oidc) = &mut settings.protocol else { panic!("an OpenID provider") };
    if is_named {
        oidc.claim_sources = vec![elsewhere.address.to_string()];
    }
    let providers = providers(&[settings]);
    let endpoint = format!("http://{}{path}", elsewhere.address);
    let identity = log_in(&openid, &providers, |token| {
        token["_claim_names"] = json!({ "groups": "src1" });
        token["_claim_sources"] = json!({ "src1": { "endpoint": endpoint } });
        for (name, value) in claims.as_object().unwrap() {
            token[name] = value.clone();
        }
    })
    .await;
    let asked = asked.lock().unwrap().clone();
    (identity.map(|identity| identity.mapped.groups), asked)
}

fn articles() -> Vec<GroupName> {
    vec!["articles".parse().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn as_entra_and_as_the_standard_has_it() {
    for (path, body, method) in [
        ("/v1.0/users/1/getMemberObjects", json!({"value": ["a", "7e57"]}), "POST"),
        ("/claims", json!({"groups": ["7e57"]}), "GET"),
    ] {
        let steps = answer("200 OK", JSON, body.to_string());
        let (groups, asked) = overage(path, steps, (true, json!({}))).await;
        assert_eq!(groups.unwrap(), articles(), "{path}");
        assert_eq!(asked.len(), 1);
        assert!(asked[0].starts_with(&format!("{method} {path} ")), "{asked:?}");
        assert!(asked[0].contains(&format!("Bearer {ACCESS_TOKEN}")), "{asked:?}");
        assert_eq!(asked[0].contains("securityEnabledOnly"), method == "POST");
    }
}

/// Nobody is asked whom the settings do not name, nor for what the token says itself: no token of a login goes astray.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_asked() {
    let good =
        || answer("200 OK", JSON, json!({"value": ["7e57"], "groups": ["7e57"]}).to_string());
    for (named, claims) in [
        (false, json!({})),
        (true, json!({"groups": []})),
        (true, json!({"_claim_names": {"groups": "src2"}})),
        (
            true,
            json!({"_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/v1.0/me"}}}),
        ),
        (true, json!({"_claim_sources": {"src1": {"endpoint": "file:///etc/passwd"}}})),
        (true, json!({"_claim_sources": {"src1": {"endpoint": "//evil.example"}}})),
    ] {
        let (groups, asked) = overage("/getMemberObjects", good(), (named, claims.clone())).await;
        assert_eq!((groups.unwrap(), asked.len()), (Vec::new(), 0), "{claims}");
    }
}

/// An answer that is none adds no group; a server that is away is a login that is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none() {
    for steps in [
        answer("403 Forbidden", JSON, "{}"),
        answer("302 Found\r\nLocation: /x", JSON, ""),
        answer("500 No", JSON, ""),
        answer("200 OK", "text/html", "<html>"),
        answer("200 OK", JSON, "{"),
        answer("200 OK", JSON, "[\"7e57\"]"),
        answer("200 OK", JSON, json!({"value": "7e57"}).to_string()),
        answer("200 OK", JSON, json!({"value": [{"id": "7e57"}, "7e57"]}).to_string()),
        answer("200 OK", JSON, json!({"other": ["7e57"]}).to_string()),
    ] {
        let (groups, asked) = overage("/claims", steps, (true, json!({}))).await;
        assert_eq!((groups.unwrap(), asked.len()), (Vec::new(), 1));
    }
    for steps in [answer("503 No", JSON, ""), vec![Step::Close], vec![Step::Hang]] {
        let (groups, _) = overage("/claims", steps, (true, json!({}))).await;
        assert_eq!(groups.unwrap_err(), ProviderError::Unreachable);
    }
    let limited = answer("429 Slow\r\nRetry-After: 7", JSON, "");
    let (groups, _) = overage("/claims", limited, (true, json!({}))).await;
    assert!(matches!(groups.unwrap_err(), ProviderError::Limited(_)));
}
