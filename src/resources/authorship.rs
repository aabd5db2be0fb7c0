//! Who wrote what of an object: the annotation [`WRITTEN`], which the webhook puts on whatever a user of the realm writes.
//!
//! Others write without the webhook, and leave it as it is. So it says by itself which write it is of: the making of an object, by
//! its time, or a change, by the version that it changed. Must not know a clock, nor what follows.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::labels_annotations::{ACTOR, MANAGED_BY, PASEE, WRITTEN};
use crate::domain::time::Timestamp;
use crate::domain::user::UserId;

/// How far what the annotation says of the time of an object's making may be from what the API server says, in seconds: requests
/// take their time, and clocks differ.
const TOLERANCE: u64 = 60;

/// What the annotation says.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authorship {
    /// The user of the realm who made the object, and when: seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<i64>,
    /// The version that the last user of the realm to write it has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
}

impl Authorship {
    /// Of what a user makes.
    #[must_use]
    pub fn of_new(author: &UserId, now: Timestamp) -> Self {
        let made_by = Some(author.to_string());
        Self { made_by, made_at: Some(now.as_unix()), changed: None }
    }

    /// What a text says; nothing where it makes no sense.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The same of what was changed at a version, by whoever.
    #[must_use]
    pub fn changing(self, version: Option<&str>) -> Self {
        Self { changed: version.map(str::to_owned), ..self }
    }

    /// The annotation's text.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts and a number are JSON")
    }
}

/// The user of the realm who made an object; `None` when it was made by others, if as a copy of theirs, or by Pasee's server.
#[must_use]
pub fn maker(metadata: &ObjectMeta) -> Option<UserId> {
    let Authorship { made_by, made_at, .. } = written(metadata)?;
    let created = metadata.creation_timestamp.as_ref()?.0.as_second();
    let is_it = created.abs_diff(made_at?) <= TOLERANCE;
    made_by.filter(|_| is_it)?.parse().ok()
}

/// The user of the realm who made of that version what an object is now; `None` where others did.
#[must_use]
pub fn changer(metadata: &ObjectMeta, version: Option<&str>) -> Option<UserId> {
    let changed = written(metadata)?.changed?;
    let is_it = version == Some(&*changed);
    metadata.annotations.as_ref()?.get(ACTOR).filter(|_| is_it)?.parse().ok()
}

/// Whether what somebody wrote in `spec` when they made an object is still there as it was.
#[must_use]
pub fn is_as_made(metadata: &ObjectMeta) -> bool {
    metadata.generation.is_none_or(|generation| generation <= 1)
}

fn written(metadata: &ObjectMeta) -> Option<Authorship> {
    let label = metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY));
    let is_own = label.is_some_and(|owner| owner == PASEE);
    let text = metadata.annotations.as_ref()?.get(WRITTEN).filter(|_| !is_own)?;
    Some(Authorship::read(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn metadata(written: &Value) -> ObjectMeta {
        let annotations = json!({ ACTOR: "k-bob", WRITTEN: written.to_string() });
        let created = "2027-01-15T08:00:00Z";
        let metadata = json!({ "annotations": annotations, "creationTimestamp": created });
        serde_json::from_value(metadata).unwrap()
    }

    #[test]
    fn who_made_it_and_who_copied_it() {
        let made = |at: i64| metadata(&json!({ "madeBy": "k-ada", "madeAt": at }));
        let maker = |metadata: &ObjectMeta| maker(metadata).map(|user| user.to_string());
        for (at, is_it) in [
            (1_800_000_000, true),
            (1_799_999_940, true),
            (1_800_000_060, true),
            (1_799_999_939, false),
            (1_800_000_061, false),
            (i64::MIN, false),
        ] {
            assert_eq!(maker(&made(at)).is_some(), is_it, "{at}");
        }
        assert_eq!(maker(&made(1_800_000_000)).as_deref(), Some("k-ada"));
        let mut own = made(1_800_000_000);
        own.labels = Some([(MANAGED_BY.to_owned(), "flux".to_owned())].into());
        assert!(maker(&own).is_some());
        own.labels = Some([(MANAGED_BY.to_owned(), PASEE.to_owned())].into());
        assert_eq!(maker(&own), None);
        for other in [json!({}), json!([]), json!("x"), json!({ "madeBy": "k-ada" })] {
            assert_eq!(maker(&metadata(&other)), None, "{other}");
        }
        assert_eq!(maker(&ObjectMeta::default()), None);
    }

    #[test]
    fn who_changed_which_version() {
        let changed = metadata(&json!({ "changed": "7", "madeBy": "k-ada", "madeAt": 0 }));
        let changer = |version| changer(&changed, version).map(|user| user.to_string());
        assert_eq!(changer(Some("7")).as_deref(), Some("k-bob"));
        assert_eq!((changer(Some("8")), changer(None)), (None, None));
        let never = metadata(&json!({ "madeBy": "k-ada", "madeAt": 0 }));
        assert_eq!(super::changer(&never, None), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let ada = "k-ada".parse().unwrap();
        let new = Authorship::of_new(&ada, Timestamp::from_unix(9).unwrap());
        assert_eq!(new.to_text(), r#"{"madeBy":"k-ada","madeAt":9}"#);
        let changed = Authorship::read(&new.to_text()).changing(Some("7"));
        assert_eq!(changed.to_text(), r#"{"madeBy":"k-ada","madeAt":9,"changed":"7"}"#);
        let again = Authorship::read(&changed.to_text()).changing(Some("8")).to_text();
        assert_eq!(again, r#"{"madeBy":"k-ada","madeAt":9,"changed":"8"}"#);
        assert_eq!(
            Authorship::read("nonsense").changing(Some("7")).to_text(),
            r#"{"changed":"7"}"#
        );
    }

    #[test]
    fn a_spec_that_was_changed_is_not_as_it_was_made() {
        let generation = |generation| ObjectMeta { generation, ..ObjectMeta::default() };
        assert!(is_as_made(&generation(None)) && is_as_made(&generation(Some(1))));
        assert!(!is_as_made(&generation(Some(2))));
    }
}
