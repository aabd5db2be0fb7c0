//! `pasee check`: the settings, and the files they name; it changes nothing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use pasee::jose::secret::Secret;
use serde_json::{Value, json};

use super::support::machine::{Machine, SETTINGS, wait};
use super::support::pasee::free_port;

/// How an API server is reached that is never asked.
pub const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \
                              'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: \
                              {cluster: c, user: u, namespace: n}}]\n";

/// Right settings, with a port that is free.
pub fn settings() -> String {
    format!("port = {}\n{SETTINGS}", free_port())
}

/// A self-signed certificate and its key, both PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn right_settings_are_explained_and_nothing_is_made() {
    let settings = settings();
    let machine = Machine::new(&settings);
    let before = machine.everything();
    let said = machine.run(&["check"]).done();
    let listens =
        settings.lines().next().unwrap().replace("port = ", "- Listens on 127.0.0.1 port ");
    assert!(said.starts_with(&format!("settings.toml is right. It means:\n{listens}")), "{said}");
    assert!(!said.contains("It names these files"), "{said}");
    assert_eq!(machine.everything(), before);
}

/// Replicas that make their own keys refuse each other's tokens.
#[test]
fn groups_in_kubernetes_need_a_key_in_common() {
    let storage =
        "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"n\"\n";
    let settings = format!("{}\n{storage}kubeconfig = \"kubeconfig\"\n", settings());
    let machine = Machine::new(&settings);
    machine.write("kubeconfig", KUBECONFIG);
    let before = machine.everything();
    for command in ["check", "serve"] {
        let said = machine.run(&[command]).refused(1);
        for right in ["pasee keygen", "kubectl create secret generic", "private_key_file = "] {
            assert!(said.contains(right), "{command}: {said}");
        }
        assert_eq!(machine.everything(), before, "{command} makes nothing");
    }
    machine.run(&["keygen", "--output", "key.pem"]).done();
    machine.write("settings.toml", format!("private_key_file = \"key.pem\"\n{settings}"));
    machine.run(&["check"]).done();
}

/// A directory that is shared, or was filled by hand, will do as well, if nothing is missing there.
#[test]
fn a_whole_ring_in_the_data_directory_is_a_key_in_common() {
    let storage = "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nkubeconfig = \"kubeconfig\"\n";
    let machine = Machine::new(&format!("data_dir = \"data\"\n{}\n{storage}", settings()));
    machine.write("kubeconfig", KUBECONFIG);
    fs::create_dir(machine.path("data")).unwrap();
    machine.run(&["keygen", "--output", "data/private_key.pem"]).done();
    let rsa = ["keygen", "--algorithm", "RS256", "--output", "data/rsa_private_key.pem"];
    machine.run(&rsa).done();
    machine.write("data/secret.pem", Secret::new([7; 32]).to_pem());
    machine.set_mode("data/secret.pem", 0o600);
    machine.run(&["check"]).done();
    fs::remove_file(machine.path("data/secret.pem")).unwrap();
    let said = machine.run(&["check"]).refused(1);
    assert!(said.contains("the same secret.pem in data"), "{said}");
}

/// Settings that name every file there can be.
fn naming_files() -> String {
    let asked = "endpoint = \"https://127.0.0.1:9/\"\n[identity_providers.settings]\nca_file = \"ca.pem\"\n";
    let of_kisee = "endpoint = \"http://127.0.0.1:9/\"\n[identity_providers.settings]\n";
    let tls = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    format!("{}{tls}", settings().replace(of_kisee, asked))
}

#[test]
fn files_that_can_be_used_are_named() {
    let machine = Machine::new(&naming_files());
    let (certificate, key) = certificate();
    machine.write("cert.pem", &certificate);
    machine.write("key.pem", key);
    machine.write("ca.pem", certificate);
    fs::create_dir(machine.path("data")).unwrap();
    machine.run(&["keygen", "--output", "data/private_key.pem"]).done();
    let before = machine.everything();
    let said = machine.run(&["check"]).done();
    let (_, files) = said.split_once("It names these files, and they can be used:\n").unwrap();
    let files: Vec<&str> = files.lines().take_while(|line| line.starts_with("- ")).collect();
    assert!(
        files[0].starts_with("- data/private_key.pem, the signing key: ES256, key id "),
        "{said}"
    );
    assert_eq!(files[1], "- cert.pem and key.pem, the certificate and its key.");
    assert_eq!(files[2], "- ca.pem, the authorities that kisee is believed by.");
    assert_eq!(files.len(), 3, "{said}");
    assert_eq!(machine.everything(), before);
}

#[test]
fn files_that_cannot_be_used_are_told_at_once() {
    let machine = Machine::new(&naming_files());
    let (certificate, _) = certificate();
    machine.write("cert.pem", certificate);
    machine.write("ca.pem", "no certificate");
    fs::create_dir(machine.path("data")).unwrap();
    machine.run(&["keygen", "--output", "data/private_key.pem"]).done();
    machine.set_mode("data/private_key.pem", 0o644);
    let before = machine.everything();
    let told = machine.run(&["check"]).refused(1);
    assert!(told.starts_with("pasee: settings.toml names what cannot be used:\n"), "{told}");
    for says in [
        "- the signing key data/private_key.pem is open to other users (mode 0644)",
        "- key.pem cannot be read\n  because: No such file or directory (os error 2)\n",
        "- identity provider kisee: ca_file ca.pem holds no certificate; a right one is PEM",
    ] {
        assert_eq!(told.matches(says).count(), 1, "{says:?} in {told}");
    }
    assert_eq!(told.matches("ca_file").count(), 1, "each cause once: {told}");
    assert_eq!(machine.everything(), before);

    let (_, key_of_another) = self::certificate();
    machine.set_mode("data/private_key.pem", 0o600);
    machine.write("key.pem", key_of_another);
    machine.write("ca.pem", fs::read(machine.path("cert.pem")).unwrap());
    let told = machine.run(&["check"]).refused(1);
    assert!(told.starts_with("pasee: cert.pem and key.pem cannot be used together\n"), "{told}");
}

/// How a cluster is reached is a file too; a server that finds neither one nor a pod around it does not start.
#[test]
fn a_kubeconfig_is_looked_at() {
    let cluster = "[[identity_providers]]\nname = \"k8s\"\nprotocol = \"kubernetes\"\n\
                   [identity_providers.settings]\naudience = \"pasee.example.com\"\n";
    let named = format!("{}{cluster}kubeconfig = \"kube.yaml\"\n", settings());
    let machine = Machine::new(&named);
    let secret = "kind: Config\nclusters: 7\nusers: [{name: a, user: {token: CANARY}}]\n";
    for (content, says) in [
        (None, "the kubeconfig kube.yaml cannot be used"),
        (Some(secret), "the kubeconfig kube.yaml is no kubeconfig: line 2 is"),
    ] {
        if let Some(content) = content {
            machine.write("kube.yaml", content);
        }
        for command in ["check", "serve"] {
            let told = machine.run(&[command]).refused(1);
            assert!(told.contains(says), "{told}");
            assert!(!told.contains("CANARY"), "{told}");
        }
    }
    machine.write("kube.yaml", KUBECONFIG);
    let said = machine.run(&["check"]).done();
    assert!(said.contains("\n- kube.yaml, how k8s is reached.\n"), "{said}");
    let machine = Machine::new(&format!("{}{cluster}", settings()));
    for command in ["check", "serve"] {
        let told = machine.run(&[command]).refused(1);
        assert!(told.contains("identity provider k8s"), "{told}");
        assert!(told.contains("outside of one, name a kubeconfig in the settings"), "{told}");
    }
}

#[test]
fn a_kept_key_that_is_none_is_told() {
    let machine = Machine::new(&settings());
    fs::create_dir(machine.path("data")).unwrap();
    machine.write("data/private_key.pem", "CANARY");
    machine.set_mode("data/private_key.pem", 0o600);
    let told = machine.run(&["check"]).refused(1);
    assert!(told.contains("data/private_key.pem is empty or broken; restore it"), "{told}");
    assert!(!told.contains("CANARY"), "{told}");
}

#[test]
fn every_mistake_with_its_line() {
    let machine = Machine::new("prt = 1\n[jwt]\niss = 3\n");
    for command in [&["check"][..], &["serve"], &[], &["append", "--groups", "staff", "a-b"]] {
        let told = machine.run(command).refused(1);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "pasee: settings.toml cannot be used:", "{told}");
        assert_eq!(
            lines[1],
            "settings.toml:1: prt: is no known key; the nearest known one is port"
        );
        assert!(lines[2].starts_with("settings.toml:3: jwt.iss: "), "{told}");
        assert_eq!(lines.len(), 3, "{told}");
    }
}

#[test]
fn warnings_are_shown() {
    let provider = "[[identity_providers]]\nname = \"corp\"\nprotocol = \"oidc\"\n\
                    settings = { issuer = \"https://a\", client_id = \"b\", subject_claim = \"email\" }\n";
    let said = Machine::new(&format!("{}{provider}", settings())).run(&["check"]).done();
    assert!(said.contains("\nWarning: settings.toml:"), "{said}");
}

/// What `check --output json` prints.
fn reported(machine: &Machine, more: &[&str]) -> (i32, Value) {
    let ran = machine.run(&[&["check", "--output", "json"], more].concat());
    assert_eq!(ran.err, "");
    (ran.code, serde_json::from_str(&ran.out).unwrap())
}

/// The findings of a level: code, key, line.
fn found<'a>(report: &'a Value, level: &str) -> Vec<(&'a str, &'a str, u64)> {
    let of = report["findings"].as_array().unwrap().iter().filter(|it| it["level"] == level);
    of.map(|it| {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        (text("code"), text("key"), it["line"].as_u64().unwrap_or_default())
    })
    .collect()
}

#[test]
fn as_json_with_places_and_hints() {
    let machine = Machine::new("prt = 1\n[jwt]\niss = 3\n");
    let (code, report) = reported(&machine, &[]);
    assert_eq!(
        (code, &report["right"], &report["file"]),
        (1, &json!(false), &json!("settings.toml"))
    );
    let errors = [("unknown-key", "prt", 1), ("wrong-value", "jwt.iss", 3)];
    assert_eq!(found(&report, "error"), errors);
    let first = &report["findings"][0];
    assert_eq!(first["message"], "is no known key");
    assert_eq!(first["hint"], "the nearest known one is port");
    assert_eq!(first["provider"], Value::Null);
    assert_eq!(first.as_object().unwrap().len(), 8, "{first}");

    machine.write("settings.toml", naming_files());
    let (code, report) = reported(&machine, &[]);
    assert_eq!(code, 1);
    let errors = found(&report, "error");
    let codes: Vec<&str> = errors.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, ["tls", "provider"], "{report}");
    let of_provider = &report["findings"][1];
    assert_eq!(of_provider["provider"], "kisee", "{report}");
    assert_eq!(of_provider["key"], "identity_providers[1]", "{report}");
    assert!(of_provider["line"].as_u64().unwrap() > 10, "{report}");
    assert!(of_provider["because"][0].as_str().unwrap().contains("No such file"), "{report}");

    fs::remove_file(machine.path("settings.toml")).unwrap();
    let (code, report) = reported(&machine, &[]);
    assert_eq!((code, &report["file"]), (1, &Value::Null));
    assert_eq!(found(&report, "error"), [("no-settings", "", 0)]);
}

/// Each of these starts, and somebody should know.
#[test]
fn what_is_unsafe_is_a_warning() {
    let safe = |host: &str, tables: &str| {
        format!(
            "host = \"{host}\"\nport = {}\nhostname = \"https://pasee.example.com\"\n[jwt]\niss = \"https://pasee.example.com\"\n\
             audience = \"app\"\n{tables}",
            free_port()
        )
    };
    let kisee = SETTINGS.split("[[identity_providers]]").nth(2).unwrap();
    let (kisee, local) = (
        format!("[[identity_providers]]{kisee}"),
        SETTINGS.split("[[identity_providers]]").nth(1).unwrap(),
    );
    let local = format!("[[identity_providers]]{local}");
    let off = local.replace("protocol", "enabled = false\nprotocol");
    let koblitz = fs::read_to_string("tests/fixtures/keys/secp256k1-sec1.pem").unwrap();
    let koblitz = format!("private_key = \"\"\"{koblitz}\"\"\"\n");
    let right = safe("127.0.0.1", &kisee);
    let client = "[[clients]]\nid = \"app\"\nredirect_uris = [\"https://app.example.com/\"]\n";
    let curve = fs::read_to_string("tests/fixtures/keys/p256-sec1.pem").unwrap();
    let curve = format!("private_key = \"\"\"{curve}\"\"\"\n");
    let machine = Machine::new(&format!("{right}{client}"));
    let (code, report) = reported(&machine, &["--strict"]);
    assert_eq!((code, found(&report, "warning")), (0, Vec::new()), "{report}");
    for (text, warning) in [
        (safe("0.0.0.0", &local), "demo-passwords"),
        (safe("127.0.0.1", &local), "demo-passwords"),
        (
            safe("0.0.0.0", &local).replace("hostname = \"https://pasee.example.com\"", ""),
            "demo-passwords",
        ),
        (right.replace("audience = \"app\"\n", ""), "no-audience"),
        (right.replace("iss = \"https://", "iss = \""), "issuer-no-url"),
        (right.replace("iss = \"https://", "iss = \"http://"), "issuer-no-url"),
        (right.replace("iss = \"https://pasee", "iss = \"https://other"), "issuer-elsewhere"),
        (
            format!("{right}{client}").replace("iss = \"https://pasee", "iss = \"https://other"),
            "clients-unfound",
        ),
        (format!("{right}{client}").replace("iss = \"https://", "iss = \""), "clients-unfound"),
        (
            format!("{right}{client}").replace("hostname = \"https", "hostname = \"http"),
            "clients-unfound",
        ),
        (format!("{koblitz}{right}{client}"), "clients-unfound"),
        (format!("{right}{client}audiences = [\"https://pasee.example.com\"]\n"), "client-acts"),
        (format!("{curve}{right}{client}"), "other-algorithm"),
        (format!("{koblitz}{right}"), "rare-algorithm"),
        (right.replace("hostname = \"https", "hostname = \"http"), "plain-http"),
        (
            safe("0.0.0.0", &kisee).replace("hostname = \"https://pasee.example.com\"", ""),
            "hostname-here",
        ),
        (safe("127.0.0.1", ""), "no-provider"),
        (safe("127.0.0.1", &off), "no-provider"),
        (format!("{right}[limits]\ntrusted_proxies = [\"0.0.0.0/0\"]\n"), "trusts-anybody"),
        (format!("{right}[limits]\nlogin_attempts_per_user = 0\n"), "no-limit"),
    ] {
        machine.write("settings.toml", &text);
        let (code, report) = reported(&machine, &[]);
        let warnings = found(&report, "warning");
        assert_eq!((code, &report["right"]), (0, &json!(true)), "{text}\n{report}");
        assert!(warnings.iter().any(|(code, ..)| *code == warning), "{warning}: {report}");
        let (code, report) = reported(&machine, &["--strict"]);
        assert_eq!((code, &report["right"]), (1, &json!(false)), "{report}");
        let ran = machine.run(&["check", "--strict"]);
        assert_eq!(ran.code, 1);
        assert!(ran.out.contains("\nWarning: ") && ran.err.contains("--strict"), "{}", ran.err);
    }
    machine.write("settings.toml", safe("0.0.0.0", &off));
    let (_, report) = reported(&machine, &[]);
    assert!(!report.to_string().contains("demo-passwords"), "nobody logs in by them: {report}");
    machine.write("settings.toml", format!("{koblitz}{right}"));
    machine.set_mode("settings.toml", 0o644);
    let (_, report) = reported(&machine, &[]);
    assert!(report.to_string().contains("open-settings"), "{report}");
}

/// Beside the server that has these settings everything is right; another program in its place is in the way.
#[test]
fn beside_a_running_server() {
    let (certificate, key) = certificate();
    for tls in ["", "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n"] {
        let admin = format!("[admin]\nlisten = \"127.0.0.1:{}\"\n", free_port());
        let machine = Machine::new(&format!("{}{tls}{admin}", settings()));
        machine.write("cert.pem", &certificate);
        machine.write("key.pem", &key);
        let mut command = machine.command(&["serve"]);
        let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
        // It may go on to write its log: nobody takes that away from it before it has ended.
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(log.any(|line| line.contains("serving")));
        let before = machine.everything();
        let (code, report) = reported(&machine, &[]);
        let after = machine.everything();
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(code, 0, "{report}");
        let listens = found(&report, "note").into_iter().filter(|(code, ..)| *code == "listen");
        assert_eq!(listens.count(), 2, "{report}");
        assert_eq!(before, after);
        for key in ["port", "admin.listen"] {
            let note = found(&report, "note").into_iter().find(|(_, of, _)| *of == key);
            assert!(note.is_some_and(|(.., line)| line > 0), "{key}: {report}");
        }
    }
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let machine = Machine::new(&format!("port = {port}\n{SETTINGS}"));
    let told = machine.run(&["check"]).refused(1);
    assert!(told.contains("another program listens there"), "{told}");
}

/// The database of the Python Pasee, where its settings name it.
#[test]
fn groups_of_the_python_pasee_are_told_of() {
    let python = "[storage_backend]\nclass = \"pasee.storage_backend.demo_backend.DemoSqliteStorage\"\n\
                  [storage_backend.options]\nfile = \"old.sqlite\"\n";
    let machine = Machine::new(&format!("{}{python}", settings()));
    machine.run(&["check"]).done();
    let tables = "CREATE TABLE users(name TEXT PRIMARY KEY, is_banned BOOLEAN DEFAULT FALSE);
                  CREATE TABLE groups(name TEXT PRIMARY KEY);
                  CREATE TABLE user_in_group(id INTEGER PRIMARY KEY, user TEXT, group_name TEXT);";
    let database = rusqlite::Connection::open(machine.path("old.sqlite")).unwrap();
    database.execute_batch(tables).unwrap();
    drop(database);
    let command = "pasee import --from python old.sqlite > manifests.yaml";
    let said = machine.run(&["check"]).done();
    assert!(
        said.contains("\nWarning: the Python Pasee has kept its groups in old.sqlite"),
        "{said}"
    );
    assert!(said.contains(command), "{said}");
    let (_, report) = reported(&machine, &[]);
    let warnings = found(&report, "warning");
    assert!(warnings.iter().any(|(code, ..)| *code == "python-database"), "{report}");
    let mut server = machine.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said = log.take_while(|line| !line.contains("serving")).any(|line| line.contains(command));
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said, "said at the start");

    let python = python.replace("old.sqlite", &machine.path("old.sqlite").display().to_string());
    machine.write("settings.toml", format!("{}{python}", settings()));
    for command in ["check", "serve"] {
        let ran = machine.run(&[command]);
        assert_eq!(ran.code, 1);
        let of_python =
            "the file is the database of the Python Pasee, whose groups are taken over once";
        assert!(
            ran.err.contains(of_python) && ran.err.contains("pasee import --from"),
            "{}",
            ran.err
        );
    }
    // With groups of its own nobody is reminded.
    let python = python.replace(&machine.path("old.sqlite").display().to_string(), "old.sqlite");
    machine.write("settings.toml", format!("{}{python}", settings()));
    machine.run(&["append", "--groups", "staff", "local-ada"]);
    let said = machine.run(&["check"]).done();
    assert!(!said.contains("Python Pasee"), "{said}");
}

#[test]
fn a_missing_file_lists_where_it_was_looked_for() {
    let machine = Machine::new("");
    fs::remove_file(machine.path("settings.toml")).unwrap();
    let home = machine.path("home/settings.toml");
    assert_eq!(
        machine.run(&["check"]).refused(1),
        format!(
            "pasee: no settings file: looked for settings.toml, {}, /etc/pasee/settings.toml; name one with \
             --settings-file\n",
            home.display()
        )
    );
    let told = machine.run(&["check", "--settings-file", "nope.toml"]).refused(1);
    assert!(told.starts_with("pasee: no settings file: looked for nope.toml;"), "{told}");
    let mut command = machine.command(&["check"]);
    command.env("PASEE_SETTINGS_FILE", "nope.toml");
    assert_eq!(wait(command).refused(1), told);
    let told = machine.run(&["check", "--settings-file", "."]).refused(1);
    assert!(told.starts_with("pasee: the settings file . is a directory; "), "{told}");
}

/// docs/check.md has every code that there is.
#[test]
fn every_code_is_documented() {
    let page = include_str!("../../docs/check.md");
    let mut known = 0;
    for source in [
        include_str!("../../src/settings/remark.rs"),
        include_str!("../../src/cli/prepare.rs"),
        include_str!("../../src/cli/check.rs"),
        include_str!("../../src/cli/check/look.rs"),
        include_str!("../../src/cli/check/online.rs"),
    ] {
        let values =
            source.lines().filter_map(|line| line.split_once(": &str = \"")?.1.strip_suffix("\";"));
        for code in values {
            assert!(page.contains(&format!("`{code}`")), "{code}");
            known += 1;
        }
    }
    assert!(known > 30, "{known} codes are found");
}
