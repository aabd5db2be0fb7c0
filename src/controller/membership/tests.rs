//! What is planned for every state of a Membership and its surroundings.

use kube::ResourceExt;

use super::*;
use crate::controller::tests::{at, cache, deleting, expiring, group, membership, owned, owner};
use crate::objects::client::Beside;
use crate::resources::Group;
use crate::resources::membership::{MembershipRole, ServiceAccount};
use crate::resources::{OAuthClient, OAuthClientSpec};

const NOW: i64 = 1_000;

fn plan_for(object: &Membership, groups: &[Group]) -> Plan<MembershipStatus> {
    plan_at(object, groups, NOW)
}

fn plan_at(object: &Membership, groups: &[Group], now: i64) -> Plan<MembershipStatus> {
    let cache = cache(groups, std::slice::from_ref(object));
    let around = dereference(&cache, &object.name_any()).unwrap();
    // The store keeps no users.
    let mut bare = object.clone();
    bare.spec.users.clear();
    bare.spec.service_accounts.clear();
    plan(&bare, &around, at(now), Some(at(now)))
}

fn short(plan: &Plan<MembershipStatus>) -> String {
    let step = |step: &Step<MembershipStatus>| match step {
        Step::Own(owner) => format!("own {}", owner.uid),
        Step::Enrol(_) => "enrol".to_owned(),
        Step::Delete => "delete".to_owned(),
        Step::Annotate(_) => "annotate".to_owned(),
        Step::Revoke(user, _) => format!("revoke {user}"),
        Step::Record(event) => format!("tell {}", event.reason),
        Step::Status(status) => {
            let users = status.users.map_or("?".to_owned(), |users| users.to_string());
            format!("status {} {users}", status.conditions[0].reason)
        }
    };
    plan.steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_membership_and_its_group() {
    let object = || membership("m", Some("a"), MembershipRole::Member, &["x-1", "x-2", "x-1"]);
    let (a, b) = (group("a", None), group("a.b", None));
    let below = || membership("m", Some("a.b"), MembershipRole::Staff, &[]);
    for (object, groups, wanted) in [
        (object(), vec![], "status GroupMissing 2, tell GroupMissing"),
        (object(), vec![b.clone()], "status GroupMissing 2, tell GroupMissing"),
        (object(), vec![a.clone()], "own uid-a, status InEffect 2"),
        (owned(object(), &[owner("a", "uid-a")]), vec![a.clone()], "status InEffect 2"),
        (
            owned(object(), &[owner("a", "uid-former")]),
            vec![a.clone()],
            "status GroupMissing 2, tell GroupMissing",
        ),
        (
            object(),
            vec![deleting(a.clone())],
            "own uid-a, status GroupNotReady 2, tell GroupNotReady",
        ),
        (
            object(),
            vec![group("a", Some("nobody"))],
            "own uid-a, status GroupNotReady 2, tell GroupNotReady",
        ),
        (below(), vec![b.clone()], "own uid-a.b, status GroupNotReady 0, tell GroupNotReady"),
        (below(), vec![a.clone(), b], "own uid-a.b, status InEffect 0"),
        (membership("m", None, MembershipRole::Staff, &["x-1"]), vec![], "status InEffect 1"),
        (deleting(object()), vec![a], ""),
    ] {
        assert_eq!(short(&plan_for(&object, &groups)), wanted, "{object:?} {groups:?}");
    }
}

#[test]
fn service_accounts_are_users() {
    let mut object = membership("m", None, MembershipRole::Staff, &["k8s-ci:deployer", "x-1"]);
    let account = ServiceAccount { namespace: "ci".to_owned(), name: "deployer".to_owned() };
    object.spec.service_accounts = vec![account];
    assert_eq!(short(&plan_for(&object, &[])), "status InEffect 2");
    object.spec.service_accounts[0].name = "De".to_owned();
    let wrong = "status InvalidServiceAccount 2, tell InvalidServiceAccount";
    assert_eq!(short(&plan_for(&object, &[])), wrong);
}

#[test]
fn wrong_ones_say_what_is_wrong() {
    let a = [group("a", None)];
    for (object, reason, part) in [
        (membership("m", Some("A"), MembershipRole::Member, &[]), "InvalidName", "spec.group"),
        (membership("m", Some("a.staff"), MembershipRole::Member, &[]), "InvalidName", "reserved"),
        (membership("m", None, MembershipRole::Member, &[]), "InvalidRole", "root staff"),
        (
            membership("m", Some("a"), MembershipRole::Member, &["x-1", "nobody"]),
            "InvalidUser",
            "users[1]",
        ),
        (membership("m", Some("a"), MembershipRole::Member, &["x-1"; 501]), "TooMuch", "500"),
        (
            expiring(membership("m", Some("a"), MembershipRole::Member, &[]), "tomorrow"),
            "InvalidTime",
            "spec.expiresAt",
        ),
    ] {
        let plan = plan_for(&object, &a);
        let condition = plan.steps.iter().find_map(|step| match step {
            Step::Status(status) => status.conditions.first(),
            _ => None,
        });
        let condition = condition.unwrap();
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("False", reason));
        assert!(condition.message.contains(part), "{condition:?}");
        assert_eq!(plan.again_at, None);
    }
}

/// A slip of the pen is told, and takes nothing from anybody: the provider may be set up later.
#[test]
fn users_of_no_provider_are_told_of() {
    let mut object =
        membership("m", None, MembershipRole::Staff, &["kisee-ada", "kise-ada", "kise-bob", "x-1"]);
    let told = |object: &Membership, providers: Option<&str>| {
        let mut cache = Cache::knowing(
            providers
                .map(|names| Beside { providers: names.parse().unwrap(), ..Beside::default() }),
        );
        let facts = cache.read_membership(object);
        cache.put_membership("m", Some(facts));
        let around = dereference(&cache, "m").unwrap();
        plan(object, &around, at(NOW), Some(at(NOW)))
    };
    let plan = told(&object, Some("kisee, k8s"));
    assert_eq!(short(&plan), "status InEffect 4, tell UnknownProvider");
    let Step::Status(status) = &plan.steps[0] else { panic!("{plan:?}") };
    let condition = status.conditions.last().unwrap();
    assert_eq!((&*condition.type_, &*condition.status), ("ProvidersKnown", "False"));
    for part in ["user kise-ada; the nearest one is kisee", "and 2 more users"] {
        assert!(condition.message.contains(part), "{condition:?}");
    }
    object.status = Some(status.clone());
    assert_eq!(short(&told(&object, Some("kisee, k8s"))), "", "once");
    for known in [None, Some("kisee, kise, x")] {
        let plan = told(&object, known);
        assert_eq!(short(&plan), "status InEffect 4");
        let Step::Status(status) = &plan.steps[0] else { panic!("{plan:?}") };
        assert!(status.conditions.iter().all(|one| one.type_ != "ProvidersKnown"));
    }
}

#[test]
fn it_ends_on_time() {
    let a = [group("a", None)];
    let tied =
        owned(membership("m", Some("a"), MembershipRole::Member, &["x-1"]), &[owner("a", "uid-a")]);
    let mut object = expiring(tied, "1970-01-01T00:16:41Z");
    let before = plan_at(&object, &a, NOW);
    assert_eq!((short(&before).as_str(), before.again_at), ("status InEffect 1", Some(at(1_001))));
    let Step::Status(status) = &before.steps[0] else { panic!("{before:?}") };
    object.status = Some(status.clone());
    let steady = plan_at(&object, &a, NOW);
    assert_eq!((short(&steady).as_str(), steady.again_at), ("", Some(at(1_001))));
    let over = plan_at(&object, &a, 1_001);
    assert_eq!((short(&over).as_str(), over.again_at), ("status Expired 1, tell Expired", None));
    let Step::Status(status) = &over.steps[0] else { panic!("{over:?}") };
    assert!(status.conditions[0].message.contains("1970-01-01T00:16:41Z"));
    object.status = Some(status.clone());
    assert_eq!(plan_at(&object, &a, 5_000), Plan::default());

    object.spec.expires_at = Some("1970-01-02T00:00:00Z".to_owned());
    let longer = plan_at(&object, &a, 5_000);
    assert_eq!(short(&longer), "status InEffect 1, tell InEffect");
    object.spec.expires_at = None;
    assert_eq!(plan_at(&object, &a, 5_000).again_at, None);
}

/// What HTTP wrote goes by itself when it has ended long ago; what others wrote is theirs to delete.
#[test]
fn what_has_ended_is_swept_after_a_while() {
    let end = 1_000_i64;
    let gone = end + 7 * 86_400;
    let ended = |name: &str, label: Option<&str>| {
        let object = membership(name, None, MembershipRole::Staff, &["x-1"]);
        let mut object = expiring(object, "1970-01-01T00:16:40Z");
        object.metadata.labels =
            label.map(|by| [("app.kubernetes.io/managed-by".to_owned(), by.to_owned())].into());
        object
    };
    let ours = ended("pasee-members-x", Some("pasee"));
    let first = plan_at(&ours, &[], end - 1);
    assert_eq!((short(&first).as_str(), first.again_at), ("status InEffect 1", Some(at(end))));
    for now in [end, gone - 1] {
        let kept = plan_at(&ours, &[], now);
        let told = "status Expired 1, tell Expired";
        assert_eq!((short(&kept).as_str(), kept.again_at), (told, Some(at(gone))));
    }
    for now in [gone, gone + 1_000] {
        let swept = plan_at(&ours, &[], now);
        assert_eq!((short(&swept).as_str(), swept.again_at), ("delete", None));
    }
    // A clock that is ahead, of this machine or of the API server, takes nothing away.
    let around = dereference(&cache(&[], std::slice::from_ref(&ours)), "pasee-members-x").unwrap();
    for past in [None, Some(at(gone - 1))] {
        let kept = plan(&ours, &around, at(gone + 1_000), past);
        let told = "status Expired 1, tell Expired";
        assert_eq!((short(&kept).as_str(), kept.again_at), (told, Some(at(gone + 1_060))));
    }
    for theirs in [
        ended("pasee-members-x", None),
        ended("pasee-members-x", Some("Helm")),
        ended("creator-705ab4f5-6393-11e8-b7cc-42010a800002", Some("pasee")),
    ] {
        let kept = plan_at(&theirs, &[], gone + 1_000);
        assert_eq!(
            (short(&kept).as_str(), kept.again_at),
            ("status Expired 1, tell Expired", None)
        );
    }
    let endless = {
        let mut object = ours;
        object.spec.expires_at = None;
        object
    };
    assert_eq!(short(&plan_at(&endless, &[], gone)), "status InEffect 1");
}

/// Nobody had to be hostile for it: whoever looks is to see why people are in a group that has only just been made.
#[test]
fn what_waited_for_its_group_says_so() {
    let made = |seconds: i64| {
        let at = jiff::Timestamp::from_second(seconds).unwrap();
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at))
    };
    let mut older = membership("m", Some("a"), MembershipRole::Member, &["x-1"]);
    let mut a = group("a", None);
    a.metadata.creation_timestamp = made(500);
    for (at, wanted) in [
        (None, "own uid-a, status InEffect 1"),
        (made(500), "own uid-a, status InEffect 1"),
        (made(600), "own uid-a, status InEffect 1"),
        (made(400), "own uid-a, tell Adopted, status InEffect 1"),
    ] {
        older.metadata.creation_timestamp = at;
        let plan = plan_for(&older, std::slice::from_ref(&a));
        assert_eq!(short(&plan), wanted);
        let says = plan.steps.iter().any(|step| match step {
            Step::Status(status) => status.conditions[0].message.contains("taken it in"),
            _ => false,
        });
        assert_eq!(says, wanted.contains("Adopted"));
    }
    let tied = owned(older, &[owner("a", "uid-a")]);
    assert_eq!(short(&plan_for(&tied, &[a])), "status InEffect 1", "told once");
}

/// A client that acts for itself is known by its id, wherever it is written down, and as soon as it is.
#[test]
fn programs_are_known_by_their_clients() {
    let users = ["client-ci", "client-co", "client-cu", "kisee-ada"];
    let object = membership("m", None, MembershipRole::Staff, &users);
    let beside =
        Beside { providers: "kisee".parse().unwrap(), clients: ["ci".parse().unwrap()].into() };
    let mut cache = Cache::knowing(Some(beside));
    let facts = cache.read_membership(&object);
    cache.put_membership("m", Some(facts));
    let told = |cache: &Cache| {
        let strangers = dereference(cache, "m").unwrap().strangers;
        strangers.map(|strangers| strangers.to_string()).unwrap_or_default()
    };
    assert_eq!(told(&cache), "", "nobody knows yet which objects there are");
    cache.keep_clients(&["cu".to_owned()].into());
    assert!(told(&cache).starts_with("no client is called co"), "{}", told(&cache));
    assert!(told(&cache).ends_with("and 1 more users of providers or clients that there are not"));
    for name in ["co", "cu"] {
        assert_eq!(cache.naming(Some(name)), ["m"]);
        cache.put_client(&OAuthClient::new(name, OAuthClientSpec::default()), &Ok(()));
    }
    assert_eq!(told(&cache), "", "ready or not, they are there");
    cache.drop_client("cu");
    assert!(told(&cache).starts_with("no client is called cu"));
    assert_eq!(cache.naming(Some("ada")), [""; 0]);
    assert_eq!(cache.naming(None), ["m"]);
}
