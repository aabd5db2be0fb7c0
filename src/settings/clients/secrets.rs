//! What proves who a client is: hashes in the settings, or secrets in a file of their own.
//!
//! A secret is hashed as it is read, and kept nowhere. Must not know how a client shows its secret.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::fields::Fields;
use crate::domain::client::{MAX_SECRETS, SecretHash};
use crate::settings::FromFile;
use crate::settings::keys::secret_file;

/// Shortest secret in a file, in bytes: what is shorter can be found from its hash.
const MIN_SECRET: usize = 16;
/// What is shorter was hardly made by a program that makes secrets.
const GOOD_SECRET: usize = 32;

/// The secrets of all clients so far, and whose each is.
pub(super) struct Secrets<'b> {
    base: &'b Path,
    seen: Vec<(SecretHash, String)>,
}

impl<'b> Secrets<'b> {
    /// Files start at a directory.
    pub(super) fn new(base: &'b Path) -> Self {
        Self { base, seen: Vec::new() }
    }

    /// What the secret of one client may hash to, and the file that says it, where one does.
    pub(super) fn read(
        &mut self,
        fields: &Fields<'_, '_>,
    ) -> (Vec<SecretHash>, Option<FromFile<Vec<SecretHash>>>) {
        let table = fields.table();
        let hashes = fields.list("secret_hashes");
        let Some(item) = table.text("secret_file") else {
            if table.get("secret_file").is_some() {
                fields.note_wrong("secret_file");
            }
            self.note(fields, "secret_hashes", &hashes);
            return (hashes, None);
        };
        if table.get("secret_hashes").is_some() {
            fields
                .error("secret_file", "stands beside secret_hashes; a right file has one of them");
            return (hashes, None);
        }
        let Some(text) = secret_file(&item, self.base) else {
            fields.note_wrong("secret_file");
            return (Vec::new(), None);
        };
        let is_short = lines(&text).any(|line| line.len() < GOOD_SECRET);
        let hashes = hashes_of(text).unwrap_or_else(|reason| {
            fields.error("secret_file", reason);
            Vec::new()
        });
        if is_short && !hashes.is_empty() {
            item.warn("holds a short secret, which can be guessed; `pasee client-secret` makes one of 256 bits");
        }
        self.note(fields, "secret_file", &hashes);
        let file = FromFile::new(hashes.clone(), self.base.join(item.value), hashes_of);
        (hashes, Some(file))
    }

    /// Says where a secret opens two doors.
    fn note(&mut self, fields: &Fields<'_, '_>, key: &'static str, hashes: &[SecretHash]) {
        for hash in hashes {
            match self.seen.iter().find(|(seen, _)| seen == hash) {
                Some((_, other)) => fields.warn(
                    key,
                    format_args!(
                        "has the same secret as {other}: whoever is one of these clients is the other; `pasee client-secret` makes another"
                    ),
                ),
                None => self.seen.push((*hash, fields.table().path(key))),
            }
        }
    }
}

fn lines(text: &SecretString) -> impl Iterator<Item = &str> {
    text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty())
}

/// What the secrets of a file hash to.
fn hashes_of(text: SecretString) -> Result<Vec<SecretHash>, String> {
    let lines: Vec<&str> = lines(&text).collect();
    match refusal(&lines) {
        Some(reason) => Err(reason),
        None => Ok(lines.into_iter().map(SecretHash::of).collect()),
    }
}

fn refusal(secrets: &[&str]) -> Option<String> {
    if secrets.is_empty() {
        return Some(
            "names an empty file; a right one holds the secret alone, such as `pasee client-secret` prints".to_owned(),
        );
    }
    if secrets.len() > MAX_SECRETS {
        return Some(format!(
            "names a file of {} lines; a right one holds one secret, and while it changes at most {MAX_SECRETS}, each on a line",
            secrets.len()
        ));
    }
    let is_short = secrets.iter().any(|secret| secret.len() < MIN_SECRET);
    is_short.then(|| {
        format!(
            "names a file with a secret of fewer than {MIN_SECRET} characters, which can be guessed; `pasee client-secret` makes one of 256 bits"
        )
    })
}
