//! Manifests that are wrong, huge or meant to do harm: nothing is done, and every mistake is told with its place.

use std::fs;

use super::support::machine::Machine;
use super::{apply, machine, object};

/// What is told of a stream that is refused; nothing was made.
#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> String {
    let machine = machine();
    let told = machine.run_with_input(&["apply", "-f", "-"], text.as_ref()).refused(1);
    assert!(!machine.path("data").exists(), "nothing was made");
    assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
    told
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let machine = machine();
    machine.write("a.yaml", object("Group", "a", "creater: local-x") + &object("Group", "b", ""));
    let b = [
        object("Membership", "m", "group: a, users: [local-x, ada]"),
        object("Group", "b", ""),
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n".to_owned(),
        object("Membership", "m", "group: a, role: Owner"),
        object("User", "u", "username: local-x, ban: true"),
    ];
    machine.write("b.yaml", b.concat());
    machine.write("c.yaml", "a: [");
    let given = ["apply", "-f", "a.yaml", "-f", "b.yaml", "-f", "c.yaml", "-f", "d.yaml"];
    let told = machine.run(&given).refused(1);
    for (start, says) in [
        ("pasee: nothing was done:", ""),
        (
            "- a.yaml: object 1: there is no field spec.creater; the nearest one is creator (line 5: \"local-x\")",
            "",
        ),
        ("- b.yaml: object 1: membership/m: spec.users[1]: ", "such as kisee-john"),
        ("- b.yaml: object 1: membership/m: spec.users[1]: ", " (line 5: \"ada\")"),
        (
            "- b.yaml: object 2: group/b stands here a second time; the first is a.yaml: object 2 (line 7)",
            "",
        ),
        (
            "- b.yaml: object 3: this is no Group, Membership, User or OAuthClient of apiVersion pasee.meltylab.fr/v1 (line 12)",
            "",
        ),
        (
            "- b.yaml: object 4: spec.role: ",
            "unknown variant `Owner`, expected `Member` or `Staff` (line 19: \"Owner\")",
        ),
        (
            "- b.yaml: object 5: there is no field spec.ban; the nearest one is banned (line 24: true)",
            "",
        ),
        ("- c.yaml: this is no YAML: ", ""),
        ("- d.yaml: cannot be read", ""),
        ("  because: No such file or directory", ""),
    ] {
        let is_told = |line: &str| line.starts_with(start) && line.contains(says);
        assert!(told.lines().any(is_told), "{start} {says}\n{told}");
    }
    assert!(!machine.path("data").exists(), "nothing was made");
}

#[test]
fn names_at_and_beyond_their_bounds() {
    let machine = machine();
    let longest = format!("{}a", "a--".repeat(84));
    let subject = "s".repeat(200);
    for (kind, name, spec) in [
        ("Group", longest.as_str(), String::new()),
        ("Group", &"b".repeat(200), format!("creator: {}-{subject}", "p".repeat(32))),
        ("Membership", &"m".repeat(253), format!("group: {longest}, users: [local-{subject}]")),
        ("User", "1.2-3", format!("username: \"local-{}\"", "\u{e9}".repeat(100))),
    ] {
        let given = ["apply", "--allow-unknown-providers", "-f", "-"];
        let text = object(kind, &format!("\"{name}\""), &spec);
        let ran = machine.run_with_input(&given, text.as_bytes());
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for (kind, name, spec) in [
        ("Group", format!("{longest}--a"), String::new()),
        ("Group", "b".repeat(201), String::new()),
        ("Group", "my_group".to_owned(), String::new()),
        ("Group", "a---b".to_owned(), String::new()),
        ("Group", "staff".to_owned(), String::new()),
        ("Group", "x.staff".to_owned(), String::new()),
        ("Group", "\"\"".to_owned(), String::new()),
        ("Group", "a/b".to_owned(), String::new()),
        ("Group", "x".to_owned(), format!("description: {}", "d".repeat(1025))),
        ("Membership", "m".repeat(254), String::new()),
        ("Membership", "x".to_owned(), format!("role: Staff, users: [local-{subject}s]")),
        ("Membership", "x".to_owned(), "role: Staff, users: [\"local-e\u{301}\"]".to_owned()),
        ("Membership", "x".to_owned(), "role: Staff, users: [\"local-\\e[2J\"]".to_owned()),
        ("Membership", "x".to_owned(), "role: Staff, users: [\"local-root\u{200b}\"]".to_owned()),
        ("User", "x".to_owned(), "username: \"local-\\u202etoor\"".to_owned()),
        ("Group", "x".to_owned(), "creator: \"local-\\u3164\"".to_owned()),
        ("Membership", "x".to_owned(), "role: Staff, expiresAt: tomorrow".to_owned()),
        (
            "Membership",
            "x".to_owned(),
            format!("role: Staff, users: [{}]", "local-a, ".repeat(501)),
        ),
        ("Membership", "x".to_owned(), "users: [local-a]".to_owned()),
        ("User", "x".to_owned(), "banned: true".to_owned()),
        ("User", "x".to_owned(), "username: local-a, banned: perhaps".to_owned()),
    ] {
        let told = refused(object(kind, &name, &spec));
        assert!(told.starts_with("pasee: standard input: object 1: "), "{name} {spec}: {told}");
        assert!(!told.contains("[2J"), "{told}");
    }
}

#[test]
fn groups_that_are_nowhere_are_named() {
    let text =
        object("Group", "a.b", "") + &object("Membership", "m", "group: c, users: [local-a]");
    let machine = machine();
    let told = apply(&machine, &text).refused(1);
    assert_eq!(
        told,
        "pasee: nothing was done:\n\
         - standard input: object 1: group/a.b is below the group a, which is nowhere; write a Group for it\n\
         - standard input: object 2: membership/m is of the group c, which is nowhere; write a Group for it\n"
    );
}

#[test]
fn bombs_and_noise() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let row = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{row}]\n");
    }
    assert!(refused(&bomb).contains("this is no YAML"), "a bomb");
    refused("[".repeat(1_000_000));
    refused("{".repeat(100_000));
    refused("- ".repeat(100_000));
    refused("---\n".repeat(50) + "kind: \u{7}\u{1b}[2J\n");
    refused(object("Group", "a", "\"\\e[2J\\u0007\": 1"));
    refused("a: \u{1b}[2J\n");
    assert!(refused(b"a: \xff\xfe").contains("it is no UTF-8 from byte 3 on"));
    assert!(refused("").contains("no manifests were found"));
    assert!(refused("---\n---\n# nothing\n").contains("no manifests were found"));
    let many: String = (0..200).map(|n| object("Group", &format!("A{n}"), "")).collect();
    let told = refused(many);
    assert_eq!(told.lines().count(), 52, "{told}");
    assert!(told.ends_with("- and 150 more\n"), "{told}");
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let machine = machine();
    let told = machine.run(&["apply", "-f", "/dev/zero"]).refused(1);
    assert_eq!(
        told,
        "pasee: /dev/zero: cannot be read\n  because: it is longer than 256 MiB; write several files\n"
    );
}

#[test]
fn places_that_hold_nothing() {
    let machine = machine();
    fs::create_dir(machine.path("empty")).unwrap();
    let told = machine.run(&["apply", "-f", "empty"]).refused(1);
    assert_eq!(told, "pasee: empty: holds no file that ends with .yaml, .yml or .json\n");
    let told = machine.run(&["apply", "-f", "-", "-f", "-"]).refused(1);
    assert_eq!(told, "pasee: standard input can be read only once; nothing was done\n");
    let told = prune_nothing(&machine);
    assert!(told.contains("no manifests were found, so nothing was done"), "{told}");
}

/// An empty file would otherwise empty the realm.
fn prune_nothing(machine: &Machine) -> String {
    machine.write("none.yaml", "");
    machine.run(&["apply", "--prune", "-f", "none.yaml"]).refused(1)
}
