//! Wrong settings: every mistake at once, each with its line, its key and what would be right.

use std::fs;
use std::path::Path;

use pasee::settings::sidecar::parse;

use crate::{said, sidecar};

const RIGHT: &str = "upstream = \"http://127.0.0.1:8080\"\n[[issuers]]\nissuer = \"https://pasee.example.com\"\naudience = \"app\"\n\
                     [[rules]]\nallow = \"authenticated\"\n";

fn mistakes(source: &str) -> String {
    parse(Path::new("sidecar.toml"), source)
        .map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn all_at_once_with_line_and_key() {
    let source = "listen = \"8160\"\nupstrem = \"http://127.0.0.1:8080\"\n[[issuers]]\nissuer = \"http://pasee.example.com\"\nkind = \"paseee\"\n\
                  [[rules]]\npath = \"articles\"\nallow = \"publik\"\n[[rules]]\npath = \"/a/{x}\"\ngroups = [\"a.{y}\"]\nallow_group = 1\n[proxy]\nmax_conections = 0\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sidecar.toml");
    fs::write(&file, source).unwrap();
    let checked =
        sidecar(&["--settings-file", file.to_str().unwrap(), "--check"]).output().unwrap();
    let said = said(&checked);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for (line, key, says) in [
        (1, "listen", "is no address with a port"),
        (2, "upstrem", "is no known key; the nearest known one is upstream"),
        (3, "issuers[0].audience", "is missing"),
        (4, "issuers[0].issuer", "is no https URL"),
        (5, "issuers[0].kind", "right ones are \"pasee\", \"kubernetes\" and \"oidc\""),
        (7, "rules[0].path", "is no path"),
        (8, "rules[0].allow", "right ones are \"public\" and \"authenticated\""),
        (11, "rules[1].groups[0]", "is filled from {y}, which every path of the rule must have"),
        (12, "rules[1].allow_group", "is no known key"),
        (14, "proxy.max_conections", "the nearest known one is max_connections"),
    ] {
        let expected = format!("{}:{line}: {key}: ", file.display());
        let found = said.lines().find(|told| told.contains(&expected));
        assert!(found.is_some_and(|told| told.contains(says)), "{expected}{says}\n{said}");
    }
}

#[test]
fn each_mistake_alone() {
    assert_eq!(mistakes(RIGHT), "");
    let one = |table: &str| format!("{RIGHT}{table}\n");
    for (source, key, says) in [
        ("".to_owned(), "issuers", "is missing"),
        (RIGHT.replace("upstream = \"http://127.0.0.1:8080\"\n", ""), "upstream", "or [check]"),
        (RIGHT.replace("http://127", "ftp://127"), "upstream", "is no application"),
        (RIGHT.replace(":8080", ":8080/x"), "upstream", "without path"),
        (RIGHT.replace("allow = \"authenticated\"", ""), "rules[0].allow", "is missing"),
        (
            RIGHT.replace("allow", "groups = [\"a\"]\nallow"),
            "rules[0].groups",
            "stands beside allow",
        ),
        (
            RIGHT.replace("allow = \"authenticated\"", "groups = []"),
            "rules[0].groups",
            "lets nobody in",
        ),
        (
            RIGHT.replace("allow", "methods = [\"get\"]\nallow"),
            "rules[0].methods[0]",
            "in capital letters",
        ),
        (
            RIGHT.replace("allow", "methods = []\nallow"),
            "rules[0].methods",
            "would be about no request",
        ),
        (
            RIGHT.replace("allow", "hosts = [\"a:80\"]\nallow"),
            "rules[0].hosts[0]",
            "without scheme and port",
        ),
        (
            RIGHT.replace("allow", "path = \"/a\"\npaths = [\"/b\"]\nallow"),
            "rules[0].paths",
            "stands beside path",
        ),
        (
            one("[[rules]]\nname = \"rules[0]\"\nallow = \"public\""),
            "rules[1].name",
            "is the name of another rule",
        ),
        (
            one("[[issuers]]\nissuer = \"https://b.example.com\"\naudience = \"app\""),
            "issuers[1].prefix",
            "as another issuer could",
        ),
        (
            one(
                "[[issuers]]\nissuer = \"https://b.example.com\"\naudience = \"app\"\nkind = \"oidc\"",
            ),
            "issuers[1].prefix",
            "as another issuer could",
        ),
        (
            one(
                "[[issuers]]\nissuer = \"https://b.example.com\"\naudience = \"app\"\nprefix = \"b\"",
            ),
            "issuers[1].prefix",
            "is no prefix",
        ),
        (
            one(
                "[[issuers]]\nissuer = \"https://b.example.com\"\naudience = \"app\"\nprefix = \"system:\"",
            ),
            "issuers[1].prefix",
            "is no prefix",
        ),
        (
            one(
                "[[issuers]]\nissuer = \"https://pasee.example.com\"\naudience = \"b\"\nprefix = \"b:\"",
            ),
            "issuers[1].issuer",
            "stands twice",
        ),
        (
            one("[headers]\nsets = [\"oauth2\"]"),
            "headers.sets[0]",
            "right ones are \"pasee\", \"oauth2-proxy\", \"auth-request\" and \"remote-user\"",
        ),
        (
            one("[headers]\nclaims = [\"a.b\", \"a_b\"]"),
            "headers.claims[1]",
            "becomes the header of another claim",
        ),
        (one("[check]\nallowed_peers = [\"10/8\"]"), "check.allowed_peers[0]", "is no network"),
        (one("[admin]"), "admin.listen", "is missing"),
        (
            one(
                "[revocations]\nissuer = \"https://b.example.com\"\nclient_id = \"a\"\nclient_secret = \"b\"",
            ),
            "revocations.issuer",
            "is none of [[issuers]]",
        ),
        (
            one(
                "[[issuers]]\nissuer = \"https://b.example.com\"\nkind = \"oidc\"\naudience = \"app\"\nprefix = \"b:\"\n[revocations]\nissuer = \"https://b.example.com\"\nclient_id = \"a\"\nclient_secret = \"b\"",
            ),
            "revocations.issuer",
            "is of another kind, which has no such list",
        ),
        (
            one(
                "[login]\nissuer = \"https://pasee.example.com\"\nclient_id = \"a\"\nclient_secret = \"b\"\nurl = \"https://app.example.com\"\ncookie_secrets = [\"short\"]",
            ),
            "login.cookie_secrets[0]",
            "has less than 32 characters",
        ),
        (
            one(
                "[login]\nissuer = \"https://pasee.example.com\"\nclient_id = \"a\"\nclient_secret = \"b\"\nurl = \"http://app.example.com\"\ncookie_secrets = [\"0123456789abcdef0123456789abcdef\"]",
            ),
            "login.url",
            "is no place that browsers log in at",
        ),
    ] {
        let said = mistakes(&source);
        let found = said.lines().find(|told| told.contains(&format!(": {key}: ")));
        assert!(found.is_some_and(|told| told.contains(says)), "{key}: {says}\n{source}\n{said}");
    }
}

/// No secret shows in what is said of a file.
#[test]
fn secrets_stay_secret() {
    let canary = "canary-canary-canary";
    let source = format!(
        "{RIGHT}[login]\nissuer = \"https://pasee.example.com\"\nclient_id = \"a\"\nclient_secret = \"{canary}\"\n\
         url = \"https://app.example.com\"\ncookie_secrets = [\"{canary}\"]\n"
    );
    let said = mistakes(&source);
    assert!(!said.is_empty() && !said.contains(canary), "{said}");
    let right = source.replace(&format!("[\"{canary}\"]"), &format!("[\"{canary}-{canary}\"]"));
    let settings =
        parse(Path::new("sidecar.toml"), &right).unwrap_or_else(|error| panic!("{error}"));
    assert!(!format!("{settings:?}").contains(canary));
}
