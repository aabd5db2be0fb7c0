//! What dex knows of people: the subjects that applications have of it, its settings with `staticPasswords`, and its objects in Kubernetes.
//!
//! Dex has no groups of its own. A list of subjects may name some behind each; `staticPasswords` may have some. What a connector said of
//! somebody's groups is that provider's, and is said anew at each login. Must not know which names are right here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::FormatError;
use super::dex_subject::DexSubject;
use super::found::{Found, Meant};
use super::placed::listed;
use super::yaml::documents;
use crate::domain::renaming::{lines, quoted};
use crate::domain::user::{ProviderName, Subject, UserId};

const API_GROUP: &str = "dex.coreos.com/";
/// Dex's connector to its own passwords.
const LOCAL: &str = "local";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    static_passwords: Option<Vec<Password>>,
}

#[derive(Deserialize)]
struct Password {
    email: String,
    #[serde(default)]
    username: String,
    #[serde(rename = "userID", default)]
    user_id: String,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct OfflineSessions {
    #[serde(rename = "userID")]
    user_id: String,
    #[serde(rename = "connID")]
    connector: String,
}

#[derive(Deserialize)]
struct RefreshToken {
    #[serde(rename = "connectorID")]
    connector: String,
    claims: Claims,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "userID")]
    user_id: String,
    #[serde(default)]
    groups: Vec<String>,
}

/// Reads any of them; users of dex's own passwords get the name of this identity provider, all others that of their connector.
///
/// # Errors
/// It is none.
pub fn dex(text: &str, provider: &ProviderName) -> Result<Found, FormatError> {
    let mut reading = Reading {
        found: Found::of("dex"),
        provider,
        groups: HashMap::new(),
        users: HashMap::new(),
        said: BTreeMap::new(),
        passwords: BTreeSet::new(),
    };
    let mut words = lines(text).filter_map(|(_, line)| line.ok()?.words.into_iter().next());
    if words.next().is_some_and(|first| DexSubject::read(&first).is_some()) {
        reading.subjects(text)?;
        return Ok(reading.finish());
    }
    let documents = documents(text).map_err(FormatError::Dex)?;
    if documents.is_empty() {
        return Err(FormatError::Dex("there is nothing in it".to_owned()));
    }
    for document in documents {
        reading.document(document)?;
    }
    Ok(reading.finish())
}

struct Reading<'a> {
    found: Found,
    provider: &'a ProviderName,
    groups: HashMap<String, usize>,
    users: HashMap<String, usize>,
    /// Groups that a connector said.
    said: BTreeMap<String, BTreeSet<String>>,
    passwords: BTreeSet<String>,
}

impl Reading<'_> {
    /// On each line a subject, and behind it the groups that somebody has given it.
    fn subjects(&mut self, text: &str) -> Result<(), FormatError> {
        for (number, line) in lines(text) {
            let wrong =
                |error: &dyn std::fmt::Display| FormatError::Dex(format!("line {number}: {error}"));
            let words = line.map_err(|error| wrong(&error))?.words;
            let subject = words.first().and_then(|subject| DexSubject::read(subject));
            let subject = subject.ok_or_else(|| {
                wrong(&"this is no subject of dex, such as Cg0wLTM4NS0yODA4OS0wEgRtb2Nr")
            })?;
            let user = self.user(&subject);
            for group in words.iter().skip(1) {
                let group = self.group(group);
                self.found.members.push((group, user));
            }
        }
        Ok(())
    }

    fn document(&mut self, document: Value) -> Result<(), FormatError> {
        let wrong = |error: serde_json::Error| FormatError::Dex(error.to_string());
        let is_ours = document["apiVersion"].as_str().is_some_and(|it| it.starts_with(API_GROUP));
        let kind = document["kind"].as_str().map(str::to_owned);
        match kind.as_deref().filter(|_| is_ours) {
            Some("Password") => {
                let password = serde_json::from_value(document).map_err(wrong)?;
                self.password(password);
            }
            Some("OfflineSessions") => {
                let OfflineSessions { user_id, connector } =
                    serde_json::from_value(document).map_err(wrong)?;
                self.user(&DexSubject { user_id, connector });
            }
            Some("RefreshToken") => {
                let RefreshToken { connector, claims } =
                    serde_json::from_value(document).map_err(wrong)?;
                self.said.entry(connector.clone()).or_default().extend(claims.groups);
                self.user(&DexSubject { user_id: claims.user_id, connector });
            }
            // Of keys, clients and requests nothing is to be known here.
            Some(other) => {
                let told =
                    format!("objects of the kind {other} are left out: they say nothing of people");
                if !self.found.left_out.contains(&told) {
                    self.found.left_out.push(told);
                }
            }
            None => {
                let settings: Settings = serde_json::from_value(document).map_err(wrong)?;
                let passwords = settings.static_passwords.ok_or_else(|| {
                    FormatError::Dex("it has neither staticPasswords nor objects of dex".to_owned())
                })?;
                passwords.into_iter().for_each(|password| self.password(password));
            }
        }
        Ok(())
    }

    /// One of dex's own users: in Pasee a local one, by the user name.
    fn password(&mut self, password: Password) {
        let Password { email, username, user_id, groups } = password;
        let subject = DexSubject { user_id, connector: LOCAL.to_owned() };
        let name = if username.is_empty() { email.clone() } else { username };
        let meant = Subject::made_here(&name).map(|subject| UserId::new(self.provider, &subject));
        let user = self.user(&subject);
        let found = &mut self.found.users[user];
        found.meant = meant.map_err(|error| error.to_string());
        found.names.retain(|other| *other != name && *other != email);
        found.names.insert(0, name.clone());
        if email != name {
            found.names.push(email);
        }
        self.passwords.insert(name);
        for group in groups {
            let group = self.group(&group);
            self.found.members.push((group, user));
        }
    }

    fn user(&mut self, subject: &DexSubject) -> usize {
        let sub = subject.write();
        if let Some(place) = self.users.get(&sub) {
            return *place;
        }
        let DexSubject { user_id, connector } = subject;
        let whole = format!("{connector}-{user_id}");
        let meant = if connector == LOCAL {
            Err("it is of dex's own passwords, whose file says under which name".to_owned())
        } else {
            let provider = connector.parse::<ProviderName>();
            let id = user_id.parse::<Subject>();
            provider.and_then(|provider| Ok(UserId::new(&provider, &id?))).map_err(|error| {
                format!(
                    "{}: {error}; a line such as {} ldap- is for all of the connector",
                    quoted(&whole),
                    quoted(&format!("{connector}-"))
                )
            })
        };
        let place = self.found.user(vec![sub.clone(), whole], meant);
        self.users.insert(sub, place);
        place
    }

    fn group(&mut self, name: &str) -> usize {
        if let Some(place) = self.groups.get(name) {
            return *place;
        }
        let place = self.found.group(name, Meant::Root(name.to_owned()));
        self.groups.insert(name.to_owned(), place);
        place
    }

    fn finish(mut self) -> Found {
        for (sub, place) in self.users.iter().collect::<BTreeMap<_, _>>() {
            let user = &self.found.users[*place];
            let told = match &user.meant {
                Ok(id) => format!("the subject {sub} is {id}"),
                Err(why) => format!("the subject {sub} is nobody yet: {why}"),
            };
            self.found.notes.push(told);
        }
        let passwords: Vec<&str> = self.passwords.iter().map(String::as_str).collect();
        if !passwords.is_empty() {
            self.found.left_out.push(format!(
                "the passwords of {} are left out: they belong into the settings, where password_hash takes dex's hash as it is",
                listed(&passwords)
            ));
        }
        for (connector, groups) in self.said.iter().filter(|(_, groups)| !groups.is_empty()) {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            self.found.left_out.push(format!(
                "what the connector {connector} said of groups is left out, as the provider says it at each login, and groups in its settings map \
                 it: {}",
                listed(&groups)
            ));
        }
        self.found
    }
}
