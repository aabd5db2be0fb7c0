//! Whatever the realm looks like and wherever the process ends: it comes to rest, and always to the same state.

use std::collections::BTreeMap;

use kube::Resource;
use proptest::prelude::*;
use proptest::sample::select;

use super::realm::Realm;
use super::{deleting, expiring, group, membership, owned, owner};
use crate::controller::cache::ENROLS;
use crate::resources::membership::MembershipRole;
use crate::resources::{Group, Membership};

const NOW: i64 = 1_000;

const GROUPS: [&str; 8] = ["a", "a.b", "a.b.c", "a.d", "a-x", "my--a", "my--a.b", "staff"];

/// Owners of an object below a group: none, the group there is, a former one, another object.
fn owners(object: &str) -> Vec<super::Owner> {
    let name = object.to_owned();
    vec![
        owner(&name, &format!("uid-{name}")),
        owner(&name, "uid-former"),
        owner("other", "uid-other"),
    ]
}

fn some_group() -> impl Strategy<Value = Group> {
    let creator = select(vec![None, Some("x-ada"), Some("x-eve"), Some("nobody")]);
    (select(&GROUPS[..]), creator, 0..10_u8, 0..8_usize).prop_map(
        |(name, creator, end, owned_by)| {
            let object = group(name, creator);
            let object = if end == 0 { deleting(object) } else { object };
            let parent = name.rsplit_once('.').map_or("a", |(parent, _)| parent);
            match owners(parent).get(owned_by) {
                Some(owner) => owned(object, std::slice::from_ref(owner)),
                None => object,
            }
        },
    )
}

fn some_membership() -> impl Strategy<Value = Membership> {
    let name = select(vec!["m", "n", "o", "creator-uid-a", "creator-uid-a.b"]);
    let of =
        select(vec![None, Some("a"), Some("a.b"), Some("a.b.c"), Some("my--a"), Some("staff")]);
    let role = select(vec![MembershipRole::Member, MembershipRole::Staff]);
    let users = select(vec![vec![], vec!["x-ada"], vec!["x-ada", "x-eve"], vec!["nobody"]]);
    let end =
        select(vec![None, Some("1970-01-01T00:00:01Z"), Some("1971-01-01T00:00:00Z"), Some("?")]);
    let mark = any::<bool>();
    (name, of, role, users, end, 0..8_usize, mark).prop_map(
        |(name, of, role, users, end, owned_by, is_marked)| {
            let mut object = membership(name, of, role, &users);
            if let Some(end) = end {
                object = expiring(object, end);
            }
            if is_marked && let Some(uid) = name.strip_prefix("creator-") {
                object.meta_mut().annotations =
                    Some(BTreeMap::from([(ENROLS.to_owned(), uid.to_owned())]));
            }
            match owners(of.unwrap_or("a")).get(owned_by) {
                Some(owner) => owned(object, std::slice::from_ref(owner)),
                None => object,
            }
        },
    )
}

fn some_realm() -> impl Strategy<Value = Realm> {
    let groups = prop::collection::vec(some_group(), 0..7);
    let memberships = prop::collection::vec(some_membership(), 0..5);
    (groups, memberships).prop_map(|(groups, memberships)| Realm::new(groups, memberships))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn it_comes_to_rest_wherever_the_process_ends(start in some_realm()) {
        let mut undisturbed = start.clone();
        let steps = undisturbed.settle(NOW);
        prop_assert_eq!(undisturbed.pass(NOW + 1, 0).unwrap(), 0, "a second look finds nothing");
        for end in 0..steps {
            let mut realm = start.clone();
            let _ = realm.pass(NOW, end);
            realm.settle(NOW);
            prop_assert_eq!(&realm, &undisturbed, "ended after {} steps", end);
        }
    }

    /// What a former group left behind never counts for a new one, and what is of a group goes with it.
    #[test]
    fn nothing_outlives_its_group(start in some_realm()) {
        let mut realm = start;
        // What is being deleted is gone in a moment.
        realm.groups.retain(|_, object| object.meta().deletion_timestamp.is_none());
        realm.settle(NOW);
        realm.collect_garbage();
        realm.settle(NOW);
        let Some(mut new) = realm.groups.remove("a") else { return Ok(()) };
        let in_effect = |name: &&String| realm.reason(name) == "InEffect" || realm.reason(name) == "ParentNotReady";
        let doomed: Vec<String> = realm.groups.keys().filter(|name| name.starts_with("a.")).filter(in_effect).cloned().collect();
        new.meta_mut().uid = Some("uid-again".to_owned());
        new.meta_mut().owner_references = None;
        new.spec.creator = None;
        new.status = None;
        // Made again before anybody collected garbage.
        realm.groups.insert("a".to_owned(), new);
        realm.settle(NOW);
        prop_assert_eq!(realm.reason("a"), "InEffect");
        let status = realm.groups["a"].status.clone().unwrap();
        prop_assert_eq!((status.members, status.staff, status.subgroups), (Some(0), Some(0), Some(0)));
        realm.collect_garbage();
        prop_assert!(doomed.iter().all(|name| !realm.groups.contains_key(name)), "{:?}", doomed);
        let left = realm.memberships.values().filter_map(|object| object.spec.group.clone());
        let is_doomed = |group: &String| group == "a" || doomed.contains(group);
        prop_assert_eq!(left.filter(is_doomed).count(), 0);
    }
}

/// A company, made in the worst order.
fn company() -> Realm {
    let groups = [("admin.dev", "x-john"), ("admin.ops", "x-eve"), ("admin", "x-you")];
    let groups = groups.map(|(name, creator)| group(name, Some(creator)));
    let ops = membership("ops", Some("admin.ops"), MembershipRole::Member, &["x-1", "x-2"]);
    let root = membership("root", None, MembershipRole::Staff, &["x-you"]);
    Realm::new(groups.to_vec(), vec![ops, root])
}

#[test]
fn a_company() {
    let mut realm = company();
    realm.settle(NOW);
    assert_eq!(realm.reason("admin.dev"), "InEffect");
    assert_eq!(realm.memberships.len(), 5, "three creators are enrolled");
    let status = realm.groups["admin"].status.clone().unwrap();
    assert_eq!((status.members, status.staff, status.subgroups), (Some(0), Some(1), Some(2)));
    assert_eq!(status.creator_enrolled, Some(true));

    realm.memberships.remove("creator-uid-admin.ops");
    realm.settle(NOW);
    assert_eq!(realm.staff("admin.ops"), Some(0), "the creator stays away");
    assert_eq!(realm.memberships.len(), 4);

    realm.groups.remove("admin");
    realm.collect_garbage();
    assert_eq!(realm.groups.len(), 0);
    assert_eq!(realm.memberships.keys().collect::<Vec<_>>(), ["root"]);
}
