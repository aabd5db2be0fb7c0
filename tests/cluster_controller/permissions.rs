//! The controller needs every permission of its Role: without any one of them it is soon forbidden something.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pasee::controller::permissions::PERMISSIONS;
use serde_json::json;

use super::support::controlplane::{self, ControlPlane};
use super::support::realm::{Realm, group, manifest, membership, object};

/// How many controllers run at a time.
const CROWD: usize = 5;

/// Runs a controller that lacks a permission until it is forbidden that.
fn miss(cluster: &ControlPlane, verb: &str, resource: &str) {
    let realm = Realm::without_policy(cluster);
    realm.permit(|one, of| (one, of) != (verb, resource));
    std::thread::sleep(Duration::from_secs(1));
    // It looks for these when it begins, and then every ten minutes.
    let spec = json!({ "until": "2001-01-01T00:00:00Z", "sessions": ["0".repeat(32)] });
    realm.apply(&manifest("SessionRevocations", "over", &spec));
    let controller = realm.controller("one");
    realm.apply(&[group("a", "x-ada"), group("a.b", "x-ada")].concat());
    // Of one there is no object of our own yet, of the other there is.
    let mut own = object("User", "own", &json!({ "username": "x-mallory" }));
    own["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
    realm.apply(&own.to_string());
    let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": "2001-01-01T00:00:00Z" });
    let mut ended = object("Membership", "ended", &spec);
    ended["metadata"]["labels"] = own["metadata"]["labels"].clone();
    realm.apply(&ended.to_string());
    let spec = json!({ "redirectUris": ["https://app.example.com/"] });
    realm.apply(&manifest("OAuthClient", "app", &spec));
    for user in ["eve", "mallory"] {
        let spec = json!({ "username": format!("x-{user}"), "banned": true });
        realm.apply(&manifest("User", user, &spec));
    }
    let told = format!("cannot {verb} resource \"{resource}\"");
    let since = Instant::now();
    // What is told of a Membership that ends and begins again is the same in every round.
    for end in ["2001-01-01T00:00:00Z", "2049-01-01T00:00:00Z"].iter().cycle() {
        // Quotes in quotes are escaped.
        let log = controller.log().replace('\\', "");
        if log.contains(&told) {
            break;
        }
        assert!(
            since.elapsed() < Duration::from_secs(90),
            "{verb} {resource} is not needed: {log}"
        );
        let spec = json!({ "group": "a", "users": ["x-eve"], "expiresAt": end });
        realm.apply(&membership("on-call", &spec));
        std::thread::sleep(Duration::from_secs(1));
    }
    controller.kill();
}

#[test]
fn each_is_needed() {
    let cluster = controlplane::shared();
    let all: Vec<(&str, &str)> = PERMISSIONS
        .iter()
        .flat_map(|one| one.verbs.iter().map(|verb| (*verb, one.resource)))
        .collect();
    assert!(all.len() > 10, "{all:?}");
    let cluster: &ControlPlane = &cluster;
    let next = AtomicUsize::new(0);
    // Each takes the next one: what is noticed late keeps nobody waiting.
    std::thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                while let Some((verb, resource)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    miss(cluster, verb, resource);
                }
            });
        }
    });
}
