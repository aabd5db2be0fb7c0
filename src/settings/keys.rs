//! From `private_key`, `public_key`, `algorithm` and `retired_public_keys` to [`KeySettings`]; secrets that stand in files of
//! their own.
//!
//! Must not know where a key is kept that the settings do not have.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::KeySettings;
use super::file;
use super::reader::{Item, Table};
use crate::jose::key::{Algorithm, PrivateKey, PublicKey};

/// Longest secret in a file of its own, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

pub(super) fn keys(root: &Table<'_>, base: &Path) -> KeySettings {
    let pem = secret(root, "private_key", "private_key_file", base);
    let private = pem.as_ref().and_then(|(pem, place)| {
        PrivateKey::from_pem(pem.expose_secret()).map_err(|error| place.error(error)).ok()
    });
    let given = root.get("private_key").is_some() || root.get("private_key_file").is_some();
    if let Some(item) = root.text("public_key") {
        match (public_key(&item), &private) {
            (Some(public), Some(private)) if &public != private.public() => {
                item.error(
                    "does not belong to private_key; leave it out, it follows from private_key",
                );
            }
            (_, None) if !given => {
                item.error("stands without private_key; a right file has both, or neither");
            }
            _ => {}
        }
    }
    check_algorithm(root, private.as_ref());
    let retired = retired(root, private.as_ref());
    KeySettings { private, retired }
}

fn check_algorithm(root: &Table<'_>, private: Option<&PrivateKey>) {
    let Some(item) = root.text("algorithm") else { return };
    match (item.value, private.map(PrivateKey::algorithm)) {
        ("ES256" | "ES256K" | "RS256", None) => {
            item.warn("does nothing without private_key; leave it out")
        }
        ("ES256", Some(Algorithm::Es256))
        | ("ES256K", Some(Algorithm::Es256k))
        | ("RS256", Some(Algorithm::Rs256)) => {}
        ("ES256", Some(Algorithm::Es256k)) => {
            item.warn("a secp256k1 key signs ES256K (RFC 8812): read as ES256K");
        }
        (_, Some(algorithm)) => {
            item.error(format_args!("does not fit private_key; a right one is \"{algorithm}\""));
        }
        (_, None) => item.error("is not known; right ones are \"ES256\", \"RS256\" and \"ES256K\""),
    }
}

/// Each key once: sets of keys are published, and a key id stands for one key.
fn retired(root: &Table<'_>, private: Option<&PrivateKey>) -> Vec<PublicKey> {
    let mut retired = Vec::new();
    for item in root.texts("retired_public_keys") {
        let Some(key) = public_key(&item) else { continue };
        if private.is_some_and(|private| private.public() == &key) {
            item.warn("is the key of private_key itself and does nothing here");
        } else if retired.contains(&key) {
            item.warn("stands twice and does nothing here");
        } else {
            retired.push(key);
        }
    }
    retired
}

pub(super) fn public_key(item: &Item<'_, &str>) -> Option<PublicKey> {
    PublicKey::from_pem(item.value).map_err(|error| item.error(error)).ok()
}

/// A secret that stands in the file, or in a file of its own, with the place that says so.
pub(super) fn secret<'a>(
    table: &Table<'a>,
    key: &'static str,
    file_key: &'static str,
    base: &Path,
) -> Option<(SecretString, Item<'a, &'a str>)> {
    match (table.text(key), table.text(file_key)) {
        (Some(_), Some(file)) => {
            file.error(format_args!("stands beside {key}; a right file has one of them"));
            None
        }
        (Some(inline), None) => Some((inline.value.into(), inline)),
        (None, Some(file)) => Some((secret_file(&file, base)?, file)),
        (None, None) => None,
    }
}

/// The text of the file that is named here, without line breaks at its end.
fn secret_file(item: &Item<'_, &str>, base: &Path) -> Option<SecretString> {
    let path = item.path(base)?;
    match path.metadata() {
        // Only a warning: Kubernetes mounts Secrets with mode 0644 unless told otherwise.
        Ok(found) if found.mode() & 0o004 != 0 => item.warn(format_args!(
            "every user of this machine may read {file}; close it with chmod 600 {file}",
            file = path.display()
        )),
        _ => {}
    }
    match file::text(&path, MAX_SECRET) {
        Ok(text) => Some(text.trim_end_matches(['\r', '\n']).into()),
        Err(error) => {
            item.error(format_args!(
                "{file} {error}; a right file holds the secret alone",
                file = path.display()
            ));
            None
        }
    }
}
