//! Console blocks: commands, and what they are expected to print.

/// One command with its expected output, stdout and stderr together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub command: String,
    pub expected: Vec<String>,
}

/// The heading of the one section whose commands need a Kubernetes cluster.
pub const CLUSTER: &str = "## On Kubernetes";

/// A Markdown text in three: before that section, the section, after it.
pub fn around_cluster(markdown: &str) -> [&str; 3] {
    let start = markdown.find(&format!("\n{CLUSTER}\n")).expect("there is such a section") + 1;
    let end = markdown[start..].find("\n## ").map_or(markdown.len(), |length| start + length + 1);
    [&markdown[..start], &markdown[start..end], &markdown[end..]]
}

/// The steps of all `console` blocks of a Markdown text. A command stands behind `$ ` and goes on behind a `\` at its
/// line's end, and up to the line `END` behind one with `<<END`; what follows is its output.
pub fn steps(markdown: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut inside, mut rest) = (false, Rest::None);
    for line in markdown.lines() {
        match (line, inside) {
            ("```console", false) => inside = true,
            ("```", true) => inside = false,
            (_, false) => {}
            (line, true) => {
                if rest != Rest::None {
                    let step = steps.last_mut().expect("a line goes on only after a command");
                    step.command.push('\n');
                    step.command.push_str(line);
                    rest = rest.after(line);
                } else if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step { command: command.to_owned(), expected: Vec::new() });
                    rest = rest.after(command);
                } else {
                    let step = steps.last_mut().expect("a block starts with a command");
                    step.expected.push(line.to_owned());
                }
            }
        }
    }
    assert!(!inside && rest == Rest::None, "a console block does not end");
    steps
}

/// What is still to come of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    /// The next line.
    Line,
    /// All up to `END`.
    Document,
}

impl Rest {
    fn after(self, line: &str) -> Self {
        match (self, line) {
            (Self::Document, "END") => Self::None,
            (Self::Document, _) => Self::Document,
            (_, line) if line.contains("<<END") => Self::Document,
            (_, line) if line.ends_with('\\') => Self::Line,
            _ => Self::None,
        }
    }
}

/// What is different, if anything; `…` stands for anything in a line, and for any number of lines when it is alone.
pub fn difference(expected: &[String], actual: &str) -> Option<String> {
    let actual: Vec<&str> = actual.lines().collect();
    if lines_match(expected, &actual) {
        return None;
    }
    Some(format!("expected:\n{}\nactual:\n{}", expected.join("\n"), actual.join("\n")))
}

/// Fails with all steps that did something else than is shown, or that were not run.
#[track_caller]
pub fn compare_all(steps: &[Step], outputs: &[String]) {
    let wrong: Vec<String> = steps
        .iter()
        .zip(outputs)
        .filter_map(|(step, output)| {
            let difference = difference(&step.expected, output)?;
            Some(format!("$ {}\n{difference}", step.command))
        })
        .collect();
    assert!(wrong.is_empty(), "README.md is wrong:\n\n{}", wrong.join("\n\n"));
    assert_eq!(outputs.len(), steps.len(), "bash ended early, after: {:?}", outputs.last());
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
