//! What several objects say together, and what cannot be taken in.

use super::*;
use crate::resources::manifest;

fn take(text: &str) -> (Wanted, Vec<String>) {
    let (mut wanted, mut wrong) = (Wanted::default(), Vec::new());
    for (number, object) in (1..).zip(manifest::read(text).unwrap()) {
        let place = Place { file: "f".into(), number };
        wrong.extend(wanted.add(&object, place).err().map(|wrong| wrong.to_string()));
    }
    (wanted, wrong)
}

fn object(kind: &str, metadata: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: pasee.meltylab.fr/v1\nkind: {kind}\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n"
    )
}

#[test]
fn memberships_add_up_and_the_latest_end_counts() {
    let ends = [
        ("a", "expiresAt: \"2027-01-31T00:00:00Z\""),
        ("b", "expiresAt: \"2027-01-30T00:00:00Z\""),
        ("c", "expiresAt: \"2027-02-01T00:00:00Z\""),
    ];
    let text: String = ends
        .iter()
        .map(|(name, end)| {
            object(
                "Membership",
                &format!("name: {name}"),
                &format!("group: g, users: [k-a], {end}"),
            )
        })
        .collect();
    let endless = object("Membership", "name: d", "group: g, users: [k-b, k-a]");
    let end_of = |text: &str| {
        let wanted = take(text).0;
        wanted.rosters[&"g".parse().unwrap()][&"k-a".parse().unwrap()]
    };
    assert_eq!(end_of(&text), Timestamp::from_unix(1_801_440_000));
    assert_eq!(end_of(&format!("{text}{endless}")), None);
    assert_eq!(end_of(&format!("{endless}{text}")), None);
}

#[test]
fn of_users_the_strictest_counts() {
    let text = [
        object("User", "name: a", "username: k-a, banned: true"),
        object("User", "name: b", "username: k-a, notBefore: \"1970-01-01T00:00:09Z\""),
        object(
            "User",
            "name: c",
            "username: k-a, banned: false, notBefore: \"1970-01-01T00:00:08.5Z\"",
        ),
    ];
    let (wanted, wrong) = take(&text.concat());
    assert_eq!(wrong, Vec::<String>::new());
    let wish = Wish { ban: Some(Ban::Impose), not_before: Timestamp::from_unix(9) };
    assert_eq!(wanted.standings[&"k-a".parse().unwrap()], wish);
    let silent = take(&object("User", "name: a", "username: k-a, banned: null")).0;
    assert_eq!(silent.standings[&"k-a".parse().unwrap()], Wish::default());
}

#[test]
fn what_is_wrong_is_told_and_not_taken() {
    let long = "a".repeat(254);
    let text = [
        object("Membership", "name: a", "group: g, users: [k-a]"),
        object("Membership", "name: a", "group: g, users: [k-b]"),
        object("Group", "name: a", ""),
        object("Group", "name: a.staff", ""),
        object("Membership", "generateName: a", "group: g"),
        object("User", &format!("name: {long}"), "username: k-a"),
        object("Membership", "name: b", "group: g, users: [k-a, 'k- b']"),
        object("Membership", "name: c", "users: [k-a]"),
        object("OAuthClient", "name: grafana", "redirectUris: [\"https://grafana.example/\"]"),
        object("OAuthClient", "generateName: grafana", "grantTypes: []"),
    ];
    let (wanted, wrong) = take(&text.concat());
    assert_eq!(wrong[0], "membership/a stands here a second time; the first is f: object 1");
    assert!(wrong[1].starts_with("group/a.staff: metadata.name is no group's name"), "{wrong:?}");
    assert!(wrong[2].starts_with("metadata.name is no object's name"), "{wrong:?}");
    assert!(wrong[3].starts_with("metadata.name is no object's name"), "{wrong:?}");
    assert!(wrong[4].starts_with("membership/b: spec.users[1]: "), "{wrong:?}");
    assert!(wrong[5].starts_with("membership/c: spec.group is missing"), "{wrong:?}");
    assert!(
        wrong[6].starts_with("oauthclient/grafana: applications stand in the settings"),
        "{wrong:?}"
    );
    assert!(wrong[6].contains("[[clients]] with id = \"grafana\""), "{wrong:?}");
    assert!(wrong[7].starts_with("metadata.name is no object's name"), "{wrong:?}");
    assert_eq!(wrong.len(), 8);
    assert_eq!(wanted.objects.len(), 2);
    assert_eq!(wanted.rosters.values().map(BTreeMap::len).sum::<usize>(), 1);
}

#[test]
fn one_realm_has_one_namespace() {
    let in_namespace = |name: &str, namespace: &str| {
        object("Group", &format!("name: {name}, namespace: {namespace}"), "")
    };
    let one = [in_namespace("a", "x"), object("Group", "name: b", ""), in_namespace("c", "x")];
    assert_eq!(take(&one.concat()).0.namespace().unwrap(), Some("x"));
    assert_eq!(take(&one[1]).0.namespace().unwrap(), None);
    let two = [in_namespace("a", "x"), in_namespace("b", "z")].concat();
    let told = take(&two).0.namespace().unwrap_err().to_string();
    assert!(told.contains("several namespaces, x, z;"), "{told}");
}

#[test]
fn users_of_every_kind() {
    let text = [
        object("Group", "name: a", "creator: one-a"),
        object(
            "Membership",
            "name: a",
            "group: a, users: [two-a, two-b], serviceAccounts: [{namespace: ns, name: m}]",
        ),
        object("User", "name: a", "username: three-a"),
    ];
    let (wanted, _) = take(&text.concat());
    let users: Vec<&str> = wanted.users().into_iter().map(UserId::as_str).collect();
    assert_eq!(users, ["k8s-ns:m", "one-a", "three-a", "two-a", "two-b"]);
}
