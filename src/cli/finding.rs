//! What was found on the way to a server, or of one that runs: mistakes, warnings and notes, each with its place in the settings.
//!
//! Must not know how it was found.

use std::fmt::{self, Display};

use anyhow::Error;
use serde::Serialize;

use super::report;
use crate::settings::{Remark, Settings};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A server would not start, or what was asked does not work.
    Error,
    /// A server starts, and something is unsafe or rarely meant.
    Warning,
    /// Nothing is wrong.
    Note,
}

/// One thing. Its members, and the codes, are those of `pasee check --output json` and stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which kind it is.
    pub code: &'static str,
    /// The identity provider it is about.
    pub provider: Option<String>,
    /// The key it is about, as a path.
    pub key: Option<String>,
    /// The line of the settings file, from 1.
    pub line: Option<usize>,
    /// What is the case.
    pub message: String,
    /// What to do, or what a right value looks like.
    pub hint: Option<String>,
    /// Why, from the nearest cause to the farthest.
    pub because: Vec<String>,
    #[serde(skip)]
    text: String,
}

/// What is said before the first semicolon is the case, what is said behind it is to be done: our errors are written so.
fn split(told: &str) -> (String, Option<String>) {
    match told.split_once("; ") {
        Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
        None => (told.to_owned(), None),
    }
}

impl Finding {
    /// A remark about the settings file.
    #[must_use]
    pub fn of_remark(level: Level, remark: &Remark) -> Self {
        let (message, hint) = split(remark.message());
        Self {
            level,
            code: remark.code(),
            provider: None,
            key: remark.key().map(str::to_owned),
            line: remark.line(),
            message,
            hint,
            because: Vec::new(),
            text: remark.to_string(),
        }
    }

    /// Something that fails.
    #[must_use]
    pub fn of_error(code: &'static str, error: &Error) -> Self {
        let told = error.to_string();
        let mut because: Vec<String> = Vec::new();
        for cause in error.chain().skip(1).map(ToString::to_string) {
            if !told.contains(&cause) && !because.iter().any(|before| before.contains(&cause)) {
                because.push(cause);
            }
        }
        Self { because, text: report::tell(error), ..Self::new(Level::Error, code, &told) }
    }

    /// Something that is the case.
    #[must_use]
    pub fn new(level: Level, code: &'static str, told: &str) -> Self {
        let (message, hint) = split(told);
        let text = told.to_owned();
        let (provider, key, line, because) = (None, None, None, Vec::new());
        Self { level, code, provider, key, line, message, hint, because, text }
    }

    /// The same, about a key.
    #[must_use]
    pub fn at(self, key: &str, settings: &Settings) -> Self {
        Self { key: Some(key.to_owned()), line: settings.places.line_of(key), ..self }
    }

    /// The same, about an identity provider.
    #[must_use]
    pub fn of_provider(self, name: &str, settings: &Settings) -> Self {
        let mut named = settings.identity_providers.iter();
        let place = named.position(|provider| provider.name.as_str() == name);
        let key = place.map(|place| format!("identity_providers[{place}]"));
        let line = key.as_ref().and_then(|key| settings.places.line_of(key));
        let (key, line) = (self.key.clone().or(key), self.line.or(line));
        Self { provider: Some(name.to_owned()), key, line, ..self }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Says what is well.
    pub(super) fn note(&mut self, code: &'static str, told: impl AsRef<str>) {
        self.found.push(Finding::new(Level::Note, code, told.as_ref()));
    }

    /// What came out well; what did not is noted.
    pub(super) fn take<T>(
        &mut self,
        result: Result<T, Error>,
        finding: impl FnOnce(&Error) -> Finding,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.found.push(finding(&error));
                None
            }
        }
    }

    /// Why nothing is done.
    pub(super) fn refusal(&self, settings: &Settings) -> Error {
        let headline = format!("{} names what cannot be used", settings.file.display());
        report::listed(&headline, &self.errors().map(ToString::to_string).collect::<Vec<_>>())
    }

    pub(super) fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    pub(super) fn has_warnings(&self) -> bool {
        self.warnings().next().is_some()
    }

    pub(super) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.of(Level::Error)
    }

    pub(super) fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.of(Level::Warning)
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = &Finding> {
        self.of(Level::Note)
    }

    fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.found.iter().filter(move |finding| finding.level == level)
    }

    /// All of them, the worst first.
    pub(super) fn into_all(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.level);
        self.found
    }
}
