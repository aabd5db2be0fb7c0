//! Console blocks: commands, and what they are expected to print.

/// One command with its expected output, stdout and stderr together.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    pub command: String,
    pub expected: Vec<String>,
}

/// The steps of all `console` blocks of a Markdown text. A command stands behind `$ ` and goes on behind a `\` at its
/// line's end; what follows is its output.
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in markdown.lines() {
        match (line, inside) {
            ("```console", false) => inside = true,
            ("```", true) => inside = false,
            (_, false) => {}
            (line, true) => {
                if goes_on {
                    let step = steps.last_mut().expect("a line goes on only after a command");
                    step.command.push('\n');
                    step.command.push_str(line);
                    goes_on = line.ends_with('\\');
                } else if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step { command: command.to_owned(), expected: Vec::new() });
                    goes_on = command.ends_with('\\');
                } else {
                    let step = steps.last_mut().expect("a block starts with a command");
                    step.expected.push(line.to_owned());
                }
            }
        }
    }
    assert!(!inside, "a console block does not end");
    steps
}

/// What is different, if anything; `…` stands for anything in a line, and for any number of lines when it is alone.
pub fn difference(expected: &[String], actual: &str) -> Option<String> {
    let actual: Vec<&str> = actual.lines().collect();
    if lines_match(expected, &actual) {
        return None;
    }
    Some(format!("expected:\n{}\nactual:\n{}", expected.join("\n"), actual.join("\n")))
}

fn lines_match(expected: &[String], actual: &[&str]) -> bool {
    match expected {
        [] => actual.is_empty(),
        [any, rest @ ..] if any == "…" => {
            (0..=actual.len()).any(|skipped| lines_match(rest, &actual[skipped..]))
        }
        [line, rest @ ..] => actual
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others)),
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    match expected.split_once('…') {
        None => expected == actual,
        Some((before, after)) => actual.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

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
    let markdown = "$ no\n```sh\n$ no\n```\n```console\n$ one \\\n  more\nout\n\nput\n$ two\n```\n```console\n$ three\n```\n";
    let step = |command: &str, expected: &[&str]| Step {
        command: command.into(),
        expected: expected.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(
        steps(markdown),
        [step("one \\\n  more", &["out", "", "put"]), step("two", &[]), step("three", &[])]
    );
}
