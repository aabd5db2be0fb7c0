//! From `[revocations]` to how ended sessions are learnt of before their tokens end.
//!
//! Must not ask anybody.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::domain::token::Issuer;
use crate::settings::keys::secret;
use crate::settings::reader::Table;
use crate::settings::tokens::duration;

/// What is done while nothing is known of a list that is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// `optional`: requests pass, and a metric and readiness say so.
    Passes,
    /// `required`: nobody passes who shows a token of its issuer.
    Refuses,
}

/// Whose list of ended sessions is followed.
#[derive(Clone, Debug)]
pub struct RevocationsSettings {
    /// `issuer`: the Pasee whose list it is, one of `[[issuers]]`.
    pub issuer: Issuer,
    /// `url`: where the list is; default `/revocations` of the issuer.
    pub url: Url,
    /// `client_id`: as whom it is asked for.
    pub client_id: String,
    /// `client_secret` or `client_secret_file`.
    pub client_secret: SecretString,
    /// `mode`: `optional` or `required`; default `optional`.
    pub staleness: Staleness,
    /// `max_age`: how old the list may be where it is required, 60 s to 1 h, default 5 m.
    pub max_age: Duration,
}

pub(super) fn revocations(table: Table<'_>, base: &Path) -> Option<RevocationsSettings> {
    let named = table.needed("issuer", "\"https://pasee.example.com\", one of [[issuers]]");
    let issuer = named.as_ref().and_then(|item| item.parse::<Issuer>());
    let url = match table.text("url") {
        Some(item) => {
            let url: Option<Url> = item.value.parse().ok();
            let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if url.is_none() {
                item.error("is no place of a list; a right one is \"https://pasee.example.com/revocations\"");
            }
            url
        }
        None => named.as_ref().and_then(|item| {
            let url: Option<Url> =
                format!("{}/revocations", item.value.trim_end_matches('/')).parse().ok();
            let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            if url.is_none() {
                table.missing(
                    "url",
                    "\"https://pasee.example.com/revocations\", as issuer is no URL",
                );
            }
            url
        }),
    };
    let client_id = table.needed("client_id", "the id of a client of that Pasee, such as \"app\"");
    let secret = secret(&table, "client_secret", "client_secret_file", base);
    if secret.is_none()
        && table.get("client_secret").is_none()
        && table.get("client_secret_file").is_none()
    {
        table.missing("client_secret_file", "the path of a file with the client's secret alone");
    }
    let modes = [("optional", Staleness::Passes), ("required", Staleness::Refuses)];
    let staleness = match table.text("mode") {
        Some(item) => item.one_of(&modes),
        None => Some(Staleness::Passes),
    };
    let max_age = duration(&table, "max_age", 60..=3_600, Duration::from_secs(300));
    table.finish();
    Some(RevocationsSettings {
        issuer: issuer?,
        url: url?,
        client_id: client_id?.value.to_owned(),
        client_secret: secret?.0,
        staleness: staleness?,
        max_age: max_age?,
    })
}
