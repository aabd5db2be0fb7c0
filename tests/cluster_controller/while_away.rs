//! A controller while the API server is away.

use serde_json::json;

use super::eventually;
use super::support::controlplane;
use super::support::realm::{Realm, group, membership};

#[test]
fn an_api_server_that_was_away_is_found_again() {
    let mut cluster = controlplane::alone();
    let realm = Realm::without_policy(&cluster);
    let controller = realm.leader("one");
    realm.apply(&group("a", "x-ada"));
    realm.wait_for_counts("a", [0, 1, 0]);
    realm.settle();
    let before = realm.versions();
    cluster.apiserver.stop();
    eventually("it does not lead without its Lease", || {
        controller.log().contains("leading no more")
    });
    cluster.repair();
    eventually("it leads again", || controller.log().matches("the realm is known").count() == 2);
    realm.settle();
    assert_eq!(before, realm.versions(), "nothing was to be written");
    realm.apply(&group("a.b", "x-ada"));
    realm.wait_for_counts("a", [0, 1, 1]);
    cluster.etcd.kill();
    cluster.apiserver.kill();
    cluster.repair();
    realm.apply(&membership("m", &json!({ "group": "a.b", "users": ["x-eve"] })));
    realm.wait_for_counts("a.b", [1, 1, 0]);
    // A restarted API server knows no permissions for a moment.
    controller.end();
}
