//! How the API server asks a Pasee, before it stores what a user of the realm writes.
//!
//! Only users of the realm are asked about, so that nobody else notices when every Pasee is away. Must not know what Pasee
//! answers.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MatchCondition, MutatingWebhook, MutatingWebhookConfiguration, RuleWithOperations,
    ServiceReference, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::{Secret, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::admission_policy::in_namespace;
use super::cel::quoted;
use super::{BYPASS, CONTROLLER, Object, Realm, Webhook, named};
use crate::resources::API_GROUP;
use crate::resources::webhook::{PORT, SECRET, SERVICE, configuration_name};

/// How long the API server waits for a Pasee, in seconds.
const TIMEOUT: i32 = 5;

/// The configuration, with what the controller needs to keep its path secret and to make its certificate; and for a Service in the
/// cluster that too. No path is told here, so that nothing is judged before the controller has told one, and what is applied again
/// leaves that of a Service as it is.
pub(super) fn objects(realm: &Realm) -> Vec<Object> {
    let (client_config, is_within) = match &realm.webhook {
        Webhook::None => return Vec::new(),
        Webhook::Service { authority } => {
            let service = ServiceReference {
                name: SERVICE.to_owned(),
                namespace: realm.namespace.to_string(),
                path: None,
                port: Some(443),
            };
            let ca_bundle = authority.clone().map(ByteString);
            (WebhookClientConfig { service: Some(service), ca_bundle, url: None }, true)
        }
        Webhook::At { url, authority } => {
            let ca_bundle = authority.clone().map(ByteString);
            let url = Some(url.clone());
            (WebhookClientConfig { url, ca_bundle, service: None }, false)
        }
    };
    let mut objects = Vec::new();
    if is_within {
        objects.push(Object::Service(Box::new(service(realm))));
    }
    objects.push(Object::Secret(Box::new(secret(realm))));
    objects.extend(configuration_role(realm));
    objects
        .push(Object::MutatingWebhookConfiguration(Box::new(configuration(realm, client_config))));
    objects
}

fn configuration(
    realm: &Realm,
    client_config: WebhookClientConfig,
) -> MutatingWebhookConfiguration {
    let own = |text: &str| vec![text.to_owned()];
    let owned = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect());
    let rule = RuleWithOperations {
        api_groups: Some(own(API_GROUP)),
        api_versions: Some(own("*")),
        operations: owned(&["CREATE", "UPDATE", "DELETE"]),
        resources: owned(&["groups", "memberships", "users", "oauthclients"]),
        scope: Some("Namespaced".to_owned()),
    };
    let name = configuration_name(&realm.namespace.to_string());
    let webhook = MutatingWebhook {
        name: name.clone(),
        admission_review_versions: own("v1"),
        client_config,
        failure_policy: Some("Fail".to_owned()),
        match_conditions: Some(conditions(realm)),
        match_policy: Some("Equivalent".to_owned()),
        namespace_selector: in_namespace(realm).namespace_selector,
        object_selector: None,
        reinvocation_policy: Some("Never".to_owned()),
        rules: Some(vec![rule]),
        // Whoever is about to lose the root staff is announced, unless nothing is written.
        side_effects: "NoneOnDryRun".to_owned(),
        timeout_seconds: Some(TIMEOUT),
    };
    MutatingWebhookConfiguration {
        metadata: named(
            name,
            &format!(
                "What users of the realm {} write is judged by Pasee on what is the case at that moment.",
                realm.namespace
            ),
        ),
        webhooks: Some(vec![webhook]),
    }
}

/// All that must hold for a Pasee to be asked: it is a user of the realm, and RBAC does not let them pass. Pasee's own
/// accounts and Kubernetes' controllers have no such names.
fn conditions(realm: &Realm) -> Vec<MatchCondition> {
    let is_user =
        format!("request.userInfo.username.startsWith({})", quoted(realm.username_prefix.as_str()));
    let has_no_bypass = format!(
        "!authorizer.group({}).resource(request.resource.resource).namespace({}).check({}).allowed()",
        quoted(API_GROUP),
        quoted(&realm.namespace.to_string()),
        quoted(BYPASS)
    );
    let condition = |name: &str, expression| MatchCondition { name: name.to_owned(), expression };
    vec![condition("is-user-of-the-realm", is_user), condition("may-not-bypass", has_no_bypass)]
}

fn in_realm(realm: &Realm, name: &str, description: &str) -> ObjectMeta {
    let namespace = Some(realm.namespace.to_string());
    ObjectMeta { namespace, ..named(name.to_owned(), description) }
}

fn service(realm: &Realm) -> Service {
    let label = |key: &str, value: &str| (format!("app.kubernetes.io/{key}"), value.to_owned());
    let port = ServicePort {
        name: Some("webhook".to_owned()),
        port: 443,
        target_port: Some(IntOrString::Int(PORT.into())),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        selector: Some([label("name", "pasee"), label("component", "server")].into()),
        ports: Some(vec![port]),
        ..ServiceSpec::default()
    };
    let metadata = in_realm(realm, SERVICE, "Where the API server asks Pasee's servers.");
    Service { metadata, spec: Some(spec), ..Service::default() }
}

/// Without data: what is applied again leaves what the controller has put there.
fn secret(realm: &Realm) -> Secret {
    let description = "What Pasee makes for itself: the controller fills it, servers read it.";
    Secret { metadata: in_realm(realm, SECRET, description), ..Secret::default() }
}

/// What lets the controller tell the API server at which path to ask and which certificate to expect, in this one configuration.
fn configuration_role(realm: &Realm) -> [Object; 2] {
    let name = configuration_name(&realm.namespace.to_string());
    let metadata = named(
        name.clone(),
        "What pasee controller needs to say at which path the webhook is asked, and which certificate it has.",
    );
    let rule = PolicyRule {
        api_groups: Some(vec!["admissionregistration.k8s.io".to_owned()]),
        resources: Some(vec!["mutatingwebhookconfigurations".to_owned()]),
        resource_names: Some(vec![name.clone()]),
        verbs: vec!["get".to_owned(), "patch".to_owned()],
        non_resource_urls: None,
    };
    let role =
        ClusterRole { metadata: metadata.clone(), rules: Some(vec![rule]), aggregation_rule: None };
    let role_ref = RoleRef {
        api_group: Some("rbac.authorization.k8s.io".to_owned()),
        kind: "ClusterRole".to_owned(),
        name,
    };
    let subject = Subject {
        kind: "ServiceAccount".to_owned(),
        name: CONTROLLER.to_owned(),
        namespace: Some(realm.namespace.to_string()),
        api_group: None,
    };
    let binding = ClusterRoleBinding { metadata, role_ref, subjects: Some(vec![subject]) };
    [Object::ClusterRole(Box::new(role)), Object::ClusterRoleBinding(Box::new(binding))]
}
