//! Maps right and wrong, and what becomes of what is said of those who are in them.
//!
//! Must not know a store.

use super::*;

fn id(text: &str) -> UserId {
    text.parse().unwrap()
}

fn read(text: &str) -> Renaming {
    Renaming::read(text).unwrap()
}

fn wrong(text: &str) -> Vec<String> {
    Renaming::read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

fn name(renaming: &Renaming, user: &str) -> Option<String> {
    renaming.new_name(&id(user)).map(|new| new.to_string())
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).unwrap()
}

#[test]
fn lines_and_whole_providers() {
    let map = read(
        "# from Kisee to LDAP\nkisee-john ldap-jsmith\nkisee- ldap-\nkisee-bot kisee-bot\n\"p-a b\" p-c\n",
    );
    for (old, new) in [
        ("kisee-john", Some("ldap-jsmith")),
        ("kisee-ada", Some("ldap-ada")),
        ("kisee-a-b", Some("ldap-a-b")),
        ("kisee-bot", None),
        ("kiseee-ada", None),
        ("ldap-ada", None),
        ("p-a b", Some("p-c")),
        ("p-c", None),
    ] {
        assert_eq!(name(&map, old).as_deref(), new, "{old}");
        if let Some(new) = new {
            assert_eq!(map.former_name(&id(new)), Some(id(old)), "{new}");
        }
    }
    assert_eq!(map.former_name(&id("ldap-john")), None, "john has a line of his own");
    assert_eq!(map.former_name(&id("kisee-bot")), None);
    assert!(!map.passes_on(&id("kisee-ada")));
    assert!(read("").is_empty() && read("a-b a-b\nc- c-").is_empty() && !map.is_empty());
}

#[test]
fn two_people_may_take_each_others_names() {
    let map = read("k-a k-b\nk-b k-a\nk-c k-d\nk-d k-e\nx- y-\ny- x-");
    for (old, new) in [("k-a", "k-b"), ("k-b", "k-a"), ("k-c", "k-d"), ("k-d", "k-e")] {
        assert_eq!(name(&map, old).as_deref(), Some(new));
    }
    let passes = |user: &str| map.passes_on(&id(user));
    assert!(passes("k-a") && passes("k-b") && passes("k-d") && passes("x-1") && passes("y-1"));
    assert!(!passes("k-c") && !passes("k-e") && !passes("k-z"));
}

#[test]
fn mistakes_name_their_lines() {
    for (text, told) in [
        ("kisee-john", "line 1: has not two names but 1; a right one has"),
        ("a-b\n\na-b c-d e-f", "line 3: has not two names but 3;"),
        ("# x\nkisee-john john", "line 2: \"john\" is no user id: "),
        ("kisee- ldap-john", "line 1: kisee- is everybody of a provider and ldap-john is not"),
        ("kisee-john ldap-", "line 1: ldap- is everybody of a provider and kisee-john is not"),
        ("k-a l-a\nk-a l-b", "line 2: k-a has a line already, line 1"),
        ("k- l-\nk- m-", "line 2: k- has a line already, line 1"),
        (
            "k-a l-x\nk-b l-x",
            "line 2: l-x would be two people: k-b by this line, and k-a by line 1",
        ),
        ("k- l-\nm- l-", "line 2: l- would be two people: m- by this line, and k- by line 1"),
        ("\"k-a l-b", "line 1: a \" is missing"),
        ("k-a \u{202e}l-b", "line 1: \"\\u{202e}l-b\" is no user id"),
    ] {
        let wrong = wrong(text);
        assert!(wrong.iter().any(|line| line.starts_with(told)), "{text}: {wrong:?}");
    }
    assert_eq!(wrong("x\ny\nz").len(), 3, "all at once");
    assert_eq!(name(&read("k- l-\nk-ada l-bob\nk-bob l-ada"), "k-bob").as_deref(), Some("l-ada"));
}

/// Each case: what was said of the former id and of the new one, whether something is got by it; what is said afterwards.
#[test]
fn bans_follow_and_no_session_gets_more() {
    let said =
        |banned, not_before: Option<i64>| Standing { banned, not_before: not_before.map(moment) };
    let now = moment(100);
    let (none, straight, swapped) = (said(false, None), read("k-a l-a"), read("k-a l-a\nl-a k-a"));
    for (map, former, there, gains, after) in [
        (&straight, none, none, false, None),
        (&straight, none, none, true, Some(said(false, Some(100)))),
        (&straight, said(true, Some(9)), none, false, Some(said(true, Some(100)))),
        (&straight, said(true, Some(9)), none, true, Some(said(true, Some(100)))),
        (&straight, said(true, Some(9)), said(true, Some(50)), false, None),
        (&straight, none, said(true, Some(50)), false, None),
        (&straight, none, said(true, Some(50)), true, Some(said(true, Some(100)))),
        (&straight, said(false, Some(9)), none, false, Some(said(false, Some(9)))),
        (&straight, said(false, Some(9)), said(false, Some(9)), false, None),
        (
            &straight,
            said(false, Some(9)),
            said(false, Some(100)),
            true,
            Some(said(false, Some(101))),
        ),
        (&straight, said(false, Some(900)), none, true, Some(said(false, Some(901)))),
        // The id is another person's from now on: their ban is not hers, and their sessions end.
        (&swapped, none, said(true, Some(50)), false, Some(said(false, Some(100)))),
        (&swapped, none, none, true, Some(said(false, Some(100)))),
        (&swapped, said(true, Some(9)), said(true, Some(50)), true, Some(said(true, Some(100)))),
    ] {
        let before = |user: &UserId| if *user == id("k-a") { former } else { there };
        let found = map.standing(&id("l-a"), before, gains, now);
        assert_eq!(found, after, "{former:?} {there:?} {gains}");
    }
    let before = |_: &UserId| said(true, None);
    assert_eq!(
        straight.standing(&id("k-a"), before, true, now),
        None,
        "the former id stays as it was"
    );
}

/// Whoever is called as everybody of a provider is may be somebody with a line of their own, if both are there.
#[test]
fn a_line_that_is_missing() {
    let seen = |users: &[&str]| users.iter().map(|user| id(user)).collect::<Vec<_>>();
    for (map, users, wrong) in [
        ("k- l-\nk-ada l-bob", vec!["k-ada", "k-eve"], None),
        ("k- l-\nk-ada l-bob", vec!["k-ada", "k-bob"], Some("k-bob")),
        ("k- l-\nk-ada l-bob\nk-bob l-ada", vec!["k-ada", "k-bob"], None),
        ("k- l-\nl-a l-a", vec!["k-a"], Some("k-a")),
        ("k- l-\nl-a l-a", vec!["l-a"], None),
    ] {
        let found = read(map).check(&seen(&users)).err().map(|error| error.other);
        assert_eq!(found, wrong.map(id), "{map} {users:?}");
    }
}

#[test]
fn what_a_map_says_of_itself() {
    let map = read("k-b l-b\nk-a l-a\nk-c k-c\nm- n-\n");
    let pairs: Vec<String> = map.pairs().map(|(old, new)| format!("{old} {new}")).collect();
    assert_eq!(pairs, ["k-a l-a", "k-b l-b"]);
    let providers: Vec<&str> = map.new_providers().map(ProviderName::as_str).collect();
    assert_eq!(providers, ["n"]);
    assert_eq!(map.canonical(), "k-a\nl-a\nk-b\nl-b\nk-c\nk-c\nm-\nn-\n");
    assert_eq!(map.canonical(), read("m- n-\nk-c k-c\nk-a l-a\nk-b l-b\n").canonical());
    for (text, is_empty) in [("k-a k-a\n", true), ("k-a l-a\n", false), ("k- l-\n", false)] {
        assert_eq!(read(text).is_empty(), is_empty, "{text}");
    }
}

/// Where an id passes from one to another, doing it twice is not what doing it once is.
#[test]
fn maps_that_are_not_done_twice() {
    for (text, has_chains) in [
        ("k-a l-a\n", false),
        ("k- l-\n", false),
        ("k-a k-b\nk-b k-c\n", true),
        ("k-a l-a\nl- m-\n", true),
        ("l-a m-a\nk- l-\n", true),
        ("k- l-\nl- m-\n", true),
    ] {
        assert_eq!(read(text).has_chains(), has_chains, "{text}");
    }
}

#[test]
fn what_is_told_of_somebody_with_another_name() {
    let told = |memberships, made, is_banned| {
        Renamed { old: id("k-a"), new: id("l-a"), memberships, made, is_banned }.to_string()
    };
    assert_eq!(told(1, 0, false), "k-a is l-a now: 1 membership");
    assert_eq!(told(2, 1, false), "k-a is l-a now: 2 memberships, 1 made by them");
    assert_eq!(told(0, 0, true), "k-a is l-a now: 0 memberships, banned");
}
