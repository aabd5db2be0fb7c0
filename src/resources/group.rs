//! Group: that a group exists. The object's name is the group's name, spelled as in [`object_name`].
//!
//! Must not know who is in a group beyond its creator, nor whether its parent exists.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::invalid::Invalid;
use super::labels_annotations::{ENROLLED, TRUE};
use super::object_name::{self, ObjectName};
use super::{condition, crd_schema};
use crate::domain::description::Description;
use crate::domain::group::GroupName;
use crate::domain::user::UserId;

pub use super::crd_schema::MAX_DESCRIPTION;

/// What is wanted of a group.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "pasee.meltylab.fr",
    version = "v1",
    kind = "Group",
    namespaced,
    doc = "A group of users, with dots between the levels of the tree. The name of this object is the group's name, \
           with `_` written as `--`. It is in effect while its whole chain of parents is.",
    status = "GroupStatus",
    derive = "PartialEq",
    shortname = "pgr",
    category = "pasee",
    printcolumn(name = "Creator", type_ = "string", json_path = ".spec.creator"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.members"),
    printcolumn(name = "Staff", type_ = "integer", json_path = ".status.staff"),
    printcolumn(name = "Subgroups", type_ = "integer", json_path = ".status.subgroups", priority = 1),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = { let [form, ..] = object_name::rules("self.metadata.name"); form },
    validation = { let [_, reserved, _] = object_name::rules("self.metadata.name"); reserved },
    validation = { let [.., length] = object_name::rules("self.metadata.name"); length }
)]
#[x_kube(validation = Rule::new("has(self.creator) == has(oldSelf.creator) && (!has(self.creator) || self.creator == oldSelf.creator)")
    .message("the creator cannot be changed, added or taken away later")
    .field_path(".creator")
    .reason(Reason::FieldValueForbidden))]
#[serde(rename_all = "camelCase")]
pub struct GroupSpec {
    /// What the group is for, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_DESCRIPTION))]
    pub description: Option<String>,
    /// The user who created the group, as `<provider>-<subject>`, and who starts as its staff. Nobody does when an admin
    /// of the cluster leaves this out. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::user_id")]
    pub creator: Option<String>,
}

/// What is known of a group.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// The generation of the spec that this status tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub observed_generation: Option<i64>,
    /// Ready: whether the group is in effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// How many members there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub members: Option<i64>,
    /// How many staff there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub staff: Option<i64>,
    /// How many groups there are one level below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crd_schema::count")]
    pub subgroups: Option<i64>,
    /// Whether the creator has been made staff by a Membership: from then on that counts, not `spec.creator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator_enrolled: Option<bool>,
}

/// What a Group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupContent {
    /// The group there is.
    pub group: GroupName,
    /// Who created it. Staff of it from the first moment, until the Group says that they were enrolled.
    pub creator: Option<UserId>,
    /// What it is for.
    pub description: Option<Description>,
}

/// Reads a Group.
///
/// # Errors
/// Some field is out of its bounds or has another form.
pub fn parse(object: &Group) -> Result<GroupContent, Invalid> {
    let GroupSpec { description, creator } = &object.spec;
    let name = object.metadata.name.as_deref().unwrap_or_default();
    let name: ObjectName = name.parse().map_err(Invalid::Name)?;
    let description = Description::read(description.as_deref().unwrap_or_default());
    let description = description.map_err(|_| Invalid::Description)?;
    let creator = creator.as_deref().map(str::parse).transpose().map_err(Invalid::Creator)?;
    Ok(GroupContent { group: name.group(), creator, description })
}

/// Writes a Group; [`parse`] reads the same from it.
#[must_use]
pub fn write(content: &GroupContent) -> Group {
    let GroupContent { group, creator, description } = content;
    let creator = creator.as_ref().map(ToString::to_string);
    let description = description.as_ref().map(|text| text.as_str().to_owned());
    Group::new(ObjectName::from(group).as_str(), GroupSpec { description, creator })
}

/// Whether the creator has been made staff by a Membership, so that `spec.creator` gives nothing any more.
#[must_use]
pub fn is_creator_enrolled(object: &Group) -> bool {
    let by_status = object.status.as_ref().and_then(|status| status.creator_enrolled);
    by_status.unwrap_or(false) || is_annotated(object)
}

/// Whether an annotation says so, which a backup keeps.
#[must_use]
pub fn is_annotated(object: &Group) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    let says = annotations.and_then(|annotations| annotations.get(ENROLLED));
    says.is_some_and(|says| says == TRUE)
}
