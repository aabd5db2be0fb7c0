//! What Kubernetes' own roles `view`, `edit` and `admin` let their holders ask for of Pasee's objects, by aggregation.
//!
//! Who may hand out RoleBindings in a namespace by those roles may hand out Memberships no further than the policy says: none of
//! them holds `bypass-policy`. Must not know what the policy decides.

use k8s_openapi::api::rbac::v1::ClusterRole;

use super::roles::rule;
use super::{Object, Realm, cluster_name, named};
use crate::resources::permission::Permission;

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "patch", "update"];

/// What each adds to the one before it, as Kubernetes' roles do.
const ROLES: [(&str, &[Permission]); 3] = [
    (
        "view",
        &[
            Permission::own("groups", READ, "who is in which group"),
            Permission::own("memberships", READ, "the same"),
            Permission::own("users", READ, "who is banned"),
        ],
    ),
    (
        "edit",
        &[
            Permission::own("groups", WRITE, "within the policy"),
            Permission::own("memberships", WRITE, "within the policy"),
        ],
    ),
    (
        "admin",
        &[
            Permission::own("users", WRITE, "within the policy"),
            // Of applications and what proves them `view` and `edit` see nothing.
            Permission::own("oauthclients", READ, "which applications log people in"),
            Permission::own("oauthclients", WRITE, "within the policy"),
        ],
    ),
];

/// A ClusterRole for each, which Kubernetes adds to its own.
pub(super) fn objects(realm: &Realm) -> [Object; 3] {
    ROLES.map(|(name, permissions)| {
        let description = format!("What the role {name} lets ask for of Pasee's objects.");
        let mut metadata = named(cluster_name(realm, name), &description);
        let aggregated = format!("rbac.authorization.k8s.io/aggregate-to-{name}");
        metadata.labels.get_or_insert_default().insert(aggregated, "true".to_owned());
        let rules = Some(permissions.iter().map(rule).collect());
        Object::ClusterRole(Box::new(ClusterRole { metadata, rules, aggregation_rule: None }))
    })
}
