//! What is wrong or odd in one file, by line and key.
//!
//! Must not know TOML.

use std::cell::RefCell;
use std::fmt::Display;

/// Most mistakes that are listed; a file with more is no settings file.
const MAX_MISTAKES: usize = 100;

/// What is wrong or odd in one file. Messages name keys and places, never a value: it may be a secret.
pub(super) struct Report<'s> {
    file: &'s str,
    /// Where lines end.
    newlines: Vec<usize>,
    errors: RefCell<Vec<(usize, String)>>,
    warnings: RefCell<Vec<(usize, String)>>,
}

impl<'s> Report<'s> {
    pub(super) fn new(file: &'s str, source: &str) -> Self {
        let newlines = source.match_indices('\n').map(|(at, _)| at).collect();
        Self { file, newlines, errors: RefCell::default(), warnings: RefCell::default() }
    }

    fn place(&self, at: usize) -> String {
        let line = self.newlines.partition_point(|newline| *newline < at) + 1;
        format!("{}:{line}", self.file)
    }

    /// Notes a mistake at a byte of the file.
    pub(super) fn error(&self, at: usize, key: &str, message: impl Display) {
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        self.errors.borrow_mut().push((at, format!("{}: {key}{message}", self.place(at))));
    }

    /// Notes something odd.
    pub(super) fn warn(&self, at: usize, key: &str, message: impl Display) {
        self.warnings.borrow_mut().push((at, format!("{}: {key}: {message}", self.place(at))));
    }

    /// The mistakes in the order of the file, one a line; else what is odd.
    pub(super) fn finish(self) -> Result<Vec<String>, String> {
        let errors = in_order(self.errors.into_inner());
        if errors.is_empty() {
            return Ok(in_order(self.warnings.into_inner()));
        }
        let mut text = errors[..errors.len().min(MAX_MISTAKES)].join("\n");
        if errors.len() > MAX_MISTAKES {
            text.push_str(&format!(
                "\n{}: and {} mistakes more",
                self.file,
                errors.len() - MAX_MISTAKES
            ));
        }
        Err(text)
    }
}

fn in_order(mut messages: Vec<(usize, String)>) -> Vec<String> {
    messages.sort();
    messages.dedup();
    messages.into_iter().map(|(_, message)| message).collect()
}
