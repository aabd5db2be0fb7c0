//! What others write counts, and stays as they wrote it.

use pasee::domain::change::{Ban, Change};
use pasee::domain::membership::Membership;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::{Realm, WriteError};
use sha2::{Digest, Sha256};

use crate::stage::{Stage, group, membership, noon};
use crate::support::controlplane;

const VERSION: &str = "{.metadata.resourceVersion}";

fn ban(user: &str, banned: Ban) -> Change {
    Change::SetBanned { user: user.parse().unwrap(), banned }
}

fn is_banned(stage: &Stage, user: &str) -> bool {
    stage.store.directory().record(&user.parse().unwrap(), noon()).standing.banned
}

fn user(name: &str, username: &str) -> String {
    serde_json::json!({
        "apiVersion": "pasee.meltylab.fr/v1", "kind": "User",
        "metadata": { "name": name }, "spec": { "username": username, "banned": true },
    })
    .to_string()
}

#[test]
fn memberships_of_others_count_and_are_never_touched() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.apply(&group("a"));
    stage.apply(&membership("theirs", "a", &["k-ada", "k-bob"]));
    stage.eventually("a", Some(&["k-ada", "k-bob"]));
    let before = stage.field("membership/theirs", VERSION);
    assert!(matches!(stage.add("a", "k-ada"), Err(WriteError::AlreadyMember)));
    let refused = stage.remove("a", "k-ada");
    let Err(WriteError::ElsewhereOwned(object)) = refused else { panic!("{refused:?}") };
    assert_eq!(object, "Membership theirs");
    let refused = stage.write(Change::DeleteUser("k-ada".parse().unwrap()));
    assert!(matches!(refused, Err(WriteError::ElsewhereOwned(_))), "{refused:?}");
    stage.add("a", "k-alan").unwrap();
    assert_eq!(stage.members("a").unwrap(), ["k-ada", "k-alan", "k-bob"]);
    stage.remove("a", "k-alan").unwrap();
    assert_eq!(stage.field("membership/theirs", VERSION), before);
    // Whoever wrote it takes them out.
    stage.apply(&membership("theirs", "a", &["k-bob"]));
    stage.eventually("a", Some(&["k-bob"]));
}

/// Neither a group of others nor one that holds something of theirs, however far below.
#[test]
fn groups_of_others_are_never_deleted() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    for name in ["g7", "mine", "mine.sub", "mine.sub.deep", "plain", "plain-x", "held", "held.sub"]
    {
        if name == "g7" || name == "mine.sub.deep" || name == "plain-x" {
            stage.apply(&group(name));
            stage.eventually(name, Some(&[]));
        } else {
            stage.create(name);
        }
    }
    stage.apply(&membership("theirs", "held.sub", &["k-ada"]));
    stage.eventually("held.sub", Some(&["k-ada"]));
    let delete = |name: &str| stage.write(Change::DeleteGroup(name.parse().unwrap()));
    for (name, object) in [
        ("g7", "Group g7"),
        ("mine.sub.deep", "Group mine.sub.deep"),
        ("mine.sub", "Group mine.sub.deep"),
        ("mine", "Group mine.sub.deep"),
        ("held.sub", "Membership theirs"),
        ("held", "Membership theirs"),
    ] {
        let refused = delete(name);
        let Err(WriteError::ElsewhereOwned(named)) = refused else { panic!("{name}: {refused:?}") };
        assert_eq!(named, object, "{name}");
        assert!(stage.members(name).is_some(), "{name} is still there");
    }
    // What only has a similar name is nobody's business.
    delete("plain").unwrap();
    assert!(stage.members("plain-x").is_some());
    stage.kubectl(&["delete", "membership/theirs", "group.pasee.meltylab.fr/mine.sub.deep"]);
    let deleted = |name: &'static str| move || delete(name).is_ok();
    crate::support::patience::eventually("held goes", deleted("held"));
    crate::support::patience::eventually("mine goes", deleted("mine"));
}

#[test]
fn what_is_made_says_who_made_it_and_is_shared() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.add("a", "k-ada").unwrap();
    stage.add("a", "k-bob").unwrap();
    stage.add("a.staff", "k-bob").unwrap();
    let made = stage.kubectl(&["get", "memberships", "-l", "app.kubernetes.io/managed-by=pasee", "-o",
        "jsonpath={range .items[*]}{.spec.role}:{.spec.users}:{.metadata.annotations.pasee\\.meltylab\\.fr/actor}{\"\\n\"}{end}"]);
    let mut made: Vec<&str> = made.lines().collect();
    made.sort_unstable();
    assert_eq!(made, ["Member:[\"k-ada\",\"k-bob\"]:operator", "Staff:[\"k-bob\"]:operator"]);
    // Of several the fullest takes in who comes, so that the others run empty.
    for (group, many, few) in [("s", "a", "b"), ("t", "b", "a")] {
        stage.create(group);
        for (name, users) in [(many, &["k-1", "k-2", "k-3"][..]), (few, &["k-4"])] {
            let mut own: serde_json::Value = serde_json::from_str(
                membership(&format!("{group}-{name}"), group, users).trim_start_matches("---\n"),
            )
            .unwrap();
            own["metadata"]["labels"] =
                serde_json::json!({ "app.kubernetes.io/managed-by": "pasee" });
            stage.apply(&own.to_string());
        }
        stage.eventually(group, Some(&["k-1", "k-2", "k-3", "k-4"]));
        stage.add(group, "k-5").unwrap();
        let users = stage.field(&format!("membership/{group}-{many}"), "{.spec.users}");
        assert_eq!(users, r#"["k-1","k-2","k-3","k-5"]"#);
        stage.remove(group, "k-4").unwrap();
        let left = stage.kubectl(&["get", "memberships", "-o", "name"]);
        assert!(!left.contains(&format!("/{group}-{few}\n")), "{left}");
    }
    let manager = stage.field("group/a", "{.metadata.managedFields[*].manager}");
    assert_eq!(manager, "pasee");
    stage.remove("a", "k-ada").unwrap();
    stage.remove("a", "k-bob").unwrap();
    let of_a = "jsonpath={.items[?(@.spec.group==\"a\")].spec.role}";
    let left = stage.kubectl(&["get", "memberships", "-o", of_a]);
    assert_eq!(left, "Staff", "an empty Membership is deleted");
}

#[test]
fn bans_of_others_count_and_stay() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.apply(&user("theirs", "k-ada"));
    crate::support::patience::eventually("k-ada is banned", || is_banned(&stage, "k-ada"));
    stage.write(ban("k-ada", Ban::Impose)).unwrap();
    let refused = stage.write(ban("k-ada", Ban::Lift));
    let Err(WriteError::ElsewhereOwned(object)) = refused else { panic!("{refused:?}") };
    assert_eq!(object, "User theirs");
    stage.kubectl(&["delete", "user.pasee.meltylab.fr/theirs"]);
    let gone = || stage.write(ban("k-ada", Ban::Lift)).is_ok();
    crate::support::patience::eventually("it can be lifted", gone);
    assert!(!is_banned(&stage, "k-ada"));
}

/// As after a restore, or a moment in which two replicas did not see each other.
#[test]
fn a_ban_in_several_objects_of_our_own_is_lifted_in_all() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    for name in ["one", "two", "three"] {
        let mut own: serde_json::Value = serde_json::from_str(&user(name, "k-ada")).unwrap();
        own["metadata"]["labels"] = serde_json::json!({ "app.kubernetes.io/managed-by": "pasee" });
        if name == "two" {
            own["spec"]["notBefore"] = serde_json::json!("2026-11-20T00:00:00Z");
        }
        stage.apply(&own.to_string());
    }
    crate::support::patience::eventually("k-ada is banned", || is_banned(&stage, "k-ada"));
    let kept = |field: &str| {
        let each = format!("jsonpath={{range .items[*]}}{field}{{\"\\n\"}}{{end}}");
        let kept = stage.kubectl(&["get", "users.pasee.meltylab.fr", "-o", &each]);
        kept.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    crate::support::patience::eventually("all are seen", || {
        // A lift that sees fewer is right about those, and the next is about the others.
        stage.write(ban("k-ada", Ban::Lift)).unwrap();
        kept("{.spec.banned}") == ["false"; 3]
    });
    assert!(!is_banned(&stage, "k-ada"));
    let revoked = kept("{.spec.notBefore}");
    assert!(revoked.iter().all(|moment| !moment.is_empty()), "each leaves one behind: {revoked:?}");
}

/// Somebody has taken the name that the store would give its object.
#[test]
fn a_name_that_is_taken_stops_no_ban() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let hash = Sha256::digest(b"k-bob");
    let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("pasee-{name}");
    stage.apply(&user(&name, "k-mallory"));
    let object = format!("user.pasee.meltylab.fr/{name}");
    let before = stage.field(&object, VERSION);
    stage.write(ban("k-bob", Ban::Impose)).unwrap();
    assert!(is_banned(&stage, "k-bob"));
    stage.write(ban("k-bob", Ban::Lift)).unwrap();
    assert!(!is_banned(&stage, "k-bob"));
    assert_eq!(stage.field(&object, VERSION), before);
}

/// A group that is deleted and made again starts empty, even before the garbage collector has come.
#[test]
fn a_group_made_again_revives_nobody() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.create("a.b");
    stage.add("a", "k-ada").unwrap();
    stage.add("a.b", "k-ada").unwrap();
    for _ in 0..5 {
        stage.kubectl(&["delete", "group.pasee.meltylab.fr/a", "--wait=false"]);
        stage.apply(&group("a"));
        let uid = stage.field("group.pasee.meltylab.fr/a", "{.metadata.uid}");
        crate::support::patience::eventually("the new group is seen", || {
            stage.members("a").is_some()
        });
        assert_eq!(stage.members("a"), Some(vec![]), "{uid}");
        assert!(!stage.store.directory().has_group(&"a.b".parse().unwrap()));
        stage.create("a.b");
        assert_eq!(stage.members("a.b"), Some(vec![]));
        stage.add("a", "k-ada").unwrap();
        stage.add("a.b", "k-ada").unwrap();
    }
}

/// Nobody saw the group that they were for, nor tied them to it; whoever makes one of that name over HTTP is told of them.
#[test]
fn a_group_is_not_made_over_what_waits_for_it() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.apply(&membership("waiting", "a", &["k-ada"]));
    stage.apply(&membership("waiting-too", "a", &["k-bob"]));
    stage.apply(&membership("nobody", "b", &[]));
    stage.apply(&group("a.below"));
    // Whoever makes the group with kubectl takes in what waits, as with RoleBindings. What was applied before is seen then.
    stage.apply(&membership("in-time", "c", &["k-ada"]));
    stage.apply(&group("c"));
    stage.eventually("c", Some(&["k-ada"]));
    let create = |name: &str| {
        let (group, creator) = (name.parse().unwrap(), Some("k-eve".parse().unwrap()));
        stage.write(Change::CreateGroup { group, creator })
    };
    let refused = create("a");
    assert!(
        matches!(&refused, Err(WriteError::Awaited(what)) if what == "Group a.below, Membership waiting, Membership waiting-too"),
        "{refused:?}"
    );
    create("b").unwrap();
    assert_eq!(stage.members("b"), Some(vec![]));
    // Unless they ask for it; who may not make the group takes in nothing either.
    stage.apply(&membership("asked-for", "d", &["k-ada"]));
    stage.apply(&group("d.below"));
    let adopt = |group: &str| Change::AdoptGroup {
        group: group.parse().unwrap(),
        creator: Some("k-eve".parse().unwrap()),
    };
    crate::support::patience::eventually("it is seen", || {
        matches!(create("d"), Err(WriteError::Awaited(_)))
    });
    stage.write(adopt("d")).unwrap();
    stage.eventually("d", Some(&["k-ada"]));
    stage.eventually("d.below", Some(&[]));
    assert_eq!(stage.members("d.staff"), Some(vec!["k-eve".to_owned()]));
    assert!(matches!(stage.write(adopt("d")), Err(WriteError::GroupExists)));
    for waiting in
        ["membership.pasee.meltylab.fr/waiting", "membership.pasee.meltylab.fr/waiting-too"]
    {
        stage.kubectl(&["delete", waiting]);
    }
    stage.kubectl(&["delete", "group.pasee.meltylab.fr/a.below"]);
    crate::support::patience::eventually("it can be made", || create("a").is_ok());
    assert_eq!(stage.members("a"), Some(vec![]));
}

/// The creator is staff at once, can be taken off before the controller has come, and it does not put them back.
#[test]
fn a_creator_who_is_taken_off_stays_off() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let creator = Some("k-ada".parse().unwrap());
    stage.write(Change::CreateGroup { group: "a".parse().unwrap(), creator }).unwrap();
    assert_eq!(stage.members("a.staff").unwrap(), ["k-ada"]);
    stage.remove("a.staff", "k-ada").unwrap();
    assert_eq!(stage.members("a.staff").unwrap(), [""; 0]);
    let enrolled = "{.metadata.annotations.pasee\\.meltylab\\.fr/creator-enrolled}";
    assert_eq!(stage.field("group.pasee.meltylab.fr/a", enrolled), "true");
    // A backup has no status, and the Group that comes of it has another uid: the creator gets nothing back.
    let kept: serde_json::Value =
        serde_json::from_str(&stage.kubectl(&["get", "group.pasee.meltylab.fr/a", "-o", "json"]))
            .unwrap();
    let restored = serde_json::json!({
        "apiVersion": kept["apiVersion"], "kind": kept["kind"], "spec": kept["spec"],
        "metadata": { "name": "restored", "annotations": kept["metadata"]["annotations"] },
    });
    stage.apply(&restored.to_string());
    stage.eventually("restored.staff", Some(&[]));
    let uid = stage.field("group.pasee.meltylab.fr/a", "{.metadata.uid}");
    // The place where the controller would put them is taken, and stays so.
    let place = format!("membership.pasee.meltylab.fr/creator-{uid}");
    assert_eq!(stage.field(&place, "{.spec.users}"), "");
    stage.add("a.staff", "k-ada").unwrap();
    stage.remove("a.staff", "k-ada").unwrap();
    assert_eq!(stage.field(&place, "{.metadata.ownerReferences[0].uid}"), uid);
    assert_eq!(stage.members("a.staff").unwrap(), [""; 0]);
}

#[test]
fn a_full_membership_is_followed_by_another() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    let users: Vec<String> = (0..499).map(|n| format!("k-{n}")).collect();
    let spec = serde_json::json!({ "group": "a", "users": users });
    let mut full = crate::support::realm::object("Membership", "full", &spec);
    full["metadata"]["labels"] = serde_json::json!({ "app.kubernetes.io/managed-by": "pasee" });
    stage.apply(&full.to_string());
    crate::support::patience::eventually("499 are in", || stage.members("a").unwrap().len() == 499);
    let count = || stage.kubectl(&["get", "memberships", "-o", "name"]).lines().count();
    stage.add("a", "k-499").unwrap();
    assert_eq!(count(), 1, "there was room");
    stage.add("a", "k-500").unwrap();
    assert_eq!(count(), 2);
    assert_eq!(stage.members("a").unwrap().len(), 501);
}

/// Two replicas write to the same Memberships; nobody gets lost, and each sees what the other did.
#[test]
fn replicas_do_not_undo_each_other() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    stage.add("a", "k-first").unwrap();
    let other = stage.replica();
    let add = |store: &dyn Realm, user: String| {
        let change = Change::AddMember(Membership {
            roster: "a".parse().unwrap(),
            user: user.parse().unwrap(),
            expires_at: None,
        });
        stage.runtime.block_on(store.write(permit(&Actor::operator(), change).unwrap())).unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| (0..25).for_each(|n| add(&stage.store, format!("k-one-{n}"))));
        scope.spawn(|| (0..25).for_each(|n| add(&other, format!("k-two-{n}"))));
    });
    crate::support::patience::eventually("all are in", || stage.members("a").unwrap().len() == 51);
    for user in ["k-one-24", "k-two-24", "k-first"] {
        let on = || other.directory().record(&user.parse().unwrap(), noon()).holdings.len() == 1;
        crate::support::patience::eventually("the other replica sees it", on);
    }
    let objects = stage.kubectl(&["get", "memberships", "-o", "name"]).lines().count();
    assert_eq!(objects, 1, "they shared one");
}
