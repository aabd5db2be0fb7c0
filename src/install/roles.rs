//! Who may ask for what at all (RBAC): Pasee's two processes, the realm's root staff, and its other users.
//!
//! Everything is a Role of the realm's namespace, but for the one question that belongs to none: whose token is this. What users write is narrowed by [`admission_policy`](super::admission_policy); what they read is
//! not, so only root staff reads. Must not know what Pasee's processes need: they say so themselves.

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    Accounts, CONTROLLER, Object, Prefix, Realm, SERVER, Staff, Webhook, cluster_name, named,
};
use crate::controller;
use crate::domain::group::STAFF;
use crate::resources::permission::Permission;
use crate::resources::providers::PUBLISH;
use crate::resources::webhook::ANSWER;
use crate::store::kubernetes;

/// The Role of all users of a realm.
pub const USERS: &str = "pasee-users";
/// The Role of root staff.
pub const ROOT_STAFF: &str = "pasee-root-staff";

const RBAC: &str = "rbac.authorization.k8s.io";

/// What every user of a realm may ask for, within the policy.
const OF_USERS: &[Permission] = &[
    Permission::own("groups", &["create", "delete"], "within the policy"),
    Permission::own("memberships", &["create", "delete"], "within the policy"),
];
/// The same with patches; see [`Staff::PatchToo`].
const OF_USERS_WITH_PATCH: &[Permission] = &[
    Permission::own("groups", &["create", "delete", "patch"], "within the policy"),
    Permission::own("memberships", &["create", "delete", "patch"], "within the policy"),
];
const ALL: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
/// What root staff may ask for, within the policy.
const OF_ROOT_STAFF: &[Permission] = &[
    Permission::own("groups", ALL, "root staff sees and changes everything"),
    Permission::own("memberships", ALL, "the same"),
    Permission::own("users", ALL, "the same"),
    Permission::own("oauthclients", ALL, "root staff says which applications log people in"),
];

/// What the token service asks of the API server when ServiceAccounts log in.
const OF_REVIEWS: Permission = Permission {
    api_group: "authentication.k8s.io",
    resource: "tokenreviews",
    names: &[],
    verbs: &["create"],
    reason: "whose token somebody shows to log in",
};

/// What the controller asks for where there is a webhook.
const OF_KEPT_WEBHOOK: Permission = Permission {
    verbs: &["get", "patch"],
    reason: "to make and renew the webhook's path and certificate",
    ..ANSWER
};

/// The group that Kubernetes is to put every user of a realm in. No group of Pasee has that name: it holds a `:`.
#[must_use]
pub fn everybody(prefix: &Prefix) -> String {
    format!("{prefix}:users")
}

/// Service accounts, Roles and RoleBindings.
#[must_use]
pub fn objects(realm: &Realm) -> Vec<Object> {
    let of_users = match realm.staff {
        Staff::CreateAndDelete => OF_USERS,
        Staff::PatchToo => OF_USERS_WITH_PATCH,
    };
    let everybody = everybody(&realm.group_prefix);
    let root_staff = format!("{}{STAFF}", realm.group_prefix);
    let is_asked = realm.webhook != Webhook::None;
    let of_webhook = |permission: Permission| Some(permission).filter(|_| is_asked);
    let sweep = if is_asked { controller::permissions::SWEEP } else { &[] };
    let of_server = kubernetes::permissions::PERMISSIONS.iter().copied();
    let of_server: Vec<Permission> = of_server.chain([PUBLISH]).chain(of_webhook(ANSWER)).collect();
    let of_controller = controller::permissions::PERMISSIONS.iter().chain(sweep).copied();
    let of_controller: Vec<Permission> = of_controller.chain(of_webhook(OF_KEPT_WEBHOOK)).collect();
    [
        of_process(realm, SERVER, &of_server, "What pasee serve needs to keep its state here."),
        of_process(realm, CONTROLLER, &of_controller, "What pasee controller needs."),
        of_group(
            realm,
            USERS,
            of_users,
            &everybody,
            "What every user of the realm may ask for. The policy decides; none of it reads.",
        ),
        of_group(realm, ROOT_STAFF, OF_ROOT_STAFF, &root_staff, "What root staff may ask for."),
        match realm.accounts {
            Accounts::StayOut => Vec::new(),
            Accounts::LogIn => reviews(realm).to_vec(),
        },
    ]
    .concat()
}

/// What lets the token service review tokens.
fn reviews(realm: &Realm) -> [Object; 2] {
    let name = cluster_name(realm, "token-reviews");
    let metadata = named(name.clone(), "What pasee serve needs to let ServiceAccounts log in.");
    let role_ref =
        RoleRef { api_group: Some(RBAC.to_owned()), kind: "ClusterRole".to_owned(), name };
    let role = ClusterRole {
        metadata: metadata.clone(),
        rules: Some(vec![rule(&OF_REVIEWS)]),
        aggregation_rule: None,
    };
    let subjects = Some(vec![process(realm, SERVER)]);
    let binding = ClusterRoleBinding { metadata, role_ref, subjects };
    [Object::ClusterRole(Box::new(role)), Object::ClusterRoleBinding(Box::new(binding))]
}

/// The account of one of Pasee's processes.
fn process(realm: &Realm, name: &str) -> Subject {
    Subject {
        kind: "ServiceAccount".to_owned(),
        name: name.to_owned(),
        namespace: Some(realm.namespace.to_string()),
        api_group: None,
    }
}

/// An account with its Role.
fn of_process(
    realm: &Realm,
    name: &str,
    permissions: &[Permission],
    description: &str,
) -> Vec<Object> {
    let metadata = metadata(realm, name, description);
    let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
    let mut objects = vec![Object::ServiceAccount(Box::new(account))];
    objects.extend(granted(metadata, permissions, process(realm, name)));
    objects
}

/// A Role that a group of users has.
fn of_group(
    realm: &Realm,
    name: &str,
    permissions: &[Permission],
    group: &str,
    description: &str,
) -> Vec<Object> {
    let subject = Subject {
        kind: "Group".to_owned(),
        name: group.to_owned(),
        namespace: None,
        api_group: Some(RBAC.to_owned()),
    };
    granted(metadata(realm, name, description), permissions, subject).to_vec()
}

fn metadata(realm: &Realm, name: &str, description: &str) -> ObjectMeta {
    let namespace = Some(realm.namespace.to_string());
    ObjectMeta { namespace, ..named(name.to_owned(), description) }
}

fn granted(metadata: ObjectMeta, permissions: &[Permission], subject: Subject) -> [Object; 2] {
    let role_ref = RoleRef {
        api_group: Some(RBAC.to_owned()),
        kind: "Role".to_owned(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let rules = Some(permissions.iter().map(rule).collect());
    let role = Role { metadata: metadata.clone(), rules };
    let binding = RoleBinding { metadata, role_ref, subjects: Some(vec![subject]) };
    [Object::Role(Box::new(role)), Object::RoleBinding(Box::new(binding))]
}

/// A permission as RBAC says it.
#[must_use]
pub fn rule(permission: &Permission) -> PolicyRule {
    let Permission { api_group, resource, names, verbs, reason: _ } = permission;
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![(*api_group).to_owned()]),
        resources: Some(vec![(*resource).to_owned()]),
        resource_names: Some(owned(names)).filter(|names| !names.is_empty()),
        verbs: owned(verbs),
        non_resource_urls: None,
    }
}
