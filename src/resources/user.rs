//! User: what root staff says of a user: banned, or logged out. Nobody needs one to log in.
//!
//! Must not know which groups a user is in.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::invalid::Invalid;
use super::{condition, crd_schema, rfc3339};
use crate::domain::directory::Standing;
use crate::domain::user::UserId;

/// What is said of a user.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[expect(clippy::duplicated_attributes, reason = "each column has a type and a path")]
#[kube(
    group = "pasee.meltylab.fr",
    version = "v1",
    kind = "User",
    namespaced,
    doc = "Says something about a user: banned, or all sessions ended. Users need no such object to log in or to be in \
           groups. When several are about one user, the strictest counts.",
    status = "UserStatus",
    derive = "PartialEq",
    shortname = "pus",
    category = "pasee",
    selectable = ".spec.username",
    printcolumn(name = "Username", type_ = "string", json_path = ".spec.username"),
    printcolumn(name = "Banned", type_ = "boolean", json_path = ".spec.banned"),
    printcolumn(name = "Not before", type_ = "string", json_path = ".spec.notBefore"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("self.username == oldSelf.username")
    .message("the username cannot be changed; make another User")
    .field_path(".username")
    .reason(Reason::FieldValueForbidden))]
#[serde(rename_all = "camelCase")]
pub struct UserSpec {
    /// The user id, `<provider>-<subject>` such as `kisee-john`. Immutable.
    #[schemars(schema_with = "crd_schema::user_id")]
    pub username: String,
    /// Whether the user gets no token at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::no_by_default")]
    pub banned: Option<bool>,
    /// Tokens issued before this moment are worth nothing any more: all sessions begun before it have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::date_time")]
    pub not_before: Option<String>,
}

/// What is known of a User.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    /// The generation of the spec that this status tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub observed_generation: Option<i64>,
    /// Whether all sessions of the user were ended for the ban that this object says; left out while it says none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sessions_ended: bool,
    /// Ready: whether what is said is in effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
}

/// What a User says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserContent {
    /// About whom.
    pub user: UserId,
    /// What.
    pub standing: Standing,
}

/// Reads a User.
///
/// # Errors
/// Some field is out of its bounds or has another form.
pub fn parse(object: &User) -> Result<UserContent, Invalid> {
    let UserSpec { username, banned, not_before } = &object.spec;
    let user = username.parse().map_err(Invalid::Username)?;
    let not_before =
        not_before.as_deref().map(rfc3339::parse).transpose().map_err(Invalid::NotBefore)?;
    // Rounded up: a token knows its second only, and one from before the moment must not pass.
    let not_before = not_before.map(|at| at.ceiling);
    Ok(UserContent { user, standing: Standing { banned: banned.unwrap_or(false), not_before } })
}

/// Writes a User with a name; [`parse`] reads the same from it.
#[must_use]
pub fn write(name: &str, content: &UserContent) -> User {
    let UserContent { user, standing: Standing { banned, not_before } } = content;
    let spec = UserSpec {
        username: user.to_string(),
        banned: Some(*banned),
        not_before: not_before.map(rfc3339::write),
    };
    User::new(name, spec)
}
