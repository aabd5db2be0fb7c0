//! The policy in the API server: a ValidatingAdmissionPolicy for each kind of object, bound to the realm's namespace.
//!
//! What a user of the realm may write is what [`domain::policy`](crate::domain::policy) says, in CEL; each rule here
//! names the row of that table that it repeats, and tests/cluster_policy compares both, cell by cell. Beyond the policy, users
//! leave alone what Pasee and Kubernetes themselves put on objects. Must not know who may read: no policy is asked then.

use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicyBindingSpec,
    ValidatingAdmissionPolicySpec, Validation, Variable,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::cel::quoted;
use super::{BYPASS, CONTROLLER, Object, Realm, SERVER, Webhook, account, cluster_name, named};
use crate::domain::group::STAFF;
use crate::objects::enrolment::enrolment_name;
use crate::resources::labels_annotations::{ACTOR, MANAGED_BY, OWN_KEYS, PASEE, WRITTEN};
use crate::resources::{API_GROUP, USER_ID_PATTERN};

/// Kubernetes' own controllers that delete objects and take away references to owners that are gone.
const SYSTEM: [&str; 3] = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
];
/// The label that every namespace has, with its name.
const NAMESPACE_LABEL: &str = "kubernetes.io/metadata.name";

/// The policies and their bindings.
#[must_use]
pub fn objects(realm: &Realm) -> Vec<Object> {
    [groups(realm), memberships(realm), users(realm), clients(realm), sessions(realm)]
        .into_iter()
        .flat_map(|policy| {
            let binding = ValidatingAdmissionPolicyBinding {
                metadata: named(
                    policy.metadata.name.clone().unwrap_or_default(),
                    &format!("The policy holds in the namespace {}.", realm.namespace),
                ),
                spec: ValidatingAdmissionPolicyBindingSpec {
                    policy_name: policy.metadata.name.clone().unwrap_or_default(),
                    validation_actions: vec!["Deny".to_owned()],
                    match_resources: Some(in_namespace(realm)),
                    ..ValidatingAdmissionPolicyBindingSpec::default()
                },
            };
            [
                Object::ValidatingAdmissionPolicy(Box::new(policy)),
                Object::ValidatingAdmissionPolicyBinding(Box::new(binding)),
            ]
        })
        .collect()
}

/// One rule: what must hold, in CEL, and what is told when it does not.
struct Rule {
    holds: String,
    told: Told,
}

enum Told {
    Text(String),
    /// In CEL.
    Expression(String),
}

impl Rule {
    fn new(holds: impl Into<String>, told: impl Into<String>) -> Self {
        Self { holds: holds.into(), told: Told::Text(told.into()) }
    }

    fn telling(holds: impl Into<String>, told: impl Into<String>) -> Self {
        Self { holds: holds.into(), told: Told::Expression(told.into()) }
    }

    fn validation(self) -> Validation {
        let (message, message_expression) = match self.told {
            Told::Text(text) => (Some(text), None),
            Told::Expression(expression) => (None, Some(expression)),
        };
        let reason = Some("Forbidden".to_owned());
        Validation { expression: self.holds, message, message_expression, reason }
    }
}

/// Create a group: root staff; staff of its parent. Delete a group: the same. Change one, which is to say what it is for:
/// its own staff too.
fn groups(realm: &Realm) -> ValidatingAdmissionPolicy {
    let variables = [
        (
            "group",
            // As tokens spell it; see `resources::object_name`.
            "(request.operation == 'DELETE' ? oldObject : object).metadata.name.replace('--', '_')"
                .to_owned(),
        ),
        (
            "parent",
            "variables.group.contains('.') ? \
             variables.group.substring(0, variables.group.lastIndexOf('.')) : ''"
                .to_owned(),
        ),
    ];
    let own = "variables.after.name";
    let above = format!("({own}.contains('.') ? {own}.substring(0, {own}.lastIndexOf('.')) : '')");
    let entitled = Rule::telling(
        format!(
            "variables.isRootStaff || (variables.parent != '' && {}) || \
             (request.operation == 'UPDATE' && {})",
            is_staff_of(realm, "variables.parent"),
            is_staff_of(realm, "variables.group")
        ),
        "'only root staff' + (variables.parent == '' ? '' : ' and the staff of ' + variables.parent) + \
         ' may create, change or delete the group ' + variables.group",
    );
    // Nobody creates in the name of another: `policy::permit`.
    let requester = user_id(realm);
    let creator = Rule::telling(
        format!("request.operation != 'CREATE' || object.spec.?creator.orValue('') == {requester}"),
        format!("'spec.creator must be you: ' + {requester}"),
    );
    let creator_stays = Rule::new(
        "request.operation != 'UPDATE' || object.spec.?creator == oldObject.spec.?creator",
        "spec.creator cannot be changed, added or taken away later",
    );
    let rules = [entitled].into_iter().filter(|_| is_judged_here(realm));
    let rules = rules.chain([creator, creator_stays]).collect();
    policy(realm, "groups", &above, variables.to_vec(), rules)
}

/// Add or remove members and staff of G: staff of G; root staff. Root staff (a Membership without group): root staff.
fn memberships(realm: &Realm) -> ValidatingAdmissionPolicy {
    let variables = vec![
        (
            "touched",
            "(request.operation == 'DELETE' ? [] : [object]) + \
             (request.operation == 'CREATE' ? [] : [oldObject])"
                .to_owned(),
        ),
        ("group", "variables.touched[0].spec.?group.orValue('').replace('--', '_')".to_owned()),
    ];
    let entitled = Rule::telling(
        format!(
            "variables.isRootStaff || variables.touched.all(one, has(one.spec.group) && {})",
            is_staff_of(realm, "one.spec.group.replace('--', '_')")
        ),
        // Of which group one is that somebody names and may not see, they are not told.
        "request.operation != 'CREATE' ? \
         'only root staff, and the staff of the group that it is of, may change or delete a Membership' : \
         variables.group == '' ? 'only root staff may say who is root staff' : \
         'only root staff and the staff of ' + variables.group + ' may say who is in ' + variables.group + \
         ' and who is its staff'",
    );
    let reserved = quoted(&enrolment_name(""));
    let name_is_free = Rule::new(
        format!(
            "request.operation != 'CREATE' || (!variables.after.?name.orValue('').startsWith({reserved}) && \
             !variables.after.?generateName.orValue('').startsWith({reserved}))"
        ),
        "Memberships that enrol the creators of groups are called creator-…; take another name",
    );
    let rules = [entitled].into_iter().filter(|_| is_judged_here(realm));
    let rules = rules.chain([name_is_free]).collect();
    policy(realm, "memberships", "object.spec.?group.orValue('')", variables, rules)
}

/// Ban, revoke, delete a user: root staff.
fn users(realm: &Realm) -> ValidatingAdmissionPolicy {
    let entitled =
        Rule::new("variables.isRootStaff", "only root staff may ban users or end their sessions");
    policy(realm, "users", "''", Vec::new(), vec![entitled])
}

/// Say which applications log people in, and who proves to be one: root staff.
fn clients(realm: &Realm) -> ValidatingAdmissionPolicy {
    let entitled = Rule::new(
        "variables.isRootStaff",
        "only root staff may say which applications log people in",
    );
    policy(realm, "oauthclients", "''", Vec::new(), vec![entitled])
}

/// End one session: whoever acts in it, which only tokens tell. So that is done over HTTP, and users write none of these.
fn sessions(realm: &Realm) -> ValidatingAdmissionPolicy {
    let nobody = Rule::new(
        "false",
        "Pasee alone writes which sessions were ended: end one over HTTP (DELETE /users/USER/sessions/SID), or all of a \
         user's by notBefore of a User",
    );
    bound(realm, "sessionrevocations", Vec::new(), vec![nobody])
}

/// Whether the groups in a token decide. Where a Pasee is asked, they do not: they are minutes old.
fn is_judged_here(realm: &Realm) -> bool {
    realm.webhook == Webhook::None
}

fn policy(
    realm: &Realm,
    resource: &str,
    above: &str,
    variables: Vec<(&str, String)>,
    own: Vec<Rule>,
) -> ValidatingAdmissionPolicy {
    let mut all = common_variables(realm);
    all.extend(variables);
    let mut rules = vec![is_user_of_realm(realm, resource)];
    rules.extend(own);
    rules.extend(left_alone());
    rules.extend(match realm.webhook {
        Webhook::None => left_unsaid(),
        Webhook::Service { .. } | Webhook::At { .. } => as_judged(realm, above),
    });
    bound(realm, resource, all, rules)
}

fn bound(
    realm: &Realm,
    resource: &str,
    variables: Vec<(&str, String)>,
    rules: Vec<Rule>,
) -> ValidatingAdmissionPolicy {
    let variables: Vec<Variable> = variables
        .into_iter()
        .map(|(name, expression)| Variable { name: name.to_owned(), expression })
        .collect();
    let validations = rules.into_iter().map(Rule::validation).collect();
    ValidatingAdmissionPolicy {
        metadata: named(
            cluster_name(realm, resource),
            &format!(
                "Which {resource}.{API_GROUP} users of the realm {} may write: what Pasee's own policy says.",
                realm.namespace
            ),
        ),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(writes(resource, &["CREATE", "UPDATE", "DELETE"])),
            match_conditions: Some(exemptions(realm, resource)),
            variables: Some(variables).filter(|variables| !variables.is_empty()),
            validations: Some(validations),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        ..ValidatingAdmissionPolicy::default()
    }
}

fn common_variables(realm: &Realm) -> Vec<(&'static str, String)> {
    let root_staff = quoted(&format!("{}{STAFF}", realm.group_prefix));
    vec![
        ("isRootStaff", format!("{root_staff} in request.userInfo.groups")),
        // What there is nothing of looks like an object without anything.
        ("before", "request.operation == 'CREATE' ? dyn({}) : dyn(oldObject.metadata)".to_owned()),
        (
            "after",
            "request.operation == 'DELETE' ? dyn(oldObject.metadata) : dyn(object.metadata)"
                .to_owned(),
        ),
    ]
}

/// Whose name is no user's is nobody here, whatever groups they are in.
fn is_user_of_realm(realm: &Realm, resource: &str) -> Rule {
    Rule::new(
        is_user(realm),
        format!(
            "you are no user of the realm {}, whose users Kubernetes knows as {}<provider>-<subject>; others need the \
             verb {BYPASS} on {resource}.{API_GROUP} in this namespace",
            realm.namespace, realm.username_prefix
        ),
    )
}

/// What is before as it is after, in the metadata's field.
fn same(field: &str) -> String {
    format!("variables.after.?{field}.orValue([]) == variables.before.?{field}.orValue([])")
}

/// That no key of Pasee's own comes, goes or changes, but those that an expression lets.
fn same_keys(field: &str, but: &str) -> String {
    format!(
        "[variables.before, variables.after].all(one, one.?{field}.orValue({{}}).all(key, {but}!key.startsWith({}) || \
         variables.after.?{field}[?key] == variables.before.?{field}[?key]))",
        quoted(OWN_KEYS)
    )
}

const OWNERS_LEFT_ALONE: &str =
    "metadata.ownerReferences are not yours to change: Pasee ties objects to their groups";

/// What Pasee and Kubernetes put on objects is theirs.
fn left_alone() -> Vec<Rule> {
    let label = format!("?labels[?{}].orValue('') == {}", quoted(MANAGED_BY), quoted(PASEE));
    vec![
        Rule::new(same("finalizers"), "metadata.finalizers are not yours to change"),
        Rule::new(
            format!("(variables.after.{label}) == (variables.before.{label})"),
            format!(
                "the label {MANAGED_BY}={PASEE} is not yours to set or to take away: Pasee knows its own objects by it"
            ),
        ),
        Rule::new(
            same_keys("labels", ""),
            format!("labels that start with {OWN_KEYS} are not yours to change"),
        ),
        // Delete a group and everything under it. An orphan would count again when its group is made anew.
        Rule::new(
            "request.operation != 'DELETE' || \
             (request.options.?propagationPolicy.orValue('') != 'Orphan' && \
             request.options.?orphanDependents.orValue(false) != true)",
            "what is deleted takes along all that belongs to it: propagationPolicy Orphan (--cascade=orphan) is not allowed",
        ),
    ]
}

/// Where no Pasee is asked, users say neither who wrote an object nor what it belongs to.
fn left_unsaid() -> Vec<Rule> {
    vec![
        // Without its owner an object would outlive its group, and count again in the next one of that name.
        Rule::new(same("ownerReferences"), OWNERS_LEFT_ALONE),
        Rule::new(
            same_keys("annotations", ""),
            format!("annotations that start with {OWN_KEYS} are not yours to change"),
        ),
    ]
}

/// Where a Pasee is asked, it has written who wrote an object, and the Group that a new one belongs to: the one `above`, whose
/// name an expression tells.
fn as_judged(realm: &Realm, above: &str) -> Vec<Rule> {
    let owners = "variables.after.?ownerReferences.orValue([])";
    let tied = format!(
        "request.operation == 'CREATE' ? ({above} == '' ? {owners}.size() == 0 : ({owners}.size() == 1 && \
         {owners}[0].kind == 'Group' && {owners}[0].apiVersion.startsWith({}) && {owners}[0].name == {above})) : ({})",
        quoted(&format!("{API_GROUP}/")),
        same("ownerReferences")
    );
    let actor = quoted(ACTOR);
    let signed = format!(
        "request.operation == 'DELETE' || variables.after.?annotations[?{actor}].orValue('') == {}",
        user_id(realm)
    );
    vec![
        Rule::new(tied, OWNERS_LEFT_ALONE),
        Rule::new(
            same_keys("annotations", &format!("key in [{actor}, {}] || ", quoted(WRITTEN))),
            format!("annotations that start with {OWN_KEYS} are not yours to change"),
        ),
        Rule::new(signed, format!("Pasee was not asked: it writes the annotation {ACTOR}")),
    ]
}

/// Whether the requester is staff of the group that an expression names, as tokens spell it.
fn is_staff_of(realm: &Realm, group: &str) -> String {
    let prefix = quoted(realm.group_prefix.as_str());
    let suffix = quoted(&format!(".{STAFF}"));
    format!("({prefix} + {group} + {suffix}) in request.userInfo.groups")
}

/// Whether the requester is a user of the realm: the prefix, and a user id behind it.
pub(super) fn is_user(realm: &Realm) -> String {
    format!(
        "request.userInfo.username.startsWith({}) && {}.matches({})",
        quoted(realm.username_prefix.as_str()),
        user_id(realm),
        quoted(USER_ID_PATTERN)
    )
}

/// The user id of a requester who is a user of the realm.
pub(super) fn user_id(realm: &Realm) -> String {
    // CEL counts characters; a prefix is ASCII.
    format!("request.userInfo.username.substring({})", realm.username_prefix.as_str().len())
}

/// All that must hold for the policy to be asked: who acts is neither Pasee, which asks the policy itself, nor Kubernetes
/// clearing up, nor somebody whom RBAC lets pass.
pub(super) fn exemptions(realm: &Realm, resource: &str) -> Vec<MatchCondition> {
    let own = [SERVER, CONTROLLER].map(|name| account(realm, name));
    let names: Vec<String> = own.iter().map(String::as_str).chain(SYSTEM).map(quoted).collect();
    let is_nobody_exempt = MatchCondition {
        name: "is-no-part-of-pasee-or-kubernetes".to_owned(),
        expression: format!("!(request.userInfo.username in [{}])", names.join(", ")),
    };
    let has_no_bypass = MatchCondition {
        name: "may-not-bypass".to_owned(),
        expression: format!(
            "!authorizer.group({}).resource({}).namespace({}).check({}).allowed()",
            quoted(API_GROUP),
            quoted(resource),
            quoted(&realm.namespace.to_string()),
            quoted(BYPASS)
        ),
    };
    vec![is_nobody_exempt, has_no_bypass]
}

/// These operations on the objects of a kind. Statuses are left to RBAC: no user of a realm may write one.
pub(super) fn writes(resource: &str, operations: &[&str]) -> MatchResources {
    let own = |text: &str| vec![text.to_owned()];
    MatchResources {
        match_policy: Some("Equivalent".to_owned()),
        resource_rules: Some(vec![NamedRuleWithOperations {
            api_groups: Some(own(API_GROUP)),
            api_versions: Some(own("*")),
            operations: Some(operations.iter().map(ToString::to_string).collect()),
            resources: Some(own(resource)),
            scope: Some("Namespaced".to_owned()),
            ..NamedRuleWithOperations::default()
        }]),
        ..MatchResources::default()
    }
}

/// The realm's namespace and no other.
pub(super) fn in_namespace(realm: &Realm) -> MatchResources {
    let label = (NAMESPACE_LABEL.to_owned(), realm.namespace.to_string());
    MatchResources {
        namespace_selector: Some(LabelSelector {
            match_labels: Some([label].into()),
            ..LabelSelector::default()
        }),
        ..MatchResources::default()
    }
}
