//! Console blocks are read, and compared with what was printed, as they should be.

use super::support::console::{CLUSTER, Step, around_cluster, difference, steps};

fn compare(expected: &str, actual: &str) -> bool {
    let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
    difference(&expected, actual).is_none()
}

#[test]
fn right_expectations_pass() {
    for (expected, actual) in [
        ("", ""),
        ("a\nb", "a\nb\n"),
        ("a…c", "abc"),
        ("a…c", "ac"),
        ("…", "anything"),
        ("…", "any\nnumber\nof lines"),
        ("…", ""),
        ("a\n…\nz", "a\nb\nc\nz"),
        ("a\n…\nz", "a\nz"),
        ("x…y…z", "x1yé2z"),
        ("…é…", "éé"),
    ] {
        assert!(compare(expected, actual), "{expected:?} {actual:?}");
    }
}

#[test]
fn wrong_expectations_fail() {
    for (expected, actual) in [
        ("", "a"),
        ("a", ""),
        ("a", "b"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("a\nb", "b\na"),
        ("a…c", "abcd"),
        ("a…c", "xabc"),
        ("a…b…c", "acb"),
        ("a\n…\nz", "a\nb\nc"),
        ("a\n…\nz", "b\nz"),
        ("{\"a\":\"…\"}", "{\"b\":\"x\"}"),
    ] {
        assert!(!compare(expected, actual), "{expected:?} {actual:?}");
    }
    let told = difference(&["right".into()], "wrong\n").unwrap();
    assert_eq!(told, "expected:\nright\nactual:\nwrong");
}

#[test]
fn blocks_are_taken_apart() {
    let markdown = "$ no\n```sh\n$ no\n```\n```console\n$ one \\\n  more\nout\n\nput\n$ two\n```\n```console\n$ three <<END; x\n$ a\nb \\\nEND\nc\n```\n";
    let step = |command: &str, expected: &[&str]| Step {
        command: command.into(),
        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(
        steps(markdown),
        [
            step("one \\\n  more", &["out", "", "put"]),
            step("two", &[]),
            step("three <<END; x\n$ a\nb \\\nEND", &["c"])
        ]
    );
}

#[test]
fn sections_are_told_apart() {
    let markdown = format!(
        "# A\n```console\n$ a\n```\n{CLUSTER}\n```console\n$ b\n```\n## C\n```console\n$ c\n```\n"
    );
    let parts = around_cluster(&markdown);
    assert_eq!(parts.concat(), markdown);
    assert_eq!(parts.map(|part| steps(part)[0].command.clone()), ["a", "b", "c"]);
    assert_eq!(around_cluster(&markdown[..markdown.len() - 24])[2], "");
}
