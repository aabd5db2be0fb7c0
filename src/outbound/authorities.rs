//! Files of certificate authorities, and what was made of them: made anew when one of them has changed, the old kept when the
//! new is of no use.
//!
//! A file that is mounted from a ConfigMap or a Secret changes by a link above it that is swapped; what counts is the file
//! that is found in the end. Must not know what is made of them.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::trust::ClientError;
use crate::files::{NotRead, read_whole};

/// Longest file of authorities, in bytes: those of a whole system are a quarter of it.
const MAX_FILE: u64 = 1024 * 1024;

/// What is made of authorities.
type Make<T> = Box<dyn Fn(&[CertificateDer<'static>]) -> Result<T, ClientError> + Send + Sync>;

/// Something that believes the authorities in some files.
pub(super) struct Believing<T> {
    files: Vec<PathBuf>,
    make: Make<T>,
    made: ArcSwap<Made<T>>,
}

struct Made<T> {
    value: T,
    /// The files as they were before they were read: whatever is written meanwhile has another stamp.
    stamps: Vec<Option<Stamp>>,
}

/// What a file that is written anew has another of: device, inode, length, and when it changed.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(found: &Metadata) -> Stamp {
    (found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec())
}

impl<T: Clone> Believing<T> {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be used, or nothing can be made of them.
    pub(super) fn new(
        files: Vec<PathBuf>,
        make: impl Fn(&[CertificateDer<'static>]) -> Result<T, ClientError> + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        let find = |file: &PathBuf| std::fs::metadata(file).ok().as_ref().map(stamp);
        let stamps = files.iter().map(find).collect();
        let value = make(&read(&files)?)?;
        let made = ArcSwap::from_pointee(Made { value, stamps });
        Ok(Self { files, make: Box::new(make), made })
    }

    /// What was made last.
    pub(super) fn get(&self) -> T {
        self.made.load().value.clone()
    }

    /// Reads the files again if one of them has changed.
    pub(super) async fn look_again(&self) {
        if self.files.is_empty() {
            return;
        }
        let mut stamps = Vec::new();
        for file in &self.files {
            stamps.push(tokio::fs::metadata(file).await.ok().as_ref().map(stamp));
        }
        let known = self.made.load();
        if known.stamps == stamps {
            return;
        }
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let files = files.join(", ");
        let value = match read(&self.files).and_then(|authorities| (self.make)(&authorities)) {
            Ok(value) => {
                tracing::info!(%files, "authorities read again");
                value
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, %files, "old authorities kept");
                known.value.clone()
            }
        };
        self.made.store(Arc::new(Made { value, stamps }));
    }
}

impl<T> fmt::Debug for Believing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Believing").field("files", &self.files).finish_non_exhaustive()
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let mut all = Vec::new();
    for file in files {
        all.extend(authorities(file)?);
    }
    Ok(all)
}

fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let unread = |error: NotRead| ClientError::ReadAuthority(file.to_owned(), error.into());
    let pem = read_whole(file, MAX_FILE).map_err(unread)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let is_authority =
        |found: &CertificateDer<'static>| RootCertStore::empty().add(found.clone()).is_ok();
    found
        .ok()
        .filter(|found| !found.is_empty() && found.iter().all(is_authority))
        .ok_or_else(|| ClientError::ParseAuthority(file.to_owned()))
}
