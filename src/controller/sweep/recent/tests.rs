//! What happens, and what is judged after it.

use serde_json::Value;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;

fn clock() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}

fn object<K: DeserializeOwned>(kind: &str, name: &str, metadata: &Value, spec: &Value) -> K {
    let mut object = json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": metadata, "spec": spec });
    object["metadata"]["name"] = json!(name);
    object["metadata"]["uid"] = json!(name);
    serde_json::from_value(object).unwrap()
}

fn by_ada(made: &str) -> Value {
    let annotations = json!({ "pasee.meltylab.fr/actor": "k-ada" });
    json!({ "annotations": annotations, "creationTimestamp": made })
}

const NEW: &str = "2027-01-15T07:59:30Z";
const OLD: &str = "2027-01-15T07:58:30Z";

/// What is judged after a few things have happened, by name.
fn judged(happens: impl Fn(&mut Recent)) -> Vec<String> {
    let due = Due::default();
    happens(&mut Recent::new(due.clone(), clock));
    due.take().into_iter().map(|written| written.name).collect()
}

#[test]
fn what_is_young_is_judged_when_somebody_loses_something() {
    let members = json!({ "group": "a", "users": ["k-x"] });
    let new = || object::<Membership>("Membership", "new", &by_ada(NEW), &members);
    let old = || object::<Membership>("Membership", "old", &by_ada(OLD), &members);
    let group = || object::<Group>("Group", "a.b", &by_ada(NEW), &json!({}));
    let staff = json!({ "group": "a", "role": "Staff", "users": ["k-ada"] });
    let of_git = || object::<Membership>("Membership", "git", &json!({}), &staff);
    let mut own = by_ada(NEW);
    own["labels"] = json!({ "app.kubernetes.io/managed-by": "pasee" });
    let own = || object::<Membership>("Membership", "own", &own, &members);
    let ban = |banned: bool| {
        let spec = json!({ "username": "k-ada", "banned": banned });
        object::<User>("User", "u", &json!({}), &spec)
    };
    let all = |recent: &mut Recent| {
        recent.membership(&new(), None, Seen::News);
        recent.membership(&old(), None, Seen::News);
        recent.membership(&own(), None, Seen::News);
        recent.group(&group(), Seen::News);
    };
    assert_eq!(judged(all), [] as [&str; 0], "nobody lost anything");
    let less = || Difference { newcomers: Vec::new(), takes_away: true };
    let loss: [&dyn Fn(&mut Recent); 4] = [
        &|recent| recent.membership_gone(&of_git()),
        &|recent| recent.membership(&of_git(), Some(less()), Seen::News),
        &|recent| recent.user(&ban(true)),
        &Recent::group_gone,
    ];
    for lost in loss {
        let before = judged(|recent| {
            all(recent);
            lost(recent);
        });
        assert_eq!(before, ["new", "a.b"], "what was there");
        let after = judged(|recent| {
            lost(recent);
            all(recent);
        });
        assert_eq!(after, ["new", "a.b"], "what comes late");
    }
    let nothing = judged(|recent| {
        all(recent);
        recent.user(&ban(false));
        recent.membership(&of_git(), Some(Difference::default()), Seen::News);
        recent.membership_gone(&object("Membership", "m", &json!({}), &members));
    });
    assert_eq!(nothing, [] as [&str; 0], "nobody lost anything that entitles");
}

#[test]
fn what_is_found_at_the_start_is_judged_and_what_comes_to_a_membership_too() {
    let members = json!({ "group": "a", "users": ["k-x"] });
    let new = || object::<Membership>("Membership", "new", &by_ada(NEW), &members);
    assert_eq!(judged(|recent| recent.membership(&new(), None, Seen::Listed)), ["new"]);
    let old = || object::<Membership>("Membership", "old", &by_ada(OLD), &members);
    let newcomers = judged(|recent| {
        let newcomers = vec!["k-x".parse().unwrap()];
        let difference = Difference { newcomers, takes_away: false };
        recent.membership(&old(), Some(difference), Seen::News);
        recent.group_gone();
    });
    assert_eq!(newcomers, ["old"]);
}
