//! What an admin applies to a cluster once for each realm, beside the definitions: accounts and roles for Pasee's
//! processes and for the realm's users, and the law as the API server enforces it.
//!
//! The law itself is [`domain::policy`](crate::domain::policy); [`law`] says the same in the API server's words. Must not
//! know how the objects get to the cluster.

mod cel;
pub mod creator;
pub mod law;
pub mod prefix;
pub mod roles;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

pub use self::prefix::{Namespace, Prefix};

/// The service account of `pasee serve`.
pub const SERVER: &str = "pasee-server";
/// The service account of `pasee controller`.
pub const CONTROLLER: &str = "pasee-controller";
/// The verb whose holders the law does not bind, by resource.
pub const BYPASS: &str = "bypass-policy";

/// One realm on a cluster, and how the cluster knows its users.
#[derive(Clone, Debug)]
pub struct Realm {
    /// The namespace that is the realm.
    pub namespace: Namespace,
    /// What Kubernetes puts before the ids of the realm's users.
    pub username_prefix: Prefix,
    /// What Kubernetes puts before the names of the groups in their tokens.
    pub group_prefix: Prefix,
    /// Who writes the creator of a new Group.
    pub creator: Creator,
    /// What the staff of groups may do with objects that exist.
    pub staff: Staff,
}

/// Who writes `spec.creator` of a Group that a user of the realm makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creator {
    /// The API server, where it is left out; by a MutatingAdmissionPolicy, which Kubernetes has from 1.36 on.
    Filled,
    /// Whoever makes the Group.
    Written,
}

/// What RBAC lets users do who are staff of some groups, but not root staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staff {
    /// Make and delete objects.
    CreateAndDelete,
    /// Patch and apply them too. A patch can ask what an object holds before the law is asked whether it may, so every
    /// user of the realm can then find out, guess by guess, what an object holds whose name they know.
    PatchToo,
}

/// An object for the cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is what it is named after")]
pub enum Object {
    ServiceAccount(Box<ServiceAccount>),
    Role(Box<Role>),
    RoleBinding(Box<RoleBinding>),
    ValidatingAdmissionPolicy(Box<ValidatingAdmissionPolicy>),
    ValidatingAdmissionPolicyBinding(Box<ValidatingAdmissionPolicyBinding>),
    MutatingAdmissionPolicy(Box<MutatingAdmissionPolicy>),
    MutatingAdmissionPolicyBinding(Box<MutatingAdmissionPolicyBinding>),
}

/// Everything, in an order in which it can be applied: the law stands before anybody is let in.
#[must_use]
pub fn objects(realm: &Realm) -> Vec<Object> {
    let mut objects = law::objects(realm);
    if realm.creator == Creator::Filled {
        objects.extend(creator::objects(realm));
    }
    objects.extend(roles::objects(realm));
    objects
}

/// The full name of a service account of the realm.
fn account(realm: &Realm, name: &str) -> String {
    format!("system:serviceaccount:{}:{name}", realm.namespace)
}

/// The name of an object that belongs to no namespace, one for each realm. Namespaces have no dot, so no two realms
/// share one.
fn cluster_name(realm: &Realm, what: &str) -> String {
    format!("{what}.{}.{}", realm.namespace, crate::resources::API_GROUP)
}

/// Metadata with a name and what the object is for, as `kubectl describe` shows it.
fn named(name: String, description: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        annotations: Some(
            [("kubernetes.io/description".to_owned(), description.to_owned())].into(),
        ),
        ..ObjectMeta::default()
    }
}
