//! Secrets and keys of this client at a provider, which may stand in files of their own: those are read again when they change.
//!
//! Owns how such a file is read, each time by the same rules. Must not know when.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::settings::keys::{read_secret, secret};
use crate::settings::reader::Table;

/// What is made of a text, or why it is none.
type Parse<T> = fn(SecretString) -> Result<T, String>;

/// A value that stands in the settings, or in a file of its own.
#[derive(Clone)]
pub struct FromFile<T> {
    value: T,
    file: Option<PathBuf>,
    parse: Parse<T>,
}

/// What a file that is written anew, or that a link leads to anew, has another of: device, inode, length, and when it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, u64, u64, i64, i64);

impl Stamp {
    /// That of the file where links lead to, such as those that Kubernetes swaps in a volume.
    fn of(file: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(file)?;
        Ok(Self(found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec()))
    }
}

/// What has become of a file.
#[derive(Debug)]
pub enum Look<T> {
    /// It is the one that was read.
    Same,
    /// It cannot be looked at.
    Away,
    /// It is another, and holds nothing right, for this reason, which shows nothing of it.
    Wrong(Stamp, String),
    /// It is another.
    Read(Stamp, T),
}

impl<T> FromFile<T> {
    /// What was read of a file of its own.
    pub(in crate::settings) fn new(value: T, file: PathBuf, parse: Parse<T>) -> Self {
        Self { value, file: Some(file), parse }
    }

    /// As it was when the settings were read.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Where it stands, if that is a file of its own.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What has become of its file since it had this stamp.
    pub fn look(&self, known: Option<Stamp>) -> Look<T> {
        let Some(file) = self.file() else { return Look::Same };
        // Before the file is read: whatever is written meanwhile has another stamp.
        let stamp = match Stamp::of(file) {
            Err(_) => return Look::Away,
            Ok(stamp) if known == Some(stamp) => return Look::Same,
            Ok(stamp) => stamp,
        };
        let read = read_secret(file).map_err(|error| error.to_string());
        match read.and_then(self.parse) {
            Ok(value) => Look::Read(stamp, value),
            Err(reason) => Look::Wrong(stamp, reason),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for FromFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFile").field("value", &self.value).field("file", &self.file).finish()
    }
}

/// One that has no file.
impl<S: Into<SecretString>> From<S> for FromFile<SecretString> {
    fn from(secret: S) -> Self {
        Self { value: secret.into(), file: None, parse: Ok }
    }
}

/// Reads one under two keys, of which the second names a file.
pub(super) fn from_file<T>(
    table: &Table<'_>,
    key: &'static str,
    file_key: &'static str,
    base: &Path,
    parse: Parse<T>,
) -> Option<FromFile<T>> {
    let (text, item) = secret(table, key, file_key, base)?;
    let file = table.get(key).is_none().then(|| base.join(item.value));
    match parse(text) {
        Ok(value) => Some(FromFile { value, file, parse }),
        Err(error) => {
            item.error(error);
            None
        }
    }
}
