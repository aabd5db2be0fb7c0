//! From `[headers]` to what the application is told of who sends a request.
//!
//! Owns which sets of names there are. Must not write a header.

use crate::settings::reader::Table;

/// Most claims that are passed on.
const MAX_CLAIMS: usize = 32;
/// Longest name of a claim, in bytes.
const MAX_CLAIM: usize = 64;

/// Names under which an application expects who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderSet {
    /// `pasee`: `X-Pasee-User`, `X-Pasee-Groups`, `X-Pasee-Claims-*`.
    Pasee,
    /// `oauth2-proxy`: `X-Forwarded-User`, `-Groups`, `-Email`, `-Preferred-Username`, `-Access-Token`.
    Forwarded,
    /// `auth-request`: `X-Auth-Request-User`, `-Groups`, `-Email`, `-Preferred-Username`, `-Access-Token`.
    AuthRequest,
    /// `remote-user`: `Remote-User`, `Remote-Groups`, `Remote-Email`, `Remote-Name`.
    RemoteUser,
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderSettings {
    /// `sets`: `pasee`, `oauth2-proxy`, `auth-request`, `remote-user`; default `pasee`.
    pub sets: Vec<HeaderSet>,
    /// `claims`: those that become `X-Pasee-Claims-NAME`; default none.
    pub claims: Vec<String>,
    /// `pass_token`: whether the application gets the token, too; default false.
    pub token: PassToken,
}

/// Whether the application gets the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassToken {
    /// It does not.
    #[default]
    Never,
    /// In `Authorization`, and in the header for it of the sets that have one.
    Always,
}

impl Default for HeaderSettings {
    fn default() -> Self {
        Self { sets: vec![HeaderSet::Pasee], claims: Vec::new(), token: PassToken::Never }
    }
}

pub(super) fn headers(table: Table<'_>) -> HeaderSettings {
    let names = [
        ("pasee", HeaderSet::Pasee),
        ("oauth2-proxy", HeaderSet::Forwarded),
        ("auth-request", HeaderSet::AuthRequest),
        ("remote-user", HeaderSet::RemoteUser),
    ];
    let mut headers = HeaderSettings::default();
    let given = table.texts("sets");
    if table.get("sets").is_some() {
        headers.sets = given.iter().filter_map(|item| item.one_of(&names)).collect();
        headers.sets.dedup();
    }
    let mut folded: Vec<String> = Vec::new();
    for item in table.texts("claims") {
        let claim = item.value;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
        let header = claim.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        if !(1..=MAX_CLAIM).contains(&claim.len()) || !claim.bytes().all(allowed) {
            item.error("is no claim's name; a right one is \"email\"");
        } else if folded.contains(&header) || headers.claims.len() == MAX_CLAIMS {
            item.error("becomes the header of another claim, or there are more than 32; a right list has each once");
        } else {
            folded.push(header);
            headers.claims.push(claim.to_owned());
        }
    }
    if table.flag("pass_token") == Some(true) {
        headers.token = PassToken::Always;
    }
    table.finish();
    headers
}
