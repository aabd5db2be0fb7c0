//! What is kept, for trees of every shape.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::group::GroupName;
use crate::domain::membership::Roster;

fn holdings(rosters: BTreeSet<Roster>) -> Vec<Holding> {
    rosters.into_iter().map(|roster| Holding { roster, expires_at: None }).collect()
}

fn kept(names: &[&str], room: usize) -> Vec<String> {
    let rosters = names.iter().map(|name| name.parse().unwrap()).collect();
    fit(holdings(rosters), room).iter().map(|holding| holding.roster.to_string()).collect()
}

fn length(roster: &Roster) -> usize {
    roster.to_string().len() + 3
}

/// The tree of a roster; none for the root staff.
fn tree(roster: &Roster) -> Option<String> {
    let text = roster.to_string();
    roster.group().map(|_| text.split('.').next().unwrap().to_owned())
}

#[test]
fn staff_first_then_by_depth_and_alphabet() {
    let all = ["staff", "a", "a.b", "a.c", "a.b.staff", "a.staff", "a.a.z.staff", "a.c.d"];
    let order = ["staff", "a.staff", "a.b.staff", "a.a.z.staff", "a", "a.b", "a.c", "a.c.d"];
    let mut room = 0;
    for count in 1..=order.len() {
        room += order[count - 1].len() + 3;
        let mut right: Vec<Roster> =
            order[..count].iter().map(|name| name.parse().unwrap()).collect();
        right.sort();
        let right: Vec<String> = right.iter().map(ToString::to_string).collect();
        assert_eq!(kept(&all, room), right);
        assert_eq!(kept(&all, room - 1).len(), count - 1);
    }
}

/// The staff of one group make 63 groups below it, with the longest names there are, and put root into each.
#[test]
fn one_tree_takes_no_room_from_others() {
    let long: Vec<String> =
        (0..63).map(|number| format!("evil.{number:02}{}.staff", "x".repeat(187))).collect();
    let others = ["staff", "admin", "admin.staff", "ops.oncall", "zebra.a.b.c.staff"];
    let mut all: Vec<&str> = long.iter().map(String::as_str).collect();
    all.extend(others);
    let kept = kept(&all, 3072);
    for other in others {
        assert!(kept.iter().any(|name| name == other), "{other}");
    }
    let hostile = kept.iter().filter(|name| name.starts_with("evil")).count();
    assert_eq!(hostile, 14, "the rest is theirs");
}

fn any_roster() -> impl Strategy<Value = Roster> {
    let name = "[abc](\\.([ab]|[ab]{30,40})){0,3}";
    prop_oneof![
        1 => Just(Roster::RootStaff),
        10 => name.prop_map(|text| Roster::Members(text.parse().unwrap())),
        10 => name.prop_map(|text| Roster::Staff(text.parse().unwrap())),
    ]
}

proptest! {
    #[test]
    fn what_is_kept_has_room_and_is_in_order(
        rosters in proptest::collection::btree_set(any_roster(), 0..40), room in 0..700_usize,
    ) {
        let all = holdings(rosters.clone());
        let kept = fit(all.clone(), room);
        let sum: usize = kept.iter().map(|holding| length(&holding.roster)).sum();
        prop_assert!(sum <= room);
        prop_assert!(kept.windows(2).all(|pair| pair[0].roster < pair[1].roster));
        prop_assert!(kept.iter().all(|holding| rosters.contains(&holding.roster)));
        prop_assert_eq!(&fit(all.clone(), room), &kept);
        let needed: usize = rosters.iter().map(length).sum();
        prop_assert_eq!(kept.len() == all.len(), needed <= room);
        // No room is left for what a tree would name next.
        let is_kept = |roster: &Roster| kept.iter().any(|holding| holding.roster == *roster);
        let mut next: BTreeMap<Option<String>, (Reverse<Role>, usize, String)> = BTreeMap::new();
        for roster in rosters.iter().filter(|roster| !is_kept(roster)) {
            let depth = roster.group().map_or(0, GroupName::depth);
            let place = (Reverse(roster.role()), depth, roster.to_string());
            let next = next.entry(tree(roster)).or_insert_with(|| place.clone());
            *next = place.min(next.clone());
        }
        for (_, _, name) in next.values() {
            prop_assert!(name.len() + 3 > room - sum, "{} would fit", name);
        }
    }

    /// However one tree is filled, another that keeps to an equal share of the room is named whole.
    #[test]
    fn a_tree_within_its_share_is_whole(
        rosters in proptest::collection::btree_set(any_roster(), 0..60), room in 8..900_usize,
    ) {
        let kept = fit(holdings(rosters.clone()), room);
        let mut trees: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for roster in &rosters {
            *trees.entry(tree(roster)).or_default() += length(roster);
        }
        let root = trees.remove(&None).unwrap_or_default();
        let is_kept = |roster: &Roster| kept.iter().any(|holding| holding.roster == *roster);
        prop_assert_eq!(is_kept(&Roster::RootStaff), rosters.contains(&Roster::RootStaff));
        for (tree_name, needed) in &trees {
            if needed * trees.len() <= room - root {
                let names = rosters.iter().filter(|roster| tree(roster) == *tree_name);
                for name in names {
                    prop_assert!(is_kept(name), "{}", name);
                }
            }
        }
    }
}
