//! Objects as an API server sends them, when not all of them can be trusted to be readable.
//!
//! A list is worth nothing when one of its objects stops it from being read, and whoever may update one Group could make
//! it so: `metadata.managedFields` is theirs to write, and it holds moments that the API server takes and
//! `k8s_openapi` does not. So managedFields are dropped unread, which saves their memory too, and what still cannot be
//! read is kept as such. Must not know what is done with either.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// One object of a kind. Its metadata is there in any case, so that it can be told apart, counted and waited for.
#[derive(Clone, Debug)]
pub enum Received<K> {
    /// It can be read; whether it is right is another matter.
    Readable(K),
    /// It does not have its type's form, as when the definition in the cluster is another one.
    Unreadable {
        /// By which it can still be named.
        metadata: Box<ObjectMeta>,
        /// Its status, which may be readable all the same.
        status: Value,
        /// What is wrong with it.
        why: String,
    },
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Received<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        match K::deserialize(&object) {
            Ok(object) => Ok(Self::Readable(object)),
            Err(error) => Self::rescue(object, &error.to_string()).map_err(D::Error::custom),
        }
    }
}

impl<K: DeserializeOwned> Received<K> {
    /// What can be had of an object that cannot be read as it is.
    fn rescue(mut object: Value, why: &str) -> serde_json::Result<Self> {
        let status = object.as_object_mut().and_then(|object| object.remove("status"));
        let status = status.unwrap_or_default();
        if K::deserialize(&object).is_ok() {
            return readable_part(object, status).map(Self::Readable);
        }
        let metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
        let metadata = serde_json::from_value(metadata)?;
        Ok(Self::Unreadable { metadata, status, why: why.to_owned() })
    }

    /// The object. In place of one that cannot be read comes a blank one, with the other's metadata and with as much of its
    /// status as can be read; and what is wrong.
    ///
    /// # Errors
    /// The blank one cannot be written, or read again.
    pub fn or_blank(self, blank: K) -> serde_json::Result<(K, Option<String>)>
    where
        K: Resource + Serialize,
    {
        match self {
            Self::Readable(object) => Ok((object, None)),
            Self::Unreadable { metadata, status, why } => {
                let mut object: K = readable_part(serde_json::to_value(blank)?, status)?;
                *object.meta_mut() = *metadata;
                Ok((object, Some(why)))
            }
        }
    }
}

/// An object with as much of a status as can be read: of each field all of it, or of a list those elements.
fn readable_part<K: DeserializeOwned>(mut object: Value, status: Value) -> serde_json::Result<K> {
    let mut readable = |field: &str, value: &Value| {
        object["status"] = json!({ field: value });
        K::deserialize(&object).is_ok()
    };
    let mut kept = Map::new();
    for (field, mut value) in status.as_object().cloned().unwrap_or_default() {
        if let Value::Array(elements) = &mut value {
            elements.retain(|element| readable(&field, &json!([element])));
        }
        if readable(&field, &value) {
            kept.insert(field, value);
        }
    }
    object["status"] = Value::Object(kept);
    serde_json::from_value(object)
}

/// The kind's own, so that it can be listed and watched with `Api<Received<Group>>`.
impl<K: Resource> Resource for Received<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &K::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &K::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &K::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &K::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Readable(object) => object.meta(),
            Self::Unreadable { metadata, .. } => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Readable(object) => object.meta_mut(),
            Self::Unreadable { metadata, .. } => metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::ObjectList;

    use super::*;
    use crate::resources::{Group, GroupSpec};

    fn object(name: &str, spec: &Value, written: &str) -> Value {
        json!({
            "metadata": {
                "name": name,
                "resourceVersion": "7",
                "managedFields": [{
                    "apiVersion": "pasee.meltylab.fr/v1",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": { "f:spec": { "f:creator": {} } },
                    "manager": "m",
                    "operation": "Update",
                    "time": written,
                }],
            },
            "spec": spec,
        })
    }

    /// Kubernetes 1.36 takes this moment and sends it on, in the entry of whoever wrote it.
    #[test]
    fn a_hostile_moment_stops_nothing() {
        let list = |written| {
            json!({
                "apiVersion": "pasee.meltylab.fr/v1",
                "kind": "GroupList",
                "metadata": { "resourceVersion": "9" },
                "items": [object("a", &json!({}), written), object("b", &json!({}), "2026-11-20T00:00:00Z")],
            })
        };
        let hostile = list("9999-12-31T23:59:59Z");
        assert!(
            serde_json::from_value::<ObjectList<Group>>(hostile.clone()).is_err(),
            "that is why"
        );
        for list in [hostile, list("2026-11-20T00:00:00Z"), list("never")] {
            let list: ObjectList<Received<Group>> = serde_json::from_value(list).unwrap();
            for (received, name) in list.items.iter().zip(["a", "b"]) {
                assert_eq!(received.meta().name.as_deref(), Some(name));
                let Received::Readable(group) = received else { panic!("{received:?}") };
                assert_eq!(group.spec, GroupSpec::default());
                assert_eq!(group.metadata.managed_fields, None);
            }
        }
    }

    #[test]
    fn what_cannot_be_read_can_still_be_told_apart() {
        for spec in [json!(null), json!({ "creator": 7 }), json!("x")] {
            let object = object("a", &spec, "2026-11-20T00:00:00Z");
            let received: Received<Group> = serde_json::from_value(object).unwrap();
            let Received::Unreadable { metadata, why, .. } = &received else {
                panic!("{received:?}")
            };
            assert_eq!(metadata.resource_version.as_deref(), Some("7"));
            assert!(!why.is_empty());
            assert_eq!(received.meta().name.as_deref(), Some("a"));
        }
    }

    /// Whoever may write statuses cannot hide an object, nor what others have written there.
    #[test]
    fn of_a_status_what_can_be_read_is_kept() {
        let condition = |kind: &str, since: &str| {
            json!({
                "type": kind, "status": "True", "reason": "R", "message": "", "lastTransitionTime": since,
            })
        };
        let since = "2026-11-20T00:00:00Z";
        let conditions = json!([condition("Ready", since), condition("Other", "never"), 7]);
        let status = json!({
            "members": "many", "staff": 3, "creatorEnrolled": "yes", "conditions": conditions, "more": [],
        });
        for spec in [json!({ "creator": "k-ada" }), json!({ "creator": 7 })] {
            let mut object = object("a", &spec, since);
            object["status"] = status.clone();
            let received: Received<Group> = serde_json::from_value(object).unwrap();
            assert_eq!(matches!(received, Received::Readable(_)), spec["creator"] == "k-ada");
            let (group, why) = received.or_blank(Group::new("", GroupSpec::default())).unwrap();
            assert_eq!(why.is_none(), spec["creator"] == "k-ada", "{why:?}");
            assert_eq!(group.metadata.name.as_deref(), Some("a"));
            assert_eq!(group.spec.creator.is_some(), spec["creator"] == "k-ada");
            let status = group.status.unwrap();
            assert_eq!(
                (status.members, status.staff, status.creator_enrolled),
                (None, Some(3), None)
            );
            assert_eq!(status.conditions.len(), 1);
            assert_eq!(status.conditions[0].type_, "Ready");
        }
    }

    #[test]
    fn it_is_of_the_kind() {
        assert_eq!(
            <Received<Group> as Resource>::url_path(&(), Some("realm")),
            Group::url_path(&(), Some("realm"))
        );
        assert_eq!(<Received<Group> as Resource>::kind(&()), "Group");
    }
}
