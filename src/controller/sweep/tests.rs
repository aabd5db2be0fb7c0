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

/// What somebody wrote goes, and what others have written into the same object stays.
#[test]
fn what_is_left_is_what_others_wrote() {
    let membership = |spec: &Value| object::<Membership>("Membership", "m", &json!({}), spec);
    let content = |users: &[&str]| {
        let spec = json!({ "group": "a", "users": users });
        Box::new(membership::parse(&membership(&spec)).unwrap())
    };
    let there = membership(&json!({
        "group": "a", "users": ["k-x", "k-y"], "serviceAccounts": [{ "namespace": "ci", "name": "bot" }],
    }));
    let left = |there: &Membership, what| {
        left(there, &what).map(|left| (left.spec.users, left.spec.service_accounts.len()))
    };
    let users = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let all = &["k-x", "k-y", "k8s-ci:bot"][..];
    for new in [What::NewMembership, What::Newcomers] {
        assert_eq!(left(&there, new(content(&["k-x"]))), Some((users(&["k-y"]), 1)));
        assert_eq!(left(&there, new(content(&all[..2]))), Some((users(&[]), 1)));
        assert_eq!(left(&there, new(content(&["k-z"]))), Some((users(&["k-x", "k-y"]), 1)));
    }
    assert_eq!(left(&there, What::NewMembership(content(all))), None);
    assert_eq!(left(&there, What::Newcomers(content(all))), Some((users(&[]), 0)));
    let group = "a".parse().unwrap();
    assert_eq!(left(&there, What::NewGroup(group)), None);
}
