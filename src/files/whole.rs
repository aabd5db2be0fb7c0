//! A file read whole, within a bound, and only where it is one: a pipe has its reader wait for a writer, a device may have no end,
//! and neither is what a setting means.
//!
//! Must not know what is in it.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Why a file is not read.
#[derive(Debug)]
pub enum NotRead {
    /// The system's word.
    Io(io::Error),
    /// What is there in the place of a file.
    NotAFile(&'static str),
    /// Longer than so many bytes.
    TooLong(u64),
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAFile(kind) => {
                write!(f, "it is {kind}; a right one is a regular file, or a link to one")
            }
            Self::TooLong(most) => {
                write!(f, "it is longer than {most} bytes; a right one is much shorter")
            }
        }
    }
}

impl std::error::Error for NotRead {}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<NotRead> for io::Error {
    fn from(error: NotRead) -> Self {
        match error {
            NotRead::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// All of a file, or of the one that a link leads to, if it has at most so many bytes.
///
/// # Errors
/// [`NotRead`]; nothing is waited for.
pub fn read_whole(file: &Path, most: u64) -> Result<Vec<u8>, NotRead> {
    check_regular(file)?;
    let mut opened = File::open(file)?;
    // Whatever was put in its place meanwhile.
    regular(&opened.metadata()?)?;
    let mut bytes = Vec::new();
    opened.by_ref().take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(NotRead::TooLong(most)) } else { Ok(bytes) }
}

/// That something is a file, or a link to one: asked before opening, as opening a pipe would wait for a writer.
///
/// # Errors
/// [`NotRead`], never for its length.
pub fn check_regular(file: &Path) -> Result<(), NotRead> {
    regular(&std::fs::metadata(file)?)
}

fn regular(found: &Metadata) -> Result<(), NotRead> {
    let kind = found.file_type();
    Err(NotRead::NotAFile(match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_and_links_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "12345678").unwrap();
        assert_eq!(read_whole(&file, 8).unwrap(), b"12345678");
        assert!(matches!(read_whole(&file, 7), Err(NotRead::TooLong(7))));
        // As Kubernetes mounts a Secret: a link to a file behind a link to a directory.
        fs::create_dir(dir.path().join("..2026")).unwrap();
        fs::write(dir.path().join("..2026/key"), "a").unwrap();
        symlink("..2026", dir.path().join("..data")).unwrap();
        symlink("..data/key", dir.path().join("key")).unwrap();
        assert_eq!(read_whole(&dir.path().join("key"), 8).unwrap(), b"a");
        assert!(matches!(read_whole(&dir.path().join("none"), 8), Err(NotRead::Io(_))));
        // Without an end that could be known before.
        let huge = dir.path().join("huge");
        File::create(&huge).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read_whole(&huge, 1024), Err(NotRead::TooLong(1024))));
    }

    #[test]
    fn what_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let link = dir.path().join("link");
        symlink(&pipe, &link).unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, expected) in [
            (pipe.as_path(), "a pipe"),
            (&link, "a pipe"),
            (dir.path(), "a directory"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
            (Path::new("/dev/null"), "a device"),
        ] {
            let error = read_whole(path, 8).unwrap_err();
            assert!(matches!(error, NotRead::NotAFile(kind) if kind == expected), "{error}");
            assert!(io::Error::from(error).to_string().contains("a right one is a regular file"));
        }
    }
}
