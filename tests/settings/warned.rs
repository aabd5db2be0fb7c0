//! What is right and yet not what whoever wrote it wants: warned of, each with its line, and nothing beside it is.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pasee::settings::parse;

use crate::mistakes::mistakes;

/// The warnings of one provider's settings, with some lines of `[jwt]`.
fn warned(protocol: &str, lines: &str, jwt: &str) -> Vec<String> {
    let own = match protocol {
        "oidc" => "issuer = \"https://id.example.com\"\nclient_id = \"a\"\n",
        "oauth2" => "client_id = \"a\"\n",
        _ => "",
    };
    let host = if protocol == "oauth2" { "host = \"github.com\"\n" } else { "" };
    let (above, below) = lines.split_once('|').unwrap_or(("", lines));
    let text = format!(
        "[[identity_providers]]\nname = \"corp\"\nprotocol = \"{protocol}\"\n{host}{above}\n[identity_providers.settings]\n{own}{below}\n\
         [jwt]\niss = \"pasee.example.com\"\n{jwt}\n"
    );
    let settings =
        parse(Path::new("f.toml"), &text).unwrap_or_else(|error| panic!("{text}{error}"));
    settings.warnings.iter().map(ToString::to_string).collect()
}

/// `callback_url` of `oidc` may be any place; one in the clear is for this machine.
#[test]
fn places_in_the_clear_to_come_back_to() {
    for (url, is_told) in [
        ("http://pasee.example.com/tokens/corp/", true),
        ("http://10.0.0.7:8140/anything", true),
        ("http://localhost.example.com/tokens/corp/", true),
        ("http://127.0.0.1:8140/tokens/corp/", false),
        ("http://[::1]:8140/tokens/corp/", false),
        ("http://localhost:8140/tokens/corp/", false),
        ("https://pasee.example.com/tokens/corp/", false),
    ] {
        let told = warned("oidc", &format!("client_secret = \"s\"\ncallback_url = \"{url}\""), "");
        let found = told.iter().any(|told| told.contains("callback_url: whoever is between"));
        assert_eq!((found, told.len()), (is_told, usize::from(is_told)), "{url}: {told:?}");
    }
}

/// The host of an issuer of several tenants is one, whatever a token says.
#[test]
fn tenants_in_a_host() {
    for issuer in [
        "https://{tenantid}.example.com/v2.0",
        "https://{tenantid}/v2.0",
        "https://login.example.com.{tenantid}/",
        "https://{TENANTID}.example.com/{tenantid}/v2.0",
        "https://%7Btenantid%7D.example.com/{tenantid}",
    ] {
        let text = format!(
            "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n[identity_providers.settings]\nclient_id = \"a\"\n\
             issuer = \"{issuer}\"\ntenants = [\"00000000-1111-2222-3333-444444444444\"]\n"
        );
        let found = mistakes(&text);
        assert!(found.contains("with {tenantid} once in its path"), "{issuer}: {found}");
    }
}

/// Apple's secrets are JWTs that last for six months.
#[test]
fn secrets_that_end() {
    const DAY: i64 = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for (left, words) in [
        (-10 * DAY - 60, Some("has expired, 10 days ago")),
        (-60, Some("has expired, 0 days ago")),
        (5 * DAY + 3600, Some("expires in 5 days")),
        (29 * DAY, Some("expires in ")),
        (31 * DAY, None),
        (180 * DAY, None),
    ] {
        let claims = part(&format!("{{\"exp\":{}}}", now + left));
        let secret = format!("{}.{claims}.c2lnbmVk", part("{\"alg\":\"ES256\"}"));
        for protocol in ["oidc", "oauth2"] {
            let told = warned(protocol, &format!("client_secret = \"{secret}\""), "");
            assert_eq!(told.len(), usize::from(words.is_some()), "{protocol} {left}: {told:?}");
            for (told, words) in told.iter().zip(words) {
                assert!(
                    told.contains("client_secret: is a JWT that ") && told.contains(words),
                    "{told}"
                );
                assert!(
                    told.contains("client_auth = \"apple\"") && !told.contains(&secret),
                    "{told}"
                );
            }
        }
    }
    assert_eq!(warned("oidc", "client_secret = \"a.b.c\"", "").len(), 0);
}

/// No session lasts longer than `[jwt]` says.
#[test]
fn sessions_that_are_cut() {
    for (own, jwt, words) in [
        ("session_lifetime = \"100d\"|", "", Some("[jwt], \"90d\"")),
        ("session_lifetime = \"90d\"|", "", None),
        ("session_lifetime = 7776001|", "", Some("[jwt], \"90d\"")),
        (
            "session_lifetime = \"2d\"|",
            "refresh_lifetime = \"1h\"\nsession_lifetime = \"36h\"",
            Some("[jwt], \"129600s\""),
        ),
        (
            "session_lifetime = \"1d\"|",
            "refresh_lifetime = \"1h\"\nsession_lifetime = \"36h\"",
            None,
        ),
        // What nobody wrote is cut without a word: it is a default.
        ("|", "refresh_lifetime = \"1h\"\nsession_lifetime = \"36h\"", None),
    ] {
        let told = warned("oidc", &format!("{own}client_secret = \"s\""), jwt);
        assert_eq!(told.len(), usize::from(words.is_some()), "{own} {jwt}: {told:?}");
        for (told, words) in told.iter().zip(words) {
            assert!(told.contains("session_lifetime: is longer") && told.contains(words), "{told}");
        }
    }
}
