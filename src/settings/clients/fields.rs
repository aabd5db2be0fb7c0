//! Lists and choices of one client, and which of its keys hold a mistake.
//!
//! Must not know which keys there are.

use std::cell::RefCell;
use std::fmt::Display;
use std::str::FromStr;

use crate::settings::reader::Table;

/// The keys of one client.
pub(super) struct Fields<'t, 'a> {
    table: &'t Table<'a>,
    wrong: RefCell<Vec<&'static str>>,
}

impl<'t, 'a> Fields<'t, 'a> {
    pub(super) fn new(table: &'t Table<'a>) -> Self {
        Self { table, wrong: RefCell::default() }
    }

    pub(super) fn table(&self) -> &'t Table<'a> {
        self.table
    }

    /// Whether a key holds a mistake, as far as it was read.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.wrong.borrow().contains(&key)
    }

    pub(super) fn note_wrong(&self, key: &'static str) {
        self.wrong.borrow_mut().push(key);
    }

    /// Notes a mistake in a key, where it stands, or where the client does.
    pub(super) fn error(&self, key: &'static str, message: impl Display) {
        self.note_wrong(key);
        let (at, path) = self.place(key);
        self.table.report.error(at, &path, message);
    }

    /// Notes something odd in the same way.
    pub(super) fn warn(&self, key: &'static str, message: impl Display) {
        let (at, path) = self.place(key);
        self.table.report.warn(at, &path, message);
    }

    fn place(&self, key: &'static str) -> (usize, String) {
        let at = self.table.get(key).map_or(self.table.at, |item| item.at);
        (at, self.table.path(key))
    }

    /// The values of a list, each once. One that is none is a mistake, and left out.
    pub(super) fn list<T: FromStr<Err: Display> + PartialEq>(&self, key: &'static str) -> Vec<T> {
        let Some(item) = self.table.get(key) else { return Vec::new() };
        let Some(items) = item.list() else {
            self.note_wrong(key);
            return Vec::new();
        };
        let mut values: Vec<T> = Vec::new();
        for item in items {
            let text = item.text();
            match text.as_ref().and_then(|text| text.parse::<T>()) {
                None => self.note_wrong(key),
                Some(value) if values.contains(&value) => {
                    item.with("").warn("stands twice and does nothing here");
                }
                Some(value) => values.push(value),
            }
        }
        values
    }

    /// One of a few names; the default where it is not there.
    pub(super) fn choice<T: Clone + Default>(&self, key: &'static str, choices: &[(&str, T)]) -> T {
        let Some(item) = self.table.text(key) else { return T::default() };
        item.one_of(choices).unwrap_or_default()
    }
}
