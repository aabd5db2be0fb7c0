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

/// The metadata of what ada made.
fn by_ada(made: &str) -> Value {
    let at = if made == NEW { 1_799_999_970 } else { 1_799_999_910 };
    noted(made, json!({ "madeBy": "k-ada", "madeAt": at }))
}

/// Of what ada wrote last, as the webhook has noted it.
fn noted(made: &str, written: Value) -> Value {
    let annotations = json!({
        "pasee.meltylab.fr/actor": "k-ada", "pasee.meltylab.fr/written": written.to_string(),
    });
    json!({ "annotations": annotations, "creationTimestamp": made, "generation": 1 })
}

fn changed(difference: Difference) -> Came {
    Came::Changed { difference, version: Some("7".to_owned()) }
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
        recent.membership(&new(), Came::Made);
        recent.membership(&old(), Came::Made);
        recent.membership(&own(), Came::Made);
        recent.group(&group(), Seen::News);
    };
    assert_eq!(judged(all), [] as [&str; 0], "nobody lost anything");
    let less = || Difference { newcomers: Vec::new(), takes_away: true };
    let loss: [&dyn Fn(&mut Recent); 4] = [
        &|recent| recent.membership_gone(&of_git()),
        &|recent| recent.membership(&of_git(), changed(less())),
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
        recent.membership(&of_git(), changed(Difference::default()));
        recent.membership_gone(&object("Membership", "m", &json!({}), &members));
    });
    assert_eq!(nothing, [] as [&str; 0], "nobody lost anything that entitles");
}

#[test]
fn what_is_found_at_the_start_is_judged_and_what_comes_to_a_membership_too() {
    let members = json!({ "group": "a", "users": ["k-x"] });
    let new = || object::<Membership>("Membership", "new", &by_ada(NEW), &members);
    assert_eq!(judged(|recent| recent.membership(&new(), Came::Listed)), ["new"]);
    let metadata = noted(OLD, json!({ "changed": "7" }));
    let old = || object::<Membership>("Membership", "old", &metadata, &members);
    let newcomers = judged(|recent| {
        recent.membership(&old(), changed(newcomer()));
        recent.group_gone();
    });
    assert_eq!(newcomers, ["old"]);
}

fn newcomer() -> Difference {
    Difference { newcomers: vec!["k-x".parse().unwrap()], takes_away: false }
}

/// The annotations name ada, who has touched it, or wrote it before others did.
#[test]
fn what_others_wrote_is_nobodys_to_be_judged() {
    let members = json!({ "group": "a", "users": ["k-x"] });
    let of = |metadata: &Value| object::<Membership>("Membership", "m", metadata, &members);
    let group = |metadata: &Value| object::<Group>("Group", "a.b", metadata, &json!({}));
    let untold = json!({ "madeBy": "k-ada", "madeAt": 1_799_999_970 });
    let mut grown = by_ada(NEW);
    grown["generation"] = json!(2);
    let mut before_there_was_a_note = by_ada(NEW);
    before_there_was_a_note["annotations"] = json!({ "pasee.meltylab.fr/actor": "k-ada" });
    let copied = noted(NEW, json!({ "madeBy": "k-ada", "madeAt": 1_700_000_000 }));
    for metadata in [
        noted(NEW, json!({})),
        noted(NEW, json!({ "changed": "7" })),
        copied,
        before_there_was_a_note,
    ] {
        let seen = judged(|recent| {
            recent.membership(&of(&metadata), Came::Listed);
            recent.membership(&of(&metadata), Came::Made);
            recent.group(&group(&metadata), Seen::Listed);
            recent.group(&group(&metadata), Seen::News);
            recent.group_gone();
        });
        assert_eq!(seen, [] as [&str; 0], "{metadata}");
    }
    // Of a list nobody knows which of it was there when it was made. A group that was made is theirs, however described.
    let listed = judged(|recent| {
        recent.membership(&of(&grown), Came::Listed);
        recent.group(&group(&grown), Seen::Listed);
    });
    assert_eq!(listed, ["a.b"]);
    // A change counts for who made it, of just the version that it changed.
    for (written, is_hers) in [
        (json!({ "changed": "7" }), true),
        (json!({ "changed": "6" }), false),
        (untold, false),
        (json!({}), false),
    ] {
        let metadata = noted(OLD, written);
        let seen = judged(|recent| {
            recent.membership(&of(&metadata), changed(newcomer()));
            recent.group_gone();
        });
        assert_eq!(seen.len(), usize::from(is_hers), "{metadata}");
    }
}

/// Of a client nobody knows what it was before, so it is told apart which was made and which changed.
#[test]
fn clients_are_judged_when_root_staff_goes() {
    let spec = json!({ "grantTypes": [] });
    let client = |name: &str, metadata: &Value| -> OAuthClient {
        object("OAuthClient", name, metadata, &spec)
    };
    let mut changed = noted(OLD, json!({ "changed": "7" }));
    changed["generation"] = json!(4);
    let happens = |recent: &mut Recent| {
        recent.client(&client("made", &by_ada(NEW)), ClientCame::Made);
        recent.client(&client("made", &by_ada(NEW)), ClientCame::Made);
        recent.client(&client("old", &by_ada(OLD)), ClientCame::Made);
        recent.client(&client("of-git", &json!({ "creationTimestamp": NEW })), ClientCame::Made);
        recent.client(&client("changed", &changed), ClientCame::Changed(Some("7".to_owned())));
        recent.client(&client("told", &changed), ClientCame::Changed(Some("8".to_owned())));
    };
    assert_eq!(judged(happens), [] as [&str; 0], "nobody lost anything");
    let root = json!({ "role": "Staff", "users": ["k-ada"] });
    let root = object::<Membership>("Membership", "root", &json!({}), &root);
    let leaves = |recent: &mut Recent| {
        happens(recent);
        recent.membership_gone(&root);
    };
    assert_eq!(judged(leaves), ["made", "changed"]);
    let due = Due::default();
    leaves(&mut Recent::new(due.clone(), clock));
    for written in due.take() {
        assert_eq!(written.demand(), Demand::RootStaff);
        let is_it = matches!(
            (&*written.name, &written.what),
            ("made", What::NewClient(1)) | ("changed", What::ChangedClient(4))
        );
        assert!(is_it, "{written:?}");
    }
    let listed = |recent: &mut Recent| {
        recent.client(&client("young", &by_ada(NEW)), ClientCame::Listed);
        recent.client(&client("changed", &changed), ClientCame::Listed);
    };
    assert_eq!(judged(listed), ["young"], "what came before is not known");
}
