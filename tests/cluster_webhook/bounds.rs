//! How much one user writes with `kubectl`: as much as over HTTP.

use serde_json::{Value, json};

use super::stage::Stage;
use super::support::controlplane;
use super::support::realm::object;

/// Users in one Membership, and as many Memberships as one user may fill by default.
const MOST_USERS: usize = 500;
const MOST: usize = 20;

fn full(name: &str) -> Value {
    let users: Vec<String> =
        (0..MOST_USERS).map(|number| format!("kisee-{name}x{number}")).collect();
    object("Membership", name, &json!({ "group": "team", "users": users }))
}

#[test]
fn nobody_fills_the_realm_with_kubectl() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let staff = stage.user("staff", &[]);
    // At once: what was just allowed and nobody sees yet counts too. What is only tried does not.
    staff.done("POST", "memberships?dryRun=All", &full("dry"));
    let names: Vec<String> = (0..MOST + 4).map(|number| format!("full{number}")).collect();
    let results: Vec<_> = std::thread::scope(|scope| {
        let writing = names.iter().map(|name| {
            let stage = &stage;
            scope.spawn(move || stage.user("staff", &[]).ask("POST", "memberships", &full(name)))
        });
        let writing: Vec<_> = writing.collect();
        writing.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let done: Vec<&String> =
        names.iter().zip(&results).filter(|(_, one)| one.is_ok()).map(|(name, _)| name).collect();
    for told in results.iter().filter_map(|one| one.as_ref().err()) {
        assert!(told.message.contains("you have put users into groups 10000 times"), "{told:?}");
    }
    assert_eq!(done.len(), MOST);
    // Changing adds as making does; whoever else writes is not bounded by that, and root staff by nothing.
    let one = json!({ "spec": { "group": "team", "users": ["kisee-one"] } });
    let other = stage.user("root", &[]);
    other.done("POST", "memberships", &full("of-root"));
    let spec = json!({ "group": "team.sub", "users": ["kisee-x"] });
    let small = stage.admin().done("POST", "memberships", &object("Membership", "small", &spec));
    let path = format!("memberships/{}", small["metadata"]["name"].as_str().unwrap());
    let grown = json!({ "spec": { "users": ["kisee-x", "kisee-y"] } });
    staff.refused("PATCH", &path, &grown, "you have put users into groups");
    // Nor is what names nobody free, nor what Pasee keeps for others a place to hide users in.
    let nobody = json!({ "group": "team", "users": [] });
    let empty = object("Membership", "empty", &nobody);
    staff.refused("POST", "memberships", &empty, "you have put users into groups");
    let mut kept = object("Membership", "kept", &spec);
    kept["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
    kept["metadata"]["annotations"] = json!({ "pasee.meltylab.fr/author": "kisee-other" });
    stage.admin().done("POST", "memberships", &kept);
    staff.refused("PATCH", "memberships/kept", &grown, "is kept by Pasee");
    // Less is always right, and makes room.
    staff.done("PATCH", &format!("memberships/{}", done[0]), &one);
    let again = || staff.ask("POST", "memberships", &object("Membership", "again", &spec));
    super::support::patience::eventually("there is room again", || again().is_ok());
}
