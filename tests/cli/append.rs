//! `pasee append`: all is checked before anything is written, and what is written is said.

use std::fs;

use rusqlite::Connection;

use super::support::machine::{Machine, SETTINGS};

/// A machine whose file has the group `admin`, and one line of output from making it.
fn with_admin() -> Machine {
    let machine = Machine::new(SETTINGS);
    machine.run(&["append", "--groups", "staff", "local-root"]).done();
    database(&machine)
        .execute("INSERT INTO groups (name, parent) VALUES ('admin', 0)", [])
        .unwrap();
    machine
}

fn database(machine: &Machine) -> Connection {
    Connection::open(machine.path("data/pasee.db")).unwrap()
}

/// Who is on a roster, in the file.
fn members(machine: &Machine) -> Vec<String> {
    let database = database(machine);
    let mut query =
        database.prepare("SELECT user FROM memberships ORDER BY group_id, role, user").unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn both_spellings_and_again() {
    let machine = with_admin();
    let old = ["--append", "--groups", "staff", "kisee-ada"];
    assert_eq!(machine.run(&old).done(), "kisee-ada is in staff now.\n");
    assert_eq!(machine.run(&old).done(), "kisee-ada is in staff already.\n");
    let new = ["append", "--groups", "staff,admin,admin.staff", "kisee-ada", "kisee-john"];
    assert_eq!(
        machine.run(&new).done(),
        "kisee-ada is in staff already.\nkisee-ada is in admin now.\nkisee-ada is in admin.staff now.\n\
         kisee-john is in staff now.\nkisee-john is in admin now.\nkisee-john is in admin.staff now.\n"
    );
    let again = machine.run(&new).done();
    assert_eq!(again.matches("already").count(), 6, "{again}");
    assert_eq!(machine.mode("data/pasee.db"), 0o600);
}

#[test]
fn the_settings_file_before_or_behind_and_by_the_environment() {
    let machine = Machine::new(SETTINGS);
    fs::rename(machine.path("settings.toml"), machine.path("my.toml")).unwrap();
    let before = ["--settings-file", "my.toml", "append", "--groups", "staff", "local-a"];
    assert_eq!(machine.run(&before).done(), "local-a is in staff now.\n");
    let behind = ["append", "--groups", "staff", "local-a", "--settings-file", "my.toml"];
    assert_eq!(machine.run(&behind).done(), "local-a is in staff already.\n");
    let old = ["--settings-file", "my.toml", "--append", "--groups", "staff", "local-a"];
    assert_eq!(machine.run(&old).done(), "local-a is in staff already.\n");
    let mut command = machine.command(&["append", "--groups", "staff", "local-a"]);
    command.env("PASEE_SETTINGS_FILE", "my.toml");
    assert_eq!(super::support::machine::wait(command).done(), "local-a is in staff already.\n");
}

#[test]
fn names_that_nobody_can_have() {
    let machine = Machine::new(SETTINGS);
    for (name, says) in [
        (
            "ada",
            "pasee: \"ada\" is no user: a user id is <provider>-<subject>, such as kisee-john; the identity providers \
             in settings.toml are local, kisee\n",
        ),
        (
            "kise-ada",
            "pasee: there is no kise to know kise-ada: the identity providers in settings.toml are local, kisee; the \
             nearest one is kisee\n",
        ),
        (
            "Local-ada",
            "pasee: \"Local-ada\" is no user: a provider name has 1 to 32 characters of a-z, 0-9 and _, such as \
             kisee; the identity providers in settings.toml are local, kisee\n",
        ),
        (
            "local-\u{1b}[2J",
            "pasee: \"local-\\u{1b}[2J\" is no user: a subject has no control characters; the identity providers in \
             settings.toml are local, kisee\n",
        ),
    ] {
        assert_eq!(machine.run(&["append", "--groups", "staff", name]).refused(1), says);
    }
    assert!(!machine.path("data").exists(), "nothing was made");

    let none = Machine::new("[jwt]\niss = \"pasee.example.com\"\n");
    assert_eq!(
        none.run(&["append", "--groups", "staff", "local-ada"]).refused(1),
        "pasee: there is no local to know local-ada: settings.toml has no identity providers\n"
    );
}

/// Programs that act for themselves are in groups like anybody.
#[test]
fn clients_by_their_ids() {
    let client = "[[clients]]\nid = \"ci\"\nredirect_uris = [\"https://ci.example.com/\"]\n";
    let machine = Machine::new(&format!("{SETTINGS}{client}"));
    let refused = machine.run(&["append", "--groups", "staff", "client-co"]).refused(1);
    assert_eq!(
        refused,
        "pasee: there is no client co to be client-co: those in [[clients]] are ci\n"
    );
    assert!(!machine.path("data").exists(), "nothing was made");
    let done = machine.run(&["append", "--groups", "staff", "client-ci"]).done();
    assert_eq!(done, "client-ci is in staff now.\n");
}

/// Where a provider has ids, a name is nobody.
#[test]
fn a_name_in_the_place_of_an_id() {
    let provider = "[[identity_providers]]\nname = \"corp\"\nprotocol = \"ldap\"\nendpoint = \"ldaps://127.0.0.1\"\n\
                    settings = { base = \"dc=example\", filter = \"(uid={login})\" }\n";
    let machine = Machine::new(&format!("{SETTINGS}{provider}"));
    assert_eq!(
        machine.run(&["append", "--groups", "staff", "corp-ada"]).refused(1),
        "pasee: corp will never call anybody \"ada\": its users are known by entryUUID, such as \
         7c9e6679-7425-40de-944b-e07fc1f90ae7\n"
    );
    let id = "corp-7c9e6679-7425-40de-944b-e07fc1f90ae7";
    machine.run(&["append", "--groups", "staff", id]).done();
}

#[test]
fn one_wrong_name_or_group_and_nothing_is_done() {
    let machine = with_admin();
    let users = ["append", "--groups", "staff", "local-a", "ada", "kisee-b", "lokal-c"];
    let told = machine.run(&users).refused(1);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines[0], "pasee: nothing was done:", "{told}");
    assert!(lines[1].starts_with("- \"ada\" is no user"), "{told}");
    assert!(lines[2].starts_with("- there is no lokal to know lokal-c"), "{told}");
    assert!(lines[2].ends_with("the nearest one is local") && lines.len() == 3, "{told}");

    let groups = ["append", "--groups", "admin,nope,admin.dev.staff", "local-a"];
    assert_eq!(
        machine.run(&groups).refused(1),
        "pasee: nothing was done:\n\
         - there is no group nope; root staff, or the staff of its parent, can create it\n\
         - there is no group admin.dev; root staff, or the staff of its parent, can create it\n"
    );
    let told = machine.run(&["append", "--groups", "nope.staff", "local-a"]).refused(1);
    assert!(told.starts_with("pasee: there is no group nope; root staff"), "{told}");
    assert_eq!(members(&machine), ["local-root"]);
}

#[test]
fn a_write_that_fails_in_the_middle_says_how_far_it_got() {
    let machine = with_admin();
    let trap = "CREATE TRIGGER trap BEFORE INSERT ON memberships WHEN NEW.user = 'local-b'
                BEGIN SELECT RAISE(ABORT, 'sprung'); END";
    database(&machine).execute_batch(trap).unwrap();
    let ran = machine.run(&["append", "--groups", "admin", "local-a", "local-b", "local-c"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "local-a is in admin now.\n"), "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        lines[0],
        "pasee: local-b is not put in admin; what was said before is done, what comes after is not"
    );
    assert!(lines[1].starts_with("  because: the state cannot be written now"), "{}", ran.err);
    assert_eq!(ran.err.matches("SQLite fails").count(), 1, "each cause once: {}", ran.err);
    assert!(ran.err.contains("sprung"), "{}", ran.err);
    assert_eq!(members(&machine), ["local-root", "local-a"]);
}

#[test]
fn warnings_of_the_settings_show() {
    let provider = "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
                    settings = { issuer = \"https://a\", client_id = \"b\", subject_claim = \"email\" }\n";
    let machine = Machine::new(&format!("{SETTINGS}{provider}"));
    let ran = machine.run(&["append", "--groups", "staff", "corp-ada"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "corp-ada is in staff now.\n"));
    assert!(ran.err.starts_with("pasee: warning: settings.toml:"), "{}", ran.err);
    assert!(ran.err.contains("can change or pass to somebody else"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn groups_in_memory_are_out_of_reach() {
    let machine =
        Machine::new(&format!("{SETTINGS}[storage_backend.options]\nfile = \":memory:\"\n"));
    let ran = machine.run(&["append", "--groups", "staff", "local-ada"]);
    assert_eq!(ran.code, 1);
    let last = ran.err.lines().last().unwrap();
    assert!(last.contains("kept in the memory of its server; name a file"), "{}", ran.err);
}

#[test]
fn a_read_only_directory_and_a_read_only_file() {
    let machine = Machine::new(SETTINGS);
    fs::create_dir(machine.path("data")).unwrap();
    machine.set_mode("data", 0o555);
    let append = ["append", "--groups", "staff", "local-ada"];
    let told = machine.run_as_nobody(&append).refused(1);
    assert_eq!(
        told,
        "pasee: data/pasee.db: cannot be made\n  because: Permission denied (os error 13)\n"
    );
    machine.set_mode("data", 0o755);
    machine.run(&append).done();
    machine.set_mode("data/pasee.db", 0o444);
    machine.set_mode("data", 0o555);
    let told = machine.run_as_nobody(&append).refused(1);
    assert!(told.contains("data/pasee.db: cannot be used\n  because: the file "), "{told}");
    machine.set_mode("data", 0o755);
}

#[test]
fn a_locked_file_is_waited_for_then_told() {
    let machine = with_admin();
    let other = database(&machine);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let told = machine.run(&["append", "--groups", "staff", "local-a"]).refused(1);
    assert!(told.starts_with("pasee: local-a is not put in staff\n  because: "), "{told}");
    let says = "another process keeps the file locked; is a backup or a shell open on it?";
    assert_eq!(told.matches(says).count(), 1, "{told}");
    other.execute_batch("ROLLBACK").unwrap();
    machine.run(&["append", "--groups", "staff", "local-a"]).done();
}

#[test]
fn what_is_no_file_of_pasee_is_left_alone() {
    for (content, says) in [
        (b"no database at all, but long enough to be looked at, so it is longer than a header is, which has a hundred".as_slice(),
            "the file is no SQLite database; name another one, or move it away"),
        (b"short".as_slice(), "the file is no SQLite database"),
    ] {
        let machine = Machine::new(SETTINGS);
        fs::create_dir(machine.path("data")).unwrap();
        machine.write("data/pasee.db", content);
        let told = machine.run(&["append", "--groups", "staff", "local-a"]).refused(1);
        assert!(told.starts_with("pasee: data/pasee.db: cannot be used\n  because: "), "{told}");
        assert_eq!(told.matches(says).count(), 1, "{told}");
        assert_eq!(fs::read(machine.path("data/pasee.db")).unwrap(), content);
    }
    let machine = Machine::new(SETTINGS);
    fs::create_dir(machine.path("data")).unwrap();
    database(&machine).execute_batch("CREATE TABLE others (x)").unwrap();
    let told = machine.run(&["append", "--groups", "staff", "local-a"]).refused(1);
    assert!(told.contains("a SQLite database of another program; name another one"), "{told}");
}

#[test]
fn a_damaged_file_is_told() {
    let machine = with_admin();
    let file = machine.path("data/pasee.db");
    database(&machine).execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let page = bytes.len() / 4096;
    assert!(page > 4, "there are tables to damage");
    bytes[4096..].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let told = machine.run(&["append", "--groups", "staff", "local-a"]).refused(1);
    assert!(told.contains("the file is damaged; restore it from a backup"), "{told}");
}

/// Numbers are what these providers know their users by; whoever writes a name is told, and may know better.
#[test]
fn a_name_where_numbers_stand_is_warned_of() {
    let forge = "[[identity_providers]]\nname = \"forge\"\nprotocol = \"oauth2\"\n\
                 [identity_providers.settings]\nclient_id = \"a\"\nclient_secret = \"b\"\n";
    let own = "authorization_url = \"https://forge.example.com/a\"\ntoken_url = \"https://forge.example.com/t\"\n\
               user_info_url = \"https://forge.example.com/u\"\n";
    let append = |settings: &str, user: &str| {
        let machine = Machine::new(&format!("{SETTINGS}{forge}{settings}"));
        let ran = machine.run(&["append", "--groups", "staff", user]);
        assert_eq!((ran.code, ran.out), (0, format!("{user} is in staff now.\n")), "{}", ran.err);
        ran.err
    };
    for (settings, user, is_warned) in [
        ("preset = \"github\"", "forge-grace", true),
        ("preset = \"gitlab\"", "forge-grace99", true),
        ("preset = \"google\"", "forge-grace", true),
        ("preset = \"twitter\"", "forge-grace", true),
        ("preset = \"github\"", "forge-583231", false),
        ("preset = \"github\"", "local-grace", false),
        (&format!("{own}subject = \"id\""), "forge-grace", true),
        (&format!("{own}subject = \"id\""), "forge-7c9e6679-7425-40de-944b-e07fc1f90ae7", false),
        (&format!("{own}subject = \"sub\""), "forge-grace", false),
    ] {
        let told = append(settings, user);
        let right =
            format!("pasee: warning: {user} is hardly anybody: forge knows its users by a number");
        assert_eq!(told.starts_with(&right), is_warned, "{settings} {user}: {told}");
        assert!(is_warned || told.is_empty(), "{told}");
    }
}
