//! Membership: users on one roster of a group, perhaps until a moment. Like a RoleBinding: any name, several add up.
//!
//! Must not know whether the group exists, nor what time it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::invalid::Invalid;
use super::object_name::ObjectName;
use super::{condition, crd_schema, rfc3339};
use crate::domain::membership::{self, Roster};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

pub use super::crd_schema::MAX_USERS;
pub use super::service_account::{
    MAX_SERVICE_ACCOUNTS, SERVICE_ACCOUNT_PROVIDER, ServiceAccount, ServiceAccountError,
};

/// Who is on which roster.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[expect(clippy::duplicated_attributes, reason = "each column has a type and a path")]
#[kube(
    group = "pasee.meltylab.fr",
    version = "v1",
    kind = "Membership",
    namespaced,
    doc = "Puts users in a group, as its members or its staff. Several Memberships of one group add up. It is in effect \
           while its group is and until it expires.",
    status = "MembershipStatus",
    derive = "PartialEq",
    shortname = "pmb",
    category = "pasee",
    selectable = ".spec.group",
    selectable = ".spec.role",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.users"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
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
#[x_kube(validation = Rule::new("has(self.group) || self.role == 'Staff'")
    .message("group is missing: only the root staff (role Staff) has no group")
    .field_path(".group")
    .reason(Reason::FieldValueRequired))]
#[x_kube(validation = Rule::new("has(self.group) == has(oldSelf.group) && (!has(self.group) || self.group == oldSelf.group)")
    .message("the group cannot be changed; make another Membership")
    .field_path(".group")
    .reason(Reason::FieldValueForbidden))]
#[x_kube(validation = Rule::new("self.role == oldSelf.role")
    .message("the role cannot be changed; make another Membership")
    .field_path(".role")
    .reason(Reason::FieldValueForbidden))]
#[serde(rename_all = "camelCase")]
pub struct MembershipSpec {
    /// The name of a Group object, so with `_` written as `--`. Without it, and with role Staff, the root staff, who may
    /// do everything in every group. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::group_name")]
    pub group: Option<String>,
    /// Member: in the group. Staff: runs it, decides who is in it. Immutable.
    #[serde(default)]
    pub role: MembershipRole,
    /// User ids, `<provider>-<subject>` such as `kisee-john`. The order and repetitions mean nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crd_schema::user_ids")]
    pub users: Vec<String>,
    /// Service accounts of this cluster; they are the users `k8s-<namespace>:<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_SERVICE_ACCOUNTS))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub service_accounts: Vec<ServiceAccount>,
    /// From this moment on the Membership counts no more. Without it, it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::date_time")]
    pub expires_at: Option<String>,
}

/// What the users of a Membership are to its group.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MembershipRole {
    #[default]
    #[allow(missing_docs)] // A comment here would give each variant a schema of its own.
    Member,
    #[allow(missing_docs)]
    Staff,
}

impl From<MembershipRole> for membership::Role {
    fn from(role: MembershipRole) -> Self {
        match role {
            MembershipRole::Member => Self::Member,
            MembershipRole::Staff => Self::Staff,
        }
    }
}

impl From<membership::Role> for MembershipRole {
    fn from(role: membership::Role) -> Self {
        match role {
            membership::Role::Member => Self::Member,
            membership::Role::Staff => Self::Staff,
        }
    }
}

/// What is known of a Membership.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MembershipStatus {
    /// The generation of the spec that this status tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub observed_generation: Option<i64>,
    /// Ready: whether the Membership is right, and not waiting for its group. InEffect: whether its users are in the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// How many users it names, service accounts included, each once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub users: Option<i64>,
}

/// What a Membership says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipContent {
    /// Which list.
    pub roster: Roster,
    /// Who, in order, each once; service accounts among them.
    pub users: Vec<UserId>,
    /// The first second it no longer counts; `None` = no end.
    pub expires_at: Option<Timestamp>,
}

/// What a Membership comes to, with what of it counts for nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// What it says of everybody who can be understood.
    pub content: MembershipContent,
    /// Who cannot, if anybody.
    pub left_out: Option<LeftOut>,
}

/// Users and service accounts that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first}{}; it is left out, and the others count", more(*count))]
pub struct LeftOut {
    /// The first of them.
    pub first: Invalid,
    /// How many there are.
    pub count: usize,
}

fn more(count: usize) -> String {
    if count > 1 { format!(" (and {} more like it)", count - 1) } else { String::new() }
}

/// Reads a Membership. One without users is right: it is what stays when the last one was removed.
///
/// # Errors
/// Some field is out of its bounds or has another form.
pub fn parse(object: &Membership) -> Result<MembershipContent, Invalid> {
    let Understood { content, left_out } = understand(object)?;
    left_out.map_or(Ok(content), |left_out| Err(left_out.first))
}

/// Reads a Membership as far as it can be: of a list of many, one user that is none takes nothing away from the others.
///
/// # Errors
/// Some other field is out of its bounds or has another form, or a list is too long.
pub fn understand(object: &Membership) -> Result<Understood, Invalid> {
    let MembershipSpec { group, role, users, service_accounts, expires_at } = &object.spec;
    let roster = match (group.as_deref(), role) {
        (None, MembershipRole::Member) => return Err(Invalid::NoGroup),
        (None, MembershipRole::Staff) => Roster::RootStaff,
        (Some(group), role) => {
            let name: ObjectName = group.parse().map_err(Invalid::Group)?;
            Roster::of(name.group(), (*role).into())
        }
    };
    if users.len() > MAX_USERS {
        return Err(Invalid::TooManyUsers);
    }
    if service_accounts.len() > MAX_SERVICE_ACCOUNTS {
        return Err(Invalid::TooManyServiceAccounts);
    }
    let expires_at =
        expires_at.as_deref().map(rfc3339::parse).transpose().map_err(Invalid::ExpiresAt)?;
    let people = users
        .iter()
        .enumerate()
        .map(|(place, user)| user.parse().map_err(|error| Invalid::User { place, error }));
    let accounts = service_accounts.iter().enumerate().map(|(place, account)| {
        account.user().map_err(|error| Invalid::ServiceAccount { place, error })
    });
    let (mut users, mut left_out) = (Vec::new(), None::<LeftOut>);
    for user in people.chain(accounts) {
        match user {
            Ok(user) => users.push(user),
            Err(first) => left_out.get_or_insert(LeftOut { first, count: 0 }).count += 1,
        }
    }
    users.sort();
    users.dedup();
    let expires_at = expires_at.map(|at| at.floor);
    Ok(Understood { content: MembershipContent { roster, users, expires_at }, left_out })
}

/// Writes a Membership with a name; [`parse`] reads the same from it. Service accounts are written as the users they
/// are.
///
/// # Errors
/// There are more than [`MAX_USERS`] users.
pub fn write(name: &str, content: &MembershipContent) -> Result<Membership, Invalid> {
    let MembershipContent { roster, users, expires_at } = content;
    if users.len() > MAX_USERS {
        return Err(Invalid::TooManyUsers);
    }
    let spec = MembershipSpec {
        group: roster.group().map(|group| ObjectName::from(group).to_string()),
        role: roster.role().into(),
        users: users.iter().map(ToString::to_string).collect(),
        service_accounts: Vec::new(),
        expires_at: expires_at.map(rfc3339::write),
    };
    Ok(Membership::new(name, spec))
}
