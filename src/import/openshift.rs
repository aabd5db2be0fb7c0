//! Groups of OpenShift (`user.openshift.io/v1`), as `oc get groups -o yaml` prints them: flat, each with the names of its users.
//!
//! Must not know which names are right here.

use std::collections::HashMap;

use serde::Deserialize;

use super::FormatError;
use super::found::{Found, Meant};
use super::yaml::documents;
use crate::domain::user::{ProviderName, UserId};

const API_GROUP: &str = "user.openshift.io/";
/// What the names of whom OpenShift itself makes begin with: ServiceAccounts, nodes and its own.
const SYSTEM: &str = "system:";
/// The annotation of groups that `oc adm groups sync` made.
const LDAP: &str = "openshift.io/ldap.url";

#[derive(Deserialize)]
struct Group {
    metadata: Metadata,
    users: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

/// Reads Groups; their users get the name of this identity provider.
///
/// # Errors
/// They are none.
pub fn openshift(text: &str, provider: &ProviderName) -> Result<Found, FormatError> {
    let mut reading = Reading { found: Found::of("Groups of OpenShift"), users: HashMap::new() };
    let mut synced = Vec::new();
    let objects = documents(text).map_err(FormatError::OpenShift)?;
    if objects.is_empty() {
        return Err(FormatError::OpenShift("there is nothing in it".to_owned()));
    }
    for object in objects {
        let kind = object["kind"].as_str();
        let version = object["apiVersion"].as_str().unwrap_or_default();
        if kind != Some("Group") || !(version.starts_with(API_GROUP) || version == "v1") {
            let found = kind.map(|kind| format!("{kind} of {version:?}"));
            let found = found.as_deref().unwrap_or("something without a kind");
            return Err(FormatError::OpenShift(format!("it holds {found}")));
        }
        let group: Group = serde_json::from_value(object)
            .map_err(|error| FormatError::OpenShift(error.to_string()))?;
        if group.metadata.annotations.contains_key(LDAP) {
            synced.push(group.metadata.name.clone());
        }
        reading.group(group, provider)?;
    }
    if !synced.is_empty() {
        reading.found.notes.push(format!(
            "groups that came from an LDAP directory, which a provider of the protocol ldap asks at each login instead: {}",
            synced.join(", ")
        ));
    }
    Ok(reading.found)
}

struct Reading {
    found: Found,
    users: HashMap<String, usize>,
}

impl Reading {
    fn group(&mut self, group: Group, provider: &ProviderName) -> Result<(), FormatError> {
        let name = group.metadata.name;
        if self.found.groups.iter().any(|other| other.name == name) {
            return Err(FormatError::OpenShift(format!("the group {name:?} stands there twice")));
        }
        let place = self.found.group(name.clone(), Meant::Root(name));
        for user in group.users.unwrap_or_default() {
            let user = self.user(user, provider);
            self.found.members.push((place, user));
        }
        Ok(())
    }

    fn user(&mut self, name: String, provider: &ProviderName) -> usize {
        if let Some(place) = self.users.get(&name) {
            return *place;
        }
        let meant = if name.starts_with(SYSTEM) {
            Err("it is no person's; a ServiceAccount is k8s-NAMESPACE:NAME here".to_owned())
        } else {
            format!("{provider}-{name}").parse::<UserId>().map_err(|error| error.to_string())
        };
        let place = self.found.user(vec![name.clone()], meant);
        self.users.insert(name, place);
        place
    }
}
