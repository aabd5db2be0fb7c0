//! The key ring that the settings ask for: of the configured key, or of what is kept in `data_dir`.
//!
//! Must not know what keys are used for.

use anyhow::bail;

use crate::jose::claims::Party;
use crate::jose::key::Algorithm;
use crate::jose::key::{KeyError, PrivateKey};
use crate::jose::secret::{LENGTH, Secret};
use crate::keys::file::{Generate, KeyDirectory, Part};
use crate::keys::{KeyParts, KeyRing, Keys};
use crate::settings::{Settings, Storage};

/// The ring to serve with. A configured key is all of it; without one, what `data_dir` has, and what is missing there is
/// made.
pub(super) fn ring(settings: &Settings) -> anyhow::Result<KeyRing> {
    refuse_unshared(settings)?;
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
        Party { issuer: settings.jwt.issuer.clone(), audiences: settings.jwt.audiences.clone() };
    Ok(KeyRing::new(Keys::new(&party, parts)))
}

/// Refuses to make keys where there may be other replicas, each of which would make its own and refuse what the others
/// have issued, and to go by keys of its own where it is said that there are.
pub(super) fn refuse_unshared(settings: &Settings) -> anyhow::Result<()> {
    if settings.keys.private.is_some() {
        return Ok(());
    }
    // What is in a data_dir looks the same whether it is shared or not.
    if settings.peers.is_some() {
        bail!(
            "[peers] says that there are several servers, and they know each other by a key that all of them have: make one with \
             pasee keygen --output key.pem, give it to every server, and name it in the settings of each: \
             private_key_file = \"/keys/key.pem\""
        );
    }
    let Storage::Kubernetes(_) = settings.storage else { return Ok(()) };
    let kept = directory(settings);
    let signing = kept.signing_key()?;
    let needs_rsa = signing.as_ref().is_none_or(|key| key.algorithm() != Algorithm::Rs256);
    let parts = [
        (Part::SigningKey, signing.is_some()),
        (Part::RsaKey, !needs_rsa || kept.rsa_key()?.is_some()),
        (Part::Secret, kept.secret()?.is_some()),
    ];
    let missing = parts.iter().filter(|(_, is_there)| !is_there).map(|(part, _)| part.file_name());
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "groups are kept in Kubernetes, where several servers may run, and they have no key in common: each would make its \
         own and refuse the tokens of the others. Make one with pasee keygen --output key.pem, keep it in a Secret \
         (kubectl create secret generic pasee-key --from-file=key.pem), mount that in every pod, and name the file in the \
         settings: private_key_file = \"/keys/key.pem\". (Or give every server the same {missing} in {directory}.)",
        missing = missing.join(", "),
        directory = settings.data_dir.display()
    )
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
