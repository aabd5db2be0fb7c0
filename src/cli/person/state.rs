//! The directory of what is kept of logins: one file for each issuer, which one process at a time writes.
//!
//! Must not know what is kept.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::kept::Kept;
use super::private_file;
use crate::relying::IssuerUrl;

/// The directory.
#[derive(Clone, Debug)]
pub(in crate::cli) struct StateDirectory(PathBuf);

/// What is kept of one issuer.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Place {
    directory: PathBuf,
    name: String,
    issuer: IssuerUrl,
}

/// The same, while nobody else writes it.
#[derive(Debug)]
pub(in crate::cli) struct LockedPlace<'p> {
    place: &'p Place,
    /// The lock ends with it.
    _lock: File,
}

impl StateDirectory {
    /// That of this user: `$XDG_STATE_HOME/pasee`, or `~/.local/state/pasee`. Not made yet.
    pub(in crate::cli) fn of_this_user() -> anyhow::Result<Self> {
        Self::of(|name| env::var_os(name))
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Self> {
        let absolute =
            |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || absolute("HOME").map(|home| home.join(".local/state"));
        match absolute("XDG_STATE_HOME").or_else(home) {
            Some(base) => Ok(Self(base.join("pasee"))),
            None => bail!(
                "there is no place to keep tokens in: neither XDG_STATE_HOME nor HOME names a directory, as an absolute path"
            ),
        }
    }

    /// Where an issuer's file is.
    pub(in crate::cli) fn place(&self, issuer: &IssuerUrl) -> Place {
        let (directory, issuer) = (self.0.clone(), issuer.clone());
        Place { directory, name: file_name(issuer.as_str(), issuer.host()), issuer }
    }

    /// All issuers that something is kept of.
    pub(in crate::cli) fn issuers(&self) -> anyhow::Result<Vec<IssuerUrl>> {
        if !self.0.exists() {
            return Ok(Vec::new());
        }
        private_file::look_at_directory(&self.0)?;
        let cannot = || format!("{} cannot be read", self.0.display());
        let mut issuers = Vec::new();
        for entry in fs::read_dir(&self.0).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            issuers.extend(private_file::read(&path)?.and_then(|text| Kept::issuer_of(&text)));
        }
        issuers.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        Ok(issuers)
    }
}

/// A name that tells people which issuer it is, and no two issuers share.
fn file_name(issuer: &str, host: &str) -> String {
    let readable: String = host
        .chars()
        .take(60)
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect();
    let digest: String =
        Sha256::digest(issuer).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{readable}-{digest}")
}

impl Place {
    /// Whose it is.
    pub(in crate::cli) fn issuer(&self) -> &IssuerUrl {
        &self.issuer
    }

    fn path(&self, extension: &str) -> PathBuf {
        self.directory.join(format!("{}.{extension}", self.name))
    }

    fn file(&self) -> PathBuf {
        self.path("json")
    }

    /// What is kept; nothing where there is nothing.
    pub(in crate::cli) fn read(&self) -> anyhow::Result<Kept> {
        let file = self.file();
        if !self.directory.exists() {
            return Ok(Kept::default());
        }
        private_file::look_at_directory(&self.directory)?;
        match private_file::read(&file)? {
            None => Ok(Kept::default()),
            Some(text) => Kept::read(&text, &self.issuer).with_context(|| wrong(&file)),
        }
    }

    /// Keeps everybody else from writing it; says so when somebody does and has to be waited for.
    pub(in crate::cli) fn lock(&self, waiting: impl FnOnce()) -> anyhow::Result<LockedPlace<'_>> {
        private_file::directory(&self.directory)?;
        let path = self.path("lock");
        let file = private_file::to_lock(&path)?;
        let cannot = || format!("{} cannot be locked", path.display());
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().with_context(cannot)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        Ok(LockedPlace { place: self, _lock: file })
    }
}

fn wrong(file: &Path) -> String {
    let shown = file.display();
    format!("{shown} is not what pasee keeps there; remove it and log in again")
}

impl LockedPlace<'_> {
    /// What is kept.
    pub(in crate::cli) fn read(&self) -> anyhow::Result<Kept> {
        self.place.read()
    }

    /// Keeps this.
    pub(in crate::cli) fn write(&self, kept: &Kept) -> anyhow::Result<()> {
        private_file::write(&self.place.file(), &kept.written(&self.place.issuer))
    }

    /// Keeps nothing any more.
    pub(in crate::cli) fn forget(&self) -> anyhow::Result<()> {
        private_file::remove(&self.place.file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is() {
        let of = |variables: &[(&str, &str)]| {
            let directory = StateDirectory::of(|name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| value.into())
            });
            directory.map(|StateDirectory(path)| path.display().to_string()).ok()
        };
        let home = ("HOME", "/home/ada");
        for (variables, expected) in [
            (vec![home], Some("/home/ada/.local/state/pasee")),
            (vec![home, ("XDG_STATE_HOME", "/state")], Some("/state/pasee")),
            (vec![home, ("XDG_STATE_HOME", "")], Some("/home/ada/.local/state/pasee")),
            (vec![home, ("XDG_STATE_HOME", "state")], Some("/home/ada/.local/state/pasee")),
            (vec![], None),
            (vec![("HOME", "")], None),
        ] {
            assert_eq!(of(&variables).as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn each_issuer_has_a_file_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let directory = StateDirectory(dir.path().join("pasee"));
        assert!(directory.issuers().unwrap().is_empty());
        let issuers = [
            "https://a.example.com",
            "https://a.example.com/",
            "https://a.example.com/b",
            "http://[::1]:8150",
        ];
        for issuer in issuers {
            let place = directory.place(&issuer.parse().unwrap());
            place.lock(|| panic!("nobody else is there")).unwrap().write(&Kept::default()).unwrap();
        }
        let mut expected = issuers;
        expected.sort_unstable();
        let found: Vec<String> =
            directory.issuers().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
        let place = directory.place(&issuers[0].parse().unwrap());
        place.lock(|| ()).unwrap().forget().unwrap();
        assert_eq!(directory.issuers().unwrap().len(), 3);
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let directory = StateDirectory(dir.path().join("pasee"));
        let place = directory.place(&"https://a.example.com".parse().unwrap());
        let held = place.lock(|| ()).unwrap();
        let (told, waits) = std::sync::mpsc::channel();
        std::thread::scope(|threads| {
            let other = threads.spawn(|| place.lock(|| told.send(()).unwrap()).map(drop));
            waits.recv().unwrap();
            assert!(!other.is_finished());
            drop(held);
            other.join().unwrap().unwrap();
        });
    }
}
