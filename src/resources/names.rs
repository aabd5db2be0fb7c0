//! What the users of a Membership were called when they came into it, as an annotation of it says.
//!
//! Owns how that is written, and how much of it. Nothing is judged by it. Must not know who asks.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use serde_json::{Map, Value};

use super::labels_annotations::NAMES;
use crate::domain::name::PersonName;
use crate::domain::user::UserId;

/// Longest annotation, in bytes: all of an object may have 256 KiB together. Whoever comes when it is full stands there by their id alone.
const MAX_LENGTH: usize = 96 * 1024;

/// What is said; what is no name, and of whom is no user, says nothing.
#[must_use]
pub fn read(metadata: &ObjectMeta) -> BTreeMap<UserId, PersonName> {
    let annotations = metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(NAMES));
    let said: Map<String, Value> =
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let named = |(user, name): (String, Value)| {
        Some((user.parse().ok()?, PersonName::read(name.as_str()?)?))
    };
    said.into_iter().filter_map(named).collect()
}

/// As the annotation says it; nothing when nobody has a name, or it is too much.
#[must_use]
pub fn write(names: &BTreeMap<UserId, PersonName>) -> Option<String> {
    let said: Map<String, Value> =
        names.iter().map(|(user, name)| (user.to_string(), Value::from(name.as_str()))).collect();
    let text = Value::Object(said).to_string();
    (!names.is_empty() && text.len() <= MAX_LENGTH).then_some(text)
}

/// With one more, if there is room for them.
#[must_use]
pub fn with(
    mut names: BTreeMap<UserId, PersonName>,
    user: &UserId,
    name: Option<&PersonName>,
) -> BTreeMap<UserId, PersonName> {
    let Some(name) = name else { return names };
    names.insert(user.clone(), name.clone());
    if write(&names).is_none() {
        names.remove(user);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> ObjectMeta {
        let annotations = BTreeMap::from([(NAMES.to_owned(), text.to_owned())]);
        ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() }
    }

    #[test]
    fn both_ways() {
        let text = r#"{"k-ada":"Ada \"the\" Lovelace","k-zoë":"Zoë"}"#;
        let names = read(&metadata(text));
        assert_eq!(names.len(), 2);
        assert_eq!(write(&names).as_deref(), Some(text));
        assert_eq!(write(&BTreeMap::new()), None);
        assert!(read(&ObjectMeta::default()).is_empty());
    }

    /// Whatever stands there, only names come of it.
    #[test]
    fn what_says_nothing() {
        for wrong in [
            "",
            "[]",
            "null",
            "{",
            r#"{"nobody":"Ada"}"#,
            r#"{"k-ada":7}"#,
            r#"{"k-ada":""}"#,
            "{\"k-ada\":\"A\\u202eda\"}",
            "{\"k-ada\":\"A\\u0007da\"}",
        ] {
            assert!(read(&metadata(wrong)).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn full_is_full() {
        let name = PersonName::read(&"x".repeat(128)).unwrap();
        let mut names = BTreeMap::new();
        for number in 0..1000 {
            let user = format!("k-{number}").parse().unwrap();
            names = with(names, &user, Some(&name));
        }
        assert!((500..1000).contains(&names.len()), "{}", names.len());
        assert!(write(&names).unwrap().len() <= MAX_LENGTH);
    }
}
