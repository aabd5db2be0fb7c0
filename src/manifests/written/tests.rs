//! Names are legal, stable and never shared; Memberships are as full as they may be and no fuller.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::domain::directory::Standing;
use crate::domain::time::Timestamp;
use crate::resources::membership::parse;

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

fn filled(roster: &str, keeper: Keeper, users: &[(&str, Option<i64>)]) -> Vec<Membership> {
    let mut filling = Filling::new(roster.parse().unwrap(), keeper);
    let mut written = Vec::new();
    for (user, until) in users {
        written.extend(filling.add(&user.parse().unwrap(), until.map(moment)));
    }
    written.extend(filling.finish());
    assert_eq!(filling.finish(), None);
    written
}

fn names(memberships: &[Membership]) -> Vec<&str> {
    memberships.iter().map(|it| it.metadata.name.as_deref().unwrap()).collect()
}

fn statement(user: &str) -> UserContent {
    let standing = Standing { banned: true, not_before: None };
    UserContent { user: user.parse().unwrap(), standing }
}

fn name_of(user_id: &str) -> String {
    user(&statement(user_id), Keeper::Manifests).metadata.name.unwrap()
}

#[test]
fn names_follow_from_roster_end_and_part() {
    let ends = [("k-a", None), ("k-b", Some(1_801_353_600)), ("k-a", Some(1_801_353_601))];
    let on_call = filled("on_call.staff", Keeper::Manifests, &ends);
    assert_eq!(
        names(&on_call),
        [
            "on--call.staff",
            "on--call.staff---until-2027-01-31t00-00-00z",
            "on--call.staff---until-2027-01-31t00-00-01z",
        ]
    );
    assert_eq!(on_call[1].spec.expires_at.as_deref(), Some("2027-01-31T00:00:00Z"));
    assert_eq!(names(&filled("staff", Keeper::Manifests, &[("k-a", None)])), ["staff"]);
    let many: Vec<String> = (0..1001).map(|n| format!("k-{n:04}")).collect();
    let many: Vec<(&str, Option<i64>)> = many.iter().map(|user| (user.as_str(), None)).collect();
    let parts = filled("a", Keeper::Manifests, &many);
    assert_eq!(names(&parts), ["a", "a---2", "a---3"]);
    assert_eq!(parts.iter().map(|it| it.spec.users.len()).collect::<Vec<_>>(), [500, 500, 1]);
    assert_eq!(filled("a", Keeper::Manifests, &[]), []);
}

#[test]
fn numbers_start_anew_with_another_end() {
    let users: Vec<String> = (0..501).map(|n| format!("k-{n:04}")).collect();
    let of = |end| users.iter().map(move |user| (user.as_str(), end));
    let both: Vec<_> = of(None).chain(of(Some(1_801_353_600))).collect();
    let until = "a---until-2027-01-31t00-00-00z";
    let second = format!("{until}---2");
    assert_eq!(
        names(&filled("a", Keeper::Manifests, &both)),
        ["a", "a---2", until, second.as_str()]
    );
}

#[test]
fn service_accounts_have_their_own_list() {
    let accounts: Vec<String> = (0..101).map(|n| format!("k8s-ci:robot-{n:03}")).collect();
    let mut users: Vec<_> = accounts.iter().map(|user| (user.as_str(), None)).collect();
    users.extend([("k8s-ci:Robot", None), ("k8s-ci", None), ("kisee-ci:a", None)]);
    let parts = filled("a", Keeper::Manifests, &users);
    let sizes = parts.iter().map(|it| (it.spec.users.len(), it.spec.service_accounts.len()));
    assert_eq!(sizes.collect::<Vec<_>>(), [(0, 100), (3, 1)]);
    assert_eq!(parts[1].spec.users, ["k8s-ci:Robot", "k8s-ci", "kisee-ci:a"]);
    let of_pasee = filled("a", Keeper::Pasee, &users);
    assert_eq!(of_pasee[0].spec.users.len(), 104);
    assert_eq!(of_pasee[0].spec.service_accounts, []);
    let labels = of_pasee[0].metadata.labels.as_ref().unwrap();
    assert_eq!(labels["app.kubernetes.io/managed-by"], "pasee");
    assert_eq!(parts[0].metadata.labels, None);
}

/// 500 users that JSON writes six times as long do not fit into what `kubectl apply` notes of an object.
#[test]
fn long_texts_are_shared_out() {
    let users: Vec<String> = (0..500).map(|n| format!("k-{}{n:03}", "<".repeat(190))).collect();
    let users: Vec<(&str, Option<i64>)> = users.iter().map(|user| (user.as_str(), None)).collect();
    let parts = filled("a", Keeper::Manifests, &users);
    assert!(parts.len() > 2, "{}", parts.len());
    assert_eq!(parts.iter().map(|it| it.spec.users.len()).sum::<usize>(), 500);
    for part in parts {
        let text: usize = part.spec.users.iter().map(|user| length_in_json(user)).sum();
        assert!(text <= MAX_TEXT, "{text}");
    }
}

#[test]
fn long_groups() {
    let longest = format!("{}a", "a_".repeat(84));
    let group = group(&longest.parse().unwrap(), None);
    assert_eq!(group.metadata.name.as_ref().unwrap().len(), 253);
    let members = filled(&longest, Keeper::Manifests, &[("k-a", None), ("k-a", Some(1))]);
    let staff = filled(&format!("{longest}.staff"), Keeper::Manifests, &[("k-a", None)]);
    let all = [names(&members), names(&staff)].concat();
    assert!(all.iter().all(|name| is_object_name(name)), "{all:?}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 3);

    let too_long = format!("a_{longest}").parse::<GroupName>();
    assert!(too_long.is_err(), "no store has a group that another one cannot have");
}

/// Nobody can choose an id whose User would take the place of another one's.
#[test]
fn users_are_not_taken_for_each_other() {
    assert_eq!(name_of("kisee-john.doe"), "kisee-john.doe");
    let odd = name_of("k8s-ci:jenkins");
    assert!(odd.starts_with("k8s-ci-jenkins---") && odd.len() == 17 + 32, "{odd}");
    assert_ne!(name_of(&odd), odd);
    assert_ne!(name_of("kisee-Ada"), name_of("kisee-ada"));
    assert!(name_of("_-é").starts_with("user---"), "{}", name_of("_-é"));
}

proptest! {
    #[test]
    fn user_names_are_legal_and_one_to_one(
        ids in prop::collection::hash_set("[a-z_]{1,3}-(\\PC{1,60}|[a-zA-Z.:-]{1,6})", 1..20),
    ) {
        let ids: Vec<_> = ids.into_iter().filter(|id| id.parse::<UserId>().is_ok()).collect();
        let names: HashSet<String> = ids.iter().map(|id| name_of(id)).collect();
        prop_assert_eq!(names.len(), ids.len());
        prop_assert!(names.iter().all(|name| is_object_name(name)), "{:?}", names);
    }

    /// What is written is read as it was meant, and never under one name twice.
    #[test]
    fn rosters_are_written_and_read(
        rosters in prop::collection::hash_set("[ab]([_-]?[ab]){0,3}([.][ab]([_-]?[ab]){0,2})?([.]staff)?|staff", 1..4),
        ends in prop::collection::btree_set(1..400_i64, 0..3),
        count in 0..510_usize,
    ) {
        let mut found = HashSet::new();
        for roster in rosters {
            let users: Vec<String> = (0..count).map(|n| format!("k-{n:04}")).collect();
            let ends = std::iter::once(None).chain(ends.iter().copied().map(Some));
            let all: Vec<_> = ends.flat_map(|end| users.iter().map(move |user| (user.as_str(), end))).collect();
            let mut read = Vec::new();
            for membership in filled(&roster, Keeper::Manifests, &all) {
                prop_assert!(found.insert(membership.metadata.name.clone().unwrap()));
                prop_assert!(is_object_name(membership.metadata.name.as_deref().unwrap()));
                let content = parse(&membership).unwrap();
                prop_assert_eq!(content.roster.to_string(), roster.clone());
                let end = content.expires_at.map(Timestamp::as_unix);
                read.extend(content.users.iter().map(|user| (user.to_string(), end)));
            }
            let wanted: Vec<_> = all.iter().map(|(user, end)| ((*user).to_owned(), *end)).collect();
            prop_assert_eq!(read, wanted);
        }
    }
}
