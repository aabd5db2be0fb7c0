//! What the pages on identity providers and on moving in show is run, or it is said here why not.

use std::fs;

use super::{read, root};

/// How the pages on identity providers and on moving in begin their blocks that no test runs, and why.
const NOT_RUN: [(&str, &str); 4] = [
    ("kanidm system oauth2 create pasee", "Kanidm's own command, at a server of it"),
    (
        "bin/kc.sh export --realm demo",
        "Keycloak's own command; what it writes is tests/fixtures/import/keycloak.json",
    ),
    (
        "oc get groups -o yaml",
        "OpenShift's own command; what it writes is tests/fixtures/import/openshift.yaml",
    ),
    (
        "apiVersion: v1\nkind: Pod",
        "a pod needs nodes, which the control plane of the tests has none of",
    ),
];

/// Languages whose blocks are run, and where: `console` by this test's neighbours, `toml` by tests/settings/documented.rs, `yaml` by
/// tests/cluster_identity/main.rs, in the pages that are named here.
const RUN: [(&str, &str); 3] =
    [("console", "moving-in"), ("toml", "identity-providers"), ("yaml", "identity-providers")];

/// The blocks of a page: the language, and what stands in it.
fn blocks(page: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), None);
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(block)) => found.push(block),
            (None, Some((language, text))) => {
                open = Some((language, text + line.trim_start() + "\n"))
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block without an end");
    found
}

#[test]
fn every_block_is_run_or_listed_with_a_reason() {
    let mut listed = Vec::new();
    let below = root().join("docs/identity-providers");
    let below =
        fs::read_dir(below).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> =
        below.map(|page| format!("docs/identity-providers/{page}")).collect();
    assert!(pages.len() >= 8, "{pages:?}");
    pages.extend(["docs/identity-providers.md", "docs/moving-in.md"].map(str::to_owned));
    for name in &pages {
        for (language, text) in blocks(&read(name)) {
            let reason = NOT_RUN.iter().find(|(begins, _)| text.starts_with(begins));
            let is_run = RUN.iter().any(|(run, page)| *run == language && name.contains(page));
            match reason {
                Some((begins, _)) => listed.push(*begins),
                // What a program answers, beside the words about it.
                None => assert!(
                    is_run || language == "text",
                    "{name}: nobody runs this {language}:\n{text}"
                ),
            }
            // Settings are found by their protocol, or stand in a test by name.
            let is_found = ["protocol = \"", "[outbound]", "[webhook]", "[local]", "[jwt]"];
            let is_settings = language == "toml";
            assert!(
                !is_settings || is_found.iter().any(|word| text.contains(word)),
                "{name}:\n{text}"
            );
        }
    }
    for (begins, reason) in NOT_RUN {
        assert!(listed.contains(&begins), "{begins} ({reason}) stands nowhere");
    }
}
