//! Groups: listed, searched for, within one another, in circles, without end.

use std::sync::Arc;

use pasee::idp::{Identity, ProviderError};

use crate::support::ldap::wire::{Filter, Question, done, entry};
use crate::support::ldap::{ADA, Directory, Entry, Greeting, ada, clear, entries};
use crate::support::raw_server::Step;

const GROUPS: &str = "ou=groups,dc=example,dc=com";

fn dn(name: &str) -> String {
    format!("cn={name},{GROUPS}")
}

/// A rule for each of these values of the claim `groups`; the value is the group's name here, as far as it can be one.
fn rules(values: &[(&str, &str)]) -> String {
    let rule = |(value, group): &(&str, &str)| {
        format!("{{ claim = \"groups\", value = \"{value}\", group = \"{group}\" }}")
    };
    format!("group_mapping = [{}]", values.iter().map(rule).collect::<Vec<_>>().join(", "))
}

fn names(identity: &Identity) -> Vec<&str> {
    identity.mapped.groups.iter().map(pasee::domain::group::GroupName::as_str).collect()
}

fn names_sorted(identity: &Identity) -> Vec<&str> {
    let mut names = names(identity);
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_or_searched_for() {
    let directory = Directory::start().await;
    let (writers, staff) = (dn("writers"), dn("all-staff"));
    let by_dn = rules(&[(&writers, "articles"), (&staff, "everybody"), ("writers", "wrong")]);
    let by_name =
        rules(&[("writers", "articles"), ("all-staff", "everybody"), (&writers, "wrong")]);
    let base = format!("group_base = \"{GROUPS}\"");
    let filter = "group_filter = \"(&(objectClass=groupOfNames)(member={dn}))\"";
    let cases: [(&str, &[&str], &[&str]); 9] = [
        (&by_dn, &[], &[]),
        (&by_dn, &["group_attribute = \"memberOf\""], &["articles"]),
        (
            &by_dn,
            &["group_attribute = \"memberOf\"", "nested_groups = true"],
            &["articles", "everybody"],
        ),
        (&by_dn, &[&base], &["articles"]),
        (&by_dn, &[&base, "nested_groups = true"], &["articles", "everybody"]),
        (&by_name, &[&base, "group_name = \"cn\""], &["articles"]),
        (
            &by_name,
            &[&base, filter, "group_name = \"CN\"", "nested_groups = true"],
            &["articles", "everybody"],
        ),
        (
            &by_name,
            &[&base, "group_filter = \"(description={username})\"", "group_name = \"cn\""],
            &[],
        ),
        (
            &by_name,
            &[
                "group_base = \"ou=other,dc=example,dc=com\"",
                "group_name = \"cn\"",
                "nested_groups = true",
            ],
            &[],
        ),
    ];
    for (provider, settings, expected) in cases {
        let identity = ada(&clear(&directory, provider, settings)).await.unwrap();
        assert_eq!(names(&identity), expected, "{settings:?}");
    }
    // Groups are looked for by our own account, never as the user.
    for asked in directory.asked() {
        if let Question::Search { connection, .. } = asked {
            let by = directory.asked().into_iter().find(
                |other| matches!(other, Question::Bind { connection: of, .. } if *of == connection),
            );
            assert!(!by.unwrap().binds(ADA.0));
        }
    }
}

/// A name with what filters are made of is looked for as it is.
#[tokio::test(flavor = "multi_thread")]
async fn names_of_entries_are_values() {
    let odd = "uid=ada*)(member=*,ou=people,dc=example,dc=com";
    let mut all = entries();
    all.retain(|entry| entry.dn != ADA.0);
    let attributes = [("objectClass", "inetOrgPerson"), ("uid", "ada"), ("entryUUID", "x")];
    all.push(Entry::new(odd, Some(ADA.1), &attributes));
    let directory =
        Directory::with(all, Arc::new(|_: &Question| None), Greeting::Clear(None)).await;
    let base = format!("group_base = \"{GROUPS}\"");
    let identity = ada(&clear(
        &directory,
        &rules(&[("writers", "articles")]),
        &[&base, "group_name = \"cn\""],
    ))
    .await;
    assert_eq!(names(&identity.unwrap()), [] as [&str; 0]);
    let asked = directory.asked();
    let Some(Question::Search { filter: Filter::And(parts), .. }) =
        asked.iter().find(|asked| asked.searches(GROUPS))
    else {
        panic!("{asked:?}")
    };
    assert_eq!(parts[1], Filter::Equal("member".into(), odd.into()));
}

/// A circle of groups ends where it began, a chain after sixteen, a directory that makes up groups after so many questions.
#[tokio::test(flavor = "multi_thread")]
async fn groups_without_end() {
    let circle = |length: usize| -> Vec<Entry> {
        let name = |number: usize| dn(&format!("g{}", number % length));
        let mut all = entries();
        all.extend((0..length).map(|number| {
            let member = if number == 0 { ADA.0.to_owned() } else { name(number - 1) };
            let attributes = [
                ("objectClass", "groupOfNames"),
                ("cn", "g"),
                ("member", &member),
                ("member", &name(number + length - 1)),
                ("memberOf", &name(number + 1)),
            ];
            Entry::new(&name(number), None, &attributes)
        }));
        let ada = all.iter_mut().find(|entry| entry.dn == ADA.0).unwrap();
        ada.attributes.retain(|(name, _)| name != "memberOf");
        ada.attributes.push(("memberOf".into(), vec![name(0).into_bytes()]));
        all
    };
    let base = format!("group_base = \"{GROUPS}\"");
    let (listed, searched) = (
        ["group_attribute = \"memberOf\"", "nested_groups = true"],
        [base.as_str(), "nested_groups = true"],
    );
    let last = |number: usize| dn(&format!("g{number}"));
    for settings in [&listed, &searched] {
        for (length, reached) in [(3, true), (40, false)] {
            let directory = Directory::with(
                circle(length),
                Arc::new(|_: &Question| None),
                Greeting::Clear(None),
            )
            .await;
            let provider = rules(&[(&last(0), "first"), (&last(length - 1), "last")]);
            let identity = ada(&clear(&directory, &provider, settings)).await.unwrap();
            let expected: &[&str] = if reached { &["first", "last"] } else { &["first"] };
            assert_eq!(names(&identity), expected, "{settings:?} {length}");
            assert!(directory.asked().len() < 30, "{}", directory.asked().len());
        }
    }
    // Each group that is looked at is in ten that nobody has heard of.
    let directory = Directory::spoiled(|question| {
        let Question::Search { id, base, subtree: false, .. } = question else { return None };
        let names = (0..10).map(|number| format!("cn={number},{base}").into_bytes()).collect();
        Some(vec![Step::Bytes(
            [entry(*id, base, &[("memberOf".into(), names)]), done(*id, 0)].concat(),
        )])
    })
    .await;
    let provider = rules(&[(&dn("writers"), "articles")]);
    let identity = ada(&clear(&directory, &provider, &listed)).await.unwrap();
    assert_eq!(names(&identity), ["articles"]);
    assert!(directory.asked().len() < 210, "{}", directory.asked().len());
    // Each search finds a thousand more.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let directory = Directory::spoiled(move |question| {
        let Question::Search { id, base, .. } = question else { return None };
        if base != GROUPS {
            return None;
        }
        let first = count.fetch_add(1000, std::sync::atomic::Ordering::SeqCst);
        let found =
            (first..first + 1000).flat_map(|number| entry(*id, &dn(&number.to_string()), &[]));
        Some(vec![Step::Bytes(found.chain(done(*id, 0)).collect())])
    })
    .await;
    let provider = rules(&[(&dn("7"), "articles")]);
    let identity = ada(&clear(&directory, &provider, &searched)).await.unwrap();
    assert_eq!(names(&identity), ["articles"]);
    assert!(directory.asked().len() < 50, "{}", directory.asked().len());
}

/// A directory that fails to say which groups somebody is in lets nobody in without them; one that shows not all does.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_not_told() {
    let base = format!("group_base = \"{GROUPS}\"");
    for (code, expected) in [
        (0, None),
        (4, None),
        (3, Some(ProviderError::Unreachable)),
        (
            32,
            Some(ProviderError::InvalidResponse(
                "it has no such group_base, or does not show it to us",
            )),
        ),
        (50, Some(ProviderError::Misconfigured("it does not let our bind_dn search"))),
        (
            10,
            Some(ProviderError::InvalidResponse("a referral to elsewhere, which is not followed")),
        ),
    ] {
        let directory = Directory::spoiled(move |question| {
            let id = question.id();
            question.searches(GROUPS).then(|| {
                vec![Step::Bytes([entry(id, &dn("writers"), &[]), done(id, code)].concat())]
            })
        })
        .await;
        let result =
            ada(&clear(&directory, &rules(&[(&dn("writers"), "articles")]), &[&base])).await;
        match expected {
            None => assert_eq!(names(&result.unwrap()), ["articles"], "{code}"),
            Some(error) => assert_eq!(result.unwrap_err(), error, "{code}"),
        }
    }
}

/// A group that is in another directory of a forest, or whose name is none, counts itself, and keeps nobody out.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_elsewhere() {
    let elsewhere = "CN=far,DC=other,DC=example,DC=com";
    for code in [10, 34, 32, 50] {
        let mut all = entries();
        let ada_s = all.iter_mut().find(|entry| entry.dn == ADA.0).unwrap();
        ada_s.attributes.retain(|(name, _)| name != "memberOf");
        let names = vec![elsewhere.into(), dn("writers").into_bytes()];
        ada_s.attributes.push(("memberOf".into(), names));
        let spoil = move |question: &Question| {
            question.searches(elsewhere).then(|| vec![Step::Bytes(done(question.id(), code))])
        };
        let directory = Directory::with(all, Arc::new(spoil), Greeting::Clear(None)).await;
        let provider =
            rules(&[(elsewhere, "far"), (&dn("writers"), "near"), (&dn("all-staff"), "within")]);
        let nested = ["group_attribute = \"memberOf\"", "nested_groups = true"];
        let identity = ada(&clear(&directory, &provider, &nested)).await.unwrap();
        assert_eq!(names_sorted(&identity), ["far", "near", "within"], "{code}");
    }
}

/// A group that its staff gave the name of another beside its own is called by neither.
#[tokio::test(flavor = "multi_thread")]
async fn groups_with_two_names() {
    let mut all = entries();
    all.push(Entry::new(
        &dn("mine"),
        None,
        &[("objectClass", "groupOfNames"), ("cn", "mine"), ("cn", "admins"), ("member", ADA.0)],
    ));
    let directory =
        Directory::with(all, Arc::new(|_: &Question| None), Greeting::Clear(None)).await;
    let base = format!("group_base = \"{GROUPS}\"");
    let provider = rules(&[("mine", "mine"), ("admins", "admins"), ("writers", "articles")]);
    let identity =
        ada(&clear(&directory, &provider, &[&base, "group_name = \"cn\""])).await.unwrap();
    assert_eq!(names(&identity), ["articles"]);
}
