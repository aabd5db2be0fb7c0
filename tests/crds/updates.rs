//! What may and what may not change once an object is there.

use serde_json::{Value, json};

use super::bounds::{right, with};
use super::support::schema::{Kind, Server};

fn change(kind: Kind, place: &str, from: Option<Value>, to: Option<Value>) -> Result<(), String> {
    let old = with(right(kind), place, from);
    let new = with(right(kind), place, to);
    let server = Server::of(kind);
    assert_eq!(server.takes(&old), Ok(()));
    assert_eq!(server.takes(&new), Ok(()), "it could have been made so");
    server.takes_instead(&new, &old)
}

#[test]
fn what_is_immutable() {
    for (kind, place, one, other, says) in [
        (
            Kind::Group,
            "/spec/creator",
            "kisee-you",
            Some("kisee-me"),
            "the creator cannot be changed",
        ),
        (Kind::Group, "/spec/creator", "kisee-you", None, "the creator cannot be changed"),
        (Kind::Membership, "/spec/group", "admin", Some("other"), "the group cannot be changed"),
        (Kind::Membership, "/spec/group", "admin", None, "the group cannot be changed"),
        (Kind::Membership, "/spec/role", "Staff", Some("Member"), "the role cannot be changed"),
        (Kind::Membership, "/spec/role", "Staff", None, "the role cannot be changed"),
        (
            Kind::User,
            "/spec/username",
            "kisee-a",
            Some("kisee-b"),
            "the username cannot be changed",
        ),
    ] {
        let (one, other) = (Some(json!(one)), other.map(|other| json!(other)));
        for (from, to) in [(&one, &other), (&other, &one)] {
            let told = change(kind, place, from.clone(), to.clone()).unwrap_err();
            assert!(told.contains(says), "{kind:?} {place}: {told}");
        }
        assert_eq!(change(kind, place, one.clone(), one.clone()), Ok(()));
        if place != "/spec/username" {
            assert_eq!(change(kind, place, other.clone(), other.clone()), Ok(()));
        }
    }
}

/// A role that is written is the same as the role that it has by default.
#[test]
fn the_default_is_no_change() {
    let member = || Some(json!("Member"));
    assert_eq!(change(Kind::Membership, "/spec/role", None, member()), Ok(()));
    assert_eq!(change(Kind::Membership, "/spec/role", member(), None), Ok(()));
}

#[test]
fn everything_else_may_change() {
    for (kind, place, one, other) in [
        (Kind::Group, "/spec/description", Some(json!("a")), Some(json!("b"))),
        (Kind::Group, "/spec/description", Some(json!("a")), None),
        (Kind::Membership, "/spec/users", Some(json!(["p-a"])), Some(json!(["p-b", "p-c"]))),
        (Kind::Membership, "/spec/users", Some(json!(["p-a"])), None),
        (Kind::Membership, "/spec/serviceAccounts", Some(json!([])), None),
        (Kind::Membership, "/spec/expiresAt", Some(json!("2027-01-31T00:00:00Z")), None),
        (Kind::User, "/spec/banned", Some(json!(true)), Some(json!(false))),
        (Kind::User, "/spec/notBefore", Some(json!("2027-01-31T00:00:00Z")), None),
        (Kind::Group, "/metadata/labels", Some(json!({ "a": "b" })), None),
    ] {
        assert_eq!(change(kind, place, one.clone(), other.clone()), Ok(()), "{kind:?} {place}");
        assert_eq!(change(kind, place, other, one), Ok(()), "{kind:?} {place}");
    }
}
