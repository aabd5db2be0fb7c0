//! The fields that there are, as the definitions list them: what a misspelt one was meant to be.
//!
//! Must not know how objects are read.

use serde_json::Map;

use crate::resources::definition;

/// Least likeness of two names for one to be a misspelling of the other, as `strsim` measures it.
const LIKE: f64 = 0.7;

/// The known field that stands beside one at `place` (such as `spec.serviceAccounts[0].nam`) and is most like it.
pub(super) fn nearest(kind: &str, place: &str) -> Option<String> {
    let definition = definition::all().into_iter().find(|one| one.spec.names.kind == kind)?;
    let schema = serde_json::to_value(&definition.spec.versions.first()?.schema).ok()?;
    let mut schema = &schema["openAPIV3Schema"];
    let (around, field) = place.rsplit_once('.').unwrap_or(("", place));
    for step in around.split('.').filter(|step| !step.is_empty()) {
        let name = step.split('[').next().unwrap_or(step);
        schema = &schema["properties"][name];
        if step.ends_with(']') {
            schema = &schema["items"];
        }
    }
    let likeness = |known: &str| strsim::jaro_winkler(known, field);
    let known = schema["properties"].as_object().map(Map::keys)?;
    known
        .filter(|known| likeness(known) > LIKE)
        .max_by(|one, two| likeness(one).total_cmp(&likeness(two)))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        for (kind, place, meant) in [
            ("Group", "spec.creater", Some("creator")),
            ("Group", "specs", Some("spec")),
            ("Membership", "spec.user", Some("users")),
            ("Membership", "spec.expiresat", Some("expiresAt")),
            ("Membership", "spec.serviceAccounts[12].nam", Some("name")),
            ("User", "spec.ban", Some("banned")),
            ("User", "spec.qqqq", None),
            ("User", "spec.banned.x", None),
            ("Pod", "spec.users", None),
            ("Group", "", None),
            ("Group", "...[", None),
        ] {
            assert_eq!(nearest(kind, place).as_deref(), meant, "{place}");
        }
    }
}
