//! What the controller may do in its namespace: all it needs and nothing else.
//!
//! No Secret is read, nothing is deleted, no wildcard. Must not know how permissions are granted.

use super::lease;

/// A permission, as a rule of an RBAC Role says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The API group.
    pub api_group: &'static str,
    /// The resource, with its subresource.
    pub resource: &'static str,
    /// The names of objects it is limited to; none = every object.
    pub names: &'static [&'static str],
    /// What may be done.
    pub verbs: &'static [&'static str],
    /// What for.
    pub reason: &'static str,
}

/// Every permission.
pub const PERMISSIONS: &[Permission] = &[
    permission("groups", &["list", "patch", "watch"], "to know them, and to set ownerReferences"),
    permission("groups/status", &["patch"], "conditions, counts, creatorEnrolled"),
    permission(
        "memberships",
        &["create", "list", "patch", "watch"],
        "to know them, to set ownerReferences, and to enrol creators",
    ),
    permission("memberships/status", &["patch"], "conditions and counts"),
    permission("users", &["list", "watch"], "to know them"),
    permission("users/status", &["patch"], "conditions"),
    Permission {
        api_group: "events.k8s.io",
        resource: "events",
        names: &[],
        verbs: &["create", "patch"],
        reason: "changes of readiness",
    },
    Permission {
        api_group: "coordination.k8s.io",
        resource: "leases",
        names: &[],
        verbs: &["create"],
        reason: "to make the Lease; a name cannot limit this",
    },
    Permission {
        api_group: "coordination.k8s.io",
        resource: "leases",
        names: &[lease::NAME],
        verbs: &["get", "update"],
        reason: "to lead",
    },
];

/// A permission over Pasee's own resources.
const fn permission(
    resource: &'static str,
    verbs: &'static [&'static str],
    reason: &'static str,
) -> Permission {
    Permission { api_group: crate::resources::API_GROUP, resource, names: &[], verbs, reason }
}
