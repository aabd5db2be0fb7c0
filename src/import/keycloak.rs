//! The export of a realm of Keycloak, as `kc.sh export --realm NAME --users same_file` writes it: its tree of groups, its users, their roles.
//!
//! A user is known by the id, which tokens have as `sub`. Roles are no groups, unless a line of the map says so. Must not know which names
//! are right here.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::FormatError;
use super::found::{Found, Meant};
use super::placed::listed;
use crate::domain::description::Description;
use crate::domain::group::MAX_LENGTH;
use crate::domain::user::{ProviderName, UserId};

/// Deepest tree of groups: what is read of JSON has half as many levels again, within what its reader takes.
const DEEPEST: usize = 60;
/// Roles that everybody has, or that are for what Keycloak itself offers.
const USUAL: [&str; 2] = ["offline_access", "uma_authorization"];
const DEFAULT: &str = "default-roles-";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Realm {
    realm: String,
    #[serde(default)]
    groups: Vec<Group>,
    users: Option<Vec<User>>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    organizations: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    path: Option<String>,
    description: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(flatten)]
    roles: Roles,
    #[serde(default)]
    sub_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Option<String>,
    username: String,
    #[serde(default = "yes")]
    enabled: bool,
    service_account_client_id: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    federated_identities: Vec<Federated>,
    #[serde(flatten)]
    roles: Roles,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Roles {
    #[serde(default)]
    realm_roles: Vec<String>,
    #[serde(default)]
    client_roles: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Federated {
    identity_provider: String,
    user_id: String,
}

const fn yes() -> bool {
    true
}

/// Reads an export; its users get the name of this identity provider.
///
/// # Errors
/// It is none.
pub fn keycloak(text: &str, provider: &ProviderName) -> Result<Found, FormatError> {
    let wrong = |error: String| FormatError::Keycloak(error);
    let read: Value = serde_json::from_str(text).map_err(|error| match error.to_string() {
        told if told.contains("recursion limit") => too_deep(),
        told => wrong(told),
    })?;
    let realm = match read {
        Value::Array(mut realms) if realms.len() == 1 => realms.remove(0),
        Value::Array(realms) => {
            return Err(wrong(format!("it holds {} realms, and this is one", realms.len())));
        }
        realm => realm,
    };
    let realm: Realm = serde_json::from_value(realm).map_err(|error| wrong(error.to_string()))?;
    let mut reading = Reading {
        found: Found::of(format!("the realm {} of Keycloak", realm.realm)),
        paths: HashMap::new(),
        roles: BTreeMap::new(),
        with_attributes: 0,
        of_groups: BTreeMap::new(),
    };
    for group in &realm.groups {
        reading.group(group, None, 0)?;
    }
    match &realm.users {
        Some(users) => users.iter().for_each(|user| reading.user(user, provider)),
        None => reading.found.left_out.push(
            "all users are left out, as the export has none: kc.sh export --users same_file has them".to_owned(),
        ),
    }
    reading.finish(&realm)
}

fn too_deep() -> FormatError {
    FormatError::Keycloak(format!(
        "groups are nested deeper than {DEEPEST}; a right one has at most as many levels, as the whole name of a group here has at most \
         {MAX_LENGTH} characters: move the lowest up there, or leave them out"
    ))
}

struct Reading {
    found: Found,
    paths: HashMap<String, usize>,
    /// The places of roles among the groups.
    roles: BTreeMap<String, usize>,
    with_attributes: usize,
    /// Roles that groups give to all who are in them.
    of_groups: BTreeMap<String, Vec<String>>,
}

impl Reading {
    fn group(
        &mut self,
        group: &Group,
        above: Option<(usize, &str)>,
        depth: usize,
    ) -> Result<(), FormatError> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        let parent = above.map_or("", |(_, path)| path);
        let path = group.path.clone().unwrap_or_else(|| format!("{parent}/{}", group.name));
        let meant = match above {
            Some((above, _)) => Meant::Below(above, group.name.clone()),
            None if group.name.contains('.') => {
                Meant::Nothing("a . parts group names, and this one is part of one".to_owned())
            }
            None => Meant::Root(group.name.clone()),
        };
        let place = self.found.group(path.clone(), meant);
        let description = group.description.as_deref().filter(|text| !text.is_empty());
        match description.map(Description::read) {
            Some(Ok(description)) => self.found.groups[place].description = description,
            Some(Err(error)) => {
                self.found.left_out.push(format!("what {path} is for is left out: {error}"));
            }
            None => {}
        }
        self.with_attributes += usize::from(!group.attributes.is_empty());
        for role in roles(&group.roles) {
            self.of_groups.entry(role).or_default().push(path.clone());
        }
        self.paths.insert(path.clone(), place);
        for below in &group.sub_groups {
            self.group(below, Some((place, &path)), depth + 1)?;
        }
        Ok(())
    }

    fn user(&mut self, user: &User, provider: &ProviderName) {
        let name = &user.username;
        if let Some(client) = &user.service_account_client_id {
            if !user.groups.is_empty() {
                self.found.left_out.push(format!(
                    "the account of the client {client} is left out of {}: no person logs in as it",
                    user.groups.join(", ")
                ));
            }
            return;
        }
        let id = user.id.clone().unwrap_or_default();
        let meant = match id.as_str() {
            "" => Err("the export does not have its id".to_owned()),
            id => format!("{provider}-{id}").parse::<UserId>().map_err(|error| error.to_string()),
        };
        let mut names = vec![name.clone(), id.clone()];
        names.retain(|name| !name.is_empty());
        let place = self.found.user(names, meant);
        self.found.users[place].is_banned = !user.enabled;
        for path in &user.groups {
            match self.paths.get(path) {
                Some(group) => self.found.members.push((*group, place)),
                None => self.found.left_out.push(format!(
                    "that {name} is in {path} is left out: there is no such group in the export"
                )),
            }
        }
        for role in roles(&user.roles) {
            let role = self.role(&role);
            self.found.members.push((role, place));
        }
        for Federated { identity_provider, user_id } in &user.federated_identities {
            self.found.notes.push(format!(
                "{name} ({id}) logs in through {identity_provider}, where the id is {user_id}"
            ));
        }
    }

    fn role(&mut self, name: &str) -> usize {
        if let Some(place) = self.roles.get(name) {
            return *place;
        }
        let why = "a role is no group; a line of the map makes one of it".to_owned();
        let place = self.found.group(name, Meant::Nothing(why));
        self.roles.insert(name.to_owned(), place);
        place
    }

    fn finish(mut self, realm: &Realm) -> Result<Found, FormatError> {
        let left_out = &mut self.found.left_out;
        for (role, groups) in &self.of_groups {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            left_out.push(format!(
                "that all who are in {} have the {role} is left out: a group gives nothing but itself",
                listed(&groups)
            ));
        }
        if self.with_attributes > 0 {
            let count = self.with_attributes;
            left_out
                .push(format!("the attributes of groups are left out, of which {count} have some"));
        }
        if !realm.default_groups.is_empty() {
            left_out.push(format!(
                "that whoever is new is in {} is left out: nobody is in a group for having logged in",
                realm.default_groups.join(", ")
            ));
        }
        if !realm.organizations.is_empty() {
            left_out.push(format!("organizations are left out: {}", realm.organizations.len()));
        }
        Ok(self.found)
    }
}

/// The roles that say something: `role/editor`, and of a client `role/shop/editor`.
fn roles(roles: &Roles) -> Vec<String> {
    let is_usual = |role: &&String| USUAL.contains(&role.as_str()) || role.starts_with(DEFAULT);
    let of_realm = roles.realm_roles.iter().filter(|role| !is_usual(role));
    let of_realm = of_realm.map(|role| format!("role/{role}"));
    let of_clients = roles
        .client_roles
        .iter()
        .flat_map(|(client, roles)| roles.iter().map(move |role| format!("role/{client}/{role}")));
    of_realm.chain(of_clients).collect()
}
