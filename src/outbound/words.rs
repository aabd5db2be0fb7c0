//! What other servers say, as it may stand in a log: short, in characters that are what they look like, and without what was
//! sent to them that is nobody's to read.
//!
//! Must not know what the words mean, nor what was sent.
//!
//! | File | Owns |
//! |---|---|
//! | `escapes` | in which spellings a text comes back, undone |

mod escapes;

use std::collections::HashSet;
use std::fmt;

/// Most characters of a name from outside that are shown.
const MAX_NAME: usize = 100;
/// Most characters that are shown of why another server says no: a sentence or two, as Entra's are.
const MAX_WORDS: usize = 200;
/// Most characters that are looked at: what stands further back is never shown.
const MAX_READ: usize = 4096;
/// As many characters in a row of a secret are hidden; of a shorter secret all.
const RUN: usize = 8;
/// Most encodings within each other that are looked into.
const MAX_DEPTH: u32 = 3;

/// A name from outside, or another short text, as it may stand in a log.
#[must_use]
pub fn loggable(text: &str) -> String {
    shortened(text, MAX_NAME)
}

/// As many characters of a text, each printable ASCII or escaped.
pub(super) fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).flat_map(char::escape_default).collect()
}

/// What was sent to another server that is nobody's to read: some servers say it again in their errors.
#[derive(Clone, Default)]
pub struct SentSecrets(Vec<String>);

impl<S: Into<String>> FromIterator<S> for SentSecrets {
    fn from_iter<I: IntoIterator<Item = S>>(secrets: I) -> Self {
        Self(secrets.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for SentSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentSecrets").finish_non_exhaustive()
    }
}

impl SentSecrets {
    /// Words of whoever was sent this, as they may stand in a log: without any of it, also where it is cut, is escaped, however
    /// often, or stands within base 64 or hexadecimal digits.
    #[must_use]
    pub fn loggable(&self, said: &str) -> String {
        shortened(&self.hidden(said), MAX_WORDS)
    }

    fn hidden(&self, said: &str) -> String {
        let said: String = said.chars().take(MAX_READ).collect();
        let Some(said) = escapes::undone(&said) else { return HIDDEN.to_owned() };
        let said: Vec<char> = said.chars().collect();
        let hidden = Index::of(self).marked(&said, MAX_DEPTH);
        let mut shown = String::with_capacity(said.len());
        for (place, letter) in said.iter().enumerate() {
            match hidden[place] {
                false => shown.push(*letter),
                true if place == 0 || !hidden[place - 1] => shown.push_str(HIDDEN),
                true => {}
            }
        }
        shown
    }
}

/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";

/// What of a text is compared: how a character is read, if it is read at all.
type Reading = fn(char) -> Option<char>;

/// Capitals and small letters are the same, and so are the two spellings of a blank.
fn as_written(letter: char) -> Option<char> {
    Some(if letter == '+' { ' ' } else { letter.to_ascii_lowercase() })
}

/// However a text is broken into lines, put between quotes or hyphenated.
fn letters_only(letter: char) -> Option<char> {
    letter.is_alphanumeric().then(|| letter.to_ascii_lowercase())
}

/// All secrets, ready to be looked for.
struct Index([Runs; 2]);

/// Secrets by one reading.
struct Runs {
    reading: Reading,
    runs: HashSet<[char; RUN]>,
    short: Vec<Vec<char>>,
}

impl Index {
    fn of(secrets: &SentSecrets) -> Self {
        let plain = secrets.0.iter().filter_map(|secret| escapes::undone(secret));
        let spellings: Vec<String> = secrets.0.iter().cloned().chain(plain).collect();
        Self([as_written, letters_only].map(|reading| Runs::of(&spellings, reading)))
    }

    /// Which characters of a text are of a secret.
    fn marked(&self, text: &[char], depth: u32) -> Vec<bool> {
        let mut marked = vec![false; text.len()];
        for runs in &self.0 {
            runs.mark(text, &mut marked);
        }
        if depth > 0 {
            for within in escapes::encoded(text) {
                let holds = |text: &String| {
                    let text = escapes::undone(text);
                    text.is_none_or(|text| self.holds(&text, depth - 1))
                };
                if within.decoded.iter().any(holds) {
                    marked[within.place].fill(true);
                }
            }
        }
        marked
    }

    fn holds(&self, text: &str, depth: u32) -> bool {
        let text: Vec<char> = text.chars().collect();
        self.marked(&text, depth).contains(&true)
    }
}

impl Runs {
    fn of(secrets: &[String], reading: Reading) -> Self {
        let mut found = Self { reading, runs: HashSet::new(), short: Vec::new() };
        for secret in secrets {
            let read: Vec<char> = secret.chars().filter_map(reading).collect();
            found.runs.extend(read.array_windows::<RUN>());
            // One that is mostly punctuation leaves next to nothing to look for.
            let is_whole = read.len() == secret.chars().count();
            if (1..RUN).contains(&read.len()) && is_whole {
                found.short.push(read);
            }
        }
        found
    }

    fn mark(&self, text: &[char], marked: &mut [bool]) {
        let read = text.iter().enumerate();
        let (places, read): (Vec<usize>, Vec<char>) =
            read.filter_map(|(place, letter)| Some((place, (self.reading)(*letter)?))).unzip();
        let mut mark = |from: usize, length: usize| {
            marked[places[from]..=places[from + length - 1]].fill(true);
        };
        for (from, run) in read.array_windows::<RUN>().enumerate() {
            if self.runs.contains(run) {
                mark(from, RUN);
            }
        }
        for short in &self.short {
            for (from, part) in read.windows(short.len()).enumerate() {
                if part == short {
                    mark(from, short.len());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
