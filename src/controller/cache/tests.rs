//! Whom a change concerns.

use super::*;
use crate::controller::tests::{cache, deleting, group, membership, owned, owner};
use crate::objects::effect::Container;
use crate::resources::membership::MembershipRole;

fn realm() -> Cache {
    let names = ["a", "a.b", "a.b.c", "a.bc", "a-x", "ab", "z"];
    let groups: Vec<Group> = names.iter().map(|name| group(name, None)).collect();
    let memberships: Vec<Membership> = [("m1", "a"), ("m2", "a.b"), ("m3", "a.b.c"), ("m4", "ab")]
        .iter()
        .map(|(name, group)| membership(name, Some(group), MembershipRole::Member, &["x-1"]))
        .collect();
    cache(&groups, &memberships)
}

fn names(concerned: &Concerned) -> String {
    let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
    format!("{} | {}", join(&concerned.groups), join(&concerned.memberships))
}

#[test]
fn a_group_concerns_its_parent_and_all_below() {
    let mut cache = realm();
    let gone = cache.put_group("a.b", None);
    assert_eq!(names(&gone), "a a.b a.b.c | m2 m3");
    let again = cache.read_group(&group("a.b", None));
    assert_eq!(names(&cache.put_group("a.b", Some(again.clone()))), "a a.b a.b.c | m2 m3");
    assert_eq!(names(&cache.put_group("a.b", Some(again))), "a.b | ", "only its status changed");
    let going = cache.read_group(&deleting(group("a", None)));
    assert_eq!(names(&cache.put_group("a", Some(going))), "a a.b a.b.c a.bc | m1 m2 m3");
    let tied = cache.read_group(&owned(group("a.b", None), &[owner("a", "uid-a")]));
    assert_eq!(names(&cache.put_group("a.b", Some(tied))), "a a.b a.b.c | m2 m3");
}

#[test]
fn a_membership_concerns_its_group() {
    let mut cache = realm();
    let more = cache.read_membership(&membership(
        "m1",
        Some("a"),
        MembershipRole::Member,
        &["x-1", "x-2"],
    ));
    assert_eq!(names(&cache.put_membership("m1", Some(more.clone()))), "a | m1");
    assert_eq!(names(&cache.put_membership("m1", Some(more.clone()))), " | m1");
    assert_eq!(names(&cache.put_membership("m1", None)), "a | m1");
    let moved = cache.read_membership(&membership("m2", Some("z"), MembershipRole::Member, &[]));
    assert_eq!(names(&cache.put_membership("m2", Some(moved))), "a.b z | m2", "made again");
    // Whoever has the name of an enrolment concerns the group that needs the name.
    assert_eq!(names(&cache.put_membership("creator-uid-z", Some(more))), "a z | creator-uid-z");
    assert_eq!(names(&cache.put_membership("creator-uid-z", None)), "a z | creator-uid-z");
}

#[test]
fn everything_is_replaced_at_once() {
    let mut cache = realm();
    let z = cache.read_group(&group("z", None));
    cache.replace_groups([("z".to_owned(), z)].into());
    assert_eq!(cache.container(Some("a")), Container::Missing);
    let facts =
        cache.read_membership(&membership("m", Some("z"), MembershipRole::Member, &["x-1"]));
    cache.replace_memberships([("m".to_owned(), facts)].into());
    assert_eq!(names(&cache.everything()), "z | m");
    let now = Timestamp::MIN;
    assert_eq!(cache.counts("z", now).0, Counts { members: 1, staff: 0, subgroups: 0 });
    assert_eq!(names(&cache.put_membership("creator-uid-z", None)), " | creator-uid-z");
    let taken =
        cache.read_membership(&membership("creator-uid-z", None, MembershipRole::Staff, &[]));
    assert_eq!(names(&cache.put_membership("creator-uid-z", Some(taken))), "z | creator-uid-z");
}

#[test]
fn what_was_just_made_is_assumed_unless_the_watch_knows_better() {
    let mut made = membership("creator-uid-z", Some("z"), MembershipRole::Staff, &["x-1"]);
    made.metadata.resource_version = Some("100".to_owned());
    let mut cache = realm();
    cache.hear(Some("99"));
    cache.assume(&made);
    assert!(cache.membership("creator-uid-z").is_some());
    let mut cache = realm();
    cache.hear(Some("1000"));
    cache.assume(&made);
    assert!(cache.membership("creator-uid-z").is_none(), "it may be gone again");
}
