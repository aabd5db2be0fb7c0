//! Which rule is about a request, and whom it lets in.

use std::path::Path;
use std::sync::Arc;

use serde_json::Map;

use super::*;
use crate::domain::time::Timestamp;
use crate::settings::sidecar::parse;

/// The rules of a file that is right but for them.
fn rules(written: &str) -> Rules {
    let source = format!(
        "upstream = \"http://127.0.0.1:8080\"\n[[issuers]]\nissuer = \"https://pasee.example.com\"\naudience = \"app\"\n{written}"
    );
    Rules::new(
        parse(Path::new("sidecar.toml"), &source).unwrap_or_else(|error| panic!("{error}")).rules,
    )
}

fn identity(user: &str, groups: &[&str]) -> Identity {
    Identity {
        issuer: Arc::from("https://pasee.example.com"),
        subject: user.to_owned(),
        user: user.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        claims: Map::new(),
        expires_at: Timestamp::MAX,
        issued_at: None,
        revocation: None,
        session: None,
        authenticated_at: None,
        token: "t".to_owned().into(),
    }
}

fn decided(rules: &Rules, request: &str, identity: Option<&Identity>) -> String {
    let (method, place) = request.split_once(' ').unwrap();
    let (host, path) = place.split_once('/').unwrap();
    let path = RequestPath::of(&format!("/{path}")).unwrap();
    let method = method.parse().unwrap();
    rules.decide(&Asked { method: &method, host, path: &path }, identity).to_string()
}

const ARTICLES: &str = r#"
[[rules]]
name = "health"
path = "/healthz"
methods = ["GET"]
allow = "public"

[[rules]]
name = "sections"
path = "/articles/{section}/**"
groups = ["articles.{section}", "editors"]
users = ["kisee-root"]

[[rules]]
name = "team"
path = "/team/{a}/{b}"
all_groups = ["{a}.{b}", "people"]

[[rules]]
name = "any"
path = "/any/*"
groups = ["articles.*"]

[[rules]]
name = "admin"
hosts = ["admin.example.com", "*.internal.example.com"]
allow = "authenticated"
"#;

#[test]
fn the_first_that_is_about_it_decides() {
    let rules = rules(ARTICLES);
    let ada = identity("kisee-ada", &["articles.news", "articles.news.staff", "people", "x.y"]);
    let staff = identity("kisee-bob", &["articles.staff"]);
    let root = identity("kisee-root", &[]);
    for (request, who, expected) in [
        ("GET a/healthz", None, "allowed by health: it lets everybody in"),
        ("GET a/healthz", Some(&ada), "allowed by health: it lets everybody in"),
        ("POST a/healthz", Some(&ada), "refused: no rule is about it"),
        ("POST a/healthz", None, "refused: no rule is about it"),
        ("GET a/healthz/", Some(&ada), "refused: no rule is about it"),
        ("GET a/Healthz", None, "refused: no rule is about it"),
        ("GET a/articles/news/1", Some(&ada), "allowed by sections: the user is in articles.news"),
        ("GET a/articles/news", Some(&ada), "allowed by sections: the user is in articles.news"),
        ("GET a/articles/news/", Some(&ada), "allowed by sections: the user is in articles.news"),
        (
            "GET a/articles/news/1",
            None,
            "not allowed before somebody logs in: sections is about it",
        ),
        (
            "GET a/articles/sport/1",
            Some(&ada),
            "refused: sections is about it, and does not let this user in",
        ),
        (
            "GET a/articles/News/1",
            Some(&ada),
            "refused: sections is about it, and does not let this user in",
        ),
        (
            "GET a/articles/news.staff/1",
            Some(&ada),
            "refused: sections is about it, and does not let this user in",
        ),
        (
            "GET a/articles/staff/1",
            Some(&staff),
            "refused: sections is about it, and does not let this user in",
        ),
        (
            "GET a/articles/*/1",
            Some(&ada),
            "refused: sections is about it, and does not let this user in",
        ),
        ("GET a/articles//", None, ""),
        ("GET a/articles/", Some(&ada), "refused: no rule is about it"),
        ("GET a/articles", Some(&ada), "refused: no rule is about it"),
        ("GET a/articles/sport/1", Some(&root), "allowed by sections: it names the user"),
        ("GET a/team/x/y", Some(&ada), "allowed by team: the user is in x.y and people"),
        ("GET a/team/x/z", Some(&ada), "refused: team is about it, and does not let this user in"),
        ("GET a/team/x/y/z", Some(&ada), "refused: no rule is about it"),
        ("GET a/any/1", Some(&ada), "allowed by any: the user is in articles.news"),
        ("GET a/any/1", Some(&staff), "refused: any is about it, and does not let this user in"),
        (
            "GET admin.example.com/x",
            Some(&root),
            "allowed by admin: it lets in whoever shows who they are",
        ),
        (
            "GET ADMIN.Example.com.:8443/x",
            Some(&root),
            "allowed by admin: it lets in whoever shows who they are",
        ),
        (
            "GET a.b.internal.example.com/x",
            Some(&root),
            "allowed by admin: it lets in whoever shows who they are",
        ),
        ("GET internal.example.com/x", Some(&root), "refused: no rule is about it"),
        ("GET xinternal.example.com/x", Some(&root), "refused: no rule is about it"),
        ("GET admin.example.com.evil.org/x", Some(&root), "refused: no rule is about it"),
    ] {
        if expected.is_empty() {
            let path = request.split_once('/').unwrap().1;
            assert!(RequestPath::of(&format!("/{path}")).is_err());
            continue;
        }
        assert_eq!(decided(&rules, request, who), expected, "{request}");
    }
}

/// What a later rule lets in does not matter to a request that an earlier one is about: else a path could be left open by mistake.
#[test]
fn nothing_falls_through() {
    let rules = rules(
        "[[rules]]\npath = \"/admin/**\"\ngroups = [\"staff\"]\n[[rules]]\nallow = \"public\"\n",
    );
    let ada = identity("kisee-ada", &["admin"]);
    assert_eq!(
        decided(&rules, "GET a/admin/x", Some(&ada)),
        "refused: rules[0] is about it, and does not let this user in"
    );
    assert_eq!(
        decided(&rules, "GET a/admin", None),
        "not allowed before somebody logs in: rules[0] is about it"
    );
    assert_eq!(
        decided(&rules, "GET a/administration", None),
        "allowed by rules[1]: it lets everybody in"
    );
}

/// Whatever another reader could take for a host that has a rule is no way past that rule.
#[test]
fn what_is_no_host_passes_by_no_rule() {
    let rules = rules(
        "[[rules]]\nhosts = [\"admin.example.com\"]\ngroups = [\"staff\"]\n[[rules]]\nallow = \"public\"\n",
    );
    assert!(decided(&rules, "GET admin.example.com.:80/", None).starts_with("not allowed"));
    assert!(decided(&rules, "GET app.example.com:80/", None).starts_with("allowed"));
    for host in ["admin.example.com:x", "admin.example.com:80:80", "admin.example.com..", ""] {
        let said = decided(&rules, &format!("GET {host}/"), None);
        assert_eq!(said, "refused: no rule is about it", "{host}");
    }
}

/// A user of another issuer is nobody of ours, and so is their group.
#[test]
fn prefixes_are_part_of_names() {
    let rules = rules("[[rules]]\nusers = [\"kisee-ada\"]\ngroups = [\"staff\"]\n");
    for (user, group) in [("ci:kisee-ada", "ci:staff"), ("kisee-ada ", "Staff"), ("", "")] {
        let other = identity(user, &[group]);
        assert!(decided(&rules, "GET a/", Some(&other)).starts_with("refused"), "{user}");
    }
}
