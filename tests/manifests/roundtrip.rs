//! Random realms, written out and read in: the same realm, and manifests that an API server takes.

use std::collections::BTreeSet;
use std::path::Path;

use pasee::domain::change::{Ban, Change};
use pasee::domain::directory::{Directory, Page};
use pasee::domain::group::GroupName;
use pasee::domain::membership::{Membership, Roster};
use pasee::domain::policy::{Actor, permit};
use pasee::domain::realm::{Realm, WriteError};
use pasee::domain::time::Timestamp;
use pasee::resources::manifest::{self, Manifest};
use pasee::store::embedded::Embedded;
use proptest::prelude::*;

use super::machine;
use super::support::schema::{Kind, Server};

/// Long after the tests run: the built command has the system's clock.
const FUTURE: i64 = 4_000_000_000;

fn clock() -> Timestamp {
    Timestamp::from_unix(FUTURE - 1).unwrap()
}

fn users() -> impl Strategy<Value = String> {
    prop_oneof![
        "kisee-[a-d]",
        "kisee-[a-d][.-][a-d]",
        "k8s-ci:[a-c]([.-][a-c])?",
        "k8s-[A-C:]{1,3}",
        "[a-z0-9_]{1,3}-[!-~é<\u{10ffff}]{1,12}",
    ]
}

/// A membership: the number of its roster among all, who, and the end.
type Placed = (prop::sample::Index, String, Option<u32>);

#[derive(Clone, Debug)]
struct Drawn {
    groups: BTreeSet<String>,
    members: Vec<Placed>,
    standings: Vec<(String, bool, Option<u32>)>,
}

fn realms() -> impl Strategy<Value = Drawn> {
    let name = "[ab]([_-]?[ab]){0,3}([.][ab]([_-]?[ab]){0,3}){0,2}";
    let groups = prop::collection::btree_set(name, 0..6);
    let end = prop::option::of(0..3_u32);
    let members = prop::collection::vec((any::<prop::sample::Index>(), users(), end), 0..40);
    let standing = (users(), any::<bool>(), prop::option::of(0..100_u32));
    let standings = prop::collection::vec(standing, 0..6);
    (groups, members, standings).prop_map(|(groups, members, standings)| Drawn {
        groups,
        members,
        standings,
    })
}

/// Makes the realm in a file, as the operator.
fn make(drawn: &Drawn, file: &Path) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let store = Embedded::open(file, clock).unwrap();
    let write = |change| store.write_blocking(permit(&Actor::operator(), change).unwrap());
    let at = |seconds: u32| Timestamp::from_unix(FUTURE + i64::from(seconds)).unwrap();
    for group in &drawn.groups {
        let group: GroupName = group.parse().unwrap();
        let chain: Vec<_> = std::iter::successors(Some(group), GroupName::parent).collect();
        for group in chain.into_iter().rev() {
            let made = write(Change::CreateGroup { group, creator: None });
            assert!(matches!(made, Ok(()) | Err(WriteError::GroupExists)), "{made:?}");
        }
    }
    let rosters = store.directory().rosters(Page { after: None, limit: usize::MAX });
    for (roster, user, end) in &drawn.members {
        let Ok(user) = user.parse() else { continue };
        let (roster, expires_at) = (roster.get(&rosters).clone(), end.map(at));
        let made = write(Change::AddMember(Membership { roster, user, expires_at }));
        assert!(matches!(made, Ok(()) | Err(WriteError::AlreadyMember)), "{made:?}");
    }
    for (user, is_banned, not_before) in &drawn.standings {
        let Ok(user) = user.parse() else { continue };
        if *is_banned {
            write(Change::SetBanned { user, banned: Ban::Impose }).unwrap();
        } else if let Some(not_before) = not_before.map(at) {
            write(Change::Declare { user, banned: None, not_before: Some(not_before) }).unwrap();
        }
    }
}

/// All that a file shows.
fn shown(file: &Path) -> String {
    let store = Embedded::open(file, clock).unwrap();
    let directory: &dyn Directory = store.directory();
    let mut text = String::new();
    for roster in directory.rosters(Page { after: None, limit: usize::MAX }) {
        text += &format!("{roster} {:?}\n", Roster::role(&roster));
    }
    for user in directory.users(Page { after: None, limit: usize::MAX }, clock()) {
        text += &format!("{user} {:?}\n", directory.record(&user, clock()));
    }
    text
}

fn taken(exported: &str) -> Result<(), TestCaseError> {
    let mut names = BTreeSet::new();
    for object in manifest::read(exported).unwrap() {
        let kind = match object {
            Manifest::Group(_) => Kind::Group,
            Manifest::Membership(_) => Kind::Membership,
            Manifest::User(_) => Kind::User,
            Manifest::OAuthClient(_) => Kind::OAuthClient,
        };
        let object = serde_json::to_value(&object).unwrap();
        prop_assert_eq!(Server::of(kind).takes(&object), Ok(()), "{}", object);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        prop_assert!(names.insert((format!("{kind:?}"), name)), "{}", object);
    }
    Ok(())
}

/// Realms here have users of providers that the settings do not have.
const ANYBODY: &str = "--allow-unknown-providers";

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_same_realm(drawn in realms(), other in realms()) {
        let (one, two) = (machine(), machine());
        make(&drawn, &one.path("data/pasee.db"));
        let exported = one.run(&["export"]).done();
        taken(&exported)?;
        if exported.is_empty() {
            return Ok(());
        }
        // Into an empty file.
        two.write("one.yaml", &exported);
        let told = two.run(&["apply", "--far-ahead", ANYBODY, "-f", "one.yaml"]).out;
        prop_assert!(told.lines().all(|line| line.ends_with(" created")), "{}", told);
        prop_assert_eq!(shown(&two.path("data/pasee.db")), shown(&one.path("data/pasee.db")));
        prop_assert_eq!(two.run(&["export"]).done(), exported.clone());
        let again = two.run(&["apply", "-f", "one.yaml", "--prune", "--far-ahead", ANYBODY]).out;
        prop_assert_eq!(again.matches(" unchanged\n").count(), told.lines().count());
        // Handed over, it is the same realm.
        let handed_over = one.run(&["export", "--hand-over"]).done();
        taken(&handed_over)?;
        two.write("handed-over.yaml", &handed_over);
        let again = two.run(&["apply", "-f", "handed-over.yaml", "--prune", "--far-ahead", ANYBODY]).out;
        prop_assert!(again.ends_with("\npruned: groups 0, members 0, bans 0\n"), "{}", again);
        prop_assert!(!again.contains(" c"), "nothing is created or configured: {}", again);
        // In the place of another one. Revocations stay, those that come with bans too, so that there are none.
        let three = machine();
        // Nor is there anything of a kind that is not pruned, as nothing is said of it.
        let has = |kind: &str| exported.contains(&format!("\nkind: {kind}\n"));
        let only = |kind, groups: BTreeSet<String>| if has(kind) { groups } else { BTreeSet::new() };
        let other = Drawn {
            groups: only("Group", other.groups),
            members: if has("Membership") { other.members } else { Vec::new() },
            standings: Vec::new(),
        };
        make(&other, &three.path("data/pasee.db"));
        three.write("one.yaml", &exported);
        let replaced = three.run(&["apply", "-f", "one.yaml", "--prune", "--far-ahead", ANYBODY, "--allow-no-root-staff"]);
        prop_assert_eq!(replaced.code, 0, "{}", replaced.err);
        prop_assert_eq!(three.run(&["export"]).done(), exported);
    }
}

/// What today's rules refuse is not written out, and told of.
#[test]
fn rows_by_former_rules_are_told_of() {
    let machine = machine();
    machine.set_mode("settings.toml", 0o600);
    super::apply(&machine, &super::object("Membership", "root", "role: Staff, users: [kisee-ada]"))
        .done();
    let file = machine.path("data/pasee.db");
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute(
        "INSERT INTO memberships (group_id, role, user) VALUES (0, 1, 'kisee-\u{202e}ada')",
        [],
    )
    .unwrap();
    drop(raw);
    let ran = machine.run(&["export"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("- kisee-ada") && ran.out.is_ascii(), "{}", ran.out);
    assert!(
        ran.err.contains("warning: rows") && ran.err.contains(r"kisee-\u{202e}ada"),
        "{}",
        ran.err
    );
}

/// Descriptions come in, go out and come in again.
#[test]
fn descriptions_arrive() {
    let [one, other] = [machine(), machine()];
    for machine in [&one, &other] {
        machine.set_mode("settings.toml", 0o600);
    }
    let text = [("a", "description: 'those: who #write'"), ("b", "")]
        .map(|(name, spec)| super::object("Group", name, spec));
    super::apply(&one, &text.concat()).done();
    let exported = one.run(&["export"]).done();
    assert!(exported.contains("those: who #write"), "{exported}");
    super::apply(&other, &exported).done();
    assert_eq!(other.run(&["export"]).done(), exported);
    let told = super::apply(&other, &super::object("Group", "a", "")).done();
    assert_eq!(told, "group/a unchanged\n");
    let told = super::apply(&other, &super::object("Group", "a", "description: ''")).done();
    assert_eq!(told, "group/a configured\n");
    assert!(!other.run(&["export"]).done().contains("description"));
}
