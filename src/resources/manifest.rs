//! Manifests: Groups, Memberships, Users and OAuthClients as the YAML that `kubectl apply -f` takes.
//!
//! Stricter than an API server that prunes: a field that a resource has not (`known` has them) is a mistake, told with its
//! place, and with its line by `lines`. Must not know where the objects go.

mod known;
mod lines;

pub use lines::{Lines, Spot};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{API_GROUP, API_VERSION, Group, Membership, OAuthClient, User};

/// One object of a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Manifest {
    /// That a group exists.
    Group(Group),
    /// Who is in a group, or its staff.
    Membership(Membership),
    /// What is said of a user.
    User(User),
    /// An application that logs people in.
    OAuthClient(Box<OAuthClient>),
}

/// Why a stream cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no YAML, or more than is read at once.
    #[error("this is no YAML: {0}")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// An object cannot be written.
    #[error("an object cannot be written as YAML: {0}")]
    Write(#[from] serde_saphyr::SerializeError),
    /// One of the objects is none of ours, or has another form.
    #[error("object {place} of the stream: {mistake}")]
    Object {
        /// Which, from 1.
        place: usize,
        /// What is wrong.
        mistake: Mistake,
    },
}

/// What is wrong with an object of a stream.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// Another resource than ours.
    #[error(
        "this is no Group, Membership, User or OAuthClient of apiVersion {API_GROUP}/{API_VERSION}"
    )]
    Kind,
    /// A field that the resource has not: where it stands, and the one that is probably meant.
    #[error("there is no field {place}{}", meant.as_ref().map(|meant| format!("; the nearest one is {meant}")).unwrap_or_default())]
    Unknown {
        /// The field with those around it, as `spec.users`.
        place: String,
        /// The known field with the most similar name.
        meant: Option<String>,
    },
    /// A list in the place of fields, which would be taken for their values in order.
    #[error("{0} is a list, and has fields in a right one")]
    List(String),
    /// A field with a value of another type, or none where one must be: where, and what is wrong.
    #[error("{}{error}", if place.is_empty() { String::new() } else { format!("{place}: ") })]
    Type {
        /// The field with those around it; empty for the object itself.
        place: String,
        /// What is wrong.
        error: serde_json::Error,
    },
}

/// Reads a stream of documents; a `List`, as `kubectl get -o yaml` prints one, counts as its items. At most 100,000
/// documents, 4,000,000 values and 256 MiB of text; aliases cannot make more of them.
///
/// # Errors
/// The first mistake, with the place of the object.
pub fn read(text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let objects = read_each(text)?.into_iter().enumerate();
    objects
        .map(|(place, object)| {
            object.map_err(|mistake| ManifestError::Object { place: place + 1, mistake })
        })
        .collect()
}

/// As [`read`], with what is wrong in the place of each object that is not right.
///
/// # Errors
/// The text is no YAML: [`ManifestError::Yaml`].
pub fn read_each(text: &str) -> Result<Vec<Result<Manifest, Mistake>>, ManifestError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options())
        .map_err(|error| ManifestError::Yaml(Box::new(error)))?;
    Ok(documents.into_iter().flat_map(items).map(one).collect())
}

/// What a hostile document can cost.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 100_000,
            max_nodes: 4_000_000,
            max_events: 8_000_000,
            max_total_scalar_bytes: 256 << 20,
        },
    }
}

/// Writes a stream.
///
/// # Errors
/// A value that YAML cannot hold.
pub fn write(manifests: &[Manifest]) -> Result<String, ManifestError> {
    Ok(serde_saphyr::to_string_multiple(manifests)?)
}

/// The objects in a document: none in an empty one, the items of a `List`, else itself.
fn items(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => vec![Value::Object(list)],
            }
        }
        object => vec![object],
    }
}

fn one(object: Value) -> Result<Manifest, Mistake> {
    let version = format!("{API_GROUP}/{API_VERSION}");
    if object["apiVersion"] != version.as_str() {
        return Err(Mistake::Kind);
    }
    match object["kind"].as_str() {
        Some("Group") => typed(object).map(Manifest::Group),
        Some("Membership") => typed(object).map(Manifest::Membership),
        Some("User") => typed(object).map(Manifest::User),
        Some("OAuthClient") => typed(object).map(Manifest::OAuthClient),
        _ => Err(Mistake::Kind),
    }
}

/// The object with its type, once it is sure that nothing of it gets lost.
fn typed<T: DeserializeOwned + Serialize>(mut object: Value) -> Result<T, Mistake> {
    drop_nulls(&mut object);
    let typed: T = serde_path_to_error::deserialize(object.clone()).map_err(|error| {
        let place = error.path().to_string();
        Mistake::Type { place: place.trim_start_matches('.').to_owned(), error: error.into_inner() }
    })?;
    let kept = serde_json::to_value(&typed)
        .map_err(|error| Mistake::Type { place: String::new(), error })?;
    // What is in metadata and status is not said by the manifest's writer but by an API server.
    let stated = |object: Value| match object {
        Value::Object(mut fields) => {
            fields.retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
            fields
        }
        _ => Map::new(),
    };
    let kind = kept["kind"].as_str().unwrap_or_default().to_owned();
    match lost(&stated(object), &stated(kept), "") {
        Some(Mistake::Unknown { place, .. }) => {
            let meant = known::nearest(&kind, &place);
            Err(Mistake::Unknown { place: place.escape_debug().to_string(), meant })
        }
        Some(mistake) => Err(mistake),
        None => Ok(typed),
    }
}

/// Takes out the fields without a value, as an API server does.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The first field of `given` that `kept` has not, unless it says nothing.
fn lost(given: &Map<String, Value>, kept: &Map<String, Value>, path: &str) -> Option<Mistake> {
    given.iter().find_map(|(name, value)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (value, kept.get(name)) {
            (Value::Array(none), None) if none.is_empty() => None,
            (_, None) => Some(Mistake::Unknown { place: path, meant: None }),
            (Value::Array(given), Some(Value::Array(kept))) => {
                let mut pairs = given.iter().zip(kept).enumerate();
                pairs.find_map(|(place, (given, kept))| {
                    lost_in(given, kept, &format!("{path}[{place}]"))
                })
            }
            (given, Some(kept)) => lost_in(given, kept, &path),
        }
    })
}

fn lost_in(given: &Value, kept: &Value, path: &str) -> Option<Mistake> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => lost(given, kept, path),
        (Value::Array(_), Value::Object(_)) => Some(Mistake::List(path.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::GroupSpec;

    const TEXT: &str = "\
# A comment
---
apiVersion: pasee.meltylab.fr/v1
kind: Group
metadata: {name: my--group}
spec: {}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: pasee.meltylab.fr/v1
  kind: Membership
  metadata: {name: a, resourceVersion: \"7\"}
  spec: {group: my--group, users: [kisee-ada], serviceAccounts: [], expiresAt: null}
  status: {users: 1}
- apiVersion: pasee.meltylab.fr/v1
  kind: User
  metadata: {name: ada}
  spec: {username: kisee-ada, banned: true, notBefore: }
";

    #[test]
    fn streams_and_lists() {
        let manifests = read(TEXT).unwrap();
        assert!(matches!(
            manifests.as_slice(),
            [Manifest::Group(_), Manifest::Membership(_), Manifest::User(_)]
        ));
        assert_eq!(read(&write(&manifests).unwrap()).unwrap(), manifests);
        assert_eq!(read("").unwrap(), []);
    }

    /// Written so that no reader takes text for a number, a truth value or nothing.
    #[test]
    fn text_stays_text() {
        for name in
            ["no", "on", "y", "null", "123", "1e3", "0x1f", "1.2", "0b1", "2027-01-31", "12-30-45"]
        {
            let group = Manifest::Group(Group::new(name, GroupSpec::default()));
            let text = write(std::slice::from_ref(&group)).unwrap();
            assert!(
                text.contains(&format!("name: \"{name}\"")) || text.contains("name: 12-30-45"),
                "{text}"
            );
            assert_eq!(read(&text).unwrap(), [group]);
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        let replaced = |from: &str, to: &str| match read(&TEXT.replacen(from, to, 1)) {
            Ok(read) => panic!("{to}: {read:?}"),
            Err(error) => error.to_string(),
        };
        for (from, to, says) in [
            (
                "spec: {}",
                "spec: {creater: kisee-ada}",
                "object 1 of the stream: there is no field spec.creater; the nearest one is creator",
            ),
            (
                "serviceAccounts: []",
                "serviceAccounts: [{namespace: a, name: b, x: c}]",
                "object 2 of the stream: there is no field spec.serviceAccounts[0].x",
            ),
            (
                "spec: {username: kisee-ada, banned: true, notBefore: }",
                "specs: {}",
                "object 3 of the stream: missing field `spec`",
            ),
            (
                "kind: User",
                "kind: Pod",
                "object 3 of the stream: this is no Group, Membership, User or OAuthClient of apiVersion pasee.meltylab.fr/v1",
            ),
            ("meltylab.fr/v1", "meltylab.fr/v2", "object 1 of the stream: this is no Group"),
            (
                "[kisee-ada]",
                "kisee-ada",
                "object 2 of the stream: spec.users: invalid type: string",
            ),
            ("[kisee-ada]", "[7]", "object 2 of the stream: spec.users[0]: invalid type: integer"),
            ("spec: {}", "spec: {}\nspec: {}", "this is no YAML: "),
            ("spec: {}", "spec: {}\nextra: 1", "object 1 of the stream: there is no field extra"),
            (
                "serviceAccounts: []",
                "serviceAccounts: [[ci, deployer]]",
                "object 2 of the stream: spec.serviceAccounts[0] is a list",
            ),
            ("spec: {}", "spec: []", "object 1 of the stream: spec is a list"),
            ("items:", "item:", "object 2 of the stream: this is no Group"),
        ] {
            let told = replaced(from, to);
            assert!(told.starts_with(says), "{told}");
        }
    }

    /// A few bytes cannot ask for much memory.
    #[test]
    fn a_bomb_does_not_go_off() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let row = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{row}]\n");
        }
        assert!(matches!(read(&bomb), Err(ManifestError::Yaml(_))));
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
