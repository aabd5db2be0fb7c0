//! SessionRevocations: sessions that were ended one by one, remembered for as long as they would have gone on.
//!
//! Only Pasee writes these. Whose the sessions are can be told apart, and not read. Must not know how many one user may have.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use super::crd_schema::MAX_SESSIONS;
use super::invalid::Invalid;
use super::{crd_schema, rfc3339};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;
use crate::domain::user::UserId;

/// Sessions that were ended.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "pasee.meltylab.fr",
    version = "v1",
    kind = "SessionRevocations",
    plural = "sessionrevocations",
    singular = "sessionrevocations",
    namespaced,
    doc = "Sessions that were ended before their time, by the claim sid of their tokens. Pasee writes these, and deletes them when \
           the sessions would be over anyway. To delete one by hand lets its sessions go on.",
    derive = "PartialEq",
    shortname = "psr",
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.until"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("self.until == oldSelf.until")
    .message("until cannot be changed")
    .field_path(".until")
    .reason(Reason::FieldValueForbidden))]
#[serde(rename_all = "camelCase")]
pub struct SessionRevocationsSpec {
    /// The moment by which all of the sessions would be over anyway. Immutable.
    #[schemars(schema_with = "crd_schema::date_time")]
    pub until: String,
    /// The sessions, each as the claim sid of its tokens.
    #[schemars(schema_with = "crd_schema::session_ids")]
    pub sessions: Vec<String>,
    /// How many of the sessions are of which user, by the first 16 hexadecimal digits of the SHA-256 digest of their id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crd_schema::session_counts")]
    pub users: BTreeMap<String, u64>,
}

/// By what the sessions of one user are told from those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserMark(u64);

impl From<&UserId> for UserMark {
    fn from(user: &UserId) -> Self {
        let digest: [u8; 32] = Sha256::digest(user.as_str()).into();
        let (first, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
        Self(u64::from_be_bytes(*first))
    }
}

impl fmt::Display for UserMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for UserMark {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// What SessionRevocations say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRevocationsContent {
    /// The sessions, those that can be read.
    pub sessions: Vec<SessionId>,
    /// How many of them are of which user; unknown of older ones.
    pub users: BTreeMap<UserMark, u64>,
    /// The first second at which none of them need be remembered any more.
    pub until: Timestamp,
}

/// Reads what was ended. Something that is no session's id takes nothing away from the others: it is left out.
///
/// # Errors
/// The moment has another form.
pub fn parse(object: &SessionRevocations) -> Result<SessionRevocationsContent, Invalid> {
    let SessionRevocationsSpec { until, sessions, users } = &object.spec;
    let until = rfc3339::parse(until).map_err(Invalid::Until)?.ceiling;
    let users = users.iter().flat_map(|(mark, count)| mark.parse().map(|mark| (mark, *count)));
    Ok(SessionRevocationsContent {
        users: users.collect(),
        sessions: sessions.iter().flat_map(|sid| sid.parse()).collect(),
        until,
    })
}

/// Writes SessionRevocations with a name; [`parse`] reads the same from it.
#[must_use]
pub fn write(name: &str, content: &SessionRevocationsContent) -> SessionRevocations {
    let SessionRevocationsContent { sessions, users, until } = content;
    let spec = SessionRevocationsSpec {
        users: users.iter().map(|(mark, count)| (mark.to_string(), *count)).collect(),
        until: rfc3339::write(*until),
        sessions: sessions.iter().map(ToString::to_string).collect(),
    };
    SessionRevocations::new(name, spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let sessions = [1, 2].map(|byte| SessionId::new([byte; 16])).to_vec();
        let until = Timestamp::from_unix(86_400).unwrap();
        let users = [("k-ada", 2), ("k-bob", 1_000)];
        let users = users.map(|(id, count)| (UserMark::from(&id.parse().unwrap()), count)).into();
        let content = SessionRevocationsContent { sessions, users, until };
        let mut object = write("x", &content);
        assert_eq!(object.spec.until, "1970-01-02T00:00:00Z");
        assert_eq!(object.spec.sessions[0], "01".repeat(16));
        assert_eq!(parse(&object), Ok(content.clone()));
        let marks: Vec<usize> = object.spec.users.keys().map(String::len).collect();
        assert_eq!(marks, [16, 16]);
        object.spec.sessions.insert(1, "X".to_owned());
        object.spec.users.insert("ada".to_owned() + "x", 7);
        assert_eq!(parse(&object), Ok(content), "one that is none takes nothing away");
        object.spec.until = "soon".to_owned();
        assert!(matches!(parse(&object), Err(Invalid::Until(_))));
    }
}
