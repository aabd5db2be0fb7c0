//! From `private_key`, `public_key`, `algorithm` and the retired keys to [`KeySettings`]; secrets that stand in files of
//! their own.
//!
//! Must not know where a key is kept that the settings do not have.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::KeySettings;
use super::file::{self, ReadError};
use super::reader::{Item, Table};
use crate::files::access_of_others;
use crate::jose::key::{Algorithm, KeyError, PrivateKey, PublicKey};
use crate::jose::secret::Secret;

/// Longest secret in a file of its own, in bytes.
const MAX_SECRET: u64 = 64 * 1024;
/// What is said of something that is there already.
const TWICE: &str = "stands twice and does nothing here";

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
    let mut retired = Retired { current: private.as_ref(), keys: Vec::new(), secrets: Vec::new() };
    for item in root.texts("retired_public_keys") {
        if let Some(key) = public_key(&item) {
            retired.add(&item, key);
        }
    }
    for item in root.texts("retired_keys") {
        retired.read(&item, item.value);
    }
    for item in root.texts("retired_key_files") {
        if let Some(text) = secret_file(&item, base) {
            retired.read(&item, text.expose_secret());
        }
    }
    let Retired { keys, secrets, .. } = retired;
    KeySettings { private, retired: keys, former_secrets: secrets }
}

fn check_algorithm(root: &Table<'_>, private: Option<&PrivateKey>) {
    let Some(item) = root.text("algorithm") else { return };
    let Some(algorithm) = private.map(PrivateKey::algorithm) else {
        if item.one_of(&ALGORITHMS).is_some() {
            item.warn("does nothing without private_key; leave it out");
        }
        return;
    };
    let asked = ALGORITHMS.iter().find(|(name, _)| *name == item.value).map(|(_, asked)| *asked);
    match (asked, algorithm) {
        (Some(asked), algorithm) if asked == algorithm => {}
        (Some(Algorithm::Es256), Algorithm::Es256k) => {
            item.warn("a secp256k1 key signs ES256K (RFC 8812): read as ES256K");
        }
        _ => item.error(format_args!("does not fit private_key; a right one is \"{algorithm}\"")),
    }
}

/// What keys sign, by its names.
const ALGORITHMS: [(&str, Algorithm); 3] =
    [("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256), ("ES256K", Algorithm::Es256k)];

/// What is no longer used for anything new. Each key once: sets of keys are published, and a key id stands for one key.
struct Retired<'a> {
    current: Option<&'a PrivateKey>,
    keys: Vec<PublicKey>,
    secrets: Vec<Secret>,
}

impl Retired<'_> {
    /// Reads a public key, a private key or a secret. With a private key goes the secret that followed from it.
    fn read(&mut self, item: &Item<'_, &str>, pem: &str) {
        let found = match PublicKey::from_pem(pem) {
            Ok(key) => Ok((Some(key), None)),
            Err(KeyError::Label(_)) => match PrivateKey::from_pem(pem) {
                Ok(key) => Ok((Some(key.public().clone()), Some(Secret::of(&key)))),
                Err(KeyError::Label(_)) => Secret::from_pem(pem).map(|secret| (None, Some(secret))),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match found {
            Ok((key, secret)) => {
                let has_news = secret.is_some_and(|secret| self.add_secret(secret));
                match key {
                    // Its public half stands among retired_public_keys; what it brings is the secret.
                    Some(key) if has_news && self.keys.contains(&key) => {}
                    Some(key) => self.add(item, key),
                    None if has_news => {}
                    None => item.warn(TWICE),
                }
            }
            Err(KeyError::Pem(_) | KeyError::Label(_)) => item.error(
                "is neither a key nor a secret; a right one is one PEM block, such as those in private_key.pem and secret.pem, or a public key",
            ),
            Err(error) => item.error(error),
        }
    }

    fn add(&mut self, item: &Item<'_, &str>, key: PublicKey) {
        if self.current.is_some_and(|private| private.public() == &key) {
            item.warn("is the key of private_key itself and does nothing here");
        } else if self.keys.contains(&key) {
            item.warn(TWICE);
        } else {
            self.keys.push(key);
        }
    }

    /// Whether it was not there yet.
    fn add_secret(&mut self, secret: Secret) -> bool {
        let current = self.current.map(Secret::of);
        let is_new = self.secrets.iter().chain(&current).all(|known| known.id() != secret.id());
        if is_new {
            self.secrets.push(secret);
        }
        is_new
    }
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

/// The text of the file that is named here, without what stands around it.
pub(super) fn secret_file(item: &Item<'_, &str>, base: &Path) -> Option<SecretString> {
    let path = item.path(base)?;
    // Only warnings: Kubernetes mounts Secrets with mode 0644 unless told otherwise, and others bring them from a machine
    // whose users have other ids.
    let shown = path.display();
    match path.metadata() {
        Ok(found) if found.mode() & 0o004 != 0 => item.warn(format_args!(
            "every user of this machine may read {shown}; close it with chmod 600 {shown}"
        )),
        _ => {}
    }
    if let Ok(Some(access)) = access_of_others(&path)
        && access.can_change()
    {
        item.warn(format_args!("{shown} may be somebody else's: {access}"));
    }
    match read_secret(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            item.error(format_args!(
                "{file} {error}; a right file holds the secret alone",
                file = path.display()
            ));
            None
        }
    }
}

/// The text of a file, without the byte order mark that some editors write and without the blanks and line breaks around it:
/// they are no part of a secret that stands in a file of its own.
pub(super) fn read_secret(path: &Path) -> Result<SecretString, ReadError> {
    let text = Zeroizing::new(file::text(path, MAX_SECRET)?);
    Ok(text.trim_start_matches('\u{feff}').trim().into())
}
