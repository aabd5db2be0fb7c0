//! What the Python Pasee has left where these settings have been its own.
//!
//! Must not read what stands in it.

use std::path::{Path, PathBuf};

use crate::settings::Settings;
use crate::store::embedded::is_of_python;

/// The database that it kept its groups in: beside the settings, or where we are started, as it was.
fn left_behind(settings: &Settings) -> Option<PathBuf> {
    let named = settings.python_file.as_ref()?;
    let beside = settings.file.parent().unwrap_or(Path::new("")).join(named);
    [beside, named.clone()].into_iter().find(|file| is_of_python(file))
}

/// What is said of it while the realm is empty.
pub(super) fn hint(settings: &Settings, ours: &Path) -> Option<String> {
    let file = left_behind(settings)?;
    let (file, ours) = (file.display(), ours.display());
    Some(format!(
        "the Python Pasee has kept its groups in {file}, which is not read: those of this realm are in {ours}, which holds none; to \
         take them over: pasee import --from python {file} > manifests.yaml, then pasee apply -f manifests.yaml"
    ))
}
