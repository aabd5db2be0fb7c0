//! Everybody does everything, dry and in earnest; what the API server says of it is what the policy says.

use std::time::{Duration, Instant};

use pasee::domain::change::Change;
use pasee::domain::policy::{Actor, permit};
use serde_json::{Value, json};

use super::actors::{Somebody, Standpoint, everybody};
use super::client::{Ask, Asker, Refusal};
use super::deeds::{Deed, Wanted, everything, made, realm};
use super::stage::{Stage, create, place};
use super::support::controlplane::{self, ControlPlane};

/// What the policy says.
fn is_permitted(deed: &Deed, standpoint: &Standpoint) -> bool {
    let change = |creator| match &deed.change {
        Wanted::OwnGroup(name) => Change::CreateGroup { group: name.parse().unwrap(), creator },
        Wanted::Change(change) => change.clone(),
    };
    match standpoint {
        Standpoint::Operator => permit(&Actor::operator(), change(None)).is_ok(),
        Standpoint::User { id, actor } => permit(actor, change(Some(id.clone()))).is_ok(),
        Standpoint::Nobody => false,
    }
}

/// What the API server says; anything but a yes and a no of the policy is none.
fn answer(result: &Result<Value, Refusal>) -> Result<bool, String> {
    match result {
        Ok(_) => Ok(true),
        Err(refusal) if refusal.is_by_policy() => Ok(false),
        Err(refusal) => Err(format!("{refusal:?}")),
    }
}

/// Puts an object where it was, as it was, for deeds that name it or its label.
fn put_back(admin: &Asker<'_>, object: &Value) {
    let _ = admin.ask(&Ask::new("DELETE", place(object), Value::Null));
    let since = Instant::now();
    // One that is deleted in the foreground is there for a moment yet.
    while let Err(refusal) = admin.ask(&create(object)) {
        assert!(refusal.code == 409 && since.elapsed().as_secs() < 60, "{refusal:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Objects by which a deed names the one that it is about: replacing takes a version, deleting many a label.
fn aimed(deed: &Deed, admin: &Asker<'_>) -> Ask {
    let mut ask = deed.ask.clone();
    if ask.method == "PUT" {
        let there = admin.done(&Ask::new("GET", ask.path.clone(), Value::Null));
        ask.body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
    }
    ask
}

fn labelled(mut object: Value) -> Value {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    if let Some(of) = name.strip_prefix("of-") {
        object["metadata"]["labels"] = json!({ "of": of });
    }
    object
}

/// Does one thing as one person, dry and in earnest, and puts everything back. Gives what went wrong.
fn cell(who: &Somebody<'_>, deed: &Deed, admin: &Asker<'_>) -> Vec<String> {
    let permitted = is_permitted(deed, &who.standpoint);
    let ask = aimed(deed, admin);
    let dry = who.asker.ask(&ask.clone().dry());
    // Of those who may do nothing at all, a look is enough.
    let is_nobody = matches!(who.standpoint, Standpoint::Nobody);
    let real = if is_nobody { dry.clone() } else { who.asker.ask(&ask) };
    if let (Ok(answer), None) = (&real, &deed.before) {
        made(answer).iter().for_each(|undo| drop(admin.done(undo)));
    } else if let (Ok(_), Some(before)) = (&real, &deed.before) {
        put_back(admin, &labelled(before.clone()));
    }
    let mut wrong = Vec::new();
    for (how, result) in [("dry", &dry), ("in earnest", &real)] {
        if answer(result) != Ok(permitted) {
            wrong.push(format!(
                "{}: {}, {how}: the policy says {permitted}, the API server {:?}",
                who.label,
                deed.label,
                result.as_ref().map(|_| "yes")
            ));
        }
    }
    if let (Ok(made), Standpoint::User { id, .. }, Wanted::OwnGroup(_)) =
        (&real, &who.standpoint, &deed.change)
        && made["spec"]["creator"] != id.as_str()
    {
        wrong.push(format!("{}: {}: creator {}", who.label, deed.label, made["spec"]["creator"]));
    }
    wrong
}

/// How many realms there are to try things in, side by side.
const REALMS: usize = 2;

/// What came of everything that some of the actors have tried.
#[derive(Default)]
struct Tried {
    actors: usize,
    cells: usize,
    allowed: usize,
    wrong: Vec<String>,
}

/// Every so many-th of the actors does everything, in a realm of their own.
fn some_try(cluster: &ControlPlane, lane: usize) -> Tried {
    let stage = Stage::new(cluster, &[]);
    stage.open_the_doors();
    let admin = stage.admin();
    realm().into_iter().map(labelled).for_each(|object| drop(admin.done(&create(&object))));
    let (actors, deeds) = (everybody(&stage), everything());
    let mut tried = Tried::default();
    for who in actors.iter().skip(lane).step_by(REALMS) {
        tried.actors += 1;
        for deed in &deeds {
            tried.wrong.extend(cell(who, deed, &admin));
            tried.cells += 1;
            tried.allowed += usize::from(is_permitted(deed, &who.standpoint));
        }
    }
    tried
}

#[test]
fn the_api_server_says_what_the_policy_says() {
    let cluster = controlplane::shared();
    let cluster: &ControlPlane = &cluster;
    let since = Instant::now();
    let all = std::thread::scope(|scope| {
        let lanes: Vec<_> =
            (0..REALMS).map(|lane| scope.spawn(move || some_try(cluster, lane))).collect();
        lanes.into_iter().fold(Tried::default(), |mut all, lane| {
            let Tried { actors, cells, allowed, wrong } = lane.join().unwrap();
            all.actors += actors;
            all.cells += cells;
            all.allowed += allowed;
            all.wrong.extend(wrong);
            all
        })
    });
    let Tried { actors, cells, allowed, wrong } = all;
    println!(
        "{actors} actors x {} deeds = {cells} cells: {allowed} allowed, {} denied, {} differences; {:.0} s",
        everything().len(),
        cells - allowed,
        wrong.len(),
        since.elapsed().as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cells, actors * everything().len());
    assert!(cells > 1000 && allowed > 300, "there is something to compare");
}
