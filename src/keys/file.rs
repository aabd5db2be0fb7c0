//! The keys that are made at the first start and kept in a directory, each in a file of its own.
//!
//! Each file is made whole or not at all, for its owner alone, and never replaced; what is missing is made at the next
//! start, and processes that start at once agree. Must not know what a key is used for.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::KeyParts;
use crate::files::{Access, access_of_others, could_make_in};
use crate::jose::key::{Algorithm, KeyError, PrivateKey};
use crate::jose::secret::Secret;

/// Most bytes of a kept key that are read; a key has a few thousand at most.
const MAX_LENGTH: usize = 8 * 1024;

/// A key that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What access tokens are signed with: a P-256 key, unless the operator put another there.
    SigningKey,
    /// An RSA-2048 key, for what only understands RS256.
    RsaKey,
    /// What refresh tokens and login cookies are protected with.
    Secret,
}

impl Part {
    /// The file's name.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::SigningKey => "private_key.pem",
            Self::RsaKey => "rsa_private_key.pem",
            Self::Secret => "secret.pem",
        }
    }

    /// What happens when a new one is made in its place.
    fn when_replaced(self) -> &'static str {
        match self {
            Self::SigningKey => {
                "a new one is made, and access tokens of the last minutes are refused"
            }
            Self::RsaKey => "a new one is made, and what it signed lately is refused",
            Self::Secret => "a new one is made, and everybody logs in again",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SigningKey => "signing key",
            Self::RsaKey => "RSA key",
            Self::Secret => "secret",
        })
    }
}

/// Why there is no key. No message shows a byte of one.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The directory cannot be made.
    #[error(
        "data_dir {dir} cannot be made to keep keys in; make its parent writable, name another data_dir, or give \
         private_key in the settings",
        dir = .0.display()
    )]
    Directory(PathBuf, #[source] io::Error),
    /// A kept key cannot be read.
    #[error("the {0} {file} cannot be read; let the user that runs pasee own it", file = .1.display())]
    Unreadable(Part, PathBuf, #[source] io::Error),
    /// Something else has the key's name.
    #[error("{file} is not a file; it is where the {0} is kept: move away what is there", file = .1.display())]
    NotAFile(Part, PathBuf),
    /// Somebody beside the owner may read or write a kept key.
    #[error(
        "the {0} {file} is open to other users (mode {mode:04o}); close it with chmod 600 {file}, and if somebody may \
         have read it, delete it: {then}",
        file = .1.display(),
        mode = .2,
        then = .0.when_replaced()
    )]
    Exposed(Part, PathBuf, u32),
    /// Somebody else may have put a kept key there, or may put another there.
    #[error("the {0} {file} may be somebody else's: {2}", file = .1.display())]
    Foreign(Part, PathBuf, Access),
    /// A kept key is no key.
    #[error(
        "the {0} {file} is empty or broken; restore it from a backup, or delete it: {then}",
        file = .1.display(),
        then = .0.when_replaced()
    )]
    Broken(Part, PathBuf, #[source] KeyError),
    /// No new key can be made.
    #[error("no new {0} can be made")]
    Generate(Part, #[source] KeyError),
    /// A new key cannot be kept.
    #[error(
        "a new {0} cannot be kept as {file}; make its directory writable, name a data_dir on a disk with hard links, or \
         give private_key in the settings",
        file = .1.display()
    )]
    Unwritable(Part, PathBuf, #[source] io::Error),
}

/// Where new keys come from.
#[derive(Clone, Copy, Debug)]
pub struct Generate {
    /// A signing key.
    pub key: fn(Algorithm) -> Result<PrivateKey, KeyError>,
    /// Where the secret comes from.
    pub secret: fn() -> Result<Secret, KeyError>,
}

/// The directory in which keys are kept.
#[derive(Clone, Debug)]
pub struct KeyDirectory(PathBuf);

impl KeyDirectory {
    /// The keys in this directory, which need not be there yet.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Where a key is kept.
    #[must_use]
    pub fn file(&self, part: Part) -> PathBuf {
        self.0.join(part.file_name())
    }

    /// The ring that is kept here; what is missing of it is made first.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`KeyFileError`] names the file and what to do. What is there is never replaced.
    pub fn open(&self, generate: Generate) -> Result<KeyParts, KeyFileError> {
        let signing = self.kept(Part::SigningKey, || (generate.key)(Algorithm::Es256))?;
        let others = match signing.algorithm() {
            Algorithm::Rs256 => Vec::new(),
            Algorithm::Es256 | Algorithm::Es256k => {
                vec![self.kept(Part::RsaKey, || (generate.key)(Algorithm::Rs256))?]
            }
        };
        let secret = self.kept(Part::Secret, generate.secret)?;
        Ok(KeyParts { signing, others, retired: Vec::new(), secret, former_secrets: Vec::new() })
    }

    /// The kept signing key; `None` when there is none yet. Makes nothing.
    ///
    /// # Errors
    /// [`KeyFileError`], as [`KeyDirectory::open`].
    pub fn signing_key(&self) -> Result<Option<PrivateKey>, KeyFileError> {
        read(Part::SigningKey, &self.file(Part::SigningKey))
    }

    /// The kept RSA key; `None` when there is none yet. Makes nothing.
    ///
    /// # Errors
    /// [`KeyFileError`], as [`KeyDirectory::open`].
    pub fn rsa_key(&self) -> Result<Option<PrivateKey>, KeyFileError> {
        read(Part::RsaKey, &self.file(Part::RsaKey))
    }

    /// The kept secret; `None` when there is none yet. Makes nothing.
    ///
    /// # Errors
    /// [`KeyFileError`], as [`KeyDirectory::open`].
    pub fn secret(&self) -> Result<Option<Secret>, KeyFileError> {
        read(Part::Secret, &self.file(Part::Secret))
    }

    /// Whether what is missing here could be made. Makes nothing.
    ///
    /// # Errors
    /// [`KeyFileError`], as [`KeyDirectory::open`].
    pub fn could_make_missing(&self) -> Result<(), KeyFileError> {
        let signing = self.signing_key()?;
        let needs_rsa = signing.as_ref().is_none_or(|key| key.algorithm() != Algorithm::Rs256);
        let missing = if signing.is_none() {
            Part::SigningKey
        } else if needs_rsa && self.rsa_key()?.is_none() {
            Part::RsaKey
        } else if self.secret()?.is_none() {
            Part::Secret
        } else {
            return Ok(());
        };
        could_make_in(&self.0).map_err(|error| match self.0.is_dir() {
            true => KeyFileError::Unwritable(missing, self.file(missing), error),
            false => KeyFileError::Directory(self.0.clone(), error),
        })
    }

    fn kept<T: Kept>(
        &self,
        part: Part,
        make: impl FnOnce() -> Result<T, KeyError>,
    ) -> Result<T, KeyFileError> {
        let file = self.file(part);
        if let Some(key) = read(part, &file)? {
            return Ok(key);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|error| KeyFileError::Directory(self.0.clone(), error))?;
        let key = make().map_err(|error| KeyFileError::Generate(part, error))?;
        match keep(&key, &self.0, part.file_name()) {
            Ok(()) => Ok(key),
            // Another process was first: its key is the key.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                read(part, &file)?.ok_or(KeyFileError::Unwritable(part, file, error))
            }
            Err(error) => Err(KeyFileError::Unwritable(part, file, error)),
        }
    }
}

/// What can be kept in a file.
trait Kept: Sized {
    fn from_pem(text: &str) -> Result<Self, KeyError>;
    fn to_pem(&self) -> Zeroizing<String>;
    fn id(&self) -> String;
}

impl Kept for PrivateKey {
    fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pem(text)
    }

    fn to_pem(&self) -> Zeroizing<String> {
        self.to_pem()
    }

    fn id(&self) -> String {
        self.public().id().to_string()
    }
}

impl Kept for Secret {
    fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_pem(text)
    }

    fn to_pem(&self) -> Zeroizing<String> {
        self.to_pem()
    }

    fn id(&self) -> String {
        self.id().to_string()
    }
}

/// The kept key; `None` when there is no file.
fn read<T: Kept>(part: Part, file: &Path) -> Result<Option<T>, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable(part, file.to_owned(), error);
    // Asked before opening: opening a pipe would wait for a writer.
    match fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(KeyFileError::NotAFile(part, file.to_owned())),
        // A link to nowhere is somebody's mistake, not an invitation to make a key.
        Err(error) if is_absent(&error) && !file.is_symlink() => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let opened = File::open(file).map_err(unreadable)?;
    let mode = opened.metadata().map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed(part, file.to_owned(), mode));
    }
    if let Some(access) = access_of_others(file).map_err(unreadable)? {
        return Err(KeyFileError::Foreign(part, file.to_owned(), access));
    }
    let mut text = Zeroizing::new(Vec::new());
    opened.take(MAX_LENGTH as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    // What is no UTF-8 is no PEM either, and of what is too long the beginning says nothing.
    let is_whole = |text: &&str| text.len() <= MAX_LENGTH;
    T::from_pem(str::from_utf8(&text).ok().filter(is_whole).unwrap_or_default())
        .map(Some)
        .map_err(|error| KeyFileError::Broken(part, file.to_owned(), error))
}

/// A parent that is no directory counts: making the directory says better what is wrong.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Keeps a key under its name, whole or not at all, and never over what is there.
///
/// A hard link is the one portable step that is atomic and refuses to replace.
fn keep(key: &impl Kept, directory: &Path, name: &str) -> io::Result<()> {
    // The key's own id keeps the drafts of two processes apart.
    let draft = Draft(directory.join(format!(".{name}.{}", key.id())));
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft.0)?;
    opened.write_all(key.to_pem().as_bytes())?;
    opened.sync_all()?;
    fs::hard_link(&draft.0, directory.join(name))?;
    drop(draft);
    File::open(directory)?.sync_all()
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
mod tests;
