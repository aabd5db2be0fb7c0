//! Several controllers, and controllers that are killed and paused.

use std::time::{Duration, Instant};

use serde_json::json;

use super::eventually;
use super::support::controller::Controller;
use super::support::controlplane;
use super::support::realm::{Realm, condition, group, membership};

#[test]
fn of_two_controllers_one_works_and_the_other_takes_over() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let one = realm.leader("one");
    let two = realm.controller("two");
    realm.apply(&group("a", "x-ada"));
    realm.wait_for("groups/a", "InEffect");
    std::thread::sleep(Duration::from_secs(5));
    assert!(!two.log().contains("leading"), "{}", two.log());
    assert!(realm.holder().starts_with("one_"), "{}", realm.holder());
    one.stop();
    // What is freed is taken at the next look; nobody waits for it to run out.
    let holder = realm.holder();
    assert!(holder.is_empty() || holder.starts_with("two_"), "the lease was freed: {holder}");
    eventually("the other takes over", || two.log().contains("leading"));
    realm.apply(&group("b", "x-ada"));
    realm.wait_for("groups/b", "InEffect");
    two.stop();
    assert_eq!(realm.holder(), "");
}

#[test]
fn a_killed_leader_is_replaced() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let one = realm.leader("one");
    let two = realm.controller("two");
    eventually("the other waits", || two.log().contains("started"));
    realm.apply(&group("a", "x-ada"));
    realm.wait_for("groups/a", "InEffect");
    one.kill();
    realm.apply(&group("a.b", "x-ada"));
    let since = Instant::now();
    eventually("the other takes over", || two.log().contains("leading"));
    println!("a killed leader was replaced in {:.1} s", since.elapsed().as_secs_f64());
    realm.wait_for("groups/a.b", "InEffect");
    realm.wait_for_counts("a", [0, 1, 1]);
    two.stop();
}

#[test]
fn a_paused_leader_writes_nothing_when_resumed() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let one = realm.leader("one");
    let two = realm.controller("two");
    realm.apply(&group("p", "x-ada"));
    realm.wait_for("groups/p", "InEffect");
    one.signal("STOP");
    // The paused one hears of these as soon as it goes on, and of nothing later.
    realm.apply(&group("q.r", "x-ada"));
    realm.apply(&membership("m", &json!({ "group": "q.r", "users": ["x-eve"] })));
    eventually("the other takes over", || two.log().contains("leading"));
    realm.wait_for("groups/q.r", "ParentMissing");
    realm.apply(&group("q", "x-ada"));
    realm.wait_for_counts("q.r", [1, 1, 0]);
    realm.settle();
    let before = realm.versions();
    one.signal("CONT");
    eventually("the paused one knows", || one.log().contains("leading no more"));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(before, realm.versions(), "no stale write");
    assert!(realm.holder().starts_with("two_"), "{}", realm.holder());
    // It is a candidate as any other.
    two.kill();
    eventually("it leads again", || one.log().matches("leading").count() >= 3);
    realm.apply(&group("s", "x-ada"));
    realm.wait_for("groups/s", "InEffect");
    one.stop();
}

#[test]
fn killed_anywhere_it_comes_to_the_same_state() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let free = || realm.kubectl(&["delete", "lease/pasee-controller", "--ignore-not-found"]);
    for round in 0..6_u32 {
        let controller: Controller = realm.leader(&format!("round-{round}"));
        let names = [format!("n{round}"), format!("n{round}.x"), format!("n{round}.x.y")];
        let manifests: String = names.iter().rev().map(|name| group(name, "x-ada")).collect();
        realm.apply(&manifests);
        std::thread::sleep(Duration::from_millis(u64::from(round) * 40));
        controller.kill();
        free();
    }
    let last = realm.leader("last");
    for round in 0..6 {
        realm.wait_for_counts(&format!("n{round}"), [0, 1, 1]);
        realm.wait_for_counts(&format!("n{round}.x"), [0, 1, 1]);
        realm.wait_for_counts(&format!("n{round}.x.y"), [0, 1, 0]);
    }
    let made = realm.kubectl(&["get", "memberships.pasee.meltylab.fr", "-o", "name"]);
    assert_eq!(made.lines().count(), 18, "one for each creator: {made}");
    realm.settle();
    realm.stays_still(3);
    last.stop();
}

#[test]
fn a_refused_enrolment_is_told_and_tried_again() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    realm.permit(|verb, resource| (verb, resource) != ("create", "memberships"));
    std::thread::sleep(Duration::from_secs(1));
    let controller = realm.leader("one");
    realm.apply(&group("a", "x-ada"));
    eventually("it is told", || {
        condition(&realm.get("groups/a"), "CreatorEnrolled")["reason"] == "Refused"
    });
    assert_eq!(realm.reason("groups/a"), "InEffect");
    assert_eq!(realm.counts("a"), [0, 1, 0]);
    realm.permit(|_, _| true);
    eventually("the creator is enrolled", || {
        realm.get("groups/a")["status"]["creatorEnrolled"] == true
    });
    assert!(condition(&realm.get("groups/a"), "CreatorEnrolled").is_null());
    let log = controller.end();
    assert!(log.contains("orbidden"), "{log}");
}
