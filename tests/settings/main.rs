//! Settings files as people write them: the ones that must load, what `pasee check` says of them, and wrong ones.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test says so by failing")]

mod accepted;
mod applications;
mod browser_mistakes;
mod clients;
mod documented;
mod ldap;
mod mapping;
mod mistakes;
mod provider_mistakes;
mod provider_options;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod unknown;
mod warned;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use pasee::idp::Providers;
use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::settings::{Cluster, Protocol, Settings, Storage, load, parse};
use secrecy::ExposeSecret as _;
use support::patience::work;

const EXAMPLE: &str = include_str!("../../example-settings.toml");
const SEED: &str = include_str!("../fixtures/settings/seed.toml");
const PYTHON: &str = include_str!("../fixtures/settings/python.toml");

fn read(name: &str, source: &str) -> Settings {
    parse(Path::new(name), source).unwrap_or_else(|error| panic!("{error}"))
}

/// Compares with a golden file; `UPDATE_GOLDEN=1` writes it instead.
fn assert_explained(settings: &Settings, golden: &str) {
    let path = Path::new("tests/fixtures/settings").join(golden);
    let text = settings.explain().to_string();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn the_seeds_file_loads_unchanged() {
    let settings = read("seed.toml", SEED);
    let key = settings.keys.private.as_ref().unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256);
    assert_eq!(settings.storage, Storage::Embedded("data/pasee.db".into()));
    let [kisee, twitter] = settings.identity_providers.as_slice() else { panic!("two providers") };
    let Protocol::Kisee(asked) = &kisee.protocol else { panic!("a Kisee") };
    assert_eq!(asked.endpoint.as_str(), "http://127.0.0.1:8140/");
    assert_eq!(asked.public_keys.len(), 2);
    assert!(kisee.registers_users);
    let Protocol::OAuth2(asked) = &twitter.protocol else { panic!("OAuth 2.0") };
    assert_eq!(asked.client_id, "...");
    assert_eq!(asked.user_info_url.as_str(), "https://api.x.com/2/users/me");
    assert_eq!(asked.subject.as_str(), "/data/id");
    assert_explained(&settings, "seed.explained.txt");
    assert_eq!(settings.warnings, [] as [&str; 0]);
    let providers = Providers::new(&settings.identity_providers).unwrap();
    assert!(providers.get("twitter").is_some(), "it is offered");
}

#[test]
fn the_python_servers_file_loads() {
    let settings = read("python.toml", PYTHON);
    let key = settings.keys.private.as_ref().unwrap();
    assert_eq!(key.algorithm(), Algorithm::Es256k, "ES256 with secp256k1 is read as ES256K");
    assert_eq!(settings.storage, Storage::Memory);
    let [kisee] = settings.identity_providers.as_slice() else { panic!("one provider") };
    assert_eq!(kisee.title.as_deref(), Some("Log in with a name and a password"));
    let fields: Vec<_> = kisee.input_fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["login", "password"]);
    assert_explained(&settings, "python.explained.txt");
    for (warning, part) in settings.warnings.iter().zip(["ES256K", "options.foo", "in memory"]) {
        assert!(warning.contains(part), "{warning}");
    }
    assert_eq!(settings.warnings.len(), 3);
}

#[test]
fn the_example_loads_without_warnings() {
    let settings = read("example-settings.toml", EXAMPLE);
    assert_eq!(settings.warnings, [] as [&str; 0]);
    assert_eq!((settings.host.as_str(), settings.port), ("127.0.0.1", 8150));
    assert_explained(&settings, "example.explained.txt");
}

/// It holds hashes of passwords, and is closed as the README shows.
#[test]
fn the_example_is_to_be_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    fs::write(&file, EXAMPLE).unwrap();
    let warnings = |mode: u32| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        load(&file).unwrap().warnings
    };
    let [warning] = &warnings(0o644)[..] else { panic!("one warning") };
    assert!(warning.contains("other users may read it (mode 0644)"), "{warning}");
    assert_eq!(warnings(0o600), [] as [&str; 0]);
}

#[test]
fn the_examples_demo_passwords_are_the_documented_ones() {
    let settings = read("example-settings.toml", EXAMPLE);
    let local = settings.identity_providers.iter().find_map(|provider| match &provider.protocol {
        Protocol::Local(local) => Some(local),
        _ => None,
    });
    let mut names = Vec::new();
    for user in &local.unwrap().users {
        let (name, hash) = (user.username.as_str(), user.password_hash.expose_secret());
        let password = format!("demo-{name}");
        assert!(EXAMPLE.contains(&password), "{password} is documented");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}");
        let hash = PasswordHash::new(hash).unwrap();
        Argon2::default().verify_password(password.as_bytes(), &hash).unwrap();
        names.push(name);
    }
    assert_eq!(names, ["you", "john", "alan", "ada", "donald"]);
}

/// A line of the example that holds a setting behind its `#`.
fn commented(line: &str) -> Option<&str> {
    line.strip_prefix('#')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
}

fn uncommented(which: impl Fn(&str) -> bool) -> String {
    uncommented_in(EXAMPLE, which)
}

fn uncommented_in(text: &str, which: impl Fn(&str) -> bool) -> String {
    let lines = text.lines().map(|line| match commented(line) {
        Some(setting) if which(setting) => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_example(setting: &str) -> bool {
    setting.ends_with("# example")
}

/// What clients see of each provider.
fn shown(settings: &Settings) -> Vec<String> {
    let providers = Providers::new(&settings.identity_providers).unwrap();
    let shown = providers.iter().map(|provider| {
        format!("{} {} {:?}", provider.title(), provider.description(), provider.fields())
    });
    shown.collect()
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let plain = read("example-settings.toml", EXAMPLE);
    let settings = read("example-settings.toml", &uncommented(|setting| !is_example(setting)));
    assert_eq!(settings.explain().to_string(), plain.explain().to_string());
    assert_eq!(shown(&settings), shown(&plain), "what providers call themselves");
    // One at a time, too: a line belongs to the table above it, whatever else is a comment.
    let defaults = EXAMPLE.lines().filter_map(commented).filter(|line| !is_example(line));
    let defaults: HashSet<&str> = defaults.collect();
    for default in &defaults {
        let settings = read("example-settings.toml", &uncommented(|line| line == *default));
        assert_eq!(settings.explain().to_string(), plain.explain().to_string(), "{default}");
    }
    assert!(defaults.len() >= 22, "only {} lines with defaults", defaults.len());
}

#[test]
fn the_examples_in_the_example_can_be_taken() {
    let plain = read("example-settings.toml", EXAMPLE).explain().to_string();
    let has_examples = |block: &&str| block.lines().filter_map(commented).any(is_example);
    let mut count = 0;
    for block in EXAMPLE.split("\n\n").filter(has_examples) {
        let text = EXAMPLE.replacen(block, &uncommented_in(block, is_example), 1);
        let settings = read("example-settings.toml", &text);
        assert_eq!(settings.warnings, [] as [&str; 0], "{block:?}");
        assert_ne!(settings.explain().to_string(), plain, "{block:?}");
        count += 1;
    }
    assert_eq!(
        count, 11,
        "audience, issuer, ca_file, github, ldap, oidc, clients, outbound, admin, peers, tls"
    );
    read("example-settings.toml", &uncommented(|_| true));
}

#[test]
fn line_ends_and_a_byte_order_mark_make_no_difference() {
    for source in [SEED, PYTHON, EXAMPLE] {
        let plain = read("settings.toml", source).explain().to_string();
        let crlf = source.replace('\n', "\r\n");
        assert_eq!(read("settings.toml", &crlf).explain().to_string(), plain);
        let marked = format!("\u{feff}{source}");
        assert_eq!(read("settings.toml", &marked).explain().to_string(), plain);
    }
    let error =
        parse(Path::new("f.toml"), "\u{feff}port = 1\r\nhots = 2\r\n").unwrap_err().to_string();
    assert!(
        error.contains("f.toml:2: hots: is no known key; the nearest known one is host"),
        "{error}"
    );
}

#[test]
fn files_that_cannot_be_settings_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("settings.toml");
    let error = |file: &Path| load(file).unwrap_err().to_string();
    let named = |text: &str, part: &str| {
        assert!(text.contains(&file.display().to_string()) && text.contains(part), "{text}");
    };
    named(&error(&file), "No such file");
    fs::write(&file, vec![b'#'; 10_000_000]).unwrap();
    named(&error(&file), "longer than 1048576 bytes");
    fs::write(&file, b"# one\nhost = \"\xff\"\n").unwrap();
    named(&error(&file), "is not UTF-8 in line 2");
    fs::write(
        &file,
        "host = \"::\"\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    )
    .unwrap();
    named(&error(&file), "this is not TOML");
    fs::write(&file, "").unwrap();
    named(&error(&file), "jwt: is missing");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    named(&error(&file), "directory");
}

#[test]
fn a_hostile_file_is_answered_quickly() {
    let before = work();
    let many: String = (0..100_000).map(|number| format!("k{number}=1\n")).collect();
    let error = parse(Path::new("f.toml"), &many).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 101);
    assert!(error.ends_with("f.toml: and 99901 mistakes more"), "{}", &error[error.len() - 99..]);
    for deep in
        ["a = ".to_owned() + &"[".repeat(500_000), "[a".to_owned() + &".a".repeat(250_000) + "]"]
    {
        assert!(parse(Path::new("f.toml"), &deep).is_err());
    }
    let worked = work() - before;
    assert!(worked.as_secs() < 20, "{worked:?}");
}

#[test]
fn a_key_may_stand_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let source = "private_key_file = \"key.pem\"\n[jwt]\niss = \"pasee.example.com\"\n";
    let parsed = || parse(&dir.path().join("settings.toml"), source);
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    let file = dir.path().join("key.pem");
    fs::write(&file, key.to_pem().as_bytes()).unwrap();
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o640);
    let settings = parsed().unwrap();
    assert_eq!(settings.keys.private.as_ref().unwrap().public(), key.public());
    assert_eq!(settings.warnings, [] as [&str; 0]);
    mode(0o644);
    let [warning] = &parsed().unwrap().warnings[..] else { panic!("one warning") };
    assert!(warning.contains("settings.toml:1: private_key_file: every user"), "{warning}");

    fs::write(&file, vec![b'x'; 100_000]).unwrap();
    let error = parsed().unwrap_err().to_string();
    assert!(
        error.contains(":1: private_key_file: ") && error.contains("key.pem is longer"),
        "{error}"
    );
    fs::remove_file(&file).unwrap();
    let error = parsed().unwrap_err().to_string();
    assert!(error.contains("key.pem cannot be read: No such file"), "{error}");
}

#[test]
fn groups_can_be_kept_in_kubernetes() {
    let read = |text: &str| {
        let text = format!("jwt.iss = \"pasee.example.com\"\n{text}");
        let settings = read("dir/f.toml", &text);
        (settings.storage.clone(), settings.explain().to_string())
    };
    let hour = Some(std::time::Duration::from_secs(3600));
    let (storage, explained) = read("[storage_backend]\nkind = \"kubernetes\"");
    let default = Cluster { namespace: None, kubeconfig: None, max_staleness: hour };
    assert_eq!(storage, Storage::Kubernetes(default));
    assert!(
        explained.contains(
            "objects in its own namespace; issues no tokens by what is older than 3600 s."
        )
    );
    for (text, bound) in [("0", None), ("\"0s\"", None), ("\"2m\"", Some(120))] {
        let (storage, explained) = read(&format!(
            "[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\nnamespace = \"realm\"\n\
             kubeconfig = \"admin.kubeconfig\"\nmax_staleness = {text}"
        ));
        let wanted = Cluster {
            namespace: Some("realm".to_owned()),
            kubeconfig: Some("dir/admin.kubeconfig".into()),
            max_staleness: bound.map(std::time::Duration::from_secs),
        };
        assert_eq!(storage, Storage::Kubernetes(wanted), "{text}");
        assert!(explained.contains("the namespace realm, reached by dir/admin.kubeconfig"));
    }
}
