//! OAuthClients at their bounds and beyond, in the schema and as they are read.

use pasee::domain::client::SecretHash;
use serde_json::{Value, json};

use super::bounds::with;
use super::support::schema::{Kind, Server};

const URI: &str = "https://grafana.example.com/login";

fn right() -> Value {
    json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "OAuthClient",
        "metadata": { "name": "grafana" },
        "spec": { "redirectUris": [URI], "secretHashes": [SecretHash::of("x").to_string()] },
    })
}

#[test]
fn what_the_schema_takes_is_read_and_what_it_refuses_says_why() {
    let server = Server::of(Kind::OAuthClient);
    let hash = || SecretHash::of("y").to_string();
    let uris =
        |count: usize| json!((0..count).map(|number| format!("{URI}{number}")).collect::<Vec<_>>());
    let groups =
        |count: usize| json!((0..count).map(|number| format!("g{number}")).collect::<Vec<_>>());
    for (place, value, refused) in [
        ("/metadata/name", Some(json!("x".repeat(100))), None),
        ("/metadata/name", Some(json!("x".repeat(101))), Some("at most 100")),
        ("/metadata/name", Some(json!("pasee-http")), Some("POST /tokens/")),
        ("/metadata/name", Some(json!("client-a")), Some("user id")),
        ("/metadata/name", Some(json!("k8s-a")), Some("user id")),
        ("/metadata/name", Some(json!("pasee")), None),
        ("/spec/name", Some(json!("Grafana")), None),
        ("/spec/name", Some(json!("")), Some("minLength")),
        ("/spec/name", Some(json!("x".repeat(101))), Some("maxLength")),
        ("/spec/secretHashes", None, None),
        ("/spec/secretHashes", Some(json!(vec![hash(); 10])), None),
        ("/spec/secretHashes", Some(json!(vec![hash(); 11])), Some("maxItems")),
        ("/spec/secretHashes/0", Some(json!("secret")), Some("pattern")),
        ("/spec/redirectUris", Some(uris(50)), None),
        ("/spec/redirectUris", Some(uris(51)), Some("maxItems")),
        ("/spec/redirectUris", Some(json!([])), Some("needs a redirect URI")),
        ("/spec/redirectUris", None, Some("needs a redirect URI")),
        ("/spec/redirectUris/0", Some(json!("/login")), Some("pattern")),
        ("/spec/redirectUris/0", Some(json!("https://*.example.com/")), Some("pattern")),
        ("/spec/redirectUris/0", Some(json!("https://a.example/ b")), Some("pattern")),
        (
            "/spec/redirectUris/0",
            Some(json!(format!("{URI}{}", "x".repeat(512)))),
            Some("maxLength"),
        ),
        ("/spec/postLogoutRedirectUris", Some(json!([URI])), None),
        ("/spec/allowedOrigins", Some(json!(["https://a.example"])), None),
        ("/spec/allowedOrigins", Some(json!(["*"])), Some("pattern")),
        ("/spec/grantTypes", Some(json!(["authorization_code", "client_credentials"])), None),
        ("/spec/grantTypes", Some(json!(["password"])), Some("enum")),
        ("/spec/audiences", Some(json!(["https://api.example.com", "kubernetes"])), None),
        ("/spec/audiences", Some(json!(["https://pasee.example.com#refresh"])), Some("pattern")),
        ("/spec/groups", Some(groups(16)), None),
        ("/spec/groups", Some(groups(17)), Some("maxItems")),
        ("/spec/groups", Some(json!([])), Some("minItems")),
        ("/spec/groups", Some(json!(["A"])), Some("pattern")),
        ("/spec/requireGroups", Some(json!(["a.staff", "staff"])), None),
        ("/spec/requireAmr", Some(json!(["mfa"])), None),
        ("/spec/requireAmr", Some(json!(["a b"])), Some("pattern")),
        ("/spec/claims", Some(json!(["email"])), None),
        ("/spec/claims", Some(json!(["é"])), Some("pattern")),
        ("/spec/idTokenAlg", Some(json!("ES256")), None),
        ("/spec/idTokenAlg", Some(json!("HS256")), Some("enum")),
        ("/spec/exchangeProviders", Some(json!(["corp"])), None),
        ("/spec/exchangeProviders", Some(json!(["co-rp"])), Some("pattern")),
        ("/spec/consent", Some(json!(true)), None),
        ("/spec/dpop", Some(json!("required")), None),
        ("/spec/dpop", Some(json!(true)), Some("type")),
        ("/spec/pkce", Some(json!("off")), Some("enum")),
        ("/spec/enabled", Some(json!("no")), Some("type")),
        ("/spec", None, Some("equired")),
    ] {
        let object = with(right(), place, value);
        match (server.takes(&object), refused) {
            (Ok(()), None) => assert_eq!(server.is_read(&object), Ok(()), "{object}"),
            (Err(told), Some(says)) => {
                assert!(told.contains(says), "{place}: {told}");
            }
            (told, wanted) => panic!("{place}: {told:?}, not {wanted:?}"),
        }
    }
}

/// What could be anybody's gets nothing for itself.
#[test]
fn a_public_client_has_no_credentials() {
    let server = Server::of(Kind::OAuthClient);
    let object = with(right(), "/spec/grantTypes", Some(json!(["client_credentials"])));
    assert_eq!(server.takes(&object), Ok(()));
    let public = with(object, "/spec/secretHashes", None);
    assert!(server.takes(&public).unwrap_err().contains("prove who they are"));
    assert!(server.is_read(&public).is_err());
}

/// What no pattern says is left to the reading: such an object is there, and no client.
#[test]
fn how_an_address_is_spelled_is_read() {
    let server = Server::of(Kind::OAuthClient);
    for wrong in [
        "http://grafana.example.com/",
        "https://Grafana.example.com/",
        "https://ada@grafana.example.com/",
        "https://grafana.example.com/#a",
        "javascript:alert(1)",
    ] {
        let object = with(right(), "/spec/redirectUris/0", Some(json!(wrong)));
        assert_eq!(server.takes(&object), Ok(()), "{wrong}");
        let told = server.is_read(&object).unwrap_err();
        assert!(told.starts_with("InvalidSpec: spec.redirectUris[0]: "), "{told}");
    }
}
