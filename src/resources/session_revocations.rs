//! SessionRevocations: sessions that were ended one by one, remembered for as long as they would have gone on.
//!
//! Only Pasee writes these. Must not know whose sessions they are.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

pub use super::crd_schema::MAX_SESSIONS;
use super::invalid::Invalid;
use super::{crd_schema, rfc3339};
use crate::domain::time::Timestamp;
use crate::domain::token::SessionId;

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
}

/// What SessionRevocations say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRevocationsContent {
    /// The sessions, those that can be read.
    pub sessions: Vec<SessionId>,
    /// The first second at which none of them need be remembered any more.
    pub until: Timestamp,
}

/// Reads what was ended. Something that is no session's id takes nothing away from the others: it is left out.
///
/// # Errors
/// The moment has another form.
pub fn parse(object: &SessionRevocations) -> Result<SessionRevocationsContent, Invalid> {
    let SessionRevocationsSpec { until, sessions } = &object.spec;
    let until = rfc3339::parse(until).map_err(Invalid::Until)?.ceiling;
    Ok(SessionRevocationsContent {
        sessions: sessions.iter().flat_map(|sid| sid.parse()).collect(),
        until,
    })
}

/// Writes SessionRevocations with a name; [`parse`] reads the same from it.
#[must_use]
pub fn write(name: &str, content: &SessionRevocationsContent) -> SessionRevocations {
    let SessionRevocationsContent { sessions, until } = content;
    let spec = SessionRevocationsSpec {
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
        let content = SessionRevocationsContent { sessions, until };
        let mut object = write("x", &content);
        assert_eq!(object.spec.until, "1970-01-02T00:00:00Z");
        assert_eq!(object.spec.sessions[0], "01".repeat(16));
        assert_eq!(parse(&object), Ok(content.clone()));
        object.spec.sessions.insert(1, "X".to_owned());
        assert_eq!(parse(&object), Ok(content), "one that is none takes nothing away");
        object.spec.until = "soon".to_owned();
        assert!(matches!(parse(&object), Err(Invalid::Until(_))));
    }
}
