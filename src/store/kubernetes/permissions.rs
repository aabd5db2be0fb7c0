//! What the server may do in its namespace: all that the store needs and nothing else.
//!
//! No Secret is read, no wildcard. Must not know how permissions are granted.

use crate::resources::labels_annotations::ROOT_STAFF_LEASE;
use crate::resources::permission::Permission;

/// Every permission.
pub const PERMISSIONS: &[Permission] = &[
    Permission::own(
        "groups",
        &["create", "delete", "get", "list", "patch", "watch"],
        "to know them, also at the moment of a change, to make and delete them, and to note that a creator was taken off",
    ),
    Permission::own(
        "memberships",
        &["create", "delete", "get", "list", "patch", "watch"],
        "to know them, and to add and remove users in those of its own making",
    ),
    Permission::own(
        "users",
        &["create", "get", "list", "patch", "watch"],
        "to know them, and to ban users and end their sessions; none is deleted, since that would revive sessions",
    ),
    Permission::own(
        "sessionrevocations",
        &["create", "get", "list", "patch", "watch"],
        "to know which sessions were ended, also at the moment of a change, and to end them; none is deleted here",
    ),
    Permission::own(
        "oauthclients",
        &["list", "watch"],
        "to know which applications log people in; none is made, changed or deleted here",
    ),
    Permission {
        api_group: "",
        resource: "namespaces",
        names: &[],
        verbs: &["get"],
        reason: "to tell its own namespace without a group from one that is not there",
    },
    Permission {
        api_group: "coordination.k8s.io",
        resource: "leases",
        names: &[],
        verbs: &["create"],
        reason: "to make the Lease of the root staff; a name cannot limit this",
    },
    Permission {
        api_group: "coordination.k8s.io",
        resource: "leases",
        names: &[ROOT_STAFF_LEASE],
        verbs: &["get", "update"],
        reason: "to agree with other servers on who of the root staff goes and who stays",
    },
];
