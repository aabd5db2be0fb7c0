//! The files that `pasee apply` is given, read into what they want.
//!
//! Must not know what becomes of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Error, anyhow, bail};

use super::{NOTHING_DONE, report};
use crate::files::check_regular;
use crate::manifests::{Place, Wanted};
use crate::resources::manifest::{Lines, ManifestError, read_each};

/// Longest file, in bytes.
const MAX_FILE: u64 = 256 << 20;
/// Most mistakes that are told at once.
const MAX_TOLD: usize = 50;
/// Standard input, as people name it.
const STDIN: &str = "-";
/// How the files of a directory end that are taken.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Everything that the files say.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Wanted> {
    let (mut wanted, mut wrong) = (Wanted::default(), Vec::new());
    if paths.iter().filter(|path| path.as_os_str() == STDIN).count() > 1 {
        bail!("standard input can be read only once; {NOTHING_DONE}");
    }
    for path in paths {
        match files(path) {
            Ok(files) => files.iter().for_each(|file| take(file, &mut wanted, &mut wrong)),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(wanted) } else { Err(all(wrong)) }
}

/// Several mistakes as one error, the last ones only counted when they are many.
pub(in crate::cli) fn all(mut mistakes: Vec<Error>) -> Error {
    let more = mistakes.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        mistakes.truncate(MAX_TOLD);
        mistakes.push(anyhow!("and {more} more"));
    }
    report::all(NOTHING_DONE, &mistakes)
}

/// The file itself, or the manifests in a directory, sorted.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.as_os_str() == STDIN || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let cannot = || format!("{}: cannot be read", path.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        let file = entry.with_context(cannot)?.path();
        let ending = file.extension().and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| ENDINGS.contains(&ending)) && !file.is_dir() {
            check_regular(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("{}: holds no file that ends with .yaml, .yml or .json", path.display());
    }
    files.sort();
    Ok(files)
}

/// Takes in the objects of a file, and every mistake in it.
fn take(path: &Path, wanted: &mut Wanted, wrong: &mut Vec<Error>) {
    let name: Arc<str> = if path.as_os_str() == STDIN {
        "standard input".into()
    } else {
        path.display().to_string().into()
    };
    let objects = text(path).map_err(|error| error.context(format!("{name}: cannot be read")));
    let objects = objects.and_then(|text| {
        let objects = read_each(&text).map_err(|error| match error {
            ManifestError::Yaml(error) => {
                // What it cites of a file may be anything.
                let told =
                    error.to_string().replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
                anyhow!("{name}: this is no YAML: {told}")
            }
            error => anyhow!("{name}: {error}"),
        })?;
        Ok((objects, text))
    });
    let (objects, text) = match objects {
        Ok(found) => found,
        Err(error) => return wrong.push(error),
    };
    // Found only when something is wrong.
    let mut lines = None;
    for (number, object) in (1..).zip(objects) {
        let place = Place { file: Arc::clone(&name), number };
        let taken = match object {
            Ok(manifest) => wanted.add(&manifest, place.clone()).map_err(Error::new),
            Err(mistake) => Err(Error::new(mistake)),
        };
        if let Err(error) = taken {
            let told = report::tell(&error);
            let lines = lines.get_or_insert_with(|| Lines::of(&text));
            let spot = lines.find(number, field(&told));
            let spot = spot.map(|spot| format!(" ({spot})")).unwrap_or_default();
            let (first, because) = told.split_at(told.find('\n').unwrap_or(told.len()));
            wrong.push(anyhow!("{place}: {first}{spot}{because}"));
        }
    }
}

/// The field that a mistake names, as `spec.users[1]`; else the object itself.
fn field(told: &str) -> &str {
    let start = ["spec", "metadata"].into_iter().filter_map(|field| told.find(field)).min();
    let Some(told) = start.map(|start| &told[start..]) else { return "" };
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || ".[]".contains(letter);
    let end = told.find(|letter| !is_part(letter)).unwrap_or(told.len());
    told[..end].trim_end_matches('.')
}

/// All of a file, or of standard input.
pub(in crate::cli) fn text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == STDIN {
        io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes)?
    } else {
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?
    };
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        bail!("it is longer than {} MiB; write several files", MAX_FILE >> 20);
    }
    String::from_utf8(bytes).map_err(|error| {
        anyhow!("it is no UTF-8 from byte {} on", error.utf8_error().valid_up_to())
    })
}
