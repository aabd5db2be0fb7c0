//! What is wrong or odd in one file, by line and key.
//!
//! Must not know TOML.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;

use super::remark::{Mistakes, Places, Remark, code};

/// Most mistakes that are listed; a file with more is no settings file.
const MAX_MISTAKES: usize = 100;
/// Most keys that are listed where none is near.
const MAX_LISTED: usize = 12;

/// What is wrong or odd in one file. Messages name keys and places, never a value: it may be a secret.
pub(super) struct Report<'s> {
    file: &'s str,
    /// Where lines end.
    newlines: Vec<usize>,
    errors: RefCell<Vec<(usize, Remark)>>,
    warnings: RefCell<Vec<(usize, Remark)>>,
    advice: RefCell<Vec<(usize, Remark)>>,
    unknown: RefCell<Vec<Unknown>>,
    /// The keys that were asked for, of each table by its path.
    asked: RefCell<BTreeMap<String, Vec<&'static str>>>,
    places: RefCell<BTreeMap<String, usize>>,
}

/// A key that nobody asked for, in a table by its path.
struct Unknown {
    at: usize,
    table: String,
    path: String,
    name: String,
}

/// What was found in a file without mistakes.
pub(super) struct Found {
    pub warnings: Vec<Remark>,
    pub advice: Vec<Remark>,
    pub places: Places,
}

impl<'s> Report<'s> {
    pub(super) fn new(file: &'s str, source: &str) -> Self {
        Self {
            file,
            newlines: source.match_indices('\n').map(|(at, _)| at).collect(),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            advice: RefCell::default(),
            unknown: RefCell::default(),
            asked: RefCell::default(),
            places: RefCell::default(),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }

    fn remark(&self, at: usize, code: &'static str, key: &str, message: impl Display) -> Remark {
        Remark::new(self.file, code, Some(self.line(at)), key, message)
    }

    /// Notes a mistake at a byte of the file.
    pub(super) fn error(&self, at: usize, key: &str, message: impl Display) {
        self.mistake(at, code::WRONG_VALUE, key, message);
    }

    /// Notes a mistake of a kind.
    pub(super) fn mistake(&self, at: usize, code: &'static str, key: &str, message: impl Display) {
        self.errors.borrow_mut().push((at, self.remark(at, code, key, message)));
    }

    /// Notes something odd.
    pub(super) fn warn(&self, at: usize, key: &str, message: impl Display) {
        self.warn_of(at, code::ODD_VALUE, key, message);
    }

    /// Notes something odd, or unsafe, of a kind.
    pub(super) fn warn_of(&self, at: usize, code: &'static str, key: &str, message: impl Display) {
        self.warnings.borrow_mut().push((at, self.remark(at, code, key, message)));
    }

    /// Notes what is worth a thought before the start, and need not be said at each.
    pub(super) fn advise(&self, at: usize, code: &'static str, key: &str, message: impl Display) {
        self.advice.borrow_mut().push((at, self.remark(at, code, key, message)));
    }

    /// Notes that a key of a table was asked for, and its place where it is there.
    pub(super) fn asked(&self, table: &str, key: &'static str) {
        self.asked.borrow_mut().entry(table.to_owned()).or_default().push(key);
    }

    /// Notes where a key stands.
    pub(super) fn stands(&self, path: &str, at: usize) {
        self.places.borrow_mut().insert(path.to_owned(), self.line(at));
    }

    /// Notes a key that nobody asked for. What it may have been is said when all tables were read.
    pub(super) fn unknown(&self, at: usize, table: &str, path: String, name: &str) {
        let (table, name) = (table.to_owned(), name.to_owned());
        self.unknown.borrow_mut().push(Unknown { at, table, path, name });
    }

    /// The mistakes in the order of the file; else what is odd.
    pub(super) fn finish(self) -> Result<Found, Mistakes> {
        for unknown in self.unknown.take() {
            let hint = self.hint(&unknown);
            let message = format_args!("is no known key{hint}");
            self.mistake(unknown.at, code::UNKNOWN_KEY, &unknown.path, message);
        }
        let mut errors = in_order(self.errors.into_inner());
        if errors.is_empty() {
            return Ok(Found {
                warnings: in_order(self.warnings.into_inner()),
                advice: in_order(self.advice.into_inner()),
                places: Places::new(self.places.into_inner()),
            });
        }
        let more = errors.len().saturating_sub(MAX_MISTAKES);
        errors.truncate(MAX_MISTAKES);
        Err(Mistakes::new(self.file, errors, more))
    }

    /// What an unknown key may have been: one of its table by another spelling, or one of the table above or below by its
    /// name.
    fn hint(&self, Unknown { table, name, .. }: &Unknown) -> String {
        let asked = self.asked.borrow();
        let known = asked.get(table).map(Vec::as_slice).unwrap_or_default();
        if let Some(nearest) = nearest(known, name) {
            return format!("; the nearest known one is {nearest}");
        }
        let elsewhere = |of: &str| asked.get(of).is_some_and(|keys| keys.contains(&name.as_str()));
        let below = asked.keys().filter(|other| is_below(other, table));
        let below = below.filter(|other| elsewhere(other)).min_by_key(|other| other.len());
        if let Some(below) = below {
            return format!("; {name} stands in {}", header(below));
        }
        let above = table.rsplit_once('.').map(|(above, _)| above.to_owned());
        if let Some(above) = above.as_ref().filter(|above| elsewhere(above)) {
            return format!("; {name} stands in {} itself", header(above));
        }
        let mut known = known.to_vec();
        known.sort_unstable();
        known.dedup();
        let listed = match known.as_slice() {
            [] => String::new(),
            [one] => format!("; the only one here is {one}"),
            some if some.len() <= MAX_LISTED => format!("; those here are {}", some.join(", ")),
            _ => String::new(),
        };
        let is_of_the_top = !table.is_empty() && !table.contains(['.', '[']);
        if is_of_the_top && elsewhere("") {
            return format!("{listed}; {name} stands at the top of the file");
        }
        listed
    }
}

/// The key that is probably meant.
fn nearest<'k>(known: &[&'k str], name: &str) -> Option<&'k str> {
    let likeness = |known: &str| strsim::jaro_winkler(known, name);
    let is_near = |known: &str| {
        let most = if name.chars().count() < 5 { 1 } else { 2 };
        likeness(known) >= 0.85 || strsim::osa_distance(known, name) <= most
    };
    let near = known.iter().copied().filter(|known| is_near(known));
    near.max_by(|one, two| likeness(one).total_cmp(&likeness(two)))
}

fn is_below(table: &str, above: &str) -> bool {
    match table.strip_prefix(above) {
        Some(rest) if above.is_empty() => !rest.is_empty(),
        Some(rest) => rest.starts_with('.'),
        None => false,
    }
}

/// A table's path as it stands in the brackets that open it: those of a list have two.
fn header(path: &str) -> String {
    let mut name = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        name.push_str(before);
        rest = after.split_once(']').map_or("", |(_, after)| after);
    }
    name.push_str(rest);
    if path.ends_with(']') { format!("[[{name}]]") } else { format!("[{name}]") }
}

fn in_order(mut remarks: Vec<(usize, Remark)>) -> Vec<Remark> {
    remarks.sort_by(|(at, one), (of, two)| (at, &**one).cmp(&(of, &**two)));
    remarks.dedup();
    remarks.into_iter().map(|(_, remark)| remark).collect()
}
