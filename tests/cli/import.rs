//! `pasee import`: files that the other programs made, what becomes of them, and that nothing of them is lost silently.

use std::path::Path;

use super::support::machine::{Machine, Ran, SETTINGS};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/import").join(name);
    path.to_str().unwrap().to_owned()
}

fn import(machine: &Machine, from: &str, file: &str, more: &[&str]) -> Ran {
    machine.run(&[&["import", "--from", from, file], more].concat())
}

/// The manifests without comments.
fn manifests(out: &str) -> String {
    let lines = out.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The kinds and names of the manifests, with who is in them.
fn outline(machine: &Machine, out: &str) -> Vec<String> {
    machine.write("manifests.yaml", out);
    let dry = ["apply", "-f", "manifests.yaml", "--dry-run", "--allow-unknown-providers"];
    let applied = machine.run(&dry);
    assert_eq!(applied.code, 0, "{applied:?}");
    let mut outline = Vec::new();
    for document in manifests(out).split("---\n").filter(|it| !it.trim().is_empty()) {
        let words: Vec<&str> = document.split_whitespace().collect();
        let after = |key: &str| {
            let place = words.iter().position(|word| *word == key);
            place.map_or("", |place| words[place + 1]).trim_matches(['"', '\''])
        };
        let users = words.iter().skip_while(|word| **word != "users:").skip(1);
        let users = users.filter(|word| **word != "-").map(|word| word.trim_matches(['"', '\'']));
        let who = users.collect::<Vec<_>>().join(" ");
        let said = format!("{} {} {who}{}", after("kind:"), after("name:"), after("username:"));
        outline.push(said.trim().to_owned());
    }
    outline
}

fn told<'a>(err: &'a str, start: &str) -> Vec<&'a str> {
    let start = format!("pasee: {start}: ");
    err.lines().filter_map(|line| line.strip_prefix(&*start)).collect()
}

/// Each line on standard error stands in the manifests too.
fn told_in_both(ran: &Ran) {
    for (start, comment) in [("left out", "# Left out: "), ("note", "# Note: ")] {
        for line in told(&ran.err, start) {
            assert!(ran.out.contains(&format!("{comment}{line}\n")), "{line}: {}", ran.out);
        }
    }
}

#[test]
fn the_database_of_the_python_pasee() {
    let machine = Machine::new(SETTINGS);
    let ran = import(&machine, "python", &fixture("python.sqlite"), &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    told_in_both(&ran);
    assert_eq!(
        outline(&machine, &ran.out),
        [
            "Group articles",
            "Group articles.english",
            "Group lonely",
            "Group lonely.child",
            "Membership staff kisee-ada kisee-grace",
            "Membership articles kisee-john twitter-14155",
            "Membership articles.staff kisee-ada kisee-john",
            "Membership articles.english kisee-mallory kisee-\u{c5}sa",
            "Membership articles.english.staff kisee-ada",
            "Membership lonely.child kisee-john",
            "Membership lonely.child.staff kisee-ada",
            "User kisee-mallory kisee-mallory",
            "User kisee-nobody kisee-nobody",
        ]
    );
    let left_out = told(&ran.err, "left out");
    for start in [
        "the user root is left out of articles.english: it is no user id: ",
        "\"Dev Ops\", in which is kisee-john, is left out: ",
        "\"Dev Ops.staff\", in which is kisee-ada, is left out: \"Dev Ops\" has no place as a group",
        "a__b, in which is nobody, is left out: ",
        "a__b.staff, in which is kisee-ada, is left out: ",
        "articles.staff.more, in which is nobody, is left out: ",
        "articles.staff.more.staff, in which is kisee-john, is left out: ",
        "that kisee-john is in gone is left out: there is no such group",
    ] {
        assert!(left_out.iter().any(|line| line.starts_with(start)), "{start}: {left_out:#?}");
    }
    assert_eq!(left_out.len(), 8, "{left_out:#?}");
    assert!(ran.err.contains("users of whom nothing is to be said: 1"), "{}", ran.err);
}

/// What has no place gets one by the map, with what is below it; what is left out on purpose is not told of.
#[test]
fn names_by_a_map() {
    let machine = Machine::new(SETTINGS);
    machine.write(
        "names.map",
        "# of the old server\n\"Dev Ops\" dev-ops\na__b -\narticles.staff.more -\nroot kisee-root\ntwitter- local-\nnobody-is-called-so x\n",
    );
    let ran = import(&machine, "python", &fixture("python.sqlite"), &["--rename", "names.map"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let outline = outline(&machine, &ran.out);
    for line in [
        "Group dev-ops",
        "Membership dev-ops kisee-john",
        "Membership dev-ops.staff kisee-ada",
        "Membership articles kisee-john local-14155",
        "Membership articles.english kisee-mallory kisee-root kisee-\u{c5}sa",
    ] {
        assert!(outline.iter().any(|it| it == line), "{line}: {outline:#?}");
    }
    assert_eq!(told(&ran.err, "left out").len(), 1, "{}", ran.err);
    assert!(ran.err.contains("line 7 of the map is of no use"), "{}", ran.err);
    machine.write("all.map", "\"Dev Ops\" dev-ops\na__b -\narticles.staff.more -\nroot -\n");
    for (map, told) in [
        ("kisee-john kisee-ada", "would both be the user kisee-ada"),
        ("articles.english articles", "would both be articles"),
        ("articles Bad", "line 1: \"Bad\" is no group: "),
        ("root root", "line 1: \"root\" is no user id: "),
        ("one", "names.map: line 1: has not two names but 1"),
    ] {
        machine.write("names.map", map);
        let more = ["--rename", "names.map"];
        let refused = import(&machine, "python", &fixture("python.sqlite"), &more).refused(1);
        assert!(refused.contains(told), "{map}: {refused}");
    }
}

/// It is what the old server would have said: applied, and seen in the groups of this one.
#[test]
fn what_is_imported_is_applied() {
    let machine = Machine::new(SETTINGS);
    let ran = import(&machine, "python", &fixture("python.sqlite"), &[]);
    machine.write("manifests.yaml", &ran.out);
    let refused = machine.run(&["apply", "-f", "manifests.yaml"]).refused(1);
    assert!(refused.contains("no identity provider by the name of twitter"), "{refused}");
    let allowed = ["apply", "-f", "manifests.yaml", "--allow-unknown-providers"];
    assert_eq!(machine.run(&allowed).code, 0);
    let exported = machine.run(&["export"]).done();
    let without = |out: &str| -> Vec<String> {
        let bans = outline(&machine, out);
        bans.into_iter().filter(|line| !line.starts_with("User")).collect()
    };
    assert_eq!(without(&exported), without(&ran.out));
    let handed = import(&machine, "python", &fixture("python.sqlite"), &["--hand-over"]);
    assert!(handed.out.contains("app.kubernetes.io/managed-by: pasee"), "{}", handed.out);
    assert!(!ran.out.contains("managed-by"), "{}", ran.out);
}

#[test]
fn a_realm_of_keycloak() {
    let machine = Machine::new(SETTINGS);
    let ran = import(&machine, "keycloak", &fixture("keycloak.json"), &["--provider", "kc"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    told_in_both(&ran);
    let [ada, mallory] = ["1", "2"].map(|n| {
        format!(
            "kc-{}-{}-4{}-8{}-{}",
            n.repeat(8),
            n.repeat(4),
            n.repeat(3),
            n.repeat(3),
            n.repeat(12)
        )
    });
    assert_eq!(
        outline(&machine, &ran.out),
        [
            "Group articles".to_owned(),
            "Group articles.english".to_owned(),
            format!("Membership articles {ada} {mallory}"),
            format!("Membership articles.english {ada}"),
            format!("User {mallory} {mallory}"),
        ]
    );
    assert!(ran.out.contains("description: What is written"), "{}", ran.out);
    let left_out = told(&ran.err, "left out");
    for part in [
        "\"/Dev Ops\", in which is nobody, is left out: ",
        "\"/Dev Ops/leads\", in which is ada, is left out: ",
        "\"/Dev Ops/On Call\", in which is grace, is left out: ",
        "/v1.2, in which is grace, is left out: ",
        "/staff, in which is grace, is left out: ",
        "/articles/staff, in which is grace, is left out: ",
        "role/editor, in which is ada, is left out: a role is no group",
        "role/shop/seller, in which is ada, is left out: ",
        "that all who are in \"/Dev Ops\" have the role/editor is left out",
        "the attributes of groups are left out, of which 1 have some",
        "that whoever is new is in /articles is left out",
        "the account of the client shop is left out of /articles",
    ] {
        assert!(left_out.iter().any(|line| line.starts_with(part)), "{part}: {left_out:#?}");
    }
    assert_eq!(left_out.len(), 12, "{left_out:#?}");
    assert!(ran.err.contains(
        "ada (11111111-1111-4111-8111-111111111111) logs in through github, where the id is 583231"
    ));
    machine.write(
        "names.map",
        "\"/Dev Ops\" dev-ops\n\"/Dev Ops/On Call\" on-call\nrole/editor editors\n/staff staff\n/articles/staff articles.staff\ngrace local-grace\n",
    );
    let more = ["--provider", "kc", "--rename", "names.map"];
    let ran = import(&machine, "keycloak", &fixture("keycloak.json"), &more);
    let outline = outline(&machine, &ran.out);
    for line in [
        "Membership staff local-grace".to_owned(),
        "Membership articles.staff local-grace".to_owned(),
        format!("Membership dev-ops.leads {ada}"),
        "Membership on-call local-grace".to_owned(),
        format!("Membership editors {ada}"),
    ] {
        assert!(outline.contains(&line), "{line}: {outline:#?}");
    }
}

#[test]
fn groups_of_openshift() {
    let machine = Machine::new(SETTINGS);
    let ran = import(&machine, "openshift", &fixture("openshift.yaml"), &["--provider", "kisee"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    told_in_both(&ran);
    assert_eq!(
        outline(&machine, &ran.out),
        [
            "Group developers",
            "Group empty",
            "Membership developers kisee-ada kisee-john@example.com",
        ]
    );
    let left_out = told(&ran.err, "left out");
    assert_eq!(left_out.len(), 2, "{left_out:#?}");
    assert!(
        left_out[0]
            .starts_with("the user system:serviceaccount:ci:deployer is left out of developers: ")
    );
    assert!(left_out[1].starts_with("\"Platform Team\", in which is ada, is left out: "));
    assert!(ran.err.contains("came from an LDAP directory"), "{}", ran.err);
}

#[test]
fn what_dex_knows() {
    let machine = Machine::new(SETTINGS);
    machine.write("subjects.txt", "# sub, and the groups that an application has for it\nCg0wLTM4NS0yODA4OS0wEgRtb2Nr articles \"Dev Ops\"\n");
    let ran = import(&machine, "dex", "subjects.txt", &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    told_in_both(&ran);
    assert_eq!(
        outline(&machine, &ran.out),
        ["Group articles", "Membership articles mock-0-385-28089-0"]
    );
    assert!(ran.err.contains("the subject Cg0wLTM4NS0yODA4OS0wEgRtb2Nr is mock-0-385-28089-0"));

    let ran = import(&machine, "dex", &fixture("dex-config.yaml"), &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(outline(&machine, &ran.out), ["Group admins", "Membership admins local-admin"]);
    assert!(ran.err.contains(
        "the subject CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBWxvY2Fs is local-admin"
    ));
    assert!(ran.err.contains("the passwords of admin are left out"), "{}", ran.err);
    assert!(!ran.out.contains("$2a$") && !ran.err.contains("$2a$"), "hashes are shown nowhere");

    let ran = import(&machine, "dex", &fixture("dex-objects.yaml"), &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(manifests(&ran.out), "");
    for part in [
        "is github-583231",
        "is nobody yet: my-ldap-ada: ",
        "what the connector github said of groups is left out",
        "the passwords of admin are left out",
        "objects of the kind SigningKey are left out",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    machine.write("subjects.txt", "CgNhZGESB215LWxkYXA articles\n");
    machine.write("names.map", "my-ldap- ldap-\n");
    let ran = import(&machine, "dex", "subjects.txt", &["--rename", "names.map"]);
    assert_eq!(
        (ran.code, outline(&machine, &ran.out).last().unwrap().as_str()),
        (0, "Membership articles ldap-ada"),
        "{}",
        ran.err
    );
}

/// Files that are none: no manifests, no panic, and what a right one is.
#[test]
fn files_of_others() {
    let machine = Machine::new(SETTINGS);
    let settings = machine.path("settings.toml");
    machine.run(&["append", "--groups", "staff", "local-root"]).done();
    machine.write("empty", "");
    machine.write("sqlite", b"SQLite format 3\0");
    machine.write("json", "{\"realm\": 1}");
    machine.write("two.json", "[{\"realm\": \"a\"}, {\"realm\": \"b\"}]");
    machine.write(
        "pods.yaml",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: x}}]}",
    );
    machine.write("nothing.yaml", "{realm: demo}");
    machine.write("bytes", [0xff, 0xfe, 0]);
    machine.write("subjects", "Cg0wLTM4NS0yODA4OS0wEgRtb2Nr a\nada b\n");
    machine.write("deep.json", "[".repeat(100_000));
    for levels in [62, 70] {
        let nested = (0..levels).fold("[]".to_owned(), |below, number| {
            format!("[{{\"id\": \"{number}\", \"name\": \"g{number}\", \"subGroups\": {below}}}]")
        });
        machine.write(
            &format!("{levels}.json"),
            format!("{{\"realm\": \"r\", \"groups\": {nested}}}"),
        );
    }
    for (from, file, told) in [
        ("python", "nowhere", "it cannot be read"),
        ("python", "empty", "no such table: groups"),
        ("python", "sqlite", "no database of the Python Pasee"),
        ("python", "data/pasee.db", "this is a file of this Pasee"),
        ("python", settings.to_str().unwrap(), "file is not a database"),
        ("keycloak", "empty", "this is no export of a realm of Keycloak"),
        ("keycloak", "json", "this is no export of a realm of Keycloak"),
        ("keycloak", "two.json", "it holds 2 realms"),
        ("keycloak", "62.json", "a right one has at most as many levels"),
        ("keycloak", "70.json", "a right one has at most as many levels"),
        ("keycloak", "deep.json", "this is no export of a realm of Keycloak"),
        ("keycloak", "bytes", "it is no UTF-8"),
        ("openshift", "empty", "there is nothing in it"),
        ("openshift", "pods.yaml", "it holds Pod of \"v1\""),
        ("openshift", "nothing.yaml", "it holds something without a kind; a right file is"),
        ("openshift", "deep.json", "these are no Groups of OpenShift"),
        ("dex", "empty", "there is nothing in it"),
        ("dex", "pods.yaml", "neither staticPasswords nor objects of dex"),
        ("dex", "subjects", "line 2: this is no subject of dex"),
    ] {
        let refused = import(&machine, from, file, &[]).refused(1);
        assert!(refused.contains(told), "{from} {file}: {refused}");
    }
    let wrong = import(&machine, "keycloak", "json", &["--provider", "Key-Cloak"]).refused(2);
    assert!(wrong.contains("provider"), "{wrong}");
    let wrong = import(&machine, "ldap", "json", &[]).refused(2);
    assert!(wrong.contains("python, keycloak, openshift, dex"), "{wrong}");
    let wrong = import(&machine, "python", "sqlite", &["--provider", "kisee"]).refused(1);
    assert!(wrong.contains("--provider is not for the Python Pasee"), "{wrong}");
}

/// Names are whatever somebody wrote there: none ends a comment, or a line on the terminal.
#[test]
fn hostile_names() {
    let machine = Machine::new(SETTINGS);
    let name = "x\\n---\\nkind: Group\\u001b[2J\\u2028y";
    machine.write(
        "realm.json",
        format!("{{\"realm\": \"{name}\", \"groups\": [{{\"name\": \"{name}\"}}, {{\"name\": \"a\"}}], \"users\": [{{\"id\": \"{name}\", \"username\": \"{name}\", \"groups\": [\"/a\"]}}]}}"),
    );
    let ran = import(&machine, "keycloak", "realm.json", &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{ran:?}");
    assert_eq!(outline(&machine, &ran.out), ["Group a"]);
    assert_eq!(told(&ran.err, "left out").len(), 2, "{}", ran.err);
}

/// Whatever an old SQLite or a client of the old server has written there: what is not surely no ban is one.
#[test]
fn bans_of_any_form() {
    let machine = Machine::new(SETTINGS);
    let database = rusqlite::Connection::open(machine.path("old.sqlite")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE users(name TEXT PRIMARY KEY, is_banned BOOLEAN DEFAULT FALSE);
             CREATE TABLE groups(name TEXT PRIMARY KEY);
             CREATE TABLE user_in_group(id INTEGER PRIMARY KEY, user TEXT, group_name TEXT);
             INSERT INTO users VALUES ('k-null', NULL), ('k-no', 0), ('k-false', 'FALSE'), ('k-yes', 1), ('k-true', 'true'),
                ('k-two', 2), ('k-empty', ''), ('k-blob', x'00'), ('nobody', 1);",
        )
        .unwrap();
    let ran = import(&machine, "python", "old.sqlite", &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(
        outline(&machine, &ran.out),
        ["k-blob", "k-empty", "k-true", "k-two", "k-yes"].map(|user| format!("User {user} {user}"))
    );
    assert!(ran.err.contains("the user nobody, who is banned, is left out: "), "{}", ran.err);
}

/// A database may hold anything: a name of thirty thousand parts, or a view that never ends.
#[test]
fn hostile_databases() {
    let machine = Machine::new(SETTINGS);
    let others = "CREATE TABLE users(name TEXT, is_banned INT); CREATE TABLE user_in_group(user TEXT, group_name TEXT);";
    let made = |file: &str, sql: &str| {
        let database = rusqlite::Connection::open(machine.path(file)).unwrap();
        database.execute_batch(&format!("{others}{sql}")).unwrap();
    };
    let deep = "a.".repeat(30_000) + "a";
    made(
        "deep.sqlite",
        &format!("CREATE TABLE groups(name TEXT); INSERT INTO groups VALUES ('{deep}'), ('b');"),
    );
    let ran = import(&machine, "python", "deep.sqlite", &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(outline(&machine, &ran.out), ["Group b"]);
    assert!(ran.err.contains("it has more than 400 bytes"), "{}", ran.err);
    made(
        "endless.sqlite",
        "CREATE VIEW groups AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 'g' || x AS name FROM c;",
    );
    let ran = import(&machine, "python", "endless.sqlite", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert!(ran.err.contains("no database of the Python Pasee"), "{}", ran.err);
    let long = "printf('%.*c', 60000, 'x')";
    let numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2500)";
    for (groups, words) in [
        (
            "CREATE TABLE groups(id INT, name TEXT AS (hex(zeroblob(400000000)))); INSERT INTO groups VALUES (1);".to_owned(),
            "groups has columns that are computed",
        ),
        (
            "CREATE TABLE groups(id INT, name TEXT AS (hex(zeroblob(400000))) STORED); INSERT INTO groups VALUES (1);".to_owned(),
            "groups has columns that are computed",
        ),
        (
            "CREATE TABLE groups(name TEXT); INSERT INTO groups VALUES (printf('%.*c', 50000000, 'x'));".to_owned(),
            "string or blob too big",
        ),
        (
            format!("CREATE TABLE groups(name TEXT); INSERT INTO groups {numbers} SELECT {long} FROM c;"),
            "have more than 128 MiB",
        ),
        ("CREATE VIRTUAL TABLE groups USING fts5(name);".to_owned(), "groups is no plain table"),
    ] {
        let _ = std::fs::remove_file(machine.path("huge.sqlite"));
        made("huge.sqlite", &groups);
        let ran = import(&machine, "python", "huge.sqlite", &[]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{groups}: {}", ran.err);
        assert!(ran.err.contains(words), "{groups}: {}", ran.err);
        assert!(ran.err.len() < 2000, "{groups}");
    }
}
