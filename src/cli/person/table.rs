//! How lists are shown: a line each, its columns under each other; or as JSON.
//!
//! Must not know what is listed.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::shown;
use crate::cli::print;

/// The option that says how.
#[derive(Args, Clone, Copy, Debug)]
pub(in crate::cli) struct OutputOption {
    /// How it is printed
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs
    Json,
}

impl OutputOption {
    /// Prints what a program reads, or the text that a person does.
    pub(in crate::cli) fn print(
        self,
        json: &Value,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => print(format_args!("{json:#}\n")),
            Output::Text => print(text()),
        }
    }
}

/// Lines whose columns are as wide as the widest in them. What is shown is harmless.
pub(in crate::cli) fn lines(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| shown(cell)).collect()).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let missing = width(column).unwrap_or_default() - cell.chars().count();
            format!("{cell}{}", " ".repeat(missing))
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A text in a document.
pub(in crate::cli) fn text(document: &Value, name: &str) -> String {
    document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// When a membership ends, for a person.
pub(in crate::cli) fn end(document: &Value) -> String {
    match document.get("expires_at").and_then(Value::as_str) {
        Some(end) => format!("until {end}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn columns() {
        let rows = [["local-ada", "Ada", ""], ["local-zoë", "", "until 2027"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lines(&rows), "local-ada  Ada\nlocal-zoë       until 2027\n");
        assert_eq!(lines(&[vec!["a\u{1b}[2Jb".to_owned()]]), "a\u{fffd}[2Jb\n");
        assert_eq!(lines(&[]), "");
    }
}
