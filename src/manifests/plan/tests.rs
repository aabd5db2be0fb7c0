//! Plans against realms in memory; and any plan, carried out, gives what the manifests say.

use super::*;
use crate::domain::description::Description;
use crate::index::{Contents, Update};
use crate::manifests::Place;
use crate::resources::manifest;

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix(NOW).unwrap()
}

/// Who could log in: whoever is of `k`.
fn people() -> PossibleUsers {
    PossibleUsers::from(&"k, k8s".parse().unwrap())
}

fn realm(groups: &[&str], members: &[(&str, &str, Option<i64>)], banned: &[&str]) -> Contents {
    let mut contents = Contents::default();
    for group in groups {
        contents.apply(&Update::Created(group.parse().unwrap()));
    }
    for (roster, user, end) in members {
        let (roster, user) = (roster.parse().unwrap(), user.parse().unwrap());
        let expires_at = end.and_then(Timestamp::from_unix);
        contents.apply(&Update::Joined(Membership { roster, user, expires_at }));
    }
    for user in banned {
        let standing = Standing { banned: true, not_before: Timestamp::from_unix(1) };
        contents.apply(&Update::Stands { user: user.parse().unwrap(), standing });
    }
    contents
}

/// Objects in short: `Group NAME SPEC`, a line each.
fn wanted(lines: &[&str]) -> Wanted {
    let mut wanted = Wanted::default();
    for (number, line) in (1..).zip(lines) {
        let [kind, name, rest] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (spec, status) = rest.split_once('|').unwrap_or((rest, ""));
        let text = format!(
            "apiVersion: pasee.meltylab.fr/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\nstatus: {{{status}}}\n"
        );
        let place = Place { file: "f".into(), number };
        for object in manifest::read(&text).unwrap() {
            wanted.add(&object, place.clone()).unwrap();
        }
    }
    wanted
}

/// The outcomes and the changes, as text.
fn planned(lines: &[&str], realm: Contents, rest: Rest) -> (Vec<String>, Vec<String>) {
    let plan = plan(
        &wanted(lines),
        &crate::index::Index::new(realm),
        rest,
        RootStaff::Needed(&people()),
        now(),
    )
    .unwrap();
    let outcomes = plan.outcomes.iter().map(|(named, outcome)| format!("{named} {outcome}"));
    (outcomes.collect(), plan.changes.iter().map(short).collect())
}

fn short(change: &Change) -> String {
    match change {
        Change::CreateGroup { group, creator: None } => format!("create {group}"),
        Change::DeleteGroup(group) => format!("delete {group}"),
        Change::Describe { group, description } => {
            let text = description.as_ref().map_or("nothing", Description::as_str);
            format!("{group} is for {text}")
        }
        Change::AddMember(Membership { roster, user, expires_at }) => {
            let end = expires_at.map(|end| format!(" until {}", end.as_unix() - NOW));
            format!("{user} into {roster}{}", end.unwrap_or_default())
        }
        Change::RemoveMember { roster, user } => format!("{user} out of {roster}"),
        Change::SetBanned { user, banned } => format!("{banned:?} {user}"),
        Change::Revoke(user) => format!("revoke {user}"),
        Change::EndSession { .. } => panic!("a manifest ends no session"),
        Change::Declare { user, banned, not_before } => {
            let ban = banned.map_or_else(|| "Keep".to_owned(), |banned| format!("{banned:?}"));
            let at = not_before.map(|at| format!(" {}", at.as_unix())).unwrap_or_default();
            format!("{ban} {user}{at}")
        }
        other => panic!("{other:?}"),
    }
}

/// A moment some seconds from now, as manifests write it.
fn at(seconds: i64) -> String {
    format!(
        "\"{}\"",
        crate::resources::rfc3339::write(Timestamp::from_unix(NOW + seconds).unwrap())
    )
}

#[test]
fn parents_come_first_and_creators_are_staff_of_new_groups() {
    let lines = [
        "Membership m group: a.b, users: [k-a]",
        "Group a.b creator: k-c",
        "Group a creator: k-old",
    ];
    let (outcomes, changes) = planned(&lines, realm(&["a"], &[], &[]), Rest::Keep);
    assert_eq!(outcomes, ["membership/m created", "group/a.b created", "group/a unchanged"]);
    assert_eq!(changes, ["create a.b", "k-c into a.b.staff", "k-a into a.b"]);
    let enrolled = ["Group a creator: k-c|creatorEnrolled: true"];
    assert_eq!(planned(&enrolled, realm(&[], &[], &[]), Rest::Keep).1, ["create a"]);
    let until = format!("Membership m group: a, role: Staff, users: [k-c], expiresAt: {}", at(60));
    let both = ["Group a creator: k-c", &until];
    assert_eq!(
        planned(&both, realm(&[], &[], &[]), Rest::Keep).1,
        ["create a", "k-c into a.staff"],
        "the creator is staff without an end, as in Kubernetes"
    );
}

#[test]
fn ends_become_what_the_manifests_say() {
    let there = |end| realm(&["a"], &[("a", "k-a", end)], &[]);
    let until = format!("Membership m group: a, users: [k-a], expiresAt: {}", at(60));
    let endless = "Membership m group: a, users: [k-a]";
    let gone = format!("Membership m group: a, users: [k-a], expiresAt: {}", at(0));
    for (line, end, outcome, changes) in [
        (until.as_str(), None, "configured", vec!["k-a out of a", "k-a into a until 60"]),
        (&until, Some(NOW + 30), "configured", vec!["k-a out of a", "k-a into a until 60"]),
        (&until, Some(NOW + 60), "unchanged", vec![]),
        (&until, Some(NOW), "created", vec!["k-a into a until 60"]),
        (endless, Some(NOW + 60), "configured", vec!["k-a out of a", "k-a into a"]),
        (endless, None, "unchanged", vec![]),
        (&gone, None, "configured", vec!["k-a out of a"]),
        (&gone, Some(NOW - 5), "unchanged", vec![]),
    ] {
        let (outcomes, made) = planned(&[line], there(end), Rest::Keep);
        assert_eq!(outcomes, [format!("membership/m {outcome}")], "{line} {end:?}");
        assert_eq!(made, changes, "{line} {end:?}");
    }
    let some = ["Membership m group: a, users: [k-a, k-b]"];
    assert_eq!(planned(&some, there(None), Rest::Keep).0, ["membership/m configured"]);
    let none = ["Membership m group: a"];
    assert_eq!(planned(&none, there(None), Rest::Keep).0, ["membership/m unchanged"]);
}

#[test]
fn bans_go_both_ways_and_revocations_one() {
    let there = || realm(&[], &[], &["k-a"]);
    let line = "User a username: k-a, banned: true, notBefore: \"1970-01-01T00:00:09Z\"";
    let (outcomes, changes) = planned(&[line], there(), Rest::Keep);
    assert_eq!(
        (outcomes, changes),
        (vec!["user/a configured".into()], vec!["Impose k-a 9".into()])
    );
    // What is not said stays as it is, also where the rest goes.
    for rest in [Rest::Keep, Rest::Prune] {
        let silent = planned(&["User a username: k-a"], there(), rest);
        assert_eq!(silent, (vec!["user/a unchanged".into()], vec![]));
        let revoking = "User a username: k-a, notBefore: \"1970-01-01T00:00:09Z\"";
        assert_eq!(planned(&[revoking], there(), rest).1, ["Keep k-a 9"]);
    }
    let lifting = ["User a username: k-a, banned: false"];
    let (outcomes, changes) = planned(&lifting, there(), Rest::Keep);
    assert_eq!((outcomes, changes), (vec!["user/a configured".into()], vec!["Lift k-a".into()]));
    let several = [lifting[0], "User b username: k-a, banned: true", "User c username: k-a"];
    assert_eq!(planned(&several, there(), Rest::Keep).1, Vec::<String>::new(), "the strictest");
    let mut revoked = there();
    let standing = Standing { banned: false, not_before: Timestamp::from_unix(9) };
    revoked.apply(&Update::Stands { user: "k-a".parse().unwrap(), standing });
    let index = crate::index::Index::new(revoked);
    for (not_before, told) in [("08", true), ("09", false)] {
        let line = format!("User a username: k-a, notBefore: \"1970-01-01T00:00:{not_before}Z\"");
        let plan = plan(&wanted(&[&line]), &index, Rest::Keep, RootStaff::Needed(&people()), now())
            .unwrap();
        assert_eq!(plan.outcomes[0].1, Outcome::Unchanged);
        assert!(plan.changes.is_empty());
        assert_eq!(!plan.revoked_later.is_empty(), told);
    }
}

#[test]
fn the_rest_stays_or_goes() {
    let there = || {
        realm(
            &["a", "a.b", "a-c", "d", "d.e", "f"],
            &[
                ("staff", "k-root", None),
                ("staff", "k-eve", None),
                ("a", "k-a", None),
                ("a", "k-eve", None),
                ("f.staff", "k-maker", None),
                ("f.staff", "k-eve", None),
                ("a", "k-past", Some(NOW - 1)),
                ("d.e", "k-d", None),
            ],
            &["k-bad", "k-worse"],
        )
    };
    let lines = [
        "Group a {}",
        "Group f creator: k-maker",
        "Membership m group: a, users: [k-a]",
        "Membership r role: Staff, users: [k-root]",
        "User w username: k-worse, banned: true",
    ]
    .map(|line| line.replace("{}", ""));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(planned(&lines, there(), Rest::Keep).1, Vec::<String>::new());
    let (outcomes, changes) = planned(&lines, there(), Rest::Prune);
    assert!(outcomes.iter().all(|line| line.ends_with(" unchanged")), "{outcomes:?}");
    assert_eq!(
        changes,
        [
            "k-eve out of staff",
            "k-eve out of a",
            "delete a-c",
            "delete a.b",
            "delete d",
            "k-eve out of f.staff",
            "Lift k-bad",
        ]
    );
}

/// What no manifest says stays, and what is said already is not said again.
#[test]
fn groups_are_described() {
    let there = || {
        let mut there = realm(&["a", "b", "c", "d"], &[], &[]);
        for (group, text) in [("a", "x"), ("b", "x"), ("c", "x"), ("d", "x")] {
            let description = Description::read(text).unwrap();
            there.apply(&Update::Described(group.parse().unwrap(), description));
        }
        there
    };
    let lines = [
        "Group a description: x",
        "Group b description: z",
        "Group c description: ''",
        "Group d creator: k-a",
        "Group new description: new",
    ];
    let (outcomes, changes) = planned(&lines, there(), Rest::Prune);
    assert_eq!(
        outcomes,
        ["a unchanged", "b configured", "c configured", "d unchanged", "new created"]
            .map(|outcome| format!("group/{outcome}"))
    );
    assert_eq!(changes, ["b is for z", "c is for nothing", "create new", "new is for new"]);
}

#[test]
fn groups_that_are_nowhere() {
    let lines = [
        "Group a.b description: x",
        "Membership m group: c, users: [k-a]",
        "Membership o group: a.b, users: [k-a]",
    ];
    let index = crate::index::Index::new(realm(&["c"], &[], &[]));
    let lacks = |rest| {
        let lacks =
            plan(&wanted(&lines), &index, rest, RootStaff::Needed(&people()), now()).unwrap_err();
        lacks.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let parent =
        "f: object 1: group/a.b is below the group a, which is nowhere; write a Group for it";
    let group =
        "f: object 2: membership/m is of the group c, which is nowhere; write a Group for it";
    assert_eq!(lacks(Rest::Keep), [parent]);
    assert_eq!(lacks(Rest::Prune), [parent, group]);
}

/// A manifest of one kind says nothing of the others.
#[test]
fn only_kinds_that_there_are_objects_of_are_pruned() {
    let there = || {
        let members = [("staff", "k-root", None), ("a", "k-a", None), ("b", "k-b", None)];
        realm(&["a", "b"], &members, &["k-bad"])
    };
    for (line, changes) in [
        ("User u username: k-x", vec!["Lift k-bad"]),
        ("Group a description: x", vec!["a is for x", "delete b"]),
        ("Membership m group: a, users: [k-a]", vec!["k-b out of b"]),
        ("Membership m role: Staff, users: [k-root]", vec!["k-a out of a", "k-b out of b"]),
    ] {
        assert_eq!(planned(&[line], there(), Rest::Prune).1, changes, "{line}");
    }
}

#[test]
fn the_last_root_staff_goes_only_when_that_is_meant() {
    let there =
        || realm(&["a"], &[("staff", "k-root", None), ("staff", "k-bad", None)], &["k-bad"]);
    let root = |spec: &str| format!("Membership r role: Staff, {spec}");
    let gone = root(&format!("users: [k-root], expiresAt: {}", at(0)));
    let banned = root("users: [k-bad]");
    let successor = root("users: [k-new]").replace("Membership r", "Membership s");
    let elsewhere = successor.replace("k-new", "former-new");
    let account = root("serviceAccounts: [{namespace: ci, name: gone}]").replace(" r ", " s ");
    let brief = root(&format!("users: [k-new], expiresAt: {}", at(30)));
    let people = people();
    let made = |lines: &[&str], rest, root_staff| {
        let index = crate::index::Index::new(there());
        let plan = plan(&wanted(lines), &index, rest, root_staff, now());
        plan.map(|plan| (plan.changes.iter().map(short).collect::<Vec<_>>(), plan.kept.len()))
            .map_err(|lacks| lacks.iter().map(ToString::to_string).collect::<String>())
    };
    let silent = "Membership m group: a, users: [k-a]";
    for (lines, rest, needed, dispensable) in [
        (vec![silent], Rest::Prune, Some(2), vec!["k-bad out of staff", "k-root out of staff"]),
        (vec![&banned], Rest::Prune, Some(2), vec!["k-root out of staff"]),
        (vec![&gone], Rest::Keep, None, vec!["k-root out of staff"]),
        (vec![&gone], Rest::Prune, None, vec!["k-root out of staff", "k-bad out of staff"]),
        (vec!["User u username: k-root, banned: true"], Rest::Keep, None, vec!["Impose k-root"]),
        (vec![&successor], Rest::Prune, Some(0), vec![]),
        (vec![&elsewhere], Rest::Prune, Some(2), vec!["k-root out of staff", "k-bad out of staff"]),
        (vec![&account], Rest::Prune, Some(2), vec!["k-root out of staff", "k-bad out of staff"]),
        (vec![&account, &gone], Rest::Keep, None, vec!["k-root out of staff"]),
        (vec![&brief], Rest::Prune, Some(2), vec!["k-root out of staff"]),
        (vec![&successor, &gone], Rest::Keep, Some(0), vec![]),
    ] {
        let careful = made(&lines, rest, RootStaff::Needed(&people));
        match needed {
            None => assert!(careful.unwrap_err().contains("--allow-no-root-staff"), "{lines:?}"),
            Some(kept) => assert_eq!(careful.unwrap().1, kept, "{lines:?}"),
        }
        let (changes, kept) = made(&lines, rest, RootStaff::Dispensable).unwrap();
        assert_eq!(kept, 0);
        for change in dispensable {
            assert!(changes.iter().any(|it| it == change), "{lines:?} {changes:?}");
        }
    }
}
