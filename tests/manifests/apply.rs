//! What manifests do to a realm.

use rusqlite::Connection;

use super::support::machine::{Machine, SETTINGS};
use super::{apply, machine, object};

fn examples() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples").to_owned()
}

/// The export without its `---`, `apiVersion` and indentation: one line an object.
fn export(machine: &Machine) -> Vec<String> {
    let exported = machine.run(&["export"]).done();
    let objects = exported.split("---\n").skip(1);
    let short = |object: &str| {
        let words = object.split_whitespace().skip(2).filter(|word| *word != "-");
        words.collect::<Vec<_>>().join(" ")
    };
    objects.map(short).collect()
}

#[test]
fn once_and_again() {
    let machine = machine();
    let refused = machine.run(&["apply", "-f", &examples()]).refused(1);
    assert!(refused.contains("are taken with --allow-unknown-providers"), "{refused}");
    let ran = machine.run(&["apply", "-f", &examples(), "--allow-unknown-providers"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        ran.err,
        "pasee: warning: settings.toml has no identity provider by the name of k8s, partners: its users cannot log in\n"
    );
    assert_eq!(ran.out.lines().count(), 15);
    assert!(ran.out.lines().all(|line| line.ends_with(" created")), "{}", ran.out);
    assert!(ran.out.contains("group/on--call created\nmembership/on-call-ada created\n"));
    let given = ["apply", "-f", &examples(), "--prune", "--allow-unknown-providers"];
    let again = machine.run(&given).out;
    assert_eq!(again.matches(" unchanged\n").count(), 15, "{again}");
    assert!(again.ends_with("\npruned: groups 0, members 0, bans 0\n"), "{again}");
    assert_eq!(machine.mode("data/pasee.db"), 0o600);
}

/// A slip of the pen in a provider's name would put nobody where somebody is meant to be.
#[test]
fn users_of_no_provider_are_refused() {
    let machine = machine();
    let text = [
        object("Group", "a", "creator: kise-ada"),
        object(
            "Membership",
            "m",
            "group: a, users: [local-a, lokal-b], serviceAccounts: [{namespace: ci, name: d}]",
        ),
        object("User", "u", "username: kiseee-c, banned: true"),
    ];
    let told = apply(&machine, &text.concat()).refused(1);
    assert!(told.starts_with("pasee: nothing was done:\n"), "{told}");
    for user in ["kise-ada", "lokal-b", "k8s-ci:d", "kiseee-c"] {
        assert!(told.contains(&format!("knows the user {user}; the nearest one is ")), "{told}");
    }
    for meant in ["as in kisee-ada, ", "as in local-b, ", "as in kisee-c, "] {
        assert!(told.contains(meant), "{told}");
    }
    assert!(told.ends_with("are taken with --allow-unknown-providers\n"), "{told}");
    assert!(!told.contains("local-a;") && told.lines().count() == 6, "{told}");
    assert!(!machine.path("data").exists(), "nothing was made");
}

/// Programs that act for themselves are in groups like anybody.
#[test]
fn clients_are_users_by_their_ids() {
    let machine = machine();
    let text = object("Group", "a", "")
        + &object("Membership", "m", "group: a, users: [client-ci, client-co]");
    let client = "[[clients]]\nid = \"ci\"\nredirect_uris = [\"https://ci.example.com/\"]\n";
    let settings = std::fs::read_to_string(machine.path("settings.toml")).unwrap();
    machine.write("settings.toml", settings + client);
    let told = apply(&machine, &text).refused(1);
    assert!(told.contains("no client is called co, so that nobody is client-co"), "{told}");
    assert!(!told.contains("client-ci"), "{told}");
    apply(&machine, &text.replace(", client-co", "")).done();
}

#[test]
fn directories_files_and_standard_input_together() {
    let machine = machine();
    std::fs::create_dir_all(machine.path("groups/below.yaml")).unwrap();
    machine.write("groups/b.yml", object("Group", "b", ""));
    machine.write("groups/a.yaml", object("Group", "a.x", ""));
    let json = r#"{
	"apiVersion": "v1", "kind": "List", "items": [{
		"apiVersion": "pasee.meltylab.fr/v1", "kind": "Group",
		"metadata": {"name": "a"}, "spec": {}
	}]
}"#;
    machine.write("groups/c.json", json);
    machine.write("groups/README.md", "no manifest");
    machine.write("alone", object("Group", "alone", ""));
    let member = object("Membership", "m", "group: a.x, users: [local-ada]");
    let given = ["apply", "-f", "groups", "-f", "alone", "--filename", "-"];
    let ran = machine.run_with_input(&given, member.as_bytes());
    assert_eq!(
        ran.done(),
        "group/a.x created\ngroup/b created\ngroup/a created\ngroup/alone created\nmembership/m created\n"
    );
}

#[test]
fn the_rest_stays_unless_it_is_pruned() {
    let machine = machine();
    let all = [
        object("Group", "a", "creator: local-boss"),
        object("Group", "a.b", ""),
        object("Group", "old", ""),
        object("Group", "old.er", ""),
        object("Membership", "m", "group: a, users: [local-ada, local-eve]"),
        object("Membership", "older", "group: old.er, users: [local-eve]"),
        object(
            "User",
            "u",
            "username: local-eve, banned: true, notBefore: \"2026-01-30T00:00:00Z\"",
        ),
        object("User", "v", "username: local-out, notBefore: \"2026-01-31T00:00:00Z\""),
    ];
    apply(&machine, &all.concat()).done();
    let fewer =
        [&all[0], &all[1], &object("Membership", "m", "group: a, users: [local-ada]"), &all[7]];
    let fewer = fewer.map(String::as_str).concat();
    let unchanged =
        "group/a unchanged\ngroup/a.b unchanged\nmembership/m unchanged\nuser/v unchanged\n";
    assert_eq!(apply(&machine, &fewer).done(), unchanged);
    let before = export(&machine);
    machine.write("fewer.yaml", &fewer);
    let dry = machine.run(&["apply", "-f", "fewer.yaml", "--prune", "--dry-run"]).done();
    assert_eq!(export(&machine), before, "nothing was done");
    let told = machine.run(&["apply", "-f", "fewer.yaml", "--prune"]).done();
    assert_eq!(
        told,
        format!(
            "{unchanged}local-eve in a pruned\ngroup/old pruned\nban of local-eve pruned\n\
             pruned: groups 1, members 1, bans 1\n"
        )
    );
    assert_eq!(dry, told.replace('\n', " (dry run)\n"));
    assert_eq!(
        export(&machine),
        [
            "kind: Group metadata: name: a spec: {}",
            "kind: Group metadata: name: a.b spec: {}",
            "kind: Membership metadata: name: a spec: group: a role: Member users: local-ada",
            "kind: Membership metadata: name: a.staff spec: group: a role: Staff users: local-boss",
            "kind: User metadata: name: local-eve spec: username: local-eve banned: false notBefore: \"2026-01-30T00:00:00Z\"",
            "kind: User metadata: name: local-out spec: username: local-out banned: false notBefore: \"2026-01-31T00:00:00Z\"",
        ],
        "the creator stays, and so do ended sessions"
    );
    let told = apply(&machine, &object("User", "v", "username: local-out")).err;
    assert_eq!(
        told,
        "pasee: the sessions of local-out were ended later than the manifests say, and stay so\n"
    );
}

/// The root staff and all groups would be gone by the manifest of one user.
#[test]
fn one_user_prunes_no_group_and_no_root_staff() {
    let machine = machine();
    let all = [
        object("Group", "a", ""),
        object("Membership", "root", "role: Staff, users: [local-ada]"),
        object("Membership", "m", "group: a, users: [local-ada, local-eve]"),
        object("User", "u", "username: local-eve, banned: true"),
    ];
    apply(&machine, &all.concat()).done();
    let before = export(&machine);
    machine.write(
        "one.yaml",
        object("User", "u", "username: local-eve, notBefore: \"2026-01-31T00:00:00Z\""),
    );
    let ran = machine.run(&["apply", "-f", "one.yaml", "--prune"]);
    assert_eq!(ran.out, "user/u unchanged\npruned: groups 0, members 0, bans 0\n");
    let words = "nothing is pruned of what the manifests have no object of: Group, Membership\n";
    assert!(ran.err.contains(words), "{}", ran.err);
    let after = export(&machine);
    assert_eq!(after, before, "the ban has ended the sessions later than that");
    assert!(after[3].contains("banned: true"), "{after:?}");

    machine.write("groups.yaml", [&all[0], &all[2]].map(String::as_str).concat());
    let ran = machine.run(&["apply", "-f", "groups.yaml", "--prune"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("the root staff stays") && ran.err.contains("local-ada"),
        "{}",
        ran.err
    );
    assert_eq!(export(&machine), after);
    let meant = ["apply", "-f", "groups.yaml", "--prune", "--allow-no-root-staff", "--dry-run"];
    let dry = machine.run(&meant);
    assert!(dry.out.contains("local-ada in staff pruned (dry run)\n"), "{}", dry.out);
    assert_eq!(export(&machine), after);
    machine.run(&meant[..5]);
    assert!(!export(&machine).concat().contains("role: Staff"));
}

/// Who cannot log in is nobody to leave the root staff to.
#[test]
fn the_root_staff_is_not_pruned_for_who_cannot_log_in() {
    let machine = machine();
    apply(&machine, &object("Membership", "root", "role: Staff, users: [local-ada]")).done();
    for others in ["users: [gone-x, local-nobody]", "serviceAccounts: [{namespace: ci, name: d}]"] {
        machine.write("root.yaml", object("Membership", "root", &format!("role: Staff, {others}")));
        let mut given =
            vec!["apply", "-f", "root.yaml", "--prune", "--allow-unknown-providers", "--dry-run"];
        let ran = machine.run(&given);
        assert!(ran.err.contains("the root staff stays"), "{}", ran.err);
        assert!(!ran.out.contains("local-ada in staff pruned"), "{}", ran.out);
        given.push("--allow-no-root-staff");
        let ran = machine.run(&given);
        assert!(ran.out.contains("local-ada in staff pruned (dry run)\n"), "{}", ran.out);
    }
}

/// A slip of the pen in a year is refused, unless it is said twice; and it can be mended.
#[test]
fn a_revocation_far_ahead_is_to_be_asked_for_twice() {
    let machine = machine();
    let text = |year: u32| {
        object("User", "u", &format!("username: local-ada, notBefore: \"{year}-01-31T00:00:00Z\""))
    };
    let told = apply(&machine, &text(2162)).refused(1);
    assert!(
        told.contains("local-ada: notBefore is 2162-01-31T00:00:00Z, more than a day"),
        "{told}"
    );
    assert!(told.contains("nothing was done") && told.contains("--far-ahead"), "{told}");
    assert_eq!(export(&machine), [""; 0]);
    let twice = |year: u32| {
        machine.write("far.yaml", text(year));
        machine.run(&["apply", "-f", "far.yaml", "--far-ahead"]).done()
    };
    assert_eq!(twice(2162), "user/u created\n");
    assert_eq!(apply(&machine, &text(2162)).done(), "user/u unchanged\n", "it is there");
    let shown = |year: &str| {
        let all = export(&machine);
        assert!(all.len() == 1 && all[0].contains(&format!("notBefore: \"{year}")), "{all:?}");
    };
    assert_eq!(twice(2161), "user/u configured\n", "it is still to come");
    shown("2161-01-31");
    // What is past is never before now, so that no session comes back.
    assert_eq!(apply(&machine, &text(2025)).out, "user/u configured\n");
    let now = export(&machine);
    assert!(!now[0].contains("2161") && !now[0].contains("2025"), "{now:?}");
    assert_eq!(apply(&machine, &text(2025)).out, "user/u unchanged\n");
    assert_eq!(export(&machine), now);
}

/// A ban that a manifest brings ends all sessions for good.
#[test]
fn a_ban_is_a_revocation() {
    let machine = machine();
    apply(&machine, &object("User", "u", "username: local-ada, banned: true")).done();
    let banned = export(&machine);
    assert!(banned[0].contains("banned: true notBefore: "), "{banned:?}");
    let again = apply(&machine, &object("User", "u", "username: local-ada, banned: true"));
    assert_eq!(again.out, "user/u unchanged\n");
    assert_eq!(export(&machine), banned);
    apply(&machine, &object("User", "u", "username: local-ada, banned: false"));
    assert_eq!(export(&machine), [banned[0].replace("banned: true", "banned: false")]);
}

#[test]
fn nothing_is_made_by_a_dry_run() {
    let machine = machine();
    machine.write("a.yaml", object("Group", "a", "creator: local-boss"));
    let told = machine.run(&["apply", "-f", "a.yaml", "--dry-run"]).done();
    assert_eq!(told, "group/a created (dry run)\n");
    assert!(!machine.path("data").exists());
    let told = machine.run(&["export"]).refused(1);
    assert_eq!(told, "pasee: data/pasee.db: is not there: nothing was ever kept in it\n");
    assert!(!machine.path("data").exists());
}

#[test]
fn namespaces_are_one_realm_or_refused() {
    let machine = machine();
    let of = |name: &str, namespace: &str| {
        object("Group", &format!("{name}, namespace: {namespace}"), "")
    };
    let ran = apply(&machine, &of("a", "team"));
    assert_eq!(ran.out, "group/a created\n");
    assert_eq!(ran.err, "pasee: the namespace team is not looked at: data/pasee.db is one realm\n");
    let told = apply(&machine, &(of("b", "one") + &of("c", "two"))).refused(1);
    assert!(told.contains("several namespaces, one, two;"), "{told}");
}

#[test]
fn other_homes_are_told() {
    let memory =
        Machine::new(&format!("{SETTINGS}[storage_backend.options]\nfile = \":memory:\"\n"));
    let kubernetes = Machine::new(&format!("{SETTINGS}[storage_backend]\nkind = \"kubernetes\"\n"));
    for (machine, command, says) in [
        (&memory, &["apply", "-f", "-"][..], "kept in the memory of its server; name a file"),
        (&memory, &["export"], "kept in the memory of its server"),
        (
            &kubernetes,
            &["apply", "-f", "-"],
            "kept in Kubernetes, which takes the same manifests: kubectl apply -f FILE",
        ),
        (&kubernetes, &["export"], "name a kubeconfig"),
        (&kubernetes, &["export", "--hand-over"], "--hand-over is for a file"),
        (&memory, &["export", "--kubeconfig", "nowhere"], "kubeconfig nowhere cannot be used"),
    ] {
        let told = machine.run(command).refused(1);
        assert!(told.contains(says), "{told}");
    }
}

/// A fault in the middle leaves what was there before, and a second run completes.
#[test]
fn a_fault_in_the_middle_leaves_nothing() {
    let machine = machine();
    apply(&machine, &object("Group", "a", "")).done();
    let database = || Connection::open(machine.path("data/pasee.db")).unwrap();
    let trap = "CREATE TRIGGER trap BEFORE INSERT ON memberships WHEN NEW.user = 'local-b'
                BEGIN SELECT RAISE(ABORT, 'sprung'); END";
    database().execute_batch(trap).unwrap();
    let text = [
        object("Group", "b", ""),
        object("Membership", "m", "group: b, users: [local-a, local-b, local-c]"),
    ];
    let told = apply(&machine, &text.concat()).refused(1);
    assert!(
        told.starts_with("pasee: the state cannot be written now; nothing was changed\n"),
        "{told}"
    );
    assert_eq!(export(&machine), ["kind: Group metadata: name: a spec: {}"]);
    database().execute_batch("DROP TRIGGER trap").unwrap();
    assert_eq!(apply(&machine, &text.concat()).done(), "group/b created\nmembership/m created\n");
}

#[test]
fn a_locked_file_is_waited_for_then_told() {
    let machine = machine();
    apply(&machine, &object("Group", "a", "")).done();
    let other = Connection::open(machine.path("data/pasee.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = apply(&machine, &object("Group", "b", "")).refused(1);
    assert!(told.contains("another process keeps the file locked"), "{told}");
    assert_eq!(export(&machine).len(), 1, "reading does not wait");
    let same = apply(&machine, &object("Group", "a", "")).done();
    assert_eq!(same, "group/a unchanged\n", "nor does who has nothing to write");
    other.execute_batch("ROLLBACK").unwrap();
    apply(&machine, &object("Group", "b", "")).done();
}

#[test]
fn an_output_file_is_whole_or_not_there() {
    let machine = machine();
    // No version of Pasee wrote a name like that.
    let name = "no name";
    apply(&machine, &object("Group", "fine", "")).done();
    machine.run(&["export", "--output", "out.yaml"]).done();
    let text = std::fs::read_to_string(machine.path("out.yaml")).unwrap();
    assert_eq!(text, machine.run(&["export"]).done());
    assert_eq!(machine.mode("out.yaml"), 0o600);
    let database = Connection::open(machine.path("data/pasee.db")).unwrap();
    let insert = "INSERT INTO groups (name, parent) VALUES (?, 0)";
    database.execute(insert, [name]).unwrap();
    for command in
        [&["export", "--output", "out.yaml"][..], &["export", "--output", "new.yaml"], &["export"]]
    {
        let told = machine.run(command).refused(1);
        assert_eq!(
            told,
            "pasee: the groups cannot be read\n  because: table groups holds what is no group name; restore the file from a backup\n"
        );
    }
    assert_eq!(std::fs::read_to_string(machine.path("out.yaml")).unwrap(), text);
    let files = std::fs::read_dir(machine.path("")).unwrap();
    let files: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!files.iter().any(|name| name.contains("new")), "{files:?}");
    database.execute("DELETE FROM groups WHERE name = ?", [&name]).unwrap();
    assert_eq!(
        machine.run(&["export", "--output", "no/where.yaml"]).refused(1),
        "pasee: no/where.yaml: cannot be written\n  because: No such file or directory (os error 2)\n"
    );
    assert_eq!(machine.run(&["export", "--output", "/dev/stdout"]).done(), text);
}
