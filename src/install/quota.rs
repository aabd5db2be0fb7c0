//! How many objects of Pasee's the namespace of a realm may hold, whoever writes them: the last bound, for etcd's sake.
//!
//! What one user may make is bounded by Pasee itself. Must not know who writes.

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Object, Realm, named};
use crate::resources::API_GROUP;

/// The name of the ResourceQuota.
const NAME: &str = "pasee";

/// Most objects of each kind; `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Groups.
    pub groups: Option<u64>,
    /// Memberships, each of up to 500 users.
    pub memberships: Option<u64>,
    /// Users: one for each who was ever banned, or ended all their sessions.
    pub users: Option<u64>,
    /// OAuthClients, each of at most 130 KB, and mostly of less than 1 KB.
    pub clients: Option<u64>,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            groups: Some(20_000),
            memberships: Some(20_000),
            users: Some(200_000),
            clients: Some(1_000),
        }
    }
}

/// A ResourceQuota, where something is bounded.
pub(super) fn objects(realm: &Realm) -> Vec<Object> {
    let Quota { groups, memberships, users, clients } = realm.quota;
    let all = [
        ("groups", groups),
        ("memberships", memberships),
        ("users", users),
        ("oauthclients", clients),
    ];
    let bound = |(plural, most): (&str, Option<u64>)| {
        Some((format!("count/{plural}.{API_GROUP}"), Quantity(most?.to_string())))
    };
    let hard: std::collections::BTreeMap<_, _> = all.into_iter().filter_map(bound).collect();
    if hard.is_empty() {
        return Vec::new();
    }
    let description =
        "How many Groups, Memberships, Users and OAuthClients there may be, whoever writes them.";
    let metadata = ObjectMeta {
        namespace: Some(realm.namespace.to_string()),
        ..named(NAME.to_owned(), description)
    };
    let spec = Some(ResourceQuotaSpec { hard: Some(hard), ..ResourceQuotaSpec::default() });
    let quota = ResourceQuota { metadata, spec, ..ResourceQuota::default() };
    vec![Object::ResourceQuota(Box::new(quota))]
}
