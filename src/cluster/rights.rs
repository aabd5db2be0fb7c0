//! Whether an API server has what a realm needs, and lets us do what we do: asked before a server is started.
//!
//! Must not know what the rights are good for.

use futures::future::{join_all, join3};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::resources::permission::Permission;
use crate::resources::{API_GROUP, API_VERSION};

/// The custom resources that a realm consists of.
const KINDS: [&str; 5] = ["groups", "memberships", "users", "oauthclients", "sessionrevocations"];

/// What a realm lacks in a namespace, a sentence each with what to do.
///
/// # Errors
/// The API server cannot be asked, or does not know who we are.
pub async fn lacking(
    client: &Client,
    namespace: &str,
    permissions: &[Permission],
) -> Result<Vec<String>, kube::Error> {
    let (place, kinds, rights) = join3(
        of_namespace(client, namespace),
        of_definitions(client),
        of_rights(client, namespace, permissions),
    )
    .await;
    let (place, kinds) = (place?, kinds?);
    let mut lacking = Vec::new();
    if place == Place::Missing {
        lacking.push(format!(
            "there is no namespace {namespace}; kubectl create namespace {namespace} makes it"
        ));
    }
    lacking.extend(kinds);
    lacking.extend(rights?.map(|denied| {
        let doubt = if place == Place::Hidden { " (if there is one of that name)" } else { "" };
        format!(
            "in the namespace {namespace}{doubt} this account may not: {denied}; pasee policy --namespace {namespace} prints the \
             Role that a server needs"
        )
    }));
    Ok(lacking)
}

/// What is known of the namespace itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    There,
    Missing,
    /// Whoever may not look is not told whether it is there.
    Hidden,
}

async fn of_namespace(client: &Client, namespace: &str) -> Result<Place, kube::Error> {
    match Api::<Namespace>::all(client.clone()).get_opt(namespace).await {
        Ok(Some(_)) => Ok(Place::There),
        Ok(None) => Ok(Place::Missing),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Place::Hidden),
        Err(error) => Err(error),
    }
}

async fn of_definitions(client: &Client) -> Result<Option<String>, kube::Error> {
    let version = format!("{API_GROUP}/{API_VERSION}");
    let known = match client.list_api_group_resources(&version).await {
        Ok(listed) => listed.resources.into_iter().map(|resource| resource.name).collect(),
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(error),
    };
    let missing: Vec<&str> =
        KINDS.into_iter().filter(|kind| !known.iter().any(|name| name == kind)).collect();
    Ok((!missing.is_empty()).then(|| {
        format!(
            "the cluster has no {} of {version}; pasee crd | kubectl apply -f - defines them",
            missing.join(", ")
        )
    }))
}

/// The rights that are denied, as a list.
async fn of_rights(
    client: &Client,
    namespace: &str,
    permissions: &[Permission],
) -> Result<Option<String>, kube::Error> {
    let asked = permissions.iter().flat_map(|permission| {
        let names: &[&str] = if permission.names.is_empty() { &[""] } else { permission.names };
        let each = move |name: &&'static str| {
            permission.verbs.iter().map(move |verb| (permission, *name, *verb)).collect::<Vec<_>>()
        };
        names.iter().flat_map(each).collect::<Vec<_>>()
    });
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answers = asked.map(|(permission, name, verb)| {
        let (reviews, review) = (reviews.clone(), review(permission, name, verb, namespace));
        async move {
            let told = reviews.create(&PostParams::default(), &review).await?;
            let is_allowed = told.status.is_some_and(|status| status.allowed);
            let name = if name.is_empty() { String::new() } else { format!("/{name}") };
            Ok((!is_allowed).then(|| format!("{verb} {}{name}", permission.resource)))
        }
    });
    let denied: Vec<String> = join_all(answers)
        .await
        .into_iter()
        .collect::<Result<Vec<_>, kube::Error>>()?
        .into_iter()
        .flatten()
        .collect();
    Ok((!denied.is_empty()).then(|| denied.join(", ")))
}

fn review(
    permission: &Permission,
    name: &str,
    verb: &str,
    namespace: &str,
) -> SelfSubjectAccessReview {
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(permission.api_group.to_owned()),
                name: Some(name.to_owned()).filter(|name| !name.is_empty()),
                namespace: Some(namespace.to_owned()),
                resource: Some(permission.resource.to_owned()),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    }
}
