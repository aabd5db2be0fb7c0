//! Who is entitled, and by what.

use serde_json::Value;

use super::*;
use crate::resources::membership;

fn clock() -> Timestamp {
    Timestamp::from_unix(1_800_000_000).unwrap()
}

fn object<K: DeserializeOwned>(kind: &str, name: &str, metadata: &Value, spec: &Value) -> K {
    let mut object = json!({ "apiVersion": "pasee.meltylab.fr/v1", "kind": kind, "metadata": metadata, "spec": spec });
    object["metadata"]["name"] = json!(name);
    object["metadata"]["uid"] = json!(name);
    serde_json::from_value(object).unwrap()
}

/// Nobody is entitled by what is judged with theirs, unless its author is without it.
#[test]
fn nobody_entitles_themselves_or_each_other() {
    let staff = |name: &str, of: &[&str]| {
        let spec = json!({ "group": "a", "role": "Staff", "users": of });
        object::<Membership>("Membership", name, &json!({}), &spec)
    };
    let by = |author: &str, membership: &Membership| Written {
        author: author.parse().unwrap(),
        name: membership.name_any(),
        uid: membership.uid().unwrap(),
        at: clock(),
        what: What::NewMembership(Box::new(membership::parse(membership).unwrap())),
    };
    let (old, root) = (staff("old", &["k-chief"]), Roster::RootStaff);
    let objects = [
        staff("own", &["k-ada"]),
        staff("one", &["k-bob"]),
        staff("other", &["k-eve"]),
        staff("by-chief", &["k-new"]),
        staff("by-new", &["k-newer"]),
    ];
    let authors = ["k-ada", "k-eve", "k-bob", "k-chief", "k-new"];
    let all: Vec<Written> =
        authors.iter().zip(&objects).map(|(author, object)| by(author, object)).collect();
    let group: Group = object("Group", "a", &json!({}), &json!({}));
    let excerpts = all.iter().map(|written| {
        let mut excerpt = Excerpt::of(written.author.clone());
        excerpt.add_group(&group);
        objects.iter().chain([&old]).for_each(|object| excerpt.add_membership(object));
        ((&written.author, written.demand().deciding()), excerpt)
    });
    let lost = unentitled(&all, &excerpts.collect(), clock());
    let lost: Vec<&str> = lost.iter().map(|written| &*written.name).collect();
    assert_eq!(lost, ["own", "one", "other"]);
    assert!(all[0].demand().deciding().contains(&root));
}
