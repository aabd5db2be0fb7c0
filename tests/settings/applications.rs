//! The clients in docs/applications.md, what `pasee check` says of them, and that its table says of each application whether it was
//! tried.

use std::collections::BTreeSet;
use std::path::Path;

use pasee::settings::{Settings, parse};

const PAGE: &str = include_str!("../../docs/applications.md");

/// Those that the page has to have.
const APPLICATIONS: [&str; 15] = [
    "Argo CD",
    "Grafana",
    "oauth2-proxy",
    "Vault, OpenBao",
    "GitLab",
    "Harbor",
    "Jenkins",
    "Spring Security",
    "Auth.js",
    "mod_auth_openidc",
    "Keycloak as a broker",
    "kubelogin",
    "Authlib in Flask",
    "openid-client",
    "passport-openidconnect",
];

/// The settings of a Pasee that applications find, with these clients.
fn settings(clients: &str) -> Settings {
    let text = format!(
        "hostname = \"https://pasee.example.com\"\n[jwt]\niss = \"https://pasee.example.com\"\n{clients}\
         [[identity_providers]]\nname = \"local\"\nprotocol = \"local\"\nclaims = [\"email\", \"email_verified\", \"name\"]\n\
         [identity_providers.settings]\nusers = []\n"
    );
    parse(Path::new("dir/f.toml"), &text).unwrap_or_else(|error| panic!("{clients}\n{error}"))
}

fn blocks() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The table's rows: the application, where its link leads, and how it was tried.
fn rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ["));
    rows.map(|row| {
        let (name, rest) = row.strip_prefix("| [").unwrap().split_once("](#").unwrap();
        let anchor = rest.split(')').next().unwrap();
        (name, anchor, row.trim_end_matches(" |").rsplit(" | ").next().unwrap())
    })
    .collect()
}

#[test]
fn each_is_read_as_meant() {
    let mut said = String::new();
    for block in blocks() {
        let settings = settings(block);
        let warnings: Vec<_> =
            settings.warnings.iter().filter(|text| text.contains("clients[")).collect();
        assert!(warnings.is_empty(), "{block}\n{warnings:?}");
        said.push_str(&settings.explain().to_string());
    }
    for name in [
        "Argo CD",
        "Grafana",
        "The wiki",
        "Vault",
        "GitLab",
        "Harbor",
        "Jenkins",
        "The articles",
        "The shop",
        "The archive",
        "Keycloak",
        "kubectl",
        "The application",
    ] {
        assert!(said.contains(name), "{name} is not in:\n{said}");
    }
}

/// They can stand in one file: no id and no secret twice.
#[test]
fn all_together() {
    let settings = settings(&blocks().concat());
    let warnings: Vec<_> =
        settings.warnings.iter().filter(|text| text.contains("clients[")).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn each_says_whether_it_was_tried() {
    let rows = rows();
    let names: Vec<&str> = rows.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, APPLICATIONS);
    for (name, anchor, tried) in &rows {
        let is_heading = |line: &str| {
            let title: String =
                line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let title: String =
                title.chars().filter(|one| one.is_alphanumeric() || "-_".contains(*one)).collect();
            line.starts_with("## ") && title == *anchor
        };
        assert!(PAGE.lines().any(is_heading), "{name}: no heading for #{anchor}");
        // What was tried has the test that did.
        let is_tested = tried.contains("](../tests/live/test_");
        match *tried {
            "no" => {}
            tried if tried.starts_with("library: ") => assert!(is_tested, "{name}: {tried}"),
            tried => assert!(tried.starts_with("[real](") && is_tested, "{name}: {tried}"),
        }
    }
}

/// Whoever is described has a block of settings, and each section is in the table.
#[test]
fn sections_and_rows_are_the_same() {
    let sections = PAGE.split("\n## ").skip(1).filter(|text| text.contains("```toml"));
    let anchors: BTreeSet<&str> = rows().iter().map(|(_, anchor, _)| *anchor).collect();
    assert_eq!(sections.count(), anchors.len());
}
