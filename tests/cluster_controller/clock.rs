//! A controller whose clock is wrong, as that of a machine without NTP is: what has ended by that clock alone stays.

use serde_json::json;

use super::moment;
use super::support::clock::ahead;
use super::support::controller::Controller;
use super::support::controlplane;
use super::support::pasee::now;
use super::support::patience::eventually;
use super::support::realm::{Realm, group, manifest, object};

const DAY: i64 = 86_400;

/// Whether it is a little ahead, start after start, or much: what is past for both clocks goes, which shows that it was looked for.
#[test]
fn one_that_is_ahead_takes_nothing_away() {
    let cluster = controlplane::shared();
    let realm = Realm::without_policy(&cluster);
    let sessions = |name: &str, until: i64| {
        let spec = json!({ "until": moment(until), "sessions": ["0".repeat(32)] });
        realm.apply(&manifest("SessionRevocations", name, &spec));
    };
    let ended = |name: &str, end: i64| {
        let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": moment(end) });
        let mut ended = object("Membership", name, &spec);
        ended["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
        realm.apply(&ended.to_string());
    };
    realm.apply(&group("a", "x-ada"));
    sessions("going", now() + 3 * DAY);
    ended("of-late", now() - 3 * DAY);
    for (start, days) in [5, 5, 90].into_iter().enumerate() {
        sessions("over", now() - 2 * DAY);
        ended("long-ago", now() - 8 * DAY);
        let name = format!("start{start}");
        let controller = realm.controller_with(&name, &ahead(days * DAY)).leads();
        for gone in ["sessionrevocations/over", "memberships/long-ago"] {
            eventually("what is past by both clocks goes", || realm.get(gone).is_null());
        }
        // Looked at after all that goes: by its name, and as it was there before.
        realm.apply(&group(&format!("later{start}"), "x-ada"));
        realm.wait_for(&format!("groups/later{start}"), "InEffect");
        realm.settle();
        for stays in ["sessionrevocations/going", "memberships/of-late"] {
            assert!(
                !realm.get(stays).is_null(),
                "{stays}, {days} days ahead: {}",
                controller.log()
            );
        }
        told(&controller, "ahead of that of the Kubernetes API server");
        controller.stop();
    }
}

#[track_caller]
fn told(controller: &Controller, what: &str) {
    eventually("it is told", || controller.log().contains(what));
}
