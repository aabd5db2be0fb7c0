//! What is planned for every state of a Group and its surroundings.

use kube::runtime::events::EventType;

use super::*;
use crate::controller::plan::Event;
use crate::controller::status::CREATOR_ENROLLED;
use crate::controller::tests::{at, cache, deleting, expiring, group, membership, owned, owner};
use crate::objects::owner::Ownership;

const NOW: i64 = 1_000;

fn planned(object: &Group, cache: &Cache) -> Plan<GroupStatus> {
    let around = dereference(cache, &object.name_any(), at(NOW)).unwrap();
    plan(object, &around, at(NOW))
}

/// The plan for the first of the groups.
fn plan_for(groups: &[Group], memberships: &[Membership]) -> Plan<GroupStatus> {
    planned(&groups[0], &cache(groups, memberships))
}

/// The steps in short: `own a`, `enrol`, `status Reason members/staff/subgroups`, `tell Reason`.
fn short(plan: &Plan<GroupStatus>) -> Vec<String> {
    let step = |step: &Step<GroupStatus>| match step {
        Step::Own(owner) => format!("own {}", owner.uid),
        Step::Enrol(_) => "enrol".to_owned(),
        Step::Annotate(_) => "annotate".to_owned(),
        Step::Delete => "delete".to_owned(),
        Step::Revoke(user, _) => format!("revoke {user}"),
        Step::Record(event) => format!("tell {}", event.reason),
        Step::Status(status) => {
            let GroupStatus { conditions, members, staff, subgroups, creator_enrolled, .. } =
                status;
            let [members, staff, subgroups] =
                [members, staff, subgroups].map(|count| count.unwrap());
            let reasons: Vec<&str> = conditions.iter().map(|one| one.reason.as_str()).collect();
            let enrolled = if *creator_enrolled == Some(true) { " enrolled" } else { "" };
            format!("status {} {members}/{staff}/{subgroups}{enrolled}", reasons.join(" "))
        }
    };
    plan.steps.iter().map(step).collect()
}

#[test]
fn a_group_and_what_is_above() {
    let child = || group("a.b", None);
    let tied = |uid| owned(child(), &[owner("a", uid)]);
    let missing = ["status ParentMissing 0/0/0", "tell ParentMissing"];
    let waiting = ["status ParentNotReady 0/0/0", "tell ParentNotReady"];
    let fine = "status InEffect 0/0/0";
    let tie = "own uid-a";
    let with_tie = |steps: &[&'static str]| -> Vec<&'static str> {
        [tie].into_iter().chain(steps.iter().copied()).collect()
    };
    let invalid = group("a", Some("nobody"));
    for (groups, wanted) in [
        (vec![group("a", None)], vec![fine]),
        (vec![child()], missing.to_vec()),
        (vec![child(), group("b", None)], missing.to_vec()),
        (vec![child(), group("a", None)], with_tie(&[fine])),
        (vec![tied("uid-a"), group("a", None)], vec![fine]),
        (vec![child(), deleting(group("a", None))], with_tie(&waiting)),
        (vec![tied("uid-a"), deleting(group("a", None))], waiting.to_vec()),
        (vec![child(), invalid], with_tie(&waiting)),
        // Made again: garbage collection deletes what belonged to the former one.
        (vec![tied("uid-former"), group("a", None)], missing.to_vec()),
        (vec![tied("uid-former")], missing.to_vec()),
        (vec![owned(child(), &[owner("other", "x")]), group("a", None)], with_tie(&[fine])),
        (vec![deleting(child()), group("a", None)], vec![]),
        (vec![deleting(child())], vec![]),
        (vec![group("my--a.b", None), group("my--a", None)], vec!["own uid-my--a", fine]),
    ] {
        assert_eq!(short(&plan_for(&groups, &[])), wanted, "{groups:?}");
    }
}

#[test]
fn the_whole_chain_counts() {
    let (top, middle, bottom) = (group("a", None), group("a.b", None), group("a.b.c", None));
    let last = |groups: &[Group]| short(&plan_for(groups, &[])).join(", ");
    assert_eq!(
        last(&[bottom.clone(), middle.clone(), top.clone()]),
        "own uid-a.b, status InEffect 0/0/0"
    );
    assert_eq!(
        last(&[bottom.clone(), middle.clone()]),
        "own uid-a.b, status ParentNotReady 0/0/0, tell ParentNotReady"
    );
    assert!(last(&[bottom.clone(), top.clone()]).contains("ParentMissing"));
    let former = owned(middle.clone(), &[owner("a", "uid-former")]);
    assert!(last(&[bottom, former, top.clone()]).contains("ParentNotReady"));
    let counted =
        last(&[top.clone(), middle, group("a.b.c", None), group("a.d", None), group("ab", None)]);
    assert_eq!(counted, "status InEffect 0/0/2", "one level below, in effect");
    assert_eq!(last(&[top, deleting(group("a.b", None))]), "status InEffect 0/0/0");
}

#[test]
fn wrong_ones_say_what_is_wrong() {
    for (name, creator, reason, part) in [
        ("A", None, "InvalidName", "metadata.name"),
        ("staff", None, "InvalidName", "reserved"),
        ("a_b", None, "InvalidName", "metadata.name"),
        ("a", Some("nobody"), "InvalidUser", "spec.creator"),
    ] {
        let object = group(name, creator);
        let plan = plan_for(&[object], &[]);
        let [Step::Status(status), Step::Record(event)] = plan.steps.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(status.conditions[0].status, "False");
        assert_eq!(status.conditions[0].reason, reason);
        assert!(status.conditions[0].message.contains(part), "{status:?}");
        assert_eq!(status.observed_generation, Some(1));
        assert_eq!((event.type_, event.reason.as_str()), (EventType::Warning, reason));
    }
    let long = Group {
        spec: crate::resources::GroupSpec { description: Some("é".repeat(1025)), creator: None },
        ..group("a", None)
    };
    assert!(short(&plan_for(&[long], &[]))[0].contains("TooMuch"));
}

#[test]
fn counts_are_of_what_is_in_effect() {
    let of = |name: &str, role, users: &[&str]| membership(name, Some("a"), role, users);
    let memberships = [
        of("one", MembershipRole::Member, &["x-1", "x-2", "x-2"]),
        of("two", MembershipRole::Member, &["x-2", "x-3"]),
        of("staff", MembershipRole::Staff, &["x-1"]),
        expiring(of("over", MembershipRole::Member, &["x-4"]), "1970-01-01T00:16:40Z"),
        expiring(of("later", MembershipRole::Member, &["x-5"]), "1970-01-01T00:16:41Z"),
        expiring(of("latest", MembershipRole::Staff, &["x-6"]), "1970-01-01T01:00:00Z"),
        of("wrong", MembershipRole::Member, &["x-7", "nobody"]),
        deleting(of("going", MembershipRole::Member, &["x-8"])),
        owned(of("old", MembershipRole::Member, &["x-9"]), &[owner("a", "uid-former")]),
        owned(of("tied", MembershipRole::Staff, &["x-1", "x-10"]), &[owner("a", "uid-a")]),
        membership("other", Some("b"), MembershipRole::Member, &["x-11"]),
        membership("root", None, MembershipRole::Staff, &["x-12"]),
    ];
    let plan = plan_for(&[group("a", None)], &memberships);
    assert_eq!(short(&plan), ["status InEffect 5/3/0"]);
    assert_eq!(plan.again_at, Some(at(NOW + 1)), "when the next one ends");
    let below_nothing = [membership("m", Some("a.b"), MembershipRole::Member, &["x-1"])];
    assert!(short(&plan_for(&[group("a.b", None)], &below_nothing))[0].ends_with("0/0/0"));
}

#[test]
fn the_creator_is_enrolled_once() {
    let object = group("a", Some("x-ada"));
    let plan = plan_for(std::slice::from_ref(&object), &[]);
    assert_eq!(short(&plan), ["enrol", "annotate", "status InEffect 0/1/0 enrolled"]);
    let Step::Enrol(made) = &plan.steps[0] else { panic!("{plan:?}") };
    let facts = Cache::default().read_membership(made);
    assert_eq!(made.name_any(), "creator-uid-a");
    assert_eq!(
        (made.spec.role, made.spec.users.as_slice()),
        (MembershipRole::Staff, &["x-ada".to_owned()][..])
    );
    assert_eq!(facts.owners.ownership("uid-a"), Ownership::Owned);
    assert!(facts.content.is_ok());

    // The process ended before the status was written.
    let again = plan_for(std::slice::from_ref(&object), std::slice::from_ref(made));
    assert_eq!(short(&again), ["annotate", "status InEffect 0/1/0 enrolled"]);
    // Somebody removed the creator even before that: they are not put back.
    let mut emptied = (**made).clone();
    emptied.spec.users.clear();
    let emptied = plan_for(std::slice::from_ref(&object), &[emptied]);
    assert_eq!(short(&emptied), ["annotate", "status InEffect 0/0/0 enrolled"]);

    let mut enrolled = object;
    let Step::Status(status) = &plan.steps[2] else { panic!("{plan:?}") };
    enrolled.status = Some(status.clone());
    let unmarked = plan_for(std::slice::from_ref(&enrolled), std::slice::from_ref(made));
    assert_eq!(short(&unmarked), ["annotate"], "as one that was enrolled before there were marks");
    let Step::Annotate(Annotation { key, value }) = &plan.steps[1] else { panic!("{plan:?}") };
    enrolled.metadata.annotations =
        Some(BTreeMap::from([((*key).to_owned(), (*value).to_owned())]));
    let steady = plan_for(std::slice::from_ref(&enrolled), std::slice::from_ref(made));
    assert_eq!(steady, Plan::default(), "nothing is left to do");
    let removed = plan_for(std::slice::from_ref(&enrolled), &[]);
    assert_eq!(short(&removed), ["status InEffect 0/0/0 enrolled"], "and is not put back");

    // A backup has neither the status nor the Membership, which belonged to the Group of before.
    let mut restored = enrolled;
    restored.status = None;
    restored.metadata.uid = Some("uid-restored".to_owned());
    let restored = plan_for(&[restored], &[]);
    assert_eq!(short(&restored), ["status InEffect 0/0/0 enrolled"], "and has no power back");
}

#[test]
fn a_creator_waits_for_the_group_to_be_in_effect() {
    let child = group("a.b", Some("x-ada"));
    let steps = short(&plan_for(std::slice::from_ref(&child), &[]));
    assert_eq!(steps, ["status ParentMissing 0/0/0", "tell ParentMissing"]);
    let steps = short(&plan_for(&[child, group("a", None)], &[]));
    assert_eq!(steps, ["own uid-a", "enrol", "annotate", "status InEffect 0/1/0 enrolled"]);
}

#[test]
fn a_taken_name_is_left_alone_and_told() {
    let squat = |change: &dyn Fn(&mut Membership)| {
        let mut object = membership("creator-uid-a", Some("a"), MembershipRole::Staff, &["x-eve"]);
        let mark = BTreeMap::from([(ENROLS.to_owned(), "uid-a".to_owned())]);
        object.metadata.annotations = Some(mark);
        change(&mut object);
        object
    };
    let object = group("a", Some("x-ada"));
    for (squatter, staff) in [
        (squat(&|object| object.metadata.annotations = None), 2),
        (squat(&|object| object.spec.group = Some("b".to_owned())), 1),
        (squat(&|object| object.spec.group = None), 1),
        (squat(&|object| object.spec.role = MembershipRole::Member), 1),
        (squat(&|object| object.spec.expires_at = Some("tomorrow".to_owned())), 1),
        (
            squat(&|object| {
                let mark = BTreeMap::from([(ENROLS.to_owned(), "uid-b".to_owned())]);
                object.metadata.annotations = Some(mark);
            }),
            2,
        ),
    ] {
        let plan = plan_for(std::slice::from_ref(&object), std::slice::from_ref(&squatter));
        let [Step::Status(status), Step::Record(event)] = plan.steps.as_slice() else {
            panic!("{plan:?}");
        };
        assert_eq!(status.conditions[0].reason, "InEffect", "the group itself is fine");
        assert_eq!(status.staff, Some(staff), "the creator counts by spec.creator");
        let taken = &status.conditions[1];
        assert_eq!((taken.type_.as_str(), taken.status.as_str()), (CREATOR_ENROLLED, "False"));
        assert_eq!(status.creator_enrolled, None);
        let Event { type_, reason, message } = event;
        assert_eq!((*type_, reason.as_str()), (EventType::Warning, "NameTaken"));
        assert!(message.contains("creator-uid-a"), "{message}");

        let mut told = object.clone();
        told.status = Some(status.clone());
        assert_eq!(plan_for(std::slice::from_ref(&told), &[squatter]), Plan::default());
        assert_eq!(
            short(&plan_for(&[told], &[])),
            ["enrol", "annotate", "status InEffect 0/1/0 enrolled"]
        );
    }
}

#[test]
fn a_refused_enrolment_does_not_hold_up_the_status() {
    let object = group("a", Some("x-ada"));
    let cache = cache(std::slice::from_ref(&object), &[]);
    let mut around = dereference(&cache, "a", at(NOW)).unwrap();
    around.enrolment = Enrolment::Refused;
    let plan = plan(&object, &around, at(NOW));
    assert_eq!(short(&plan), ["status InEffect Refused 0/1/0", "tell Refused"]);
}

#[test]
fn statuses_are_written_when_they_change_only() {
    let mut object = group("a", None);
    let plan = plan_for(std::slice::from_ref(&object), &[]);
    let [Step::Status(status)] = plan.steps.as_slice() else { panic!("{plan:?}") };
    let mut status = status.clone();
    let foreign = k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
        type_: "Audited".to_owned(),
        ..status.conditions[0].clone()
    };
    status.conditions.insert(0, foreign);
    object.status = Some(status);
    assert_eq!(plan_for(std::slice::from_ref(&object), &[]), Plan::default());

    object.metadata.generation = Some(2);
    let plan = plan_for(std::slice::from_ref(&object), &[]);
    let [Step::Status(status)] = plan.steps.as_slice() else { panic!("{plan:?}") };
    assert_eq!(status.observed_generation, Some(2));
    assert_eq!(status.conditions.len(), 1, "those of others are theirs to write");
}

#[test]
fn readiness_is_told_when_it_changes() {
    let mut child = group("a.b", None);
    let lost = plan_for(std::slice::from_ref(&child), &[]);
    let Step::Status(status) = &lost.steps[0] else { panic!("{lost:?}") };
    child.status = Some(status.clone());
    let found = plan_for(&[child.clone(), group("a", None)], &[]);
    assert_eq!(short(&found), ["own uid-a", "status InEffect 0/0/0", "tell InEffect"]);
    let Some(Step::Record(event)) = found.steps.last() else { panic!("{found:?}") };
    assert_eq!(event.type_, EventType::Normal);
    let waiting = plan_for(&[child, deleting(group("a", None))], &[]);
    assert_eq!(short(&waiting), ["own uid-a", "status ParentNotReady 0/0/0"], "still not ready");
}
