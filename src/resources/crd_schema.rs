//! The schemas of values that several resources hold, with the shapes of the domain's names.
//!
//! Must not know which fields have them.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::form::form;
use super::{object_name, rfc3339};
use crate::domain::client;
pub use crate::domain::description::MAX_DESCRIPTION;
use crate::domain::group::MAX_LENGTH;
use crate::domain::token::MAX_SCOPE;
use crate::domain::user::{MAX_PROVIDER, MAX_SUBJECT};

/// Most users of one Membership.
pub const MAX_USERS: usize = 500;

/// Most sessions of SessionRevocations: 35 KB.
pub const MAX_SESSIONS: usize = 1_000;

/// Longest user id, in bytes.
const MAX_USER_ID: usize = MAX_PROVIDER + 1 + MAX_SUBJECT;

/// The characters beyond ASCII that a subject may have, as a class of RE2's syntax: none that nobody sees, no other blank than
/// the plain one, none that changes the direction. RE2 has no property for those that are invisible by default and no
/// control of formats, nor for those that Unicode does not define.
macro_rules! seen {
    () => {
        r"[^\x00-\x7F\p{Cc}\p{Cf}\p{Co}\p{Z}\x{34F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FDD0}-\x{FDEF}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFFC}\x{FFFE}\x{FFFF}\x{13441}\x{13442}\x{16FE4}\x{1D159}\x{E0000}-\x{E0FFF}]"
    };
}

/// `<provider>-<subject>`: characters that are seen, and blanks between them. A joiner stands behind a character beyond ASCII;
/// whether it changes what is seen there is for whoever reads the object to judge. RE2's syntax.
pub const USER_ID: &str = concat!(
    r"^[a-z0-9_]{1,32}-(?:[!-~]|",
    seen!(),
    r"[\x{200C}\x{200D}]?)(?:(?:[ -~]|",
    seen!(),
    r"[\x{200C}\x{200D}]?)*(?:[!-~]|",
    seen!(),
    r"))?$"
);

/// A truth value that an API server fills in when it is left out.
pub(super) fn no_by_default(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean", "default": false })
}

/// A user id, but for its normalization.
pub(super) fn user_id(_: &mut SchemaGenerator) -> Schema {
    let bytes =
        Rule::new(format!("bytes(self.substring(self.indexOf('-') + 1)).size() <= {MAX_SUBJECT}"))
            .message(format!("a subject has at most {MAX_SUBJECT} bytes of UTF-8").as_str());
    let form = form(
        "self",
        USER_ID,
        "a user id is PROVIDER-SUBJECT, such as kisee-john: the identity provider's name of 1 to 32 characters of a-z, 0-9 and _, \
         a -, and the name there, without characters that nobody sees and without blanks around it",
    );
    json_schema!({
        "type": "string",
        "maxLength": MAX_USER_ID,
        "x-kubernetes-validations": [form, bytes],
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

/// Sessions, as the claim `sid` names them.
pub(super) fn session_ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAX_SESSIONS,
        "x-kubernetes-list-type": "atomic",
        "items": { "type": "string", "maxLength": 32, "pattern": "^[0-9a-f]{32}$" },
    })
}

/// How many sessions are of which user.
pub(super) fn session_counts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_SESSIONS,
        "additionalProperties": { "type": "integer", "minimum": 1, "maximum": MAX_SESSIONS },
    })
}

/// The name of a Group object.
pub(super) fn group_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": object_name::MAX_OBJECT_NAME,
        "x-kubernetes-validations": object_name::rules("self"),
    })
}

/// A date and time of day. Without `format: date-time`, by which an API server says of a wrong one no more than that.
pub(super) fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": rfc3339::MAX_LENGTH,
        "x-kubernetes-validations": [form("self", rfc3339::PATTERN, rfc3339::RIGHT)],
    })
}

/// A number of things.
pub(super) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 0 })
}

/// A list that one writer owns whole, of texts of a form.
fn texts(most: usize, longest: usize, pattern: &str) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "x-kubernetes-list-type": "atomic",
        "items": { "type": "string", "maxLength": longest, "pattern": pattern },
    })
}

/// Hashes of a client's secret.
pub(super) fn secret_hashes(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_SECRETS, 71, "^sha256:[0-9a-f]{64}$")
}

/// Addresses of an application. Which are right, is said by the condition `Ready`.
pub(super) fn uris(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_LISTED, client::MAX_REDIRECT_URI, "^[a-z][a-z0-9+.-]*:[!-)+-~]+$")
}

/// How a client may come by tokens.
pub(super) fn grant_types(_: &mut SchemaGenerator) -> Schema {
    let names = client::GrantType::ALL.map(client::GrantType::as_str);
    json_schema!({
        "type": "array",
        "maxItems": names.len(),
        "x-kubernetes-list-type": "atomic",
        "items": { "type": "string", "enum": names },
    })
}

/// Whom tokens may be for.
pub(super) fn audiences(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_LISTED, 255, r##"^[!-"$-~]+$"##)
}

/// Groups, as tokens name them.
pub(super) fn rosters(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_LISTED, MAX_ROSTER, ROSTER)
}

/// A limit of groups.
pub(super) fn limit(_: &mut SchemaGenerator) -> Schema {
    let mut schema = texts(MAX_SCOPE, MAX_ROSTER, ROSTER);
    schema.insert("minItems".to_owned(), 1.into());
    schema
}

/// Methods of authentication.
pub(super) fn methods(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_METHODS, 64, "^[!-~]+$")
}

/// Names of claims.
pub(super) fn claims(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_LISTED, 64, "^[A-Za-z0-9_.:/-]+$")
}

/// An algorithm for ID tokens.
pub(super) fn id_token_alg(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["RS256", "ES256"] })
}

/// Whether something is demanded.
pub(super) fn demanded(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["optional", "required"] })
}

/// Names of identity providers.
pub(super) fn provider_names(_: &mut SchemaGenerator) -> Schema {
    texts(client::MAX_LISTED, MAX_PROVIDER, "^[a-z0-9_]{1,32}$")
}

/// A group, or its staff, as tokens spell them.
const ROSTER: &str = r"^[a-z0-9]+([_-][a-z0-9]+)*([.][a-z0-9]+([_-][a-z0-9]+)*)*$";
/// The longest of them, with `.staff`.
const MAX_ROSTER: usize = MAX_LENGTH + ".staff".len();
