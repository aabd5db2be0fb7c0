//! What the controller may do in its namespace: all it needs and nothing else.
//!
//! No Secret is read, nothing is deleted, no wildcard. Must not know how permissions are granted.

use super::lease;
use crate::resources::permission::Permission;

/// Every permission.
pub const PERMISSIONS: &[Permission] = &[
    Permission::own(
        "groups",
        &["list", "patch", "watch"],
        "to know them, and to set ownerReferences",
    ),
    Permission::own("groups/status", &["patch"], "conditions, counts, creatorEnrolled"),
    Permission::own(
        "memberships",
        &["create", "list", "patch", "watch"],
        "to know them, to set ownerReferences, and to enrol creators",
    ),
    Permission::own("memberships/status", &["patch"], "conditions and counts"),
    Permission::own("users", &["list", "watch"], "to know them"),
    Permission::own("users/status", &["patch"], "conditions"),
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
