//! Every block of settings in docs/sidecar.md is right as it stands.

use std::fs;

use crate::support::authority::Authority;
use crate::{said, sidecar};

#[test]
fn every_block_can_be_started_with() {
    let page = include_str!("../../docs/sidecar.md");
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (_kept, ca) = Authority::new().file();
    let mut seen = 0;
    for block in blocks {
        let file = dir.path().join("sidecar.toml");
        // What stands in files of a pod is read when it is used.
        fs::write(
            &file,
            block.replace("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "ca.crt"),
        )
        .unwrap();
        fs::copy(&ca, dir.path().join("ca.crt")).unwrap();
        let checked =
            sidecar(&["--settings-file", file.to_str().unwrap(), "--check"]).output().unwrap();
        assert!(checked.status.success(), "{block}\n{}", said(&checked));
        seen += 1;
    }
    assert!(seen >= 3, "{seen}");
}

/// The first file says what the page says of it.
#[test]
fn what_is_explained_of_the_first_file() {
    let page = include_str!("../../docs/sidecar.md");
    let first = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    for (method, url, right, says) in [
        (
            "GET",
            "https://app.example.com/healthz",
            true,
            "allowed by rules[0]: it lets everybody in",
        ),
        (
            "POST",
            "https://app.example.com/healthz",
            false,
            "not allowed before somebody logs in: rules[3] is about it",
        ),
        (
            "GET",
            "https://app.example.com/articles/news/1",
            false,
            "not allowed before somebody logs in: rules[1] is about it",
        ),
        (
            "GET",
            "app.example.com/admin?x",
            false,
            "not allowed before somebody logs in: rules[2] is about it",
        ),
        (
            "GET",
            "https://app.example.com/healthz/../admin",
            false,
            "refused before any rule: the path has a dot segment",
        ),
        ("GET", "https://app.example.com", false, "rules[3]"),
    ] {
        // The settings stand in the environment, as in a pod.
        let explained =
            sidecar(&["--explain", method, url]).env("PASEE_SIDECAR", first).output().unwrap();
        let said = said(&explained);
        assert!(said.contains(says), "{method} {url}: {said}");
        assert_eq!(explained.status.success(), right, "{method} {url}: {said}");
    }
}
