//! What objects mean, and that what Pasee writes means the same and is taken.

use std::collections::BTreeSet;

use pasee::domain::description::Description;
use pasee::domain::directory::Standing;
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Role, Roster};
use pasee::domain::time::Timestamp;
use pasee::domain::user::UserId;
use pasee::resources::group::{self, GroupContent, is_creator_enrolled};
use pasee::resources::manifest::{self, Manifest};
use pasee::resources::membership::{self, MAX_USERS, MembershipContent};
use pasee::resources::user::{self, UserContent};
use pasee::resources::{Group, GroupStatus, Invalid, Membership};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bounds::{right, with};
use super::support::schema::{Kind, Server};

fn grant(fields: &[(&str, Value)]) -> MembershipContent {
    let object = fields.iter().fold(right(Kind::Membership), |object, (name, value)| {
        with(object, &format!("/spec/{name}"), Some(value.clone()))
    });
    membership::parse(&serde_json::from_value::<Membership>(object).unwrap()).unwrap()
}

#[test]
fn a_membership_names_each_user_once_in_order() {
    let content = grant(&[
        ("group", json!("my--group.sub")),
        ("users", json!(["kisee-b", "kisee-a", "k8s-ci:deployer", "kisee-b"])),
        (
            "serviceAccounts",
            json!([
                { "namespace": "ci", "name": "deployer" },
                { "namespace": "ci", "name": "a.b" },
            ]),
        ),
    ]);
    assert_eq!(content.roster, "my_group.sub.staff".parse().unwrap());
    let users: Vec<&str> = content.users.iter().map(UserId::as_str).collect();
    assert_eq!(users, ["k8s-ci:a.b", "k8s-ci:deployer", "kisee-a", "kisee-b"]);
}

/// Both ends of a second are to the disadvantage of who holds something.
#[test]
fn fractions_of_seconds_are_on_the_safe_side() {
    let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_unix);
    let ends = |text: &str| seconds(grant(&[("expiresAt", json!(text))]).expires_at);
    assert_eq!(ends("1970-01-01T00:00:09.9Z"), Some(9));
    assert_eq!(ends("1970-01-01T00:00:10Z"), Some(10));
    let revoked = |text: &str| {
        let object = with(right(Kind::User), "/spec/notBefore", Some(json!(text)));
        let content = user::parse(&serde_json::from_value(object).unwrap()).unwrap();
        seconds(content.standing.not_before)
    };
    assert_eq!(revoked("1970-01-01T00:00:09.1Z"), Some(10));
    assert_eq!(revoked("1970-01-01T00:00:10Z"), Some(10));
}

#[test]
fn the_creator_is_enrolled_when_the_status_says_so() {
    let mut object: Group = serde_json::from_value(right(Kind::Group)).unwrap();
    assert!(!is_creator_enrolled(&object));
    object.status = Some(GroupStatus::default());
    assert!(!is_creator_enrolled(&object));
    object.status = Some(GroupStatus { creator_enrolled: Some(true), ..GroupStatus::default() });
    assert!(is_creator_enrolled(&object));
    assert_eq!(group::parse(&object).unwrap().creator, Some("kisee-you".parse().unwrap()));
}

#[test]
fn what_cannot_be_written_is_told() {
    let user = |n: usize| format!("p-{n:04}").parse().unwrap();
    let mut content = MembershipContent {
        roster: Roster::RootStaff,
        users: (0..=MAX_USERS).map(user).collect(),
        expires_at: None,
    };
    assert_eq!(membership::write("a", &content), Err(Invalid::TooManyUsers));
    content.users.pop();
    assert!(membership::write("a", &content).is_ok());
    let longest: GroupName = format!("{}a", "a_".repeat(84)).parse().unwrap();
    content.roster = Roster::of(longest, Role::Member);
    assert!(membership::write("a", &content).is_ok());
}

fn name() -> impl Strategy<Value = GroupName> {
    "[a-r0-9]{1,3}([_-][a-z0-9]{1,3}){0,2}([.][a-r]{1,3}(_[a-z0-9]){0,2}){0,3}"
        .prop_map(|text| text.parse().unwrap())
}

fn user_id() -> impl Strategy<Value = UserId> {
    "[a-z0-9_]{1,32}-[a-zA-Z0-9:'\"#&*!|>%@`,{}\\[\\]? -]{0,40}[a-z\u{e9}\u{65e5}\u{1f600}]"
        .prop_filter_map("white space at an end", |text| text.parse().ok())
}

fn moment() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of(
        (0..=Timestamp::MAX.as_unix()).prop_map(|at| Timestamp::from_unix(at).unwrap()),
    )
}

/// The manifest, once through YAML; on its way an API server has to take it.
fn sent(manifest: Manifest, kind: Kind) -> Manifest {
    let text = manifest::write(std::slice::from_ref(&manifest)).unwrap();
    let [read] = <[Manifest; 1]>::try_from(manifest::read(&text).unwrap()).unwrap();
    assert_eq!(read, manifest, "{text}");
    let object = serde_json::to_value(&read).unwrap();
    assert_eq!(Server::of(kind).takes(&object), Ok(()), "{object}");
    read
}

proptest! {
    #[test]
    fn groups_arrive(
        group in name(), creator in prop::option::of(user_id()), text in "\\PC{0,9}",
    ) {
        let description = Description::read(&text).unwrap();
        let content = GroupContent { group, creator, description };
        let manifest = Manifest::Group(group::write(&content));
        let Manifest::Group(object) = sent(manifest, Kind::Group) else { panic!() };
        prop_assert_eq!(group::parse(&object), Ok(content));
    }

    #[test]
    fn memberships_arrive(
        group in prop::option::of(name()),
        role in prop_oneof![Just(Role::Member), Just(Role::Staff)],
        users in prop::collection::btree_set(user_id(), 0..6),
        expires_at in moment(),
    ) {
        let roster = group.map_or(Roster::RootStaff, |group| Roster::of(group, role));
        let users: BTreeSet<UserId> = users;
        let content = MembershipContent { roster, users: users.into_iter().collect(), expires_at };
        let manifest = Manifest::Membership(membership::write("a", &content).unwrap());
        let Manifest::Membership(object) = sent(manifest, Kind::Membership) else { panic!() };
        prop_assert_eq!(membership::parse(&object), Ok(content));
    }

    #[test]
    fn users_arrive(user in user_id(), banned: bool, not_before in moment()) {
        let content = UserContent { user, standing: Standing { banned, not_before } };
        let manifest = Manifest::User(user::write("a", &content));
        let Manifest::User(object) = sent(manifest, Kind::User) else { panic!() };
        prop_assert_eq!(user::parse(&object), Ok(content));
    }
}
