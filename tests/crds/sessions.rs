//! SessionRevocations at their bounds and beyond, in the schema and as they are read.

use pasee::resources::definition;
use serde_json::{Value, json};

use super::bounds::with;
use super::support::schema::{Kind, Server};

fn right() -> Value {
    let sessions = json!(["0".repeat(32), format!("{}09af", "7".repeat(28))]);
    json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "SessionRevocations",
        "metadata": { "name": "pasee-2027-01-31-x7k2p" },
        "spec": { "until": "2027-01-31T00:00:00Z", "sessions": sessions },
    })
}

#[test]
fn every_field_has_its_bounds() {
    let server = Server::of(Kind::SessionRevocations);
    let many = |count: usize| json!(vec!["a".repeat(32); count]);
    for (place, value, refused) in [
        ("/spec/sessions", Some(json!([])), None),
        ("/spec/sessions", Some(many(1_000)), None),
        ("/spec/sessions", Some(many(1_001)), Some("maxItems")),
        ("/spec/sessions", Some(json!("a".repeat(32))), Some("type")),
        ("/spec/sessions", None, Some("equired")),
        ("/spec/sessions/1", Some(json!("A".repeat(32))), Some("pattern")),
        ("/spec/sessions/1", Some(json!("a".repeat(31))), Some("pattern")),
        ("/spec/sessions/1", Some(json!("a".repeat(33))), Some("maxLength")),
        ("/spec/sessions/1", Some(json!("")), Some("pattern")),
        ("/spec/sessions/1", Some(json!(7)), Some("type")),
        ("/spec/until", Some(json!("2027-01-31T01:00:00.5+01:00")), None),
        ("/spec/until", Some(json!("2027-01-31")), Some("such as 2027-01-31T00:00:00Z")),
        ("/spec/until", Some(json!("2027-02-31T00:00:00Z")), Some("such as 2027-01-31T00:00:00Z")),
        ("/spec/until", None, Some("equired")),
        ("/spec/users", Some(json!({})), None),
        ("/spec/users", Some(json!({ "0123456789abcdef": 1, "0123456789abcde0": 1_000 })), None),
        ("/spec/users", Some(json!({ "0123456789abcdef": 0 })), Some("minimum")),
        ("/spec/users", Some(json!({ "0123456789abcdef": 1_001 })), Some("maximum")),
        ("/spec/users", Some(json!({ "0123456789abcdef": "1" })), Some("type")),
        ("/spec", None, Some("equired")),
    ] {
        let object = with(right(), place, value);
        match (server.takes(&object), refused) {
            (Ok(()), None) => assert_eq!(server.is_read(&object), Ok(()), "{object}"),
            (Err(told), Some(says)) => assert!(told.contains(says), "{place}: {told}"),
            (told, wanted) => panic!("{place}: {told:?}, not {wanted:?}"),
        }
    }
}

/// What was ended grows; until when it counts does not move.
#[test]
fn the_end_is_immutable() {
    let server = Server::of(Kind::SessionRevocations);
    let more = with(right(), "/spec/sessions", Some(json!(["a".repeat(32)])));
    assert_eq!(server.takes_instead(&more, &right()), Ok(()));
    let later = with(right(), "/spec/until", Some(json!("2027-02-01T00:00:00Z")));
    assert!(server.takes_instead(&later, &right()).unwrap_err().contains("cannot be changed"));
}

/// Nobody writes these but Pasee, so they are in no category: whoever saves `kubectl get pasee` has what `pasee apply` takes.
#[test]
fn they_are_no_manifests_for_people() {
    let definition = &definition::all()[Kind::SessionRevocations as usize];
    assert_eq!(definition.spec.names.plural, "sessionrevocations");
    assert_eq!(definition.spec.names.categories, None);
    assert_eq!(definition.spec.scope, "Namespaced");
}
