//! Single sessions that end, on every replica; how they are written, and how many are remembered.

use pasee::domain::change::Change;
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::Realm;
use pasee::domain::time::Timestamp;
use pasee::domain::token::SessionId;
use serde_json::{Value, json};

use crate::stage::{Stage, noon};
use crate::support::controlplane;
use crate::support::patience::eventually;

fn session(number: u128) -> SessionId {
    SessionId::new(number.to_be_bytes())
}

fn end(user: &str, number: u128, seconds: i64) -> Change {
    let until = Timestamp::from_unix(noon().as_unix() + seconds).unwrap();
    Change::EndSession { user: user.parse().unwrap(), session: session(number), until }
}

fn not_before(stage: &Stage, user: &str) -> Option<Timestamp> {
    stage.store.directory().record(&user.parse().unwrap(), noon()).standing.not_before
}

fn objects(stage: &Stage) -> Vec<Value> {
    let told = stage.kubectl(&["get", "sessionrevocations", "-o", "json"]);
    serde_json::from_str::<Value>(&told).unwrap()["items"].as_array().unwrap().clone()
}

/// As though a user had ended so many sessions one after the other, which takes a minute for three hundred.
pub fn end_many(stage: &Stage, user: &str, count: u64) {
    stage.write(end(user, 1 << 90, 86_400)).unwrap();
    let [object] = &objects(stage)[..] else { panic!("one object") };
    let users = object["spec"]["users"].as_object().unwrap();
    let [(mark, of_one)] = &users.iter().collect::<Vec<_>>()[..] else { panic!("{users:?}") };
    assert_eq!(**of_one, 1, "each counts for its user");
    let others = (1..count).map(|number| session((1 << 90) + u128::from(number)));
    let sids: Vec<String> = others.chain([session(1 << 90)]).map(|it| it.to_string()).collect();
    let name = object["metadata"]["name"].as_str().unwrap();
    let patch = json!({ "spec": { "sessions": sids, "users": { mark.as_str(): count } } });
    stage.kubectl(&["patch", "psr", name, "--type=merge", "-p", &patch.to_string()]);
    let last = session((1 << 90) + u128::from(count - 1));
    eventually("all are known", || stage.store.directory().has_ended(last));
}

#[test]
fn one_session_ends_everywhere_and_the_others_go_on() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let other = stage.replica();
    let ended = |store: &dyn Realm| {
        let ended = |number: &u128| store.directory().has_ended(session(*number));
        (0..6).filter(ended).collect::<Vec<u128>>()
    };
    stage.write(end("k-ada", 1, 86_400)).unwrap();
    stage.write(end("k-ada", 0, 0)).unwrap(); // over already
    assert_eq!(ended(&stage.store), [1], "once it is answered");
    eventually("the other replica knows", || ended(&other) == [1]);
    // Of the same day, of another, and once more.
    stage.write(end("k-bob", 2, 86_401)).unwrap();
    stage.write(end("k-bob", 3, 10 * 86_400)).unwrap();
    stage.write(end("k-bob", 3, 10 * 86_400)).unwrap();
    assert_eq!(ended(&stage.store), [1, 2, 3]);
    assert_eq!((not_before(&stage, "k-ada"), not_before(&stage, "k-bob")), (None, None));
    let mut said: Vec<(String, usize)> = objects(&stage)
        .iter()
        .map(|object| {
            let spec = &object["spec"];
            assert!(object["metadata"]["annotations"].is_null(), "nobody is named: {object}");
            let sessions = spec["sessions"].as_array().unwrap();
            (spec["until"].as_str().unwrap().to_owned(), sessions.len())
        })
        .collect();
    said.sort();
    // Noon is 2027-01-15T08:00:00Z.
    let [one, two] = ["2027-01-17T00:00:00Z", "2027-01-26T00:00:00Z"].map(str::to_owned);
    assert_eq!(said, [(one, 2), (two, 1)]);
    // Whoever starts later knows, and what an object does not say any more goes on.
    assert_eq!(ended(&stage.replica()), [1, 2, 3]);
    stage.kubectl(&["delete", "sessionrevocations", "--all"]);
    eventually("nothing is said any more", || ended(&stage.store).is_empty());
}

/// Two hundred that end at once are written a few times.
#[test]
fn a_flood_is_written_together() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let permits = (0..200).map(|number| {
        permit(&Actor::operator(), end(&format!("k-user{number}"), number, 86_400)).unwrap()
    });
    let writes = permits.map(|permit| stage.store.write(permit)).collect::<Vec<_>>();
    let answers = stage.runtime.block_on(futures::future::join_all(writes));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!((0..200).all(|number| stage.store.directory().has_ended(session(number))));
    let objects = objects(&stage);
    let [object] = objects.as_slice() else { panic!("{} objects", objects.len()) };
    assert_eq!(object["spec"]["sessions"].as_array().unwrap().len(), 200);
    let writes = object["metadata"]["generation"].as_i64().unwrap();
    println!("200 sessions ended by {writes} writes");
    assert!(writes <= 50, "{writes} writes");
}

/// A hundred thousand are remembered. Whoever ends one more ends all of their own.
#[test]
fn too_many_are_no_way_to_grow() {
    let cluster = controlplane::shared();
    let stage = Stage::new(&cluster);
    let sids = |from: u128, count: u128| {
        (from..from + count).map(|number| session(number).to_string()).collect::<Vec<_>>()
    };
    let object = |number: u128, count: u128| {
        let spec =
            json!({ "until": "2027-02-01T00:00:00Z", "sessions": sids(number * 1_000, count) });
        let metadata = json!({
            "name": format!("full{number}"), "labels": { "app.kubernetes.io/managed-by": "pasee" },
        });
        json!({
            "apiVersion": "pasee.meltylab.fr/v1", "kind": "SessionRevocations", "metadata": metadata,
            "spec": spec,
        })
    };
    let many: Vec<Value> =
        (0..100).map(|number| object(number, if number == 99 { 999 } else { 1_000 })).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": many });
    let create = ["create", "-n", &stage.namespace, "-f", "-"];
    stage.admin.kubectl_with(create, &list.to_string()).ok();
    eventually("all are known", || stage.store.directory().has_ended(session(99_998)));
    stage.write(end("k-ada", 1 << 100, 86_400)).unwrap();
    assert_eq!(not_before(&stage, "k-ada"), None);
    stage.write(end("k-ada", 1 << 101, 86_400)).unwrap();
    assert_eq!(not_before(&stage, "k-ada"), Some(noon()));
    assert!(!stage.store.directory().has_ended(session(1 << 101)));
}
