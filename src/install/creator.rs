//! A MutatingAdmissionPolicy (Kubernetes 1.36) that writes the requester into `spec.creator` of a new Group that names
//! nobody.
//!
//! Only for users of the realm: an operator's group has no creator unless it says so. Must not know who may make groups;
//! the policy is asked afterwards, and asks for the creator whether or not this policy is there.

use k8s_openapi::api::admissionregistration::v1::{
    JSONPatch, MatchCondition, MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding,
    MutatingAdmissionPolicyBindingSpec, MutatingAdmissionPolicySpec, Mutation,
};

use super::admission_policy::{exemptions, in_namespace, is_user, user_id, writes};
use super::{Object, Realm, cluster_name, named};

/// The policy and its binding.
#[must_use]
pub fn objects(realm: &Realm) -> Vec<Object> {
    let name = cluster_name(realm, "creator");
    let binding = MutatingAdmissionPolicyBinding {
        metadata: named(
            name.clone(),
            &format!("Creators are filled in in the namespace {}.", realm.namespace),
        ),
        spec: Some(MutatingAdmissionPolicyBindingSpec {
            policy_name: Some(name),
            match_resources: Some(in_namespace(realm)),
            ..MutatingAdmissionPolicyBindingSpec::default()
        }),
    };
    vec![
        Object::MutatingAdmissionPolicy(Box::new(policy(realm))),
        Object::MutatingAdmissionPolicyBinding(Box::new(binding)),
    ]
}

fn policy(realm: &Realm) -> MutatingAdmissionPolicy {
    let mut conditions = exemptions(realm, "groups");
    conditions.push(condition("is-user-of-the-realm", is_user(realm)));
    conditions.push(condition(
        "names-no-creator",
        "has(object.spec) && !has(object.spec.creator)".into(),
    ));
    let expression =
        format!("[JSONPatch{{op: 'add', path: '/spec/creator', value: {}}}]", user_id(realm));
    MutatingAdmissionPolicy {
        metadata: named(
            cluster_name(realm, "creator"),
            &format!(
                "Who makes a Group in the realm {} is its creator, and need not write so.",
                realm.namespace
            ),
        ),
        spec: Some(MutatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            reinvocation_policy: Some("Never".to_owned()),
            match_constraints: Some(writes("groups", &["CREATE"])),
            match_conditions: Some(conditions),
            mutations: Some(vec![Mutation {
                patch_type: "JSONPatch".to_owned(),
                json_patch: Some(JSONPatch { expression: Some(expression) }),
                ..Mutation::default()
            }]),
            ..MutatingAdmissionPolicySpec::default()
        }),
    }
}

fn condition(name: &str, expression: String) -> MatchCondition {
    MatchCondition { name: name.to_owned(), expression }
}
