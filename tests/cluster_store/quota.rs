//! A namespace that is full, by the ResourceQuota that is applied with the policy.

use pasee::domain::change::Change;
use pasee::domain::realm::WriteError;
use serde_json::json;

use crate::stage::Stage;
use crate::support::controlplane;
use crate::support::patience::eventually;

#[test]
fn a_full_namespace_is_told_as_such() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    stage.create("a");
    assert_eq!(
        stage.field("resourcequota/pasee", "{.spec.hard.count/groups\\.pasee\\.meltylab\\.fr}"),
        "20k"
    );
    let count = json!({ "count/groups.pasee.meltylab.fr": "1" });
    let spec = json!({ "spec": { "hard": count } }).to_string();
    stage.kubectl(&["patch", "resourcequota", "pasee", "--type=merge", "-p", &spec]);
    // As the controller of quotas says it, where one runs.
    let status = json!({ "status": { "hard": count, "used": count } }).to_string();
    stage.kubectl(&[
        "patch",
        "resourcequota",
        "pasee",
        "--type=merge",
        "--subresource=status",
        "-p",
        &status,
    ]);
    let number = std::cell::Cell::new(0);
    eventually("the realm is full", || {
        number.set(number.get() + 1);
        let group = format!("g{}", number.get()).parse().unwrap();
        match stage.write(Change::CreateGroup { group, creator: None }) {
            Ok(()) => false,
            Err(WriteError::Full("groups")) => true,
            Err(error) => panic!("{error}"),
        }
    });
    stage.add("a", "k-ada").unwrap();
}
