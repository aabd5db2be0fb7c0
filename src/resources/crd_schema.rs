//! The schemas of values that several resources hold, with the shapes of the domain's names.
//!
//! Must not know which fields have them.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{object_name, rfc3339};
use crate::domain::user::{MAX_PROVIDER, MAX_SUBJECT};

/// Longest description of a group, in characters.
pub const MAX_DESCRIPTION: usize = 1024;

/// Most users of one Membership.
pub const MAX_USERS: usize = 500;

/// Longest user id, in bytes.
const MAX_USER_ID: usize = MAX_PROVIDER + 1 + MAX_SUBJECT;

/// `<provider>-<subject>`: no control character, no white space at an end of the subject. RE2's syntax.
pub const USER_ID: &str = r"^[a-z0-9_]{1,32}-[^\p{Cc}\p{Z}]([^\p{Cc}]*[^\p{Cc}\p{Z}])?$";

/// A truth value that an API server fills in when it is left out.
pub(super) fn no_by_default(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": false })
}

/// A user id, but for its normalization.
pub(super) fn user_id(_: &mut SchemaGenerator) -> Schema {
    let bytes =
        Rule::new(format!("bytes(self.substring(self.indexOf('-') + 1)).size() <= {MAX_SUBJECT}"))
            .message(format!("a subject has at most {MAX_SUBJECT} bytes of UTF-8").as_str());
    json_schema!({
        "type": "string",
        "minLength": 3,
        "maxLength": MAX_USER_ID,
        "pattern": USER_ID,
        "x-kubernetes-validations": [bytes],
    })
}

/// A list of user ids. Atomic: one writer owns it whole, and the API server keeps no record for each entry.
pub(super) fn user_ids(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAX_USERS,
        "x-kubernetes-list-type": "atomic",
        "items": user_id(generator),
    })
}

/// The name of a Group object.
pub(super) fn group_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "minLength": 1,
        "maxLength": object_name::MAX_OBJECT_NAME,
        "pattern": object_name::PATTERN,
        "x-kubernetes-validations": object_name::rules("self"),
    })
}

/// A date and time of day.
pub(super) fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "date-time",
        "maxLength": rfc3339::MAX_LENGTH,
        "pattern": rfc3339::PATTERN,
    })
}

/// A number of things.
pub(super) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 0 })
}
