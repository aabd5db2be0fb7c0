//! Renamings stopped at each write and gone on with, and what only others can write.
//!
//! Must not know a client: what is to be written is written into the objects here.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::objects::statement::statement_name;
use crate::resources::manifest::{self, Manifest};
use crate::resources::user::{UserContent, write};

const REALM: &str = "
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: a, uid: ua}, spec: {creator: k-a}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Group, metadata: {name: b, uid: ub, annotations: {pasee.meltylab.fr/creator-enrolled: 'true'}},
 spec: {creator: k-a}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: root, labels: {app.kubernetes.io/managed-by: pasee}},
 spec: {role: Staff, users: [k-root]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: one, labels: {app.kubernetes.io/managed-by: pasee},
 annotations: {pasee.meltylab.fr/author: k-b}}, spec: {group: a, users: [k-a, k-b, k-c]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: two, labels: {app.kubernetes.io/managed-by: pasee}},
 spec: {group: b, users: [k-b, k-d, nobody]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {name: git}, spec: {group: b, users: [k-g],
 serviceAccounts: [{namespace: ci, name: deployer}]}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: own, labels: {app.kubernetes.io/managed-by: pasee}},
 spec: {username: k-b, banned: true, notBefore: '2020-01-01T00:00:00Z'}}
---
{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: gits}, spec: {username: k-g, banned: true}}
";

fn objects() -> Objects {
    let mut objects = Objects::default();
    for object in manifest::read(REALM).unwrap() {
        match object {
            Manifest::Group(group) => objects.groups.push(group),
            Manifest::Membership(membership) => objects.memberships.push(membership),
            Manifest::User(user) => objects.users.push(user),
            Manifest::OAuthClient(client) => objects.clients.push(*client),
        }
    }
    objects
}

fn read(map: &str) -> Renaming {
    Renaming::read(map).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}

fn begun(objects: &Objects, renaming: &Renaming) -> Begun {
    let banned = banned_before(objects, renaming);
    let mark = if renaming.has_chains() { "run/1".to_owned() } else { String::new() };
    Begun { map: String::new(), mark, banned }
}

/// What each user has: groups by any object, and whether they are banned, and their revocation.
type Seen = BTreeMap<String, (BTreeSet<String>, Standing)>;

fn seen(objects: &Objects) -> Seen {
    let mut seen = Seen::new();
    for object in &objects.memberships {
        let content = understand(object).unwrap().content;
        for user in content.users {
            seen.entry(user.to_string()).or_default().0.insert(content.roster.to_string());
        }
    }
    let enrolled: BTreeSet<&str> = objects
        .memberships
        .iter()
        .filter_map(|it| it.annotations().get(ENROLS).map(String::as_str))
        .collect();
    for object in objects.groups.iter().filter(|it| !group::is_creator_enrolled(it)) {
        if !enrolled.contains(object.metadata.uid.as_deref().unwrap()) {
            let creator = object.spec.creator.clone().unwrap();
            let staff = format!("{}.staff", object.metadata.name.as_ref().unwrap());
            seen.entry(creator).or_default().0.insert(staff);
        }
    }
    for object in &objects.users {
        let UserContent { user, standing } = parse(object).unwrap();
        let before = seen.entry(user.to_string()).or_default();
        before.1 = strictest([before.1, standing].into_iter());
    }
    seen
}

/// What is written in one go.
enum Step {
    State(UserId, Standing, Option<String>),
    Rewrite(String, Vec<String>, Option<UserId>),
    Enrol(String, String, UserId),
}

fn steps(plan: &RenamePlan<'_>, stated: &BTreeSet<UserId>) -> Vec<Step> {
    let name = |object: &&User| object.metadata.name.clone().unwrap();
    let state =
        |it: &Restated<'_>| Step::State(it.user.clone(), it.standing, it.own.first().map(name));
    let standings = plan.standings.iter().filter(|it| !stated.contains(&it.user));
    let mut steps: Vec<Step> = standings.map(state).collect();
    steps.extend(plan.memberships.iter().map(|it| {
        let name = it.object.metadata.name.clone().unwrap();
        Step::Rewrite(name, it.users.clone(), it.author.clone())
    }));
    steps.extend(plan.creators.iter().map(|(object, user)| {
        let metadata = &object.metadata;
        Step::Enrol(metadata.name.clone().unwrap(), metadata.uid.clone().unwrap(), user.clone())
    }));
    for lifted in &plan.lifted {
        for object in &lifted.own {
            steps.push(Step::State(lifted.user.clone(), lifted.standing, Some(name(object))));
        }
    }
    steps
}

fn carry_out(objects: &mut Objects, step: Step, mark: &str) -> Option<UserId> {
    match step {
        Step::State(user, standing, own) => {
            let name = own.unwrap_or_else(|| statement_name(&user));
            objects.users.retain(|it| it.metadata.name.as_ref() != Some(&name));
            let mut object = write(&name, &UserContent { user: user.clone(), standing });
            object.labels_mut().insert(MANAGED_BY.to_owned(), PASEE.to_owned());
            objects.users.push(object);
            return Some(user);
        }
        Step::Rewrite(name, users, author) => {
            let mut all = objects.memberships.iter_mut();
            let object = all.find(|it| it.metadata.name.as_ref() == Some(&name)).unwrap();
            object.spec.users = users;
            object.annotations_mut().insert(RENAMED.to_owned(), mark.to_owned());
            if let Some(author) = author {
                object.annotations_mut().insert(AUTHOR.to_owned(), author.to_string());
            }
        }
        Step::Enrol(group, uid, user) => {
            let text = format!(
                "{{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {{name: creator-{uid}, annotations: {{{ENROLS}: {uid}, \
                 {RENAMED}: '{mark}'}}}}, spec: {{group: {group}, role: Staff, users: [{user}]}}}}"
            );
            let Some(Manifest::Membership(object)) = manifest::read(&text).unwrap().pop() else {
                panic!("{text}")
            };
            objects.memberships.push(object);
        }
    }
    None
}

/// Runs it, stopped for good after so many writes; says whether it came to its end.
fn run(
    objects: &mut Objects,
    renaming: &Renaming,
    begun: &Begun,
    mut most: usize,
    check: &dyn Fn(&Objects),
) -> bool {
    let mut stated = BTreeSet::new();
    for _ in 0..20 {
        let there = Objects {
            groups: objects.groups.clone(),
            memberships: objects.memberships.clone(),
            users: objects.users.clone(),
            clients: Vec::new(),
        };
        let mut steps = steps(&plan(&there, renaming, begun, None, now()), &stated);
        let is_first = steps.iter().any(|it| !matches!(it, Step::State(..)));
        if steps.is_empty() {
            return true;
        }
        // Lifting is the last, and for what is there then.
        if is_first {
            let moved = steps.iter().rposition(|it| !matches!(it, Step::State(..))).unwrap();
            steps.truncate(moved + 1);
        }
        for step in steps {
            if most == 0 {
                return false;
            }
            most -= 1;
            stated.extend(carry_out(objects, step, &begun.mark));
            check(objects);
        }
    }
    panic!("it never ends");
}

const MAPS: [&str; 5] = [
    "k-a l-a\nk-b l-b\nk-c l-c\nk-root l-root",
    "k-a k-b\nk-b k-a",
    "k-a k-b\nk-b k-c\nk-c k-d\nk-d k-e",
    "k-b k-c\nk-c k-b\nk-a k-z",
    "k-b k-d",
];

/// Stopped after each write and begun anew, it comes to the same end, and at no time has anybody more than before.
#[test]
fn stopped_anywhere_it_is_gone_on_with() {
    for map in MAPS {
        let renaming = read(map);
        let before = seen(&objects());
        let check = |objects: &Objects| nobody_has_more(&renaming, &before, objects, map);
        let mut whole = objects();
        let of_whole = begun(&whole, &renaming);
        assert!(run(&mut whole, &renaming, &of_whole, usize::MAX, &check));
        let told = |objects: &Objects| -> Vec<_> {
            let seen = seen(objects).into_iter();
            seen.map(|(user, (groups, standing))| (user, groups, standing.banned)).collect()
        };
        for (old, new) in renaming.pairs() {
            let (was, _) = before.get(old.as_str()).cloned().unwrap_or_default();
            let (is, _) = seen(&whole).get(new.as_str()).cloned().unwrap_or_default();
            assert!(was.is_subset(&is), "{map}: {old} {was:?} {is:?}");
        }
        for most in 0.. {
            let mut stopped = objects();
            let begun = begun(&stopped, &renaming);
            if run(&mut stopped, &renaming, &begun, most, &check) {
                assert!(most >= 3, "{map}");
                break;
            }
            assert!(run(&mut stopped, &renaming, &begun, usize::MAX, &check));
            assert_eq!(told(&stopped), told(&whole), "{map}: after {most}");
        }
        if !renaming.has_chains() {
            let again = plan(&whole, &renaming, &of_whole, None, now());
            assert!(again.is_empty(), "{map}: {again:?}");
        }
    }
}

fn nobody_has_more(renaming: &Renaming, before: &Seen, objects: &Objects, map: &str) {
    let now = seen(objects);
    let of = |seen: &Seen, user: &UserId| seen.get(user.as_str()).cloned().unwrap_or_default();
    for user in now.keys().chain(before.keys()) {
        let user: UserId = user.parse().unwrap();
        let ((had, was), (has, is)) = (of(before, &user), of(&now, &user));
        let gained: BTreeSet<String> = has.difference(&had).cloned().collect();
        let Some(former) = renaming.former_name(&user) else {
            assert!(gained.is_empty(), "{map}: {user} gained {gained:?}");
            assert!(is.banned || !was.banned, "{map}: {user} is banned no more");
            continue;
        };
        let (of_former, said) = of(before, &former);
        assert!(gained.is_subset(&of_former), "{map}: {user} gained {gained:?}");
        if !gained.is_empty() {
            assert!(is.banned || !said.banned, "{map}: {user} has what the banned {former} had");
            assert_ne!(is.not_before, was.not_before, "{map}: sessions of {user} go on with more");
        }
        if was.banned && !is.banned {
            assert!(renaming.new_name(&user).is_some() && !said.banned, "{map}: {user}");
            let kept: BTreeSet<String> = has.difference(&of_former).cloned().collect();
            assert!(kept.is_empty(), "{map}: {user} is let in with {kept:?} of somebody banned");
        }
    }
}

#[test]
fn what_only_others_change() {
    let (objects, renaming) =
        (objects(), read("k-g l-g\nk8s-ci:deployer k-d2\nk-a l-a\nk-nobody l-n"));
    let begun = begun(&objects, &renaming);
    let made = plan(&objects, &renaming, &begun, None, now());
    assert_eq!(
        made.elsewhere,
        [
            "Group/a: spec.creator is k-a, who made it; where it is applied anew, write l-a",
            "Group/b: spec.creator is k-a, who made it; where it is applied anew, write l-a",
            "Membership/git: spec.users has k-g; write l-g",
            "Membership/git: spec.serviceAccounts has k8s-ci:deployer; write k-d2",
            "User/gits: spec.username is k-g; write l-g",
        ]
    );
    assert!(made.in_the_way.is_empty());
    let banned = made.standings.iter().find(|it| it.user.as_str() == "l-g").unwrap();
    assert!(banned.standing.banned, "a ban of somebody else's object follows too");
    assert!(made.standings[0].standing.banned, "and goes first");
    let told: Vec<String> = made.renamed.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "k-a is l-a now: 2 memberships, 2 made by them",
            "k-g is l-g now: 0 memberships, banned",
            "k8s-ci:deployer is k-d2 now: 0 memberships",
        ]
    );
    // What an id says of one person there it must not say of another.
    let swap = read("k-g k-a\nk-a k-g");
    let begun = self::begun(&objects, &swap);
    let refused = plan(&objects, &swap, &begun, None, now()).in_the_way;
    assert_eq!(refused.len(), 2, "{refused:?}");
}

#[test]
fn somebody_stays_on_the_root_staff() {
    let takes = |map: &str| {
        let (objects, renaming) = (objects(), read(map));
        let begun = begun(&objects, &renaming);
        plan(&objects, &renaming, &begun, None, now()).takes_the_last
    };
    assert!(takes("k-root k-g"), "who is banned cannot act");
    assert!(takes("k-root k-b"));
    assert!(!takes("k-root k-b\nk-b k-x"), "whose ban goes with them");
    assert!(!takes("k-b k-root\nk-root k-b"));
    assert!(!takes("k-root l-root"));
    assert!(!takes("k-a l-a"));
}

#[test]
fn a_line_that_is_missing() {
    let (objects, renaming) = (objects(), read("k- l-\nk-a l-b"));
    let begun = begun(&objects, &renaming);
    let collision = plan(&objects, &renaming, &begun, None, now()).collision.unwrap();
    assert_eq!(collision.other.as_str(), "k-b");
}

#[test]
fn only_what_writes_nothing_is_empty() {
    let objects = objects();
    let user: UserId = "k-a".parse().unwrap();
    let restated =
        || vec![Restated { user: user.clone(), standing: Standing::default(), own: Vec::new() }];
    let rewritten =
        vec![Rewritten { object: &objects.memberships[0], users: Vec::new(), author: None }];
    let creators = vec![(&objects.groups[0], user.clone())];
    assert!(RenamePlan::default().is_empty());
    for plan in [
        RenamePlan { standings: restated(), ..RenamePlan::default() },
        RenamePlan { memberships: rewritten, ..RenamePlan::default() },
        RenamePlan { creators, ..RenamePlan::default() },
        RenamePlan { lifted: restated(), ..RenamePlan::default() },
    ] {
        assert!(!plan.is_empty(), "{plan:?}");
    }
}

/// Of whom a plan says something, whether that is a ban, and in which objects it stands already.
fn said(restated: &[Restated<'_>]) -> Vec<(String, bool, Vec<String>)> {
    let own = |it: &Restated<'_>| it.own.iter().map(|object| object.name_any()).collect();
    restated.iter().map(|it| (it.user.to_string(), it.standing.banned, own(it))).collect()
}

fn entry(user: &str, is_banned: bool, own: &[&str]) -> (String, bool, Vec<String>) {
    (user.to_owned(), is_banned, own.iter().map(|&name| name.to_owned()).collect())
}

/// What is lifted is lifted last, in our own objects, and only where somebody else has the id.
#[test]
fn a_ban_is_lifted_where_it_stands() {
    let said_by = |map: &str| {
        let (mut objects, renaming) = (objects(), read(map));
        let text = "{apiVersion: pasee.meltylab.fr/v1, kind: User, metadata: {name: quiet}, spec: {username: k-quiet, notBefore: \
                    '2020-01-01T00:00:00Z'}}";
        let Some(Manifest::User(quiet)) = manifest::read(text).unwrap().pop() else { panic!() };
        objects.users.push(quiet);
        let begun = begun(&objects, &renaming);
        let plan = plan(&objects, &renaming, &begun, None, now());
        let not_before: Vec<i64> = plan
            .standings
            .iter()
            .filter_map(|it| it.standing.not_before.map(Timestamp::as_unix))
            .collect();
        (said(&plan.standings), said(&plan.lifted), not_before)
    };
    // Both go on with what the other had, whose sessions end.
    let until_all_is_done = vec![entry("k-b", true, &["own"]), entry("k-c", true, &[])];
    let ends = vec![now().as_unix(); 2];
    assert_eq!(
        said_by("k-b k-c\nk-c k-b"),
        (until_all_is_done, vec![entry("k-b", false, &["own"])], ends)
    );
    // Whoever comes to somebody who is banned is.
    let (standings, lifted, _) = said_by("k-c k-b");
    assert_eq!((standings, lifted), (vec![entry("k-b", true, &["own"])], Vec::new()));
    // A ban that only others can lift.
    let (_, lifted, _) = said_by("k-g k-c\nk-c k-g");
    assert_eq!(lifted, []);
    // Whoever is in no group is said of what was said.
    let revoked = vec![1_577_836_800];
    assert_eq!(
        said_by("k-quiet l-quiet"),
        (vec![entry("l-quiet", false, &[])], Vec::new(), revoked)
    );
}

#[test]
fn what_they_have_made_is_counted() {
    let (objects, renaming) = (objects(), read("k-b l-b"));
    let begun = begun(&objects, &renaming);
    let plan = plan(&objects, &renaming, &begun, None, now());
    let told: Vec<String> = plan.renamed.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["k-b is l-b now: 2 memberships, 1 made by them, banned"]);
}

/// A Membership is the one by which a creator is staff when it has both its name and its mark.
#[test]
fn creators_are_staff_by_one_membership() {
    for (name, marked, is_staff) in [
        ("creator-ua", "ua", true),
        ("creator-ua", "ub", false),
        ("other", "ua", false),
        ("other", "ub", false),
    ] {
        let (mut objects, renaming) = (objects(), read("k-a l-a"));
        let text = format!(
            "{{apiVersion: pasee.meltylab.fr/v1, kind: Membership, metadata: {{name: {name}, annotations: {{{ENROLS}: {marked}}}}}, \
             spec: {{group: a, role: Staff, users: [k-a]}}}}"
        );
        let Some(Manifest::Membership(object)) = manifest::read(&text).unwrap().pop() else {
            panic!("{text}")
        };
        objects.memberships.push(object);
        let begun = begun(&objects, &renaming);
        let plan = plan(&objects, &renaming, &begun, None, now());
        let to_enrol: Vec<String> =
            plan.creators.iter().map(|(group, _)| group.name_any()).collect();
        assert_eq!(to_enrol.is_empty(), is_staff, "{name} {marked}: {to_enrol:?}");
    }
}
