//! With random objects around every bound: what the definitions let through is what `resources` reads.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use unicode_normalization::is_nfc;

use super::support::schema::{Kind, Server};

/// A text that is sometimes a right one, often nearly.
fn text(right: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => right.prop_map(Value::from),
        // One of the characters gets another one beside it.
        3 => (right, any::<prop::sample::Index>(), "[-_.:A a0\u{e9}\u{301}\u{a0}\n\0T+Z]").prop_map(|(text, place, odd)| {
            let mut chars: Vec<char> = text.chars().collect();
            chars.insert(place.index(chars.len() + 1), odd.chars().next().unwrap_or('x'));
            chars.into_iter().collect::<String>().into()
        }),
        1 => "\\PC{0,8}".prop_map(Value::from),
    ]
}

/// As wide as the bounds, and a bit wider.
fn group() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text("[a-z0-9]{1,3}(--?[a-z0-9]{1,3}){0,2}([.](staff|[a-z]{1,2}(--?[a-z]){0,2})){0,3}"),
        1 => (1usize..90, 0usize..250).prop_map(|(pairs, rest)| {
            format!("{}a{}", "a--".repeat(pairs), "b".repeat(rest)).into()
        }),
    ]
}

fn user() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text("[a-z0-9_]{1,4}-[a-z -]{0,5}[a-z]"),
        1 => ("[a-z0-9_]{1,34}", "[a\u{e9}\u{65e5}]", 1usize..210)
            .prop_map(|(provider, letter, count)| format!("{provider}-{}", letter.repeat(count)).into()),
    ]
}

fn moment() -> impl Strategy<Value = Value> {
    text(
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.][0-9]{1,10})?(Z|[+-][0-2][0-9]:[0-6][0-9])",
    )
}

fn account() -> impl Strategy<Value = Value> {
    let long = |bound: usize| (1..=bound).prop_map(|count| Value::from("a".repeat(count)));
    let namespace = prop_oneof![text("[a-z0-9]([-a-z0-9]{0,3}[a-z0-9])?"), long(65)];
    let name = prop_oneof![text("[a-z0-9]([-a-z0-9]{0,3}[a-z])?([.][a-z]){0,2}"), long(256)];
    (namespace, name).prop_map(|(namespace, name)| json!({ "namespace": namespace, "name": name }))
}

/// An object with some of the fields.
fn object(kind: Kind, name: Value, fields: Vec<(&str, Option<Value>)>) -> Value {
    let mut spec = Map::new();
    for (name, value) in fields {
        spec.extend(value.map(|value| (name.to_owned(), value)));
    }
    json!({
        "apiVersion": "pasee.meltylab.fr/v1",
        "kind": format!("{kind:?}"),
        "metadata": { "name": name },
        "spec": spec,
    })
}

fn agree(server: &Server, object: &Value) -> Result<(), TestCaseError> {
    let (takes, read) = (server.takes(object), server.is_read(object));
    let is_normal = is_nfc(&object["spec"].to_string());
    prop_assert_eq!(
        takes.is_ok() && is_normal,
        read.is_ok(),
        "{}\n{:?}\n{:?}",
        object,
        takes,
        read
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn on_groups(name in group(), creator in prop::option::of(user()), description in prop::option::of(0usize..1100)) {
        let description = description.map(|length| "\u{e9}".repeat(length).into());
        let fields = vec![("creator", creator), ("description", description)];
        // A name that no object can have never comes this far.
        agree(Server::of(Kind::Group), &object(Kind::Group, name, fields))?;
    }

    #[test]
    fn on_memberships(
        group in prop::option::weighted(0.8, group()),
        role in prop::option::of(prop_oneof!["Member", "Staff", "[A-Za-z]{0,6}"].prop_map(Value::from)),
        users in prop::option::of(prop::collection::vec(user(), 0..3)),
        accounts in prop::option::of(prop::collection::vec(account(), 0..2)),
        expires_at in prop::option::of(moment()),
    ) {
        let fields = vec![
            ("group", group),
            ("role", role),
            ("users", users.map(Value::from)),
            ("serviceAccounts", accounts.map(Value::from)),
            ("expiresAt", expires_at),
        ];
        agree(Server::of(Kind::Membership), &object(Kind::Membership, "a".into(), fields))?;
    }

    #[test]
    fn on_users(username in user(), banned in prop::option::of(any::<bool>()), not_before in prop::option::of(moment())) {
        let fields = vec![
            ("username", Some(username)),
            ("banned", banned.map(Value::from)),
            ("notBefore", not_before),
        ];
        agree(Server::of(Kind::User), &object(Kind::User, "a".into(), fields))?;
    }
}
