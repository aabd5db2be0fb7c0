//! The key tokens are signed with: the configured one, or one that is made at the first start and kept in `data_dir`.
//!
//! Owns the file `private_key.pem`. Must not know what is signed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Settings;
use crate::jose::key::{Algorithm, KeyError, PrivateKey};

/// The kept key's name in `data_dir`.
const NAME: &str = "private_key.pem";

/// Most bytes of a kept key that are read; a key has a few hundred.
const MAX_LENGTH: u64 = 8 * 1024;

/// Why there is no key to sign with. No message shows a byte of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// `data_dir` cannot be made.
    #[error(
        "data_dir {dir} cannot be made to keep a signing key in; make its parent writable, name another data_dir, or \
         give private_key in the settings",
        dir = .0.display()
    )]
    Directory(PathBuf, #[source] io::Error),
    /// The kept key cannot be read.
    #[error(
        "the signing key {file} cannot be read; let the user that runs pasee own it",
        file = .0.display()
    )]
    Unreadable(PathBuf, #[source] io::Error),
    /// Something else has the key's name.
    #[error(
        "{file} is not a file; it is where the signing key is kept: move away what is there",
        file = .0.display()
    )]
    NotAFile(PathBuf),
    /// Somebody beside the owner may read or write the kept key.
    #[error(
        "the signing key {file} is open to other users (mode {mode:04o}); close it with chmod 600 {file}, and if \
         somebody may have read it, delete it: a new key is made, and everybody logs in again",
        file = .0.display(),
        mode = .1
    )]
    Exposed(PathBuf, u32),
    /// The kept key is no key.
    #[error(
        "the signing key {file} is empty or broken; restore it from a backup, or delete it: a new key is made, and \
         everybody logs in again",
        file = .0.display()
    )]
    Broken(PathBuf, #[source] KeyError),
    /// No new key can be made.
    #[error("no new signing key can be made")]
    Generate(#[source] KeyError),
    /// A new key cannot be kept.
    #[error(
        "a new signing key cannot be kept as {file}; make its directory writable, name a data_dir on a disk with hard \
         links, or give private_key in the settings",
        file = .0.display()
    )]
    Unwritable(PathBuf, #[source] io::Error),
}

impl Settings {
    /// The key to sign with: the configured one; else the one kept in `data_dir` as `private_key.pem`; else a new P-256
    /// key that is kept there from now on, for its owner alone. Processes that start at once agree on one key.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`KeyFileError`] names the file and what to do. What is there is never replaced.
    pub fn signing_key(&self) -> Result<PrivateKey, KeyFileError> {
        match &self.keys.private {
            Some(key) => Ok(key.clone()),
            None => kept_key(&self.data_dir),
        }
    }

    /// Where the signing key is kept when the settings have none.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join(NAME)
    }
}

fn kept_key(data_dir: &Path) -> Result<PrivateKey, KeyFileError> {
    let file = data_dir.join(NAME);
    if let Some(key) = read(&file)? {
        return Ok(key);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| KeyFileError::Directory(data_dir.to_owned(), error))?;
    let key = PrivateKey::generate(Algorithm::Es256).map_err(KeyFileError::Generate)?;
    match keep(&key, data_dir, &file) {
        Ok(()) => Ok(key),
        // Another process was first: its key is the key.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(&file)?.ok_or(KeyFileError::Unwritable(file, error))
        }
        Err(error) => Err(KeyFileError::Unwritable(file, error)),
    }
}

/// The kept key; `None` when there is no file.
fn read(file: &Path) -> Result<Option<PrivateKey>, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable(file.to_owned(), error);
    // Asked before opening: opening a pipe would wait for a writer.
    match fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(KeyFileError::NotAFile(file.to_owned())),
        // A link to nowhere is somebody's mistake, not an invitation to make a key.
        Err(error) if is_absent(&error) && !file.is_symlink() => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let opened = File::open(file).map_err(unreadable)?;
    let mode = opened.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed(file.to_owned(), mode));
    }
    let mut text = Zeroizing::new(Vec::new());
    opened.take(MAX_LENGTH + 1).read_to_end(&mut text).map_err(unreadable)?;
    // What is no UTF-8 is no PEM either.
    PrivateKey::from_pem(str::from_utf8(&text).unwrap_or_default())
        .map(Some)
        .map_err(|error| KeyFileError::Broken(file.to_owned(), error))
}

/// A parent that is no directory counts: making `data_dir` says better what is wrong.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Keeps a key under its name, whole or not at all, and never over what is there.
///
/// A hard link is the one portable step that is atomic and refuses to replace.
fn keep(key: &PrivateKey, data_dir: &Path, file: &Path) -> io::Result<()> {
    // The key's own id keeps the drafts of two processes apart.
    let draft = Draft(data_dir.join(format!(".{NAME}.{}", key.public().id())));
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0)?;
    opened.write_all(key.to_pem().as_bytes())?;
    opened.sync_all()?;
    fs::hard_link(&draft.0, file)?;
    drop(draft);
    File::open(data_dir)?.sync_all()
}

/// A file that is gone when this is.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing is lost when it stays: it is closed to others and never read.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    use super::*;
    use crate::settings::parse;

    const SETTINGS: &str = "data_dir = \"kept/here\"\n[jwt]\niss = \"pasee.example.com\"\n";

    fn settings(dir: &Path) -> Settings {
        parse(&dir.join("settings.toml"), SETTINGS).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    /// A `data_dir` with this as its key file.
    fn with_key_file(content: &[u8], mode: u32) -> (tempfile::TempDir, Settings) {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        fs::create_dir_all(&settings.data_dir).unwrap();
        fs::write(settings.key_file(), content).unwrap();
        fs::set_permissions(settings.key_file(), fs::Permissions::from_mode(mode)).unwrap();
        (dir, settings)
    }

    #[test]
    fn a_configured_key_is_used_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate(Algorithm::Es256k).unwrap();
        let mut settings = settings(dir.path());
        settings.keys.private = Some(key.clone());
        assert_eq!(settings.signing_key().unwrap().public(), key.public());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_new_key_is_kept_for_its_owner_alone_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        let made = settings.signing_key().unwrap();
        assert_eq!(made.algorithm(), Algorithm::Es256);
        assert_eq!(mode(&settings.data_dir), 0o700);
        assert_eq!(mode(&dir.path().join("kept")), 0o700);
        assert_eq!(mode(&settings.key_file()), 0o600);
        assert_eq!(fs::read_to_string(settings.key_file()).unwrap(), *made.to_pem());
        assert_eq!(settings.signing_key().unwrap().public(), made.public());
        let names: Vec<_> = fs::read_dir(&settings.data_dir).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft is left: {names:?}");
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        for _ in 0..20 {
            let dir = tempfile::tempdir().unwrap();
            let (settings, start) = (settings(dir.path()), Barrier::new(8));
            let keys: Vec<PrivateKey> = std::thread::scope(|scope| {
                let start_one = || {
                    start.wait();
                    settings.signing_key().unwrap()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(start_one)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| key.public() == keys[0].public()));
            assert_eq!(fs::read_dir(&settings.data_dir).unwrap().count(), 1, "no draft is left");
        }
    }

    #[test]
    fn a_kept_key_that_is_open_to_others_is_refused() {
        let pem = PrivateKey::generate(Algorithm::Es256).unwrap().to_pem();
        for mode in [0o640, 0o604, 0o660, 0o620, 0o602, 0o644] {
            let (_dir, settings) = with_key_file(pem.as_bytes(), mode);
            let error = settings.signing_key().unwrap_err();
            assert!(matches!(error, KeyFileError::Exposed(..)), "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("(mode {mode:04o})")), "{text}");
            assert!(text.contains(&format!("chmod 600 {}", settings.key_file().display())));
        }
        for mode in [0o600, 0o400] {
            let (_dir, settings) = with_key_file(pem.as_bytes(), mode);
            assert_eq!(*settings.signing_key().unwrap().to_pem(), *pem);
        }
    }

    #[test]
    fn a_broken_kept_key_is_refused_and_never_replaced() {
        let pem = PrivateKey::generate(Algorithm::Es256).unwrap().to_pem();
        let long = [pem.as_bytes(), &[b'\n'; 9000]].concat();
        let canary = b"CANARY-5c1f";
        for content in [b"".as_slice(), canary, b"\xff\xfe", &pem.as_bytes()[..120], &long] {
            let (_dir, settings) = with_key_file(content, 0o600);
            let error = settings.signing_key().unwrap_err();
            assert!(matches!(error, KeyFileError::Broken(..)), "{error}");
            let text = format!("{error} {error:?}");
            assert!(text.contains(&settings.key_file().display().to_string()), "{text}");
            assert!(text.contains("restore it from a backup, or delete it"), "{text}");
            assert!(!text.contains("CANARY"), "{text}");
            assert_eq!(fs::read(settings.key_file()).unwrap(), content);
        }
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        fs::create_dir_all(settings.key_file()).unwrap();
        assert!(matches!(settings.signing_key().unwrap_err(), KeyFileError::NotAFile(_)));
        fs::remove_dir(settings.key_file()).unwrap();

        std::os::unix::fs::symlink("nowhere", settings.key_file()).unwrap();
        assert!(matches!(settings.signing_key().unwrap_err(), KeyFileError::Unreadable(..)));
        assert!(settings.key_file().is_symlink(), "never replaced");
    }

    #[test]
    fn a_data_dir_that_cannot_be_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path());
        fs::write(dir.path().join("kept"), "a file in the way").unwrap();
        let error = settings.signing_key().unwrap_err();
        assert!(matches!(error, KeyFileError::Directory(..)), "{error}");
        let text = error.to_string();
        assert!(text.contains(&settings.data_dir.display().to_string()), "{text}");
    }
}
