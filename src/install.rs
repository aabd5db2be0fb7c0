//! What an admin applies to a cluster once for each realm, beside the definitions: accounts and roles for Pasee's
//! processes and for the realm's users, and the policy as the API server enforces it.
//!
//! The policy itself is [`domain::policy`](crate::domain::policy); [`admission_policy`] says the same in the API server's words. Must not
//! know how the objects get to the cluster.
//!
//! | File | Owns |
//! |---|---|
//! | `admission_policy` | the policy in CEL |
//! | `creator` | who makes a Group, filled in |
//! | `roles` | who may ask for what (RBAC) |
//! | `own_roles` | the same for the holders of Kubernetes' own roles |
//! | `quota` | how many objects there may be |
//! | `prefix` | how a cluster names what is a realm's |
//! | `webhook` | how the API server asks a Pasee |
//! | `cel` | texts in CEL |

pub mod admission_policy;
mod cel;
pub mod creator;
mod own_roles;
pub mod prefix;
pub mod quota;
pub mod roles;
mod webhook;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration,
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{ConfigMap, ResourceQuota, Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::resources::labels_annotations::{PART_OF, PASEE, REALM};
use crate::resources::providers::CONFIG_MAP;

pub use self::prefix::{Namespace, Prefix};
pub use self::quota::Quota;

/// The service account of `pasee serve`.
pub const SERVER: &str = "pasee-server";
/// The service account of `pasee controller`.
pub const CONTROLLER: &str = "pasee-controller";
/// The verb whose holders the policy does not bind, by resource.
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
    /// Who writes the creator of a new Group, where there is no webhook to do it.
    pub creator: Creator,
    /// Whether what users write is judged live.
    pub webhook: Webhook,
    /// What the staff of groups may do with objects that exist.
    pub staff: Staff,
    /// Whether ServiceAccounts of the cluster log in.
    pub accounts: Accounts,
    /// How many objects there may be.
    pub quota: Quota,
    /// What becomes of Kubernetes' own roles.
    pub own_roles: OwnRoles,
}

/// Whether Kubernetes' own roles `view`, `edit` and `admin` reach Pasee's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnRoles {
    /// They do not.
    Untouched,
    /// They do, wherever somebody holds them: to read, and to ask for what the policy then decides.
    Extended,
}

/// Whether the token service may ask the API server whose ServiceAccount a token is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// It may not: the settings have no provider with the protocol `kubernetes`, or one that verifies offline.
    StayOut,
    /// It may, for the whole cluster: TokenReviews belong to no namespace.
    LogIn,
}

/// Whether the API server asks a Pasee about what users of the realm write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// It does not: the groups in their tokens count.
    None,
    /// It asks the Service of the realm's servers.
    Service {
        /// The authorities, in PEM, that their certificate is from; `None` = the controller makes it.
        authority: Option<Vec<u8>>,
    },
    /// It asks servers elsewhere.
    At {
        /// Where: https; the controller sets the path.
        url: String,
        /// The authorities, in PEM, that their certificate is from; `None` = those of the API server's system.
        authority: Option<Vec<u8>>,
    },
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
    /// Patch and apply them too. A patch can ask what an object holds before the policy is asked whether it may, so every
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
    ClusterRole(Box<ClusterRole>),
    ClusterRoleBinding(Box<ClusterRoleBinding>),
    ValidatingAdmissionPolicy(Box<ValidatingAdmissionPolicy>),
    ValidatingAdmissionPolicyBinding(Box<ValidatingAdmissionPolicyBinding>),
    MutatingAdmissionPolicy(Box<MutatingAdmissionPolicy>),
    MutatingAdmissionPolicyBinding(Box<MutatingAdmissionPolicyBinding>),
    MutatingWebhookConfiguration(Box<MutatingWebhookConfiguration>),
    Service(Box<Service>),
    Secret(Box<Secret>),
    ResourceQuota(Box<ResourceQuota>),
    ConfigMap(Box<ConfigMap>),
}

/// Everything, in an order in which it can be applied: the policy stands before anybody is let in.
#[must_use]
pub fn objects(realm: &Realm) -> Vec<Object> {
    let mut objects = admission_policy::objects(realm);
    if realm.creator == Creator::Filled && realm.webhook == Webhook::None {
        objects.extend(creator::objects(realm));
    }
    objects.extend(webhook::objects(realm));
    objects.extend(quota::objects(realm));
    objects.extend(roles::objects(realm));
    objects.push(providers(realm));
    if realm.own_roles == OwnRoles::Extended {
        objects.extend(own_roles::objects(realm));
    }
    let label = (REALM.to_owned(), realm.namespace.to_string());
    for object in &mut objects {
        object.metadata().labels.get_or_insert_default().extend([label.clone()]);
    }
    objects
}

impl Object {
    fn metadata(&mut self) -> &mut ObjectMeta {
        match self {
            Self::ServiceAccount(object) => &mut object.metadata,
            Self::Role(object) => &mut object.metadata,
            Self::RoleBinding(object) => &mut object.metadata,
            Self::ClusterRole(object) => &mut object.metadata,
            Self::ClusterRoleBinding(object) => &mut object.metadata,
            Self::ValidatingAdmissionPolicy(object) => &mut object.metadata,
            Self::ValidatingAdmissionPolicyBinding(object) => &mut object.metadata,
            Self::MutatingAdmissionPolicy(object) => &mut object.metadata,
            Self::MutatingAdmissionPolicyBinding(object) => &mut object.metadata,
            Self::MutatingWebhookConfiguration(object) => &mut object.metadata,
            Self::Service(object) => &mut object.metadata,
            Self::Secret(object) => &mut object.metadata,
            Self::ResourceQuota(object) => &mut object.metadata,
            Self::ConfigMap(object) => &mut object.metadata,
        }
    }
}

/// Without data: what is applied again leaves what servers have put there.
fn providers(realm: &Realm) -> Object {
    let description =
        "Which identity providers there are: servers say it, the controller reads it.";
    let metadata = ObjectMeta {
        namespace: Some(realm.namespace.to_string()),
        ..named(CONFIG_MAP.to_owned(), description)
    };
    Object::ConfigMap(Box::new(ConfigMap { metadata, ..ConfigMap::default() }))
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

/// Metadata with a name, a label by which all that was applied is found again, and what the object is for, as `kubectl
/// describe` shows it.
fn named(name: String, description: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        annotations: Some(
            [("kubernetes.io/description".to_owned(), description.to_owned())].into(),
        ),
        labels: Some([(PART_OF.to_owned(), PASEE.to_owned())].into()),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn all(namespace: &str, prefix: &str) -> Vec<Value> {
        let realm = Realm {
            namespace: namespace.parse().unwrap(),
            username_prefix: prefix.parse().unwrap(),
            group_prefix: "groups:".parse().unwrap(),
            creator: Creator::Filled,
            webhook: Webhook::None,
            staff: Staff::CreateAndDelete,
            accounts: Accounts::StayOut,
            own_roles: OwnRoles::Untouched,
            quota: Quota::default(),
        };
        objects(&realm).iter().map(|object| serde_json::to_value(object).unwrap()).collect()
    }

    #[test]
    fn the_policy_stands_before_anybody_is_let_in() {
        let kinds: Vec<String> = all("pasee", "pasee:")
            .iter()
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect();
        let first_role = kinds.iter().position(|kind| kind == "RoleBinding").unwrap();
        let last_policy = kinds.iter().rposition(|kind| kind.contains("Admission")).unwrap();
        assert!(last_policy < first_role, "{kinds:?}");
        for (kind, count) in [
            ("ServiceAccount", 2),
            ("ConfigMap", 1),
            ("Role", 4),
            ("RoleBinding", 4),
            ("ValidatingAdmissionPolicy", 5),
            ("ValidatingAdmissionPolicyBinding", 5),
            ("MutatingAdmissionPolicy", 1),
            ("MutatingAdmissionPolicyBinding", 1),
        ] {
            assert_eq!(kinds.iter().filter(|one| *one == kind).count(), count, "{kind}");
        }
    }

    /// Every policy fails closed and holds in its namespace only; the longest names are short enough for Kubernetes.
    #[test]
    fn policies_are_closed_and_bound() {
        let namespace = "n".repeat(63);
        for object in all(&namespace, "pasee:") {
            let (kind, spec) = (object["kind"].as_str().unwrap(), &object["spec"]);
            assert!(object["metadata"]["name"].as_str().unwrap().len() <= 253);
            if kind.ends_with("Policy") {
                assert_eq!(spec["failurePolicy"], "Fail");
            } else if kind.ends_with("PolicyBinding") {
                let labels = &spec["matchResources"]["namespaceSelector"]["matchLabels"];
                assert_eq!(labels["kubernetes.io/metadata.name"], namespace.as_str());
                let is_validating = kind.starts_with("Validating");
                assert!(!is_validating || spec["validationActions"] == serde_json::json!(["Deny"]));
            }
        }
    }

    /// By which all of a realm is found again, whatever it was printed with.
    #[test]
    fn each_says_of_which_realm_it_is() {
        for object in all("shop", "pasee:") {
            let labels = &object["metadata"]["labels"];
            assert_eq!(labels["pasee.meltylab.fr/realm"], "shop", "{object}");
            assert_eq!(labels["app.kubernetes.io/part-of"], "pasee", "{object}");
        }
    }

    /// The prefix is cut off by its length, wherever the user's id is meant.
    #[test]
    fn prefixes_are_cut_off_whole() {
        let prefix = "https://pasee.example.com#";
        let text = serde_json::to_string(&all("pasee", prefix)).unwrap();
        assert_eq!(prefix.len(), 26);
        let cuts = text.matches("username.substring(").count();
        assert_eq!((cuts, text.matches("username.substring(26)").count()), (8, 8));
        assert!(!text.contains("'pasee:'"));
    }
}
