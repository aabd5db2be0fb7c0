//! `client_auth` and what belongs to it: how this client proves itself to a provider.
//!
//! Must not sign anything.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::super::expiry::warn_of_end;
use super::super::from_file::{FromFile, from_file};
use super::MAX_TEXT;
use crate::jose::key::{Algorithm, PrivateKey};
use crate::settings::reader::{Item, Table};

/// How this client proves itself (OpenID Connect Core 1.0 section 9).
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// Not at all: a public client.
    Nothing,
    /// By a secret that both know.
    Secret {
        /// `client_secret` or `client_secret_file`.
        secret: FromFile<SecretString>,
        /// `client_auth`; what the provider says it takes when absent.
        how: Option<SecretUse>,
    },
    /// By a signature (RFC 7523): `private_key_jwt`.
    Key(ClientKey),
    /// By a client secret that is signed anew for each login, as Apple takes.
    Apple {
        /// What it is signed with; always has an id.
        key: ClientKey,
        /// `team_id`: whose key it is.
        team: String,
    },
}

/// What becomes of a client's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUse {
    /// In the header `Authorization: Basic`.
    Basic,
    /// In the body.
    Post,
    /// It makes a MAC, and stays here: `client_secret_jwt`.
    Mac,
}

/// A private key of this client.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// `client_key` or `client_key_file`.
    pub key: FromFile<PrivateKey>,
    /// `client_key_id`: by what name the provider knows it; its RFC 7638 thumbprint when absent.
    pub id: Option<String>,
}

/// Reads it; `None` for a mistake.
pub(super) fn proof(settings: &Table<'_>, base: &Path) -> Option<ClientProof> {
    let secret = from_file(settings, "client_secret", "client_secret_file", base, usable);
    warn_of_end(settings, secret.as_ref());
    let key = from_file(settings, "client_key", "client_key_file", base, signing);
    let id = settings.text("client_key_id").map(|item| Some(bounded(&item)?.to_owned()));
    let team = settings.text("team_id").and_then(|item| bounded(&item).map(str::to_owned));
    let how = match settings.get("client_auth") {
        Some(item) => Some(item.text()?),
        None => None,
    };
    let name = how.as_ref().map(|item| item.value);
    refuse_useless(settings, name);
    if !matches!(name, Some("private_key_jwt" | "apple")) {
        return by_secret(settings, how.as_ref(), secret);
    }
    let keys = ["client_key", "client_key_file"];
    if keys.iter().all(|key| settings.get(key).is_none()) {
        settings.missing(keys[1], "a PEM file of the key whose public half the provider knows");
    }
    let id = id.map_or(Some(None), |id| id.map(Some));
    let key = ClientKey { key: key?, id: id? };
    match name {
        Some("apple") => of_apple(settings, key, team),
        _ => Some(ClientProof::Key(key)),
    }
}

/// Calls what stands there for another `client_auth` a mistake: whoever wrote it expects that it is used.
fn refuse_useless(settings: &Table<'_>, name: Option<&str>) {
    let (useless, right): (&[&'static str], &str) = match name {
        Some("apple") => (
            &["client_secret", "client_secret_file"],
            "stands beside client_auth = \"apple\", which makes the secret of client_key_file; leave it out",
        ),
        Some("private_key_jwt") => (
            &["client_secret", "client_secret_file", "team_id"],
            "stands beside client_auth = \"private_key_jwt\"; a right file has client_key_file alone",
        ),
        _ => (
            &["client_key", "client_key_file", "client_key_id", "team_id"],
            "stands without a client_auth that uses it; right ones are \"private_key_jwt\" and \"apple\"",
        ),
    };
    for item in useless.iter().filter_map(|key| settings.get(key)) {
        item.error(right);
    }
}

/// Apple's keys are on P-256, and have an id and a team.
fn of_apple(settings: &Table<'_>, key: ClientKey, team: Option<String>) -> Option<ClientProof> {
    for (name, right) in [
        ("client_key_id", "the id that Apple shows for the key, such as \"ABC123DEFG\""),
        ("team_id", "the id of your team at Apple, such as \"DEF123GHIJ\""),
    ] {
        if settings.get(name).is_none() {
            settings.missing(name, right);
        }
    }
    if key.key.value().algorithm() != Algorithm::Es256 {
        let item =
            ["client_key_file", "client_key"].into_iter().find_map(|key| settings.get(key))?;
        item.error("is no key of Apple's; a right one is the file AuthKey_….p8 that Apple gave out, a P-256 key");
        return None;
    }
    key.id.as_ref()?;
    Some(ClientProof::Apple { key, team: team? })
}

fn by_secret(
    settings: &Table<'_>,
    how: Option<&Item<'_, &str>>,
    secret: Option<FromFile<SecretString>>,
) -> Option<ClientProof> {
    let has_secret =
        ["client_secret", "client_secret_file"].iter().any(|key| settings.get(key).is_some());
    let Some(item) = how else {
        return match secret {
            Some(secret) => Some(ClientProof::Secret { secret, how: None }),
            None if has_secret => None,
            None => Some(ClientProof::Nothing),
        };
    };
    let how = match item.value {
        "client_secret_basic" | "basic" => SecretUse::Basic,
        "client_secret_post" | "post" => SecretUse::Post,
        "client_secret_jwt" => SecretUse::Mac,
        "none" if has_secret => {
            item.error("stands beside a client_secret; a public client has none");
            return None;
        }
        "none" => return Some(ClientProof::Nothing),
        _ => {
            item.error(
                "is not known; right ones are \"client_secret_basic\", \"client_secret_post\", \"client_secret_jwt\", \
                 \"private_key_jwt\", \"apple\" and \"none\"",
            );
            return None;
        }
    };
    if !has_secret {
        settings.missing(
            "client_secret",
            "the secret that the provider gave this client, or client_secret_file",
        );
    }
    Some(ClientProof::Secret { secret: secret?, how: Some(how) })
}

/// A secret that can be sent; never shown.
fn usable(secret: SecretString) -> Result<SecretString, String> {
    let text = secret.expose_secret();
    if (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(secret);
    }
    Err("is no secret; a right one has 1 to 1024 bytes on one line; a client without one leaves it out".to_owned())
}

/// A key that providers know how to verify.
fn signing(pem: SecretString) -> Result<PrivateKey, String> {
    let key = PrivateKey::from_pem(pem.expose_secret()).map_err(|error| error.to_string())?;
    match key.algorithm() {
        Algorithm::Es256 | Algorithm::Rs256 => Ok(key),
        Algorithm::Es256k => {
            Err("is a key on secp256k1, which no provider takes; a right one is on P-256, or an RSA key".to_owned())
        }
    }
}

fn bounded<'a>(item: &Item<'a, &'a str>) -> Option<&'a str> {
    let fits = (1..=MAX_TEXT).contains(&item.value.len());
    if fits && !item.value.chars().any(char::is_control) {
        return Some(item.value);
    }
    item.error("is no id; a right one is that which the provider shows, such as \"ABC123DEFG\"");
    None
}
