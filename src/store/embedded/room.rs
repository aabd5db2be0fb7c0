//! Room behind what a write-ahead log holds: zeros, over which SQLite writes.
//!
//! A commit waits until the disk has it. Where it makes the file longer, the disk has to have that too, which takes as long again; so a log
//! that grows is made longer by much at once. SQLite takes zeros for no transaction, as it does whatever lies behind the last.
//! Must not know what is in the log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::leftover::LARGE;

/// A log that is shorter is of few changes, which may be all.
const FEW: u64 = 64 << 10;
/// What is there for the next transactions, or room is made; more than one frame is looked at, and none is all zeros.
const LEFT: u64 = 32 << 10;
const LOOKED_AT: usize = 8 << 10;
/// Most that is made at once.
const MOST: u64 = 1 << 20;

/// Makes room in the log for the transaction that is under way, which keeps others from writing to it. Nothing is lost where that
/// cannot be done.
pub(super) fn make(log: &Path, length: u64) {
    if (FEW..LARGE).contains(&length)
        && let Err(error) = append(log, length)
    {
        tracing::debug!(%error, "the write-ahead log is not made longer");
    }
}

fn append(log: &Path, length: u64) -> io::Result<()> {
    // Behind whatever is there by now.
    let mut log = OpenOptions::new().read(true).append(true).open(log)?;
    let mut there = [0; LOOKED_AT];
    log.read_exact_at(&mut there, length - LEFT)?;
    if there.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    let more = usize::try_from(length.min(MOST)).unwrap_or(LOOKED_AT);
    log.write_all(&vec![0; more])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length that a log of so many bytes has afterwards, of which so many at the end are zeros.
    fn made(length: u64, zeros: u64) -> u64 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut bytes = vec![7; usize::try_from(length - zeros).unwrap()];
        bytes.resize(usize::try_from(length).unwrap(), 0);
        std::fs::write(&path, &bytes).unwrap();
        make(&path, length);
        let after = std::fs::read(&path).unwrap();
        assert!(after.starts_with(&bytes), "what was there is there");
        assert!(after[bytes.len()..].iter().all(|byte| *byte == 0));
        after.len() as u64
    }

    #[test]
    fn a_log_that_grows_has_room() {
        assert_eq!(made(FEW - 1, 0), FEW - 1, "few changes");
        assert_eq!(made(FEW, 0), 2 * FEW);
        assert_eq!(made(FEW, LEFT), FEW, "there is room");
        assert_eq!(made(FEW, LEFT - 1), 2 * FEW);
        assert_eq!(made(3 << 20, 0), 4 << 20);
        assert_eq!(made(LARGE - 1, 0), LARGE - 1 + MOST);
        assert_eq!(made(LARGE, 0), LARGE, "it is moved into the file soon");
    }

    #[test]
    fn where_there_is_no_log_none_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        make(&path, FEW);
        assert!(!path.exists());
    }
}
