//! The key ring that the settings ask for: of the configured key, or of what is kept in `data_dir`.
//!
//! Must not know what keys are used for.

use crate::jose::claims::Party;
use crate::jose::key::{KeyError, PrivateKey};
use crate::jose::secret::{LENGTH, Secret};
use crate::keys::file::{Generate, KeyDirectory};
use crate::keys::{KeyParts, KeyRing, Keys};
use crate::settings::Settings;

/// The ring to serve with. A configured key is all of it; without one, what `data_dir` has, and what is missing there is
/// made.
pub(super) fn ring(settings: &Settings) -> anyhow::Result<KeyRing> {
    let parts = match &settings.keys.private {
        Some(key) => KeyParts::of(key.clone()),
        None => {
            let generate = Generate { key: PrivateKey::generate, secret };
            directory(settings).open(generate)?
        }
    };
    let (retired, former_secrets) =
        (settings.keys.retired.clone(), settings.keys.former_secrets.clone());
    let parts = KeyParts { retired, former_secrets, ..parts };
    let party =
        Party { issuer: settings.jwt.issuer.clone(), audience: settings.jwt.audience.clone() };
    Ok(KeyRing::new(Keys::new(&party, parts)))
}

/// Where keys are kept when the settings have none.
pub(super) fn directory(settings: &Settings) -> KeyDirectory {
    KeyDirectory::new(settings.data_dir.clone())
}

fn secret() -> Result<Secret, KeyError> {
    let mut random = [0; LENGTH];
    getrandom::fill(&mut random).map_err(|_| KeyError::Randomness)?;
    Ok(Secret::new(random))
}
