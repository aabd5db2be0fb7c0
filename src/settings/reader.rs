//! Reading a TOML tree with every value's place at hand, so that each mistake can be named by line and key.
//!
//! Must not know which keys there are.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::remark::code;
use super::report::Report;

/// A value with its place and the key that leads to it.
#[derive(Clone)]
pub(super) struct Item<'a, T> {
    pub value: T,
    pub at: usize,
    pub key: String,
    report: &'a Report<'a>,
}

impl<'a, T> Item<'a, T> {
    pub(super) fn error(&self, message: impl Display) {
        self.report.error(self.at, &self.key, message);
    }

    pub(super) fn warn(&self, message: impl Display) {
        self.report.warn(self.at, &self.key, message);
    }

    /// The same place with another value.
    pub(super) fn with<U>(&self, value: U) -> Item<'a, U> {
        Item { value, at: self.at, key: self.key.clone(), report: self.report }
    }
}

impl<'a> Item<'a, &'a str> {
    /// The text as a path that starts at `base` when it is relative.
    pub(super) fn path(&self, base: &Path) -> Option<PathBuf> {
        if self.value.is_empty() || self.value.contains('\0') {
            self.error("is no path; a right one is \"name\", \"some/name\" or \"/some/name\"");
            return None;
        }
        if self.value == "~" || self.value.starts_with("~/") {
            self.error(
                "~ has no meaning here; a right path is written out, such as \"/home/ada/name\"",
            );
            return None;
        }
        Some(base.join(self.value))
    }

    /// One of the names of a list, which stands for what is beside it. Another is a mistake, and all are named then.
    pub(super) fn one_of<T: Clone>(&self, choices: &[(&str, T)]) -> Option<T> {
        let chosen = choices.iter().find(|(name, _)| *name == self.value);
        if chosen.is_none() {
            let names = quoted(choices.iter().map(|(name, _)| *name), "and");
            let right = if choices.len() == 1 { "a right one is" } else { "right ones are" };
            self.error(format_args!("is not known; {right} {names}"));
        }
        chosen.map(|(_, meaning)| meaning.clone())
    }

    /// The text as a value of its own kind; an error of parsing is a mistake in the file.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Option<T> {
        self.value.parse().map_err(|error| self.error(error)).ok()
    }
}

impl<'a> Item<'a, &'a DeValue<'a>> {
    pub(super) fn text(&self) -> Option<Item<'a, &'a str>> {
        match self.value {
            DeValue::String(text) => Some(self.with(&**text)),
            other => self.wrong_type(other, "a text, such as \"…\""),
        }
    }

    pub(super) fn list(&self) -> Option<Vec<Item<'a, &'a DeValue<'a>>>> {
        let DeValue::Array(items) = self.value else {
            return self.wrong_type(self.value, "a list, such as [\"…\"]");
        };
        let entries = items.iter().enumerate().map(|(place, item)| {
            let (key, at) = (format!("{}[{place}]", self.key), item.span().start);
            self.report.stands(&key, at);
            Item { value: item.get_ref(), at, key, report: self.report }
        });
        Some(entries.collect())
    }

    pub(super) fn wrong_type<T>(&self, found: &DeValue<'_>, right: &str) -> Option<T> {
        self.error(format_args!("this is {}; a right one is {right}", kind(found)));
        None
    }

    pub(super) fn table(&self) -> Option<Table<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Table {
                table,
                at: self.at,
                key: self.key.clone(),
                report: self.report,
                known: RefCell::default(),
            }),
            other => {
                self.wrong_type(other, &format!("[{}] with its keys below", header(&self.key)))
            }
        }
    }
}

/// A key as it stands between the brackets that open its table.
fn header(key: &str) -> String {
    let mut header = String::new();
    let mut rest = key;
    while let Some((before, after)) = rest.split_once('[') {
        header.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    header + rest
}

/// A key as TOML writes it: bare where it can be, else quoted, so that nothing odd reaches a terminal.
fn written(key: &str) -> Cow<'_, str> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("{key:?}"))
}

/// A whole number, however it is written.
pub(super) fn integer<T: TryFrom<i64>>(number: &DeInteger<'_>) -> Option<T> {
    i64::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|number| number.try_into().ok())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A table of which every key must be asked for: those that nobody asked for are mistakes.
pub(super) struct Table<'a> {
    table: &'a DeTable<'a>,
    pub at: usize,
    pub key: String,
    pub report: &'a Report<'a>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    pub(super) fn root(tree: &'a Spanned<DeTable<'a>>, report: &'a Report<'a>) -> Self {
        Self { table: tree.get_ref(), at: 0, key: String::new(), report, known: RefCell::default() }
    }

    pub(super) fn path(&self, key: &str) -> String {
        let key = written(key);
        if self.key.is_empty() { key.into_owned() } else { format!("{}.{key}", self.key) }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<Item<'a, &'a DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.report.asked(&self.key, key);
        let value = self.table.get(key)?;
        let (Range { start, .. }, path) = (value.span(), self.path(key));
        self.report.stands(&path, start);
        Some(Item { value: value.get_ref(), at: start, key: path, report: self.report })
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Item<'a, &'a str>> {
        self.get(key)?.text()
    }

    /// A text that has to be there.
    pub(super) fn needed(&self, key: &'static str, right: &str) -> Option<Item<'a, &'a str>> {
        match self.get(key) {
            Some(item) => item.text(),
            None => {
                self.missing(key, right);
                None
            }
        }
    }

    /// A path that starts at `base` when it is relative.
    pub(super) fn file(&self, key: &'static str, base: &Path) -> Option<PathBuf> {
        self.text(key)?.path(base)
    }

    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, key: &'static str) -> Option<T> {
        self.text(key)?.parse()
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let item = self.get(key)?;
        item.value.as_bool().or_else(|| item.wrong_type(item.value, "true or false"))
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, key: &'static str, bounds: Range<u64>) -> Option<u64> {
        let item = self.get(key)?;
        let right = format!("a whole number from {} to {}", bounds.start, bounds.end - 1);
        let DeValue::Integer(number) = item.value else {
            return item.wrong_type(item.value, &right);
        };
        let number = integer(number).filter(|number| bounds.contains(number));
        if number.is_none() {
            item.error(format_args!("out of bounds; a right one is {right}"));
        }
        number
    }

    /// The texts of a list; what is no text is a mistake and left out.
    pub(super) fn texts(&self, key: &'static str) -> Vec<Item<'a, &'a str>> {
        let items = self.get(key).and_then(|item| item.list()).unwrap_or_default();
        items.iter().filter_map(Item::text).collect()
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        self.get(key)?.table()
    }

    /// Every table of a list of tables.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(item) = self.get(key) else { return Vec::new() };
        let DeValue::Array(_) = item.value else {
            let right = format!("[[{}]] once for each, with its keys below", header(&item.key));
            return item.wrong_type(item.value, &right).unwrap_or_default();
        };
        item.list().unwrap_or_default().iter().filter_map(Item::table).collect()
    }

    pub(super) fn missing(&self, key: &str, right: &str) {
        let message = format_args!("is missing; a right one is {right}");
        self.report.mistake(self.at, code::MISSING_KEY, &self.path(key), message);
    }

    /// Every key with its value, for tables that hold names of the writer's own.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, Item<'a, &'a DeValue<'a>>)> + '_ {
        self.table.iter().map(|(name, value)| {
            let name: &str = name.get_ref();
            let key = self.path(name);
            (
                name,
                Item { value: value.get_ref(), at: value.span().start, key, report: self.report },
            )
        })
    }

    /// The keys that were not asked for.
    pub(super) fn unknown(&self) -> Vec<(&'a str, usize)> {
        let known = self.known.borrow();
        let unknown = self.table.iter().filter(|(name, _)| !known.contains(&&**name.get_ref()));
        unknown.map(|(name, _)| (&**name.get_ref(), name.span().start)).collect()
    }

    /// Calls every key that was not asked for a mistake.
    pub(super) fn finish(self) {
        for (name, at) in self.unknown() {
            self.report.unknown(at, &self.key, self.path(name), name);
        }
    }
}

/// Names in quotes, with a word before the last: for messages that list what can be chosen.
pub(super) fn quoted<'n>(names: impl IntoIterator<Item = &'n str>, before_last: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("{name:?}")).collect();
    match (names.pop(), names.as_slice()) {
        (None, _) => String::new(),
        (Some(last), []) => last,
        (Some(last), rest) => format!("{} {before_last} {last}", rest.join(", ")),
    }
}
