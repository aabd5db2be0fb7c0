//! Everything that can be done to Groups, Memberships and Users, as a request and as the change that it is to the policy.
//!
//! Must not know who does it.

use pasee::domain::change::{Ban, Change};
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::user::UserId;
use serde_json::{Value, json};

use super::client::{APPLY, Ask, JSON_PATCH, MERGE};
use super::stage::{collection, create, delete, group, membership, object, place};

/// What somebody wants to do.
pub struct Deed {
    pub label: String,
    pub ask: Ask,
    pub change: Wanted,
    /// The object that is there before, if it is one of the realm's.
    pub before: Option<Value>,
}

/// A change, but for what follows from who wants it.
#[derive(Clone)]
pub enum Wanted {
    /// A group whose creator is whoever makes it.
    OwnGroup(&'static str),
    Change(Change),
}

const GROUPS: [&str; 7] =
    ["team", "team.dev", "team.dev.core", "other", "my_team", "my_team.sub_group", "my-team"];
const NEW_GROUPS: [&str; 7] = [
    "new",
    "team.new",
    "team.dev.new_one",
    "team.dev.core.new",
    "other.new",
    "my_team.new",
    "my_team.sub_group.new",
];
const ROSTERS: [&str; 11] = [
    "staff",
    "team",
    "team.staff",
    "team.dev",
    "team.dev.staff",
    "team.dev.core",
    "team.dev.core.staff",
    "other.staff",
    "my_team",
    "my_team.sub_group.staff",
    "my-team.staff",
];

/// What is there before anything is done.
pub fn realm() -> Vec<Value> {
    let groups = GROUPS.iter().map(|name| group(&spelled(name)));
    let memberships = ROSTERS.iter().map(|roster| existing(roster));
    groups.chain(memberships).chain([eve(), app()]).collect()
}

fn existing(roster: &str) -> Value {
    membership(&format!("of-{}", spelled(roster)), roster)
}

fn eve() -> Value {
    object("User", "eve", &json!({ "username": "kisee-eve", "banned": true }))
}

fn app() -> Value {
    object("OAuthClient", "app", &json!({ "redirectUris": ["https://app.example.com/callback"] }))
}

fn spelled(group: &str) -> String {
    group.replace('_', "--")
}

pub fn everything() -> Vec<Deed> {
    let mut all: Vec<Deed> = NEW_GROUPS.iter().flat_map(|name| of_new_group(name)).collect();
    all.extend(GROUPS.iter().flat_map(|name| of_group(name)));
    all.extend(ROSTERS.iter().flat_map(|roster| of_roster(roster)));
    all.extend(of_users());
    all.extend(of_clients());
    all
}

fn applied(object: &Value) -> Ask {
    Ask::patch(APPLY, format!("{}?fieldManager=somebody&force=true", place(object)), object.clone())
}

fn of_new_group(name: &'static str) -> Vec<Deed> {
    let (new, other) = (group(&spelled(name)), "kisee-somebody-else");
    let mut of_other = new.clone();
    of_other["spec"]["creator"] = json!(other);
    let mut generated = group("");
    generated["metadata"] = json!({ "generateName": format!("{}-", spelled(name)) });
    let theirs = Wanted::Change(Change::CreateGroup {
        group: name.parse().unwrap(),
        creator: other.parse().ok(),
    });
    [
        ("create", create(&new), Wanted::OwnGroup(name)),
        ("apply", applied(&new), Wanted::OwnGroup(name)),
        ("generate", create(&generated), Wanted::OwnGroup(name)),
        ("create for another", create(&of_other), theirs.clone()),
        ("apply for another", applied(&of_other), theirs),
    ]
    .map(|(verb, ask, change)| Deed { label: format!("{verb} {name}"), ask, change, before: None })
    .into()
}

fn of_group(name: &str) -> Vec<Deed> {
    let there = group(&spelled(name));
    let mut changed = there.clone();
    changed["spec"] = json!({ "description": "changed" });
    let add = json!([{ "op": "add", "path": "/spec/description", "value": "changed" }]);
    let group = name.parse::<GroupName>().unwrap();
    let delete_it = Wanted::Change(Change::DeleteGroup(group.clone()));
    let describe_it = Wanted::Change(Change::Describe { group, description: None });
    [
        ("patch", Ask::patch(MERGE, place(&there), json!({ "spec": changed["spec"] }))),
        ("patch by JSON Patch", Ask::patch(JSON_PATCH, place(&there), add)),
        ("apply", applied(&changed)),
        ("replace", Ask::new("PUT", place(&there), changed.clone())),
        ("delete", delete(&there)),
        ("delete in the foreground", delete(&there).with("propagationPolicy=Foreground")),
    ]
    .map(|(verb, ask)| Deed {
        label: format!("{verb} {name}"),
        ask,
        change: if verb.starts_with("delete") { delete_it.clone() } else { describe_it.clone() },
        before: Some(there.clone()),
    })
    .into()
}

fn of_roster(roster: &str) -> Vec<Deed> {
    let there = existing(roster);
    let roster_of = || roster.parse::<Roster>().unwrap();
    let user: UserId = "kisee-new".parse().unwrap();
    let add = Wanted::Change(Change::AddMember(Membership {
        roster: roster_of(),
        user: user.clone(),
        expires_at: None,
    }));
    let remove = Wanted::Change(Change::RemoveMember { roster: roster_of(), user });
    let new = membership("new", roster);
    let mut generated = new.clone();
    generated["metadata"] = json!({ "generateName": "new-" });
    let mut changed = there.clone();
    changed["spec"]["users"] = json!(["kisee-old", "kisee-new"]);
    let mut emptied = there.clone();
    emptied["spec"]["users"] = json!([]);
    let users = |users: Value| json!({ "spec": { "users": users } });
    let append = json!([{ "op": "add", "path": "/spec/users/-", "value": "kisee-new" }]);
    let by_selector = format!("memberships?labelSelector=of={}", spelled(roster));
    let (at, none) = (place(&there), None);
    let some = Some(there.clone());
    [
        ("create for", create(&new), &add, none.clone()),
        ("generate for", create(&generated), &add, none.clone()),
        ("apply a new one for", applied(&new), &add, none),
        ("patch of", Ask::patch(MERGE, &at, users(json!(["kisee-new"]))), &add, some.clone()),
        ("patch by JSON Patch of", Ask::patch(JSON_PATCH, &at, append), &add, some.clone()),
        ("apply", applied(&changed), &add, some.clone()),
        ("replace", Ask::new("PUT", &at, changed), &add, some.clone()),
        ("empty", Ask::patch(MERGE, &at, users(json!([]))), &remove, some.clone()),
        ("apply empty", applied(&emptied), &remove, some.clone()),
        ("delete of", delete(&there), &remove, some.clone()),
        ("delete all of", Ask::new("DELETE", by_selector, Value::Null), &remove, some),
    ]
    .map(|(verb, ask, change, before)| Deed {
        label: format!("{verb} {roster}"),
        ask,
        change: change.clone(),
        before,
    })
    .into()
}

fn of_users() -> Vec<Deed> {
    let there = eve();
    let user: UserId = "kisee-eve".parse().unwrap();
    let ban = |banned| Wanted::Change(Change::SetBanned { user: user.clone(), banned });
    let revoke = Wanted::Change(Change::Revoke(user.clone()));
    let new = object("User", "new", &json!({ "username": "kisee-eve", "banned": true }));
    let moment = json!({ "spec": { "notBefore": "2023-11-14T22:13:20Z" } });
    let mut lifted = there.clone();
    lifted["spec"]["banned"] = json!(false);
    [
        ("ban", create(&new), ban(Ban::Impose), None),
        ("ban by applying", applied(&new), ban(Ban::Impose), None),
        ("revoke", Ask::patch(MERGE, place(&there), moment), revoke, Some(there.clone())),
        ("lift", applied(&lifted), ban(Ban::Lift), Some(there.clone())),
        (
            "lift by replacing",
            Ask::new("PUT", place(&there), lifted),
            ban(Ban::Lift),
            Some(there.clone()),
        ),
        ("lift by deleting", delete(&there), ban(Ban::Lift), Some(there)),
    ]
    .map(|(verb, ask, change, before)| Deed {
        label: format!("{verb} a user"),
        ask,
        change,
        before,
    })
    .into()
}

/// The policy knows no change of a client: who writes one down decides who gets tokens, as who bans does, and no others may.
fn of_clients() -> Vec<Deed> {
    let there = app();
    let user: UserId = "kisee-eve".parse().unwrap();
    let decide = || Wanted::Change(Change::SetBanned { user: user.clone(), banned: Ban::Impose });
    let mut new = there.clone();
    new["metadata"]["name"] = json!("new");
    let elsewhere = json!({ "spec": { "redirectUris": ["https://evil.example.com/callback"] } });
    let mut replaced = there.clone();
    replaced["spec"]["audiences"] = json!(["kubernetes"]);
    [
        ("make", create(&new), None),
        ("make by applying", applied(&new), None),
        ("redirect", Ask::patch(MERGE, place(&there), elsewhere), Some(there.clone())),
        ("widen by replacing", Ask::new("PUT", place(&there), replaced), Some(there.clone())),
        ("delete", delete(&there), Some(there)),
    ]
    .map(|(verb, ask, before)| Deed {
        label: format!("{verb} a client"),
        ask,
        change: decide(),
        before,
    })
    .into()
}

/// What is there after a deed that made something, from the answer to it.
pub fn made(answer: &Value) -> Option<Ask> {
    answer["kind"]
        .as_str()
        .filter(|kind| ["Group", "Membership", "User", "OAuthClient"].contains(kind))?;
    Some(Ask::new(
        "DELETE",
        format!("{}/{}", collection(answer), answer["metadata"]["name"].as_str()?),
        Value::Null,
    ))
}
