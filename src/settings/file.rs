//! The settings file as a file: where it is, and its text within bounds.
//!
//! Must not know what stands in it.

use std::io;
use std::path::{Path, PathBuf};

use super::SettingsError;
use crate::files::{NotRead, read_whole};

/// Largest settings file, in bytes: 1 MiB.
pub(super) const MAX_SETTINGS: u64 = 1024 * 1024;

/// Why a file gives no text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system's word.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// What is there in the place of a file.
    #[error("is {0}; a right one is a regular file, or a link to one")]
    NotAFile(&'static str),
    /// Too long for what it should be; the bound is in bytes.
    #[error("is longer than {0} bytes; a right one is much shorter")]
    TooLong(u64),
    /// As some Windows programs write texts.
    #[error("is UTF-16, as some editors and PowerShell write; a right one is saved as UTF-8")]
    Utf16,
    /// The first line that is not UTF-8.
    #[error("is not UTF-8 in line {0}; a right one is saved as UTF-8")]
    NotUtf8(usize),
}

impl From<NotRead> for ReadError {
    fn from(error: NotRead) -> Self {
        match error {
            NotRead::Io(error) => Self::Io(error),
            NotRead::NotAFile(kind) => Self::NotAFile(kind),
            NotRead::TooLong(most) => Self::TooLong(most),
        }
    }
}

/// Where the settings file is: the given path, else the first that exists of `./settings.toml`, `~/settings.toml` and
/// `/etc/pasee/settings.toml`.
///
/// # Errors
/// [`SettingsError::NotFound`] lists where was looked.
pub fn find(given: Option<&Path>, home: Option<&Path>) -> Result<PathBuf, SettingsError> {
    first_of(candidates(given, home))
}

fn candidates(given: Option<&Path>, home: Option<&Path>) -> Vec<PathBuf> {
    if let Some(given) = given {
        return vec![given.to_owned()];
    }
    let mut candidates = vec![PathBuf::from("settings.toml")];
    candidates.extend(home.map(|home| home.join("settings.toml")));
    candidates.push(PathBuf::from("/etc/pasee/settings.toml"));
    candidates
}

/// A file that is there but closed to us counts: passing over it would start with other settings than were meant.
fn first_of(candidates: Vec<PathBuf>) -> Result<PathBuf, SettingsError> {
    match candidates.iter().find(|path| path.try_exists().unwrap_or(true)) {
        Some(path) => Ok(path.clone()),
        None => {
            let looked: Vec<String> =
                candidates.iter().map(|path| path.display().to_string()).collect();
            Err(SettingsError::NotFound(looked.join(", ")))
        }
    }
}

/// The text of a file of at most so many bytes.
pub(super) fn text(path: &Path, most: u64) -> Result<String, ReadError> {
    let bytes = read_whole(path, most)?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(ReadError::Utf16);
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        ReadError::NotUtf8(before.iter().filter(|byte| **byte == b'\n').count() + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_file_alone_or_three_places_in_order() {
        let shown = |given: Option<&str>, home: Option<&str>| {
            let found = candidates(given.map(Path::new), home.map(Path::new));
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(Some("my.toml"), Some("/home/ada")), "my.toml");
        assert_eq!(
            shown(None, Some("/home/ada")),
            "settings.toml /home/ada/settings.toml /etc/pasee/settings.toml"
        );
        assert_eq!(shown(None, None), "settings.toml /etc/pasee/settings.toml");
    }

    #[test]
    fn the_first_that_exists_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|name| dir.path().join(name));
        let all = || vec![one.clone(), two.clone(), three.clone()];
        let error = first_of(all()).unwrap_err().to_string();
        for path in all() {
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
        assert!(error.contains("--settings-file"), "{error}");
        std::fs::write(&three, "").unwrap();
        assert_eq!(first_of(all()).unwrap(), three);
        std::fs::write(&two, "").unwrap();
        assert_eq!(first_of(all()).unwrap(), two);
        std::fs::write(&one, "").unwrap();
        assert_eq!(first_of(all()).unwrap(), one);
    }

    #[test]
    fn text_within_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "12345678").unwrap();
        assert_eq!(text(&file, 8).unwrap(), "12345678");
        assert!(matches!(text(&file, 7).unwrap_err(), ReadError::TooLong(7)));
        std::fs::write(&file, b"one\ntwo\nth\xffree").unwrap();
        assert!(matches!(text(&file, 99).unwrap_err(), ReadError::NotUtf8(3)));
        for mark in [b"\xff\xfeo\0n\0e\0", b"\xfe\xff\0o\0n\0e"] {
            std::fs::write(&file, mark).unwrap();
            assert!(matches!(text(&file, 99).unwrap_err(), ReadError::Utf16));
        }
        assert!(matches!(text(dir.path(), 99).unwrap_err(), ReadError::NotAFile("a directory")));
    }
}
