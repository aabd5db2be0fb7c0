//! `pasee check`: the settings, and the files they name; it changes nothing.

use std::fs;

use pasee::jose::secret::Secret;

use super::support::machine::{Machine, SETTINGS, wait};

/// A self-signed certificate and its key, both PEM.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn right_settings_are_explained_and_nothing_is_made() {
    let machine = Machine::new(SETTINGS);
    let before = machine.everything();
    let said = machine.run(&["check"]).done();
    assert!(
        said.starts_with("settings.toml is right. It means:\n- Listens on 127.0.0.1 port 8150")
    );
    assert!(!said.contains("It names these files"), "{said}");
    assert_eq!(machine.everything(), before);
}

/// Replicas that make their own keys refuse each other's tokens.
#[test]
fn groups_in_kubernetes_need_a_key_in_common() {
    let storage =
        "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"n\"\n";
    let machine = Machine::new(&format!("{SETTINGS}\n{storage}kubeconfig = \"kubeconfig\"\n"));
    let before = machine.everything();
    for command in ["check", "serve"] {
        let said = machine.run(&[command]).refused(1);
        for right in ["pasee keygen", "kubectl create secret generic", "private_key_file = "] {
            assert!(said.contains(right), "{command}: {said}");
        }
        assert_eq!(machine.everything(), before, "{command} makes nothing");
    }
    machine.run(&["keygen", "--output", "key.pem"]).done();
    let settings = format!("private_key_file = \"key.pem\"\n{SETTINGS}\n{storage}");
    machine.write("settings.toml", settings);
    machine.run(&["check"]).done();
}

/// A directory that is shared, or was filled by hand, will do as well, if nothing is missing there.
#[test]
fn a_whole_ring_in_the_data_directory_is_a_key_in_common() {
    let storage =
        "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"n\"\n";
    let machine = Machine::new(&format!("data_dir = \"data\"\n{SETTINGS}\n{storage}"));
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
    format!("{}{tls}", SETTINGS.replace(of_kisee, asked))
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
    let files: Vec<&str> = files.lines().collect();
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
    let named = format!("{SETTINGS}{cluster}kubeconfig = \"kube.yaml\"\n");
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
    machine.write("kube.yaml", "apiVersion: v1\nkind: Config\nclusters: []\n");
    let said = machine.run(&["check"]).done();
    assert!(said.contains("\n- kube.yaml, how k8s is reached.\n"), "{said}");
    let machine = Machine::new(&format!("{SETTINGS}{cluster}"));
    machine.run(&["check"]).done();
    let told = machine.run(&["serve"]).refused(1);
    assert!(told.contains("identity provider k8s"), "{told}");
    assert!(told.contains("outside of one, name a kubeconfig in the settings"), "{told}");
}

#[test]
fn a_kept_key_that_is_none_is_told() {
    let machine = Machine::new(SETTINGS);
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
    let said = Machine::new(&format!("{SETTINGS}{provider}")).run(&["check"]).done();
    assert!(said.contains("\nWarning: settings.toml:"), "{said}");
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
    assert!(told.starts_with("pasee: the settings file . cannot be read: "), "{told}");
}
