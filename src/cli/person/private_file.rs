//! Files that nobody else can read, write or put there: how they are opened, and how they are written whole or not at all.
//!
//! Must not know what is in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::files::access_of_others;

/// Longest file that is read, in bytes.
const MAX_LENGTH: u64 = 1024 * 1024;
/// The bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes a directory that only its owner enters, if there is none, and refuses one that others can enter or replace.
pub(super) fn directory(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
        format!("{shown} cannot be made; tokens are kept there, or below XDG_STATE_HOME")
    })?;
    look_at_directory(path)
}

/// Refuses a directory that others can enter or replace.
pub(super) fn look_at_directory(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let found = fs::metadata(path).with_context(|| format!("{shown} cannot be looked at"))?;
    if !found.is_dir() {
        bail!("{shown} is no directory; tokens are kept in one of this name");
    }
    if found.mode() & OTHERS != 0 {
        let mode = found.mode() & 0o7777;
        bail!("{shown} is open to other users (mode {mode:04o}); close it with chmod 700 {shown}");
    }
    let access = access_of_others(path).with_context(|| format!("{shown} cannot be looked at"))?;
    match access {
        None => Ok(()),
        Some(access) => bail!("{shown} is not safe to keep tokens in: {access}"),
    }
}

/// What is in a file, if there is one. No link is followed, nothing is waited for, and one that others can read or write is
/// refused: what stands there may be known to them, or be theirs.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    let Some(file) = open(path, OFlags::RDONLY)? else { return Ok(None) };
    let shown = path.display();
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_LENGTH + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("{shown} cannot be read; remove it and log in again"))?;
    if text.len() as u64 > MAX_LENGTH {
        bail!("{shown} is longer than what is kept here; remove it and log in again");
    }
    Ok(Some(text))
}

/// A file to be locked, made if there is none.
pub(super) fn to_lock(path: &Path) -> anyhow::Result<File> {
    let file = open(path, OFlags::RDWR | OFlags::CREATE)?;
    file.with_context(|| format!("{} cannot be made", path.display()))
}

fn open(path: &Path, how: OFlags) -> anyhow::Result<Option<File>> {
    let shown = path.display();
    let how = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, how, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => {
            bail!("{shown} is a link, and tokens are kept in no such file; remove it")
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be opened")),
    };
    let found = file.metadata().with_context(|| format!("{shown} cannot be looked at"))?;
    if !found.is_file() {
        bail!("{shown} is no file; remove it");
    }
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        bail!("{shown} belongs to another user (id {}); remove it and log in again", found.uid());
    }
    if found.mode() & OTHERS != 0 {
        let mode = found.mode() & 0o7777;
        bail!(
            "{shown} is open to other users (mode {mode:04o}), who may know what is in it; remove it, log in again, and end the \
             sessions of before if it held tokens"
        );
    }
    Ok(Some(file))
}

/// Writes a file, whole or not at all, over what was there. Whoever calls holds the lock that all do who write it.
pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let cannot = || format!("{} cannot be written", path.display());
    remove(&new)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .with_context(cannot)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&new, path)).or_else(|error| {
        // Half of it is worth nothing.
        let _ = fs::remove_file(&new);
        Err(error).with_context(cannot)
    })
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_is_written_is_closed_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        directory(&below).unwrap();
        assert_eq!(fs::metadata(&below).unwrap().mode() & 0o7777, 0o700);
        let file = below.join("x.json");
        assert!(read(&file).unwrap().is_none());
        // Something that was left, or put there, is in nobody's way.
        fs::write(below.join("x.new"), "left").unwrap();
        for text in ["one", "other"] {
            write(&file, text).unwrap();
            assert_eq!(read(&file).unwrap().unwrap().as_str(), text);
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
        }
        assert_eq!(fs::read_dir(&below).unwrap().count(), 1, "and nothing else is left");
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(read(&file).unwrap().is_none());
    }

    #[test]
    fn what_others_can_reach_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.json");
        for mode in [0o640, 0o604, 0o620, 0o602, 0o666, 0o644] {
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            for refused in [read(&file).map(drop), to_lock(&file).map(drop)] {
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("open to other users"), "{mode:o}: {refused}");
            }
        }
        fs::remove_file(&file).unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "x").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        symlink(&target, &file).unwrap();
        for refused in [read(&file).map(drop), to_lock(&file).map(drop)] {
            assert!(refused.unwrap_err().to_string().contains("is a link"));
        }
        fs::remove_file(&file).unwrap();
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            &file,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        );
        made.unwrap();
        // Nobody is at the other end, and nobody is waited for.
        for refused in [read(&file).map(drop), to_lock(&file).map(drop)] {
            assert!(refused.unwrap_err().to_string().contains("is no file"));
        }
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(read(&file).is_err());
    }

    #[test]
    fn what_is_too_long_is_no_file_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.json");
        write(&file, &"a".repeat(1024 * 1024 + 1)).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("is longer than"));
        fs::write(&file, [0xff]).unwrap();
        assert!(read(&file).is_err());
    }

    #[test]
    fn directories_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("pasee");
        fs::create_dir(&below).unwrap();
        for mode in [0o755, 0o710, 0o701, 0o777] {
            fs::set_permissions(&below, Permissions::from_mode(mode)).unwrap();
            let refused = directory(&below).unwrap_err().to_string();
            assert!(refused.contains("chmod 700"), "{refused}");
        }
        fs::set_permissions(&below, Permissions::from_mode(0o700)).unwrap();
        directory(&below).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(directory(&below).unwrap_err().to_string().contains("may replace it"));
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir(&below).unwrap();
        fs::write(&below, "").unwrap();
        assert!(directory(&below).is_err());
    }
}
