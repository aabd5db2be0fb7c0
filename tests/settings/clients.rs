//! `[[clients]]`: what is right, what is wrong and where, and what is odd.

use std::fs;

use pasee::domain::client::{Consent, Dpop, GrantType, IdTokenAlg, Pkce, SecretHash};
use pasee::settings::{Settings, load};

use crate::mistakes::{assert_mistake, mistakes};
use crate::read;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const PROVIDER: &str = "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\nclaims = [\"email\", \"name\", \"amr\"]\n\
                        settings = { issuer = \"https://id.example.com\", client_id = \"pasee\", client_secret = \"its secret\" }\n";

/// A confidential client with these lines more, at the top of a file.
fn grafana(lines: &str) -> String {
    let redirect =
        if lines.contains("redirect_uris") && !lines.contains("post_logout_redirect_uris") {
            String::new()
        } else {
            "redirect_uris = [\"https://grafana.example.com/login\"]\n".to_owned()
        };
    let secret = if lines.contains("secret_") {
        String::new()
    } else {
        format!("secret_hashes = [\"{HASH}\"]\n")
    };
    format!("[[clients]]\nid = \"grafana\"\n{redirect}{secret}{lines}\n")
}

fn settings(text: &str) -> Settings {
    read("f.toml", &format!("{text}\n{PROVIDER}[jwt]\niss = \"https://pasee.example.com\"\n"))
}

#[test]
fn what_a_client_is_without_saying_much() {
    let settings = settings(&grafana(""));
    let [client] = settings.clients.as_slice() else { panic!("one client") };
    assert_eq!((client.id.as_str(), client.name.as_str()), ("grafana", "grafana"));
    assert!(client.knows_secret("abc") && !client.is_public() && !client.requires_pkce());
    assert!(client.allows(GrantType::AuthorizationCode) && client.allows(GrantType::RefreshToken));
    assert_eq!((client.grant_types.len(), client.enabled), (2, true));
    assert_eq!(settings.warnings, [] as [&str; 0]);
}

#[test]
fn everything_that_can_be_said() {
    let settings = settings(&grafana(
        "name = \"Grafana at work\"\npost_logout_redirect_uris = [\"https://grafana.example.com/bye\"]\n\
         allowed_origins = [\"https://grafana.example.com\"]\n\
         grant_types = [\"authorization_code\", \"refresh_token\", \"urn:ietf:params:oauth:grant-type:token-exchange\"]\n\
         audiences = [\"https://api.example.com\", \"kubernetes\"]\ngroups = [\"articles\", \"admin.staff\"]\n\
         require_groups = [\"articles\"]\nrequire_amr = [\"mfa\"]\nclaims = [\"email\", \"name\"]\n\
         id_token_alg = \"ES256\"\nexchange_providers = [\"corp\"]\nconsent = true\ndpop = \"required\"\n\
         pkce = \"required\"\nenabled = true",
    ));
    let [client] = settings.clients.as_slice() else { panic!("one client") };
    assert_eq!(client.name, "Grafana at work");
    assert!(client.post_logout_redirect("https://grafana.example.com/bye").is_some());
    assert!(client.allows_origin("https://grafana.example.com"));
    assert!(client.allows(GrantType::TokenExchange) && client.has_audience("kubernetes"));
    assert_eq!(client.groups.to_string(), "groups:admin.staff groups:articles");
    assert_eq!(client.require_groups, ["articles".parse().unwrap()]);
    assert!(client.is_satisfied_by(&["mfa"]) && !client.is_satisfied_by(&["pwd"]));
    assert_eq!(
        client.claims.iter().map(|claim| claim.as_str()).collect::<Vec<_>>(),
        ["email", "name"]
    );
    assert_eq!((client.id_token_alg, client.consent), (IdTokenAlg::Es256, Consent::Asked));
    assert_eq!((client.dpop, client.pkce), (Dpop::Required, Pkce::Required));
    assert_eq!(client.exchange_providers, ["corp".parse().unwrap()]);
    assert_eq!(settings.warnings, [] as [&str; 0]);
    let told = settings.explain().to_string();
    let wanted = "- The application grafana (Grafana at work), which has a secret, gets tokens by a login in a browser, by a refresh \
                  and for other tokens; codes go to https://grafana.example.com/login, with PKCE alone; after a logout browsers go to \
                  https://grafana.example.com/bye; pages of https://grafana.example.com may call; only who is in articles may log in; \
                  only who logged in by mfa; people are asked first; of the groups it learns admin.staff and articles and what is below; \
                  it is told email and name; its tokens may be for https://api.example.com or kubernetes; it may exchange tokens of corp; \
                  its ID tokens are signed ES256; its tokens are bound to a key (DPoP).\n";
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn in_plain_words() {
    let told = |lines: &str| {
        settings(&format!("[[clients]]\nid = \"app\"\n{lines}\n")).explain().to_string()
    };
    for (lines, wanted) in [
        (
            "redirect_uris = [\"com.example.app:/cb\"]",
            "- The application app, which has no secret, gets tokens by a login in a browser and by \
          a refresh; codes go to com.example.app:/cb, with PKCE alone.\n",
        ),
        (
            "redirect_uris = [\"https://a.example/\"]\nenabled = false",
            "- Leaves the application app out: enabled = false.\n",
        ),
        (
            &format!(
                "secret_hashes = [\"{HASH}\", \"sha256:{}\"]\ngrant_types = []",
                "0".repeat(64)
            ),
            "- The application app, which has 2 secrets, gets no tokens.\n",
        ),
    ] {
        assert!(told(lines).contains(wanted), "{}", told(lines));
    }
}

#[test]
fn one_mistake_in_each_key() {
    for (line, key, right) in [
        ("name = \"\"", "name", "1 to 100 characters"),
        ("name = 7", "name", "a text"),
        ("secret_hashes = [\"secret\"]", "secret_hashes[0]", "sha256: and 64 digits"),
        (
            "secret_hashes = [\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]",
            "secret_hashes[0]",
            "empty secret",
        ),
        ("secret_hashes = \"sha256:00\"", "secret_hashes", "a list"),
        ("redirect_uris = [\"http://grafana.example.com/\"]", "redirect_uris[0]", "https"),
        ("redirect_uris = [\"https://*.example.com/\"]", "redirect_uris[0]", "no *"),
        (
            "redirect_uris = [\"https://Grafana.example.com/a\"]",
            "redirect_uris[0]",
            "say https://grafana.example.com/a",
        ),
        ("redirect_uris = []", "redirect_uris", "authorization_code needs a redirect URI"),
        ("post_logout_redirect_uris = [\"/bye\"]", "post_logout_redirect_uris[0]", "absolute"),
        ("allowed_origins = [\"*\"]", "allowed_origins[0]", "https:// and a host"),
        ("grant_types = [\"password\"]", "grant_types[0]", "authorization_code, refresh_token"),
        ("audiences = [\"https://pasee.example.com#refresh\"]", "audiences", "no #"),
        ("audiences = [\"a b\"]", "audiences[0]", "no space"),
        ("groups = [\"A\"]", "groups[0]", "segments of a-z"),
        ("groups = []", "groups", "[\"articles\"]"),
        ("require_groups = [\"staff.a\"]", "require_groups[0]", "reserved"),
        ("require_amr = [\"\"]", "require_amr[0]", "such as mfa"),
        ("claims = [\"sub\"]", "claims[0]", "reserved"),
        ("id_token_alg = \"HS256\"", "id_token_alg", "\"RS256\" and \"ES256\""),
        ("exchange_providers = [\"crop\"]", "exchange_providers[0]", "those are \"corp\""),
        ("consent = \"yes\"", "consent", "true or false"),
        ("dpop = true", "dpop", "a text"),
        ("dpop = \"always\"", "dpop", "\"optional\" and \"required\""),
        ("pkce = \"off\"", "pkce", "\"optional\" and \"required\""),
        ("enabled = 1", "enabled", "true or false"),
        ("grant_type = []", "grant_type", "the nearest known one is grant_types"),
        ("secret_file = \"nowhere\"", "secret_file", "dir/nowhere cannot be read"),
    ] {
        let text = format!("{}{PROVIDER}", grafana(line));
        assert_mistake(&text, line, &format!("clients[0].{key}"), right);
    }
}

#[test]
fn one_id_for_each_client_and_none_like_a_user() {
    let two = format!("{}{}", grafana(""), grafana("").replace("id = ", "id  = "));
    assert_mistake(&two, "id  =", "clients[1].id", "stands twice");
    for (id, right) in [
        ("Grafana", "such as grafana"),
        ("pasee-http", "POST /tokens/"),
        ("client-a", "taken for a user id"),
        ("k8s-a", "taken for a user id"),
        ("corp-a", "could be taken for a user of the identity provider corp"),
    ] {
        let text =
            format!("{}{PROVIDER}", grafana("").replace("\"grafana\"", &format!("\"{id}\"")));
        assert_mistake(&text, "id = ", "clients[0].id", right);
    }
    let found = mistakes("[[clients]]\nredirect_uris = [\"https://a.example/\"]\n");
    assert!(found.starts_with("dir/f.toml:1: clients[0].id: is missing"), "{found}");
}

/// All at once, and nothing that only follows from another mistake.
#[test]
fn everything_that_is_wrong_is_said() {
    let found = mistakes(
        "[[clients]]\nid = \"A\"\nname = \" a\"\nsecret_hashes = [\"x\"]\nredirect_uris = [\"http://a.example/\", \"b\"]\n\
         grant_types = [\"authorization_code\", \"client_credentials\"]\npkce = 1\nnmae = 2\n[[clients]]\nid = \"b\"\n\
         grant_types = [\"client_credentials\"]\n",
    );
    let places: Vec<&str> = found.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    let wanted = [
        "clients[0].id",
        "clients[0].name",
        "clients[0].secret_hashes[0]",
        "clients[0].redirect_uris[0]",
        "clients[0].redirect_uris[1]",
        "clients[0].pkce",
        "clients[0].nmae",
        "clients[1].grant_types",
    ];
    assert_eq!(places, wanted, "{found}");
}

#[test]
fn what_is_odd() {
    for (lines, part) in [
        ("redirect_uris = [\"http://localhost:3000/a\"]", "add pkce = \"required\""),
        (
            "require_amr = [\"mfa\"]\nclaims = [\"phone\"]",
            "names phone, which no identity provider lets pass",
        ),
        ("grant_types = [\"refresh_token\"]", "nothing that gives a refresh token"),
        ("grant_types = [\"client_credentials\"]", "does nothing without authorization_code"),
        (
            "exchange_providers = [\"corp\"]",
            "does nothing without urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("audiences = [\"a\", \"a\"]", "stands twice"),
    ] {
        let warnings = settings(&grafana(lines)).warnings;
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{lines} {warnings:?}");
    }
    let nobody = settings("[[clients]]\nid = \"a\"\ngrant_types = []\n").warnings;
    assert!(nobody[0].contains("nobody can use this client"), "{nobody:?}");
    let silent = grafana("require_amr = [\"mfa\"]");
    let silent = read(
        "f.toml",
        &format!("{silent}\n{}\n[jwt]\niss = \"i\"\n", PROVIDER.replace(", \"amr\"", "")),
    );
    assert!(
        silent.warnings[0].contains("nobody can log in to this client"),
        "{:?}",
        silent.warnings
    );
    let shared = format!("{}{}", grafana(""), grafana("").replace("\"grafana\"", "\"other\""));
    let shared = settings(&shared).warnings;
    assert!(shared[0].contains("the same secret as clients[0].secret_hashes"), "{shared:?}");
}

#[test]
fn a_secret_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    let text = grafana("secret_file = \"secret\"");
    fs::write(&file, format!("{text}[jwt]\niss = \"i\"\n{PROVIDER}")).unwrap();
    let long = "0123456789abcdef0123456789abcdef";
    let loaded = |secret: &str| {
        fs::write(dir.path().join("secret"), secret).unwrap();
        load(&file).map_err(|error| error.to_string())
    };
    for (secret, hashes) in [
        (format!("{long}\n"), vec![SecretHash::of(long)]),
        (
            format!("\u{feff}{long}x\r\n\n{long}\r\n"),
            vec![SecretHash::of(&format!("{long}x")), SecretHash::of(long)],
        ),
    ] {
        assert_eq!(loaded(&secret).unwrap().clients[0].secret_hashes, hashes);
    }
    let short = loaded("0123456789abcdef").unwrap();
    assert!(
        short.warnings.iter().any(|warning| warning.contains("short secret")),
        "{:?}",
        short.warnings
    );
    for (secret, right) in [
        ("", "names an empty file"),
        ("\n \n", "names an empty file"),
        ("0123456789abcde", "fewer than 16 characters"),
        (&format!("{long}\nshort"), "fewer than 16 characters"),
        (&(0..11).map(|line| format!("{long}{line}\n")).collect::<String>(), "a file of 11 lines"),
    ] {
        let error = loaded(secret).unwrap_err();
        assert!(error.contains("clients[0].secret_file") && error.contains(right), "{error}");
        assert!(!error.contains("0123456789"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let both = grafana("secret_hashes = []\nsecret_file = \"secret\"");
    assert_mistake(&both, "secret_file", "clients[0].secret_file", "stands beside secret_hashes");
}

/// The settings in docs/clients.md load, and its table has every key.
#[test]
fn the_page_is_right() {
    let page = include_str!("../../docs/clients.md");
    let block = page.split("```toml\n").nth(1).and_then(|block| block.split("```").next()).unwrap();
    let settings = settings(block);
    assert_eq!(settings.warnings, [] as [&str; 0]);
    assert!(settings.clients[0].knows_secret("secret"));
    for key in [
        "id",
        "name",
        "secret_hashes",
        "secret_file",
        "redirect_uris",
        "post_logout_redirect_uris",
        "allowed_origins",
        "grant_types",
        "audiences",
        "groups",
        "require_groups",
        "require_amr",
        "claims",
        "id_token_alg",
        "exchange_providers",
        "consent",
        "dpop",
        "pkce",
        "enabled",
    ] {
        assert!(page.contains(&format!("\n| `{key}` | ")), "{key}");
    }
}
