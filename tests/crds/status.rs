//! The status: what controllers write is taken, and nothing is that could not be read back.

use pasee::domain::time::Timestamp;
use pasee::resources::condition::{Reason, with_ready};
use pasee::resources::{Group, GroupStatus};
use serde_json::{Value, json};

use super::bounds::{right, with};
use super::support::schema::{Kind, Server};

const KINDS: [Kind; 3] = [Kind::Group, Kind::Membership, Kind::User];

fn with_status(kind: Kind, status: Value) -> Value {
    with(right(kind), "/status", Some(status))
}

fn with_moment(kind: Kind, moment: &str) -> Value {
    let condition = json!({
        "type": "Audited", "status": "True", "reason": "Seen", "message": "", "lastTransitionTime": moment,
    });
    with_status(kind, json!({ "conditions": [condition] }))
}

#[test]
fn every_reason_is_taken_and_read_back() {
    let now = Timestamp::from_unix(1_800_000_000).unwrap();
    for reason in Reason::ALL {
        for message in ["", &"é".repeat(40_000)] {
            let conditions = with_ready(&[], reason, message, Some(3), now);
            let status = GroupStatus { conditions, members: Some(7), ..GroupStatus::default() };
            let object = with_status(Kind::Group, serde_json::to_value(&status).unwrap());
            assert_eq!(Server::of(Kind::Group).takes(&object), Ok(()));
            let read: Group = serde_json::from_value(object).unwrap();
            assert_eq!(read.status, Some(status));
        }
    }
}

/// What `format: date-time` of an API server lets through, seen on Kubernetes 1.36.
#[test]
fn moments_that_cannot_be_read_are_not_taken() {
    for kind in KINDS {
        for moment in [
            "9999-12-31T23:59:59Z",
            "2026-01-01T00:00:00x5Z",
            "2026-01-01T00:00:00+99:99",
            "2026-01-01T00:00:00ZtX",
            "2026-01-01t00:00:00Z",
        ] {
            let told = Server::of(kind).takes(&with_moment(kind, moment)).unwrap_err();
            assert!(told.contains("lastTransitionTime: pattern"), "{moment}: {told}");
        }
        for moment in
            ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.123456Z", "1970-01-01T00:00:00Z"]
        {
            let object = with_moment(kind, moment);
            assert_eq!(Server::of(kind).takes(&object), Ok(()), "{moment}");
            assert_eq!(Server::of(kind).is_read(&object), Ok(()), "{moment}");
        }
    }
}

#[test]
fn counts_and_conditions_are_bounded() {
    let refused = |status: Value, says: &str| {
        let told = Server::of(Kind::Group).takes(&with_status(Kind::Group, status)).unwrap_err();
        assert!(told.contains(says), "{told}");
    };
    for count in ["members", "staff", "subgroups", "observedGeneration"] {
        refused(json!({ count: -1 }), &format!("{count}: minimum"));
        refused(json!({ count: "1" }), &format!("{count}: type"));
    }
    let condition = |name: String| {
        json!({
            "type": name, "status": "True", "reason": "Seen", "message": "",
            "lastTransitionTime": "2026-11-20T10:00:00Z",
        })
    };
    let many: Vec<Value> = (0..17).map(|n| condition(format!("Type{n}"))).collect();
    refused(json!({ "conditions": many }), "conditions: maxItems");
    refused(json!({ "conditions": [condition("a b".to_owned())] }), "type: pattern");
    let with = |field: &str, value: Value| {
        with(condition("A".to_owned()), &format!("/{field}"), Some(value))
    };
    refused(json!({ "conditions": [with("status", json!("Maybe"))] }), "status: enum");
    refused(json!({ "conditions": [with("reason", json!(""))] }), "reason: minLength");
    refused(
        json!({ "conditions": [with("message", json!("x".repeat(32_769)))] }),
        "message: maxLength",
    );
    refused(json!({ "creatorEnrolled": "yes" }), "creatorEnrolled: type");
}
