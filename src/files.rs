//! What other users of this machine can do to a file: read it, write it, or put another in its place.
//!
//! Owns how owners and modes are judged, of the file and of every directory above it. Must not know what is in a file, nor what
//! follows from the answer. What is no file is found in `whole`, which reads those that are.
//!
//! The rule: what is secret or decides who is who belongs to the user that runs Pasee, or to root, and so does every directory
//! above it. A group counts as somebody else unless this process is in it, as it is in the `fsGroup` whose bits Kubernetes sets on
//! volumes by itself. A directory with the sticky bit lets nobody replace
//! what others put there. What lies below a directory that nobody else may enter cannot be read or written, whatever its mode.

mod whole;

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs;

pub use whole::{NotRead, check_regular, read_whole};

/// The bits of others in a mode.
const READ: u32 = 0o004;
const WRITE: u32 = 0o002;
const ENTER: u32 = 0o001;
const STICKY: u32 = 0o1000;

/// What others can do, the worst of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Put another file in its place, for they may write, or own, this directory.
    Replace(PathBuf),
    /// Do anything to it: it is theirs, by this user id.
    Own(u32),
    /// Write it; its mode.
    Write(u32),
    /// Read it; its mode.
    Read(u32),
}

impl Access {
    /// Whether what is read there may be somebody else's word.
    #[must_use]
    pub fn can_change(&self) -> bool {
        !matches!(self, Self::Read(_))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replace(directory) => write!(
                f,
                "other users may replace it, for they may write {directory}; close that with chmod go-w {directory}, and let the \
                 user that runs pasee own it",
                directory = directory.display()
            ),
            Self::Own(user) => {
                write!(
                    f,
                    "it belongs to another user (id {user}); let the user that runs pasee own it"
                )
            }
            Self::Write(mode) => {
                write!(f, "other users may write it (mode {mode:04o}); close it with chmod 600")
            }
            Self::Read(mode) => {
                write!(f, "other users may read it (mode {mode:04o}); close it with chmod 600")
            }
        }
    }
}

/// Who runs this process.
struct Me {
    user: u32,
    /// Its own, and those that it is in besides.
    groups: Vec<u32>,
}

impl Me {
    fn now() -> Self {
        let mut groups = vec![rustix::process::getegid().as_raw()];
        // A process whose groups cannot be told is in no other.
        groups.extend(
            rustix::process::getgroups().unwrap_or_default().iter().map(|group| group.as_raw()),
        );
        Self { user: rustix::process::geteuid().as_raw(), groups }
    }
}

/// What others can do to a file that is there; `None` when it is nothing.
///
/// # Errors
/// When the file or a directory above it cannot be looked at.
pub fn access_of_others(file: &Path) -> io::Result<Option<Access>> {
    of_others(file, &Me::now())
}

fn of_others(file: &Path, me: &Me) -> io::Result<Option<Access>> {
    // Where links lead to: whoever may change a link's directory is asked of too, below.
    let mut ways = vec![std::path::absolute(file)?];
    let real = std::fs::canonicalize(file)?;
    if ways[0] != real {
        ways.push(real);
    }
    let mut worst = None;
    for way in &ways {
        let access = along(way, me)?;
        if worst.is_none() || matches!(access, Some(Access::Replace(_))) {
            worst = access;
        }
    }
    Ok(worst)
}

/// Whether files could be made in a directory, which may have to be made first with those above it. Makes nothing.
///
/// # Errors
/// What the system would say.
pub fn could_make_in(directory: &Path) -> io::Result<()> {
    // What is made is made below the first that is there.
    for there in directory.ancestors() {
        let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        match std::fs::metadata(there) {
            Ok(found) if !found.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            Ok(_) => return may_change(there, Kind::Directory),
            // A link to nowhere is in the way of a directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !there.is_symlink() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file: read and written.
    File,
    /// A directory: files are made in it.
    Directory,
}

/// Whether this process may change what is there, by its modes and by how its disk is mounted. Changes nothing.
///
/// # Errors
/// What the system would say.
pub fn may_change(there: &Path, kind: Kind) -> io::Result<()> {
    let wanted = match kind {
        Kind::File => fs::Access::READ_OK | fs::Access::WRITE_OK,
        Kind::Directory => fs::Access::WRITE_OK | fs::Access::EXEC_OK,
    };
    Ok(fs::accessat(fs::CWD, there, wanted, fs::AtFlags::EACCESS)?)
}

fn along(file: &Path, me: &Me) -> io::Result<Option<Access>> {
    let mut can_enter = true;
    let above: Vec<&Path> = file.ancestors().skip(1).collect();
    for directory in above.into_iter().rev() {
        let found = std::fs::metadata(directory)?;
        if can_enter
            && (is_foreign(&found, me) || may(&found, me, WRITE) && found.mode() & STICKY == 0)
        {
            return Ok(Some(Access::Replace(directory.to_owned())));
        }
        can_enter &= may(&found, me, ENTER);
    }
    let found = std::fs::metadata(file)?;
    let mode = found.mode() & 0o7777;
    Ok(if is_foreign(&found, me) {
        Some(Access::Own(found.uid()))
    } else if can_enter && may(&found, me, WRITE) {
        Some(Access::Write(mode))
    } else if can_enter && may(&found, me, READ) {
        Some(Access::Read(mode))
    } else {
        None
    })
}

fn is_foreign(found: &impl MetadataExt, me: &Me) -> bool {
    found.uid() != me.user && found.uid() != 0
}

/// Whether somebody else may: anybody, or the members of a group that is not ours.
fn may(found: &impl MetadataExt, me: &Me, what: u32) -> bool {
    let is_ours = me.groups.contains(&found.gid()) || found.gid() == 0;
    found.mode() & what != 0 || !is_ours && found.mode() & (what << 3) != 0
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    /// A file in a directory in a directory, each with a mode.
    fn made(above: u32, directory: u32, file: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("below");
        fs::create_dir(&below).unwrap();
        let path = below.join("file");
        fs::write(&path, "x").unwrap();
        for (path, mode) in [(&path, file), (&below, directory), (&dir.path().to_owned(), above)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn owners_and_modes() {
        for (above, directory, file, expected) in [
            (0o755, 0o755, 0o600, None),
            (0o755, 0o755, 0o644, Some("read")),
            (0o755, 0o755, 0o622, Some("write")),
            (0o755, 0o755, 0o666, Some("write")),
            (0o755, 0o700, 0o666, None),
            (0o700, 0o755, 0o644, None),
            (0o700, 0o777, 0o600, None),
            (0o755, 0o777, 0o600, Some("replace")),
            (0o777, 0o700, 0o600, Some("replace")),
            (0o755, 0o1777, 0o600, None),
            (0o755, 0o1777, 0o644, Some("read")),
            (0o1777, 0o755, 0o640, None),
        ] {
            let (dir, path) = made(above, directory, file);
            let access = access_of_others(&path).unwrap();
            assert_eq!(access.as_ref().map(kind), expected, "{above:o} {directory:o} {file:o}");
            if let Some(Access::Replace(closed)) = access {
                assert!(closed.starts_with(dir.path()));
            }
        }
        assert!(access_of_others(Path::new("/nowhere/at/all")).is_err());
    }

    /// Only root can give files away; elsewhere there is nothing to see.
    #[test]
    fn what_belongs_to_somebody_else() {
        let (_dir, path) = made(0o755, 0o755, 0o600);
        if chown(&path, Some(12_345), None).is_err() {
            return;
        }
        assert_eq!(access_of_others(&path).unwrap(), Some(Access::Own(12_345)));
        let (_dir, path) = made(0o755, 0o755, 0o660);
        chown(&path, None, Some(12_345)).unwrap();
        assert_eq!(access_of_others(&path).unwrap(), Some(Access::Write(0o660)));
        let (_dir, path) = made(0o755, 0o755, 0o600);
        let directory = path.parent().unwrap();
        chown(directory, Some(12_345), None).unwrap();
        assert_eq!(access_of_others(&path).unwrap(), Some(Access::Replace(directory.to_owned())));
    }

    /// What Kubernetes does to volumes of a pod with `fsGroup`: everything is that group's, which may read and write. Its members
    /// are this process's kind; everybody else is still somebody else.
    #[test]
    fn groups_that_this_process_is_in() {
        const VOLUME: u32 = 23_456;
        let me = |groups: &[u32]| Me { user: Me::now().user, groups: groups.to_vec() };
        for (directory, file, ours, others) in [
            (0o2755, 0o640, None, Some("read")),
            (0o2775, 0o660, None, Some("replace")),
            (0o2775, 0o600, None, Some("replace")),
            (0o3777, 0o640, None, Some("read")),
            (0o2755, 0o644, Some("read"), Some("read")),
            (0o2755, 0o646, Some("write"), Some("write")),
            (0o2777, 0o640, Some("replace"), Some("replace")),
        ] {
            let (_dir, path) = made(0o755, directory, file);
            let below = path.parent().unwrap();
            if chown(&path, None, Some(VOLUME)).and(chown(below, None, Some(VOLUME))).is_err() {
                return;
            }
            // Giving a file away takes these bits from it.
            fs::set_permissions(below, Permissions::from_mode(directory)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
            for (groups, expected) in [(&[1, VOLUME][..], ours), (&[1, 2], others)] {
                let access = of_others(&path, &me(groups)).unwrap();
                let kind = access.as_ref().map(kind);
                assert_eq!(kind, expected, "{directory:o} {file:o} in {groups:?}");
            }
        }
    }

    fn kind(access: &Access) -> &'static str {
        match access {
            Access::Replace(_) => "replace",
            Access::Own(_) => "own",
            Access::Write(_) => "write",
            Access::Read(_) => "read",
        }
    }

    /// A link in a directory of others may lead elsewhere tomorrow.
    #[test]
    fn links() {
        let (_kept, target) = made(0o755, 0o755, 0o600);
        let (_dir, path) = made(0o755, 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let access = access_of_others(&path).unwrap();
        assert_eq!(access, Some(Access::Replace(path.parent().unwrap().to_owned())));
    }
}
