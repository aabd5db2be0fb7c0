//! What the controller may do in its namespace: all it needs and nothing else.
//!
//! No wildcard; nothing is deleted but what is swept, and Groups only where there is a webhook. The one Secret of the webhook is `install`'s to
//! grant. Must not know how permissions are granted.

use super::lease;
use crate::resources::labels_annotations::ROOT_STAFF_LEASE;
use crate::resources::permission::Permission;
use crate::resources::providers::KNOW;

/// What it needs besides where users are judged live, to take back what was stored just after its author lost what entitled
/// them.
pub const SWEEP: &[Permission] = &[
    Permission::own("groups", &["delete", "get"], "to judge once more, and to take back"),
    Permission::own(
        "memberships",
        &["get"],
        "to judge once more; to delete them it may in any case",
    ),
    Permission::own(
        "oauthclients",
        &["delete", "get", "patch"],
        "to take back those of authors who were root staff, or not to serve them any more",
    ),
    Permission {
        api_group: "coordination.k8s.io",
        resource: "leases",
        names: &[ROOT_STAFF_LEASE],
        verbs: &["get", "update"],
        reason: "to leave somebody on the root staff, whatever is taken back",
    },
];

/// Every permission that it always needs.
pub const PERMISSIONS: &[Permission] = &[
    Permission::own(
        "groups",
        &["list", "patch", "watch"],
        "to know them, and to set ownerReferences",
    ),
    Permission::own("groups/status", &["patch"], "conditions, counts, creatorEnrolled"),
    Permission::own(
        "memberships",
        &["create", "delete", "list", "patch", "watch"],
        "to know them, to set ownerReferences, to enrol creators, and to delete those of Pasee's own that ended long ago",
    ),
    Permission::own("memberships/status", &["patch"], "conditions and counts"),
    Permission::own(
        "users",
        &["create", "list", "patch", "watch"],
        "to know them, and to end the sessions of those who are banned by others",
    ),
    Permission::own("users/status", &["patch"], "conditions, sessionsEnded"),
    Permission::own("oauthclients", &["list", "watch"], "to say which are served"),
    Permission::own("oauthclients/status", &["patch"], "conditions"),
    Permission::own(
        "sessionrevocations",
        &["delete", "list"],
        "to forget sessions that would be over anyway",
    ),
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
    KNOW,
];
