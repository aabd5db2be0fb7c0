//! What is accepted although it looks odd, and what becomes of it.

use std::path::Path;
use std::time::Duration;

use pasee::jose::key::{Algorithm, PrivateKey};
use pasee::jose::secret::Secret;
use pasee::settings::{Protocol, Settings, find, parse};

use crate::mistakes::PUBLIC;

fn read(text: &str) -> Settings {
    let jwt = if text.contains("[jwt]") { "" } else { "\n[jwt]\niss = \"pasee.example.com\"\n" };
    parse(Path::new("dir/f.toml"), &format!("{text}{jwt}")).unwrap()
}

#[test]
fn a_kisee_is_called_at_its_endpoint() {
    for (lines, endpoint) in [
        ("endpoint = \"http://127.0.0.1:8140\"", "http://127.0.0.1:8140/"),
        ("endpoint = \"https://kisee.example.com/below/\"", "https://kisee.example.com/below/"),
        ("host = \"127.0.0.1\"\nport = 8140", "http://127.0.0.1:8140/"),
        ("host = \"kisee\"", "http://kisee/"),
        ("host = \"kisee.example.com\"\nport = 443", "https://kisee.example.com/"),
        ("host = \"Kisee.Example.com\"\nport = 8140", "http://kisee.example.com:8140/"),
        ("host = \"kisée.example\"\nport = 80", "http://xn--kise-dpa.example/"),
        ("host = \"::1\"\nport = 8140", "http://[::1]:8140/"),
        ("host = \"[::1]\"\nport = 8140", "http://[::1]:8140/"),
        ("host = \"kisee_1\"\nport = 65535", "http://kisee_1:65535/"),
    ] {
        let settings = read(&format!(
            "[[identity_providers]]\nname = \"kisee\"\nprotocol = \"kisee\"\n{lines}\n[identity_providers.settings]\n\
             public_keys = [\"{PUBLIC}\"]\n"
        ));
        let Protocol::Kisee(kisee) = &settings.identity_providers[0].protocol else { panic!() };
        assert_eq!(kisee.endpoint.as_str(), endpoint, "{lines}");
        assert_eq!(kisee.timeout, Duration::from_secs(5));
    }
}

#[test]
fn documents_start_with_the_hostname() {
    for (lines, hostname, warnings) in [
        ("", "http://127.0.0.1:8150", 0),
        ("host = \"::\"\nport = 80", "http://[::1]", 0),
        ("hostname = \"https://Pasee.example.com/\"", "https://pasee.example.com", 0),
        ("hostname = \"https://pasee.example.com:443\"", "https://pasee.example.com", 0),
        ("hostname = \"http://[::1]:8150\"", "http://[::1]:8150", 0),
        ("hostname = \"https://Example.com/Auth/eu/\"", "https://example.com/Auth/eu", 0),
        ("[tls]\ncertificate = \"c\"\nkey = \"k\"", "https://127.0.0.1:8150", 0),
        ("hostname = \"http://a\"\n[tls]\ncertificate = \"c\"\nkey = \"k\"", "http://a", 1),
    ] {
        let settings = read(lines);
        assert_eq!(settings.hostname.as_str(), hostname, "{lines}");
        assert_eq!(settings.warnings.len(), warnings, "{lines}");
        assert_eq!(settings.is_https(), hostname.starts_with("https"));
    }
}

#[test]
fn paths_start_at_the_settings_file() {
    let settings = read("[tls]\ncertificate = \"c\"\nkey = \"/k\"");
    let tls = settings.tls.unwrap();
    assert_eq!((tls.certificate, tls.key), ("dir/c".into(), "/k".into()));
    assert_eq!(settings.data_dir, Path::new("dir/data"));
    assert_eq!(read("data_dir = \"/var/lib/pasee\"").data_dir, Path::new("/var/lib/pasee"));
}

#[test]
fn numbers_and_lengths_of_time_are_written_in_many_ways() {
    for (text, seconds) in [
        ("900", 900),
        ("0x384", 900),
        ("0o1604", 900),
        ("86_400", 86_400),
        ("\"900s\"", 900),
        ("\"24h\"", 86_400),
    ] {
        let settings = read(&format!("[jwt]\niss = \"i\"\naccess_lifetime = {text}"));
        assert_eq!(settings.jwt.lifetimes.access, Duration::from_secs(seconds), "{text}");
    }
    assert_eq!(read("port = 0x1fd6").port, 8150);
    for (text, most) in
        [("", 6144), ("max_token_length = 4096", 4096), ("max_token_length = 16_384", 16_384)]
    {
        assert_eq!(read(&format!("[jwt]\niss = \"i\"\n{text}")).jwt.max_token_length, most);
    }
    let limits = read("[limits]\nlogin_attempts_per_user = 0\nmax_connections = 1_000_000").limits;
    assert_eq!((limits.login_attempts_per_user, limits.max_connections), (0, 1_000_000));
    let limits = read("[limits]\nmax_connections = 100").limits;
    assert_eq!((limits.max_connections, limits.max_connections_per_address), (100, 25));
    let limits = read("[limits]\nmax_connections = 1\nmax_connections_per_address = 7").limits;
    assert_eq!((limits.max_connections, limits.max_connections_per_address), (1, 7));
    for (text, seconds) in [("", 5), ("drain_delay = 0", 0), ("drain_delay = \"1m\"", 60)] {
        assert_eq!(read(text).drain_delay, Duration::from_secs(seconds), "{text}");
    }
    assert_eq!(read("").hashing_threads, None);
    assert_eq!(read("[local]\nhashing_threads = 64").hashing_threads, Some(64));
}

#[test]
fn retired_keys_count_once() {
    let key = |name| std::fs::read_to_string(Path::new("tests/fixtures/keys").join(name)).unwrap();
    let (own, private) = (key("p256-public.pem"), key("p256-sec1.pem"));
    let settings = read(&format!(
        "private_key = '''{private}'''\nretired_public_keys = ['''{own}''', '{PUBLIC}', '{PUBLIC}']"
    ));
    assert_eq!(settings.keys.retired.len(), 1);
    assert_ne!(&settings.keys.retired[0], settings.keys.private.unwrap().public());
    let [itself, twice] = settings.warnings.as_slice() else { panic!("two warnings") };
    assert!(itself.contains("retired_public_keys[0]: is the key of private_key"), "{itself}");
    assert!(twice.contains("retired_public_keys[2]: stands twice"), "{twice}");
}

/// With a private key goes the secret that followed from it; a secret may stand alone.
#[test]
fn retired_keys_of_every_kind() {
    let dir = tempfile::tempdir().unwrap();
    let [old, older] = [(); 2].map(|()| PrivateKey::generate(Algorithm::Es256).unwrap());
    let secret = Secret::new([7; 32]);
    let file = dir.path().join("older.pem");
    std::fs::write(&file, older.to_pem().as_bytes()).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let source = format!(
        "retired_keys = ['''{}''', '''{}''', '''{PUBLIC}''', '''{}''']\nretired_key_files = [\"older.pem\"]\n\
         [jwt]\niss = \"pasee.example.com\"",
        *old.to_pem(),
        *secret.to_pem(),
        *old.to_pem(),
    );
    let settings = parse(&dir.path().join("settings.toml"), &source).unwrap();
    let keys = &settings.keys;
    assert_eq!(keys.retired.len(), 3);
    assert_eq!((&keys.retired[0], &keys.retired[2]), (old.public(), older.public()));
    let ids: Vec<_> = keys.former_secrets.iter().map(Secret::id).collect();
    assert_eq!(ids, [Secret::of(&old).id(), secret.id(), Secret::of(&older).id()]);
    let [twice] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert!(twice.contains("retired_keys[3]: stands twice"), "{twice}");
    let explained = settings.explain().to_string();
    assert_eq!(explained.matches("Still believes").count(), 6, "{explained}");
}

/// Who kept only the public half until now names the private key beside it, and no session ends.
#[test]
fn a_retired_private_key_brings_its_secret_beside_its_public_half() {
    let old = PrivateKey::generate(Algorithm::Es256).unwrap();
    let (private, public) = (old.to_pem(), old.public().to_pem());
    let settings = read(&format!(
        "retired_public_keys = ['''{public}''']\nretired_keys = ['''{}''']",
        *private
    ));
    assert_eq!(settings.keys.retired, [old.public().clone()]);
    let ids: Vec<_> = settings.keys.former_secrets.iter().map(Secret::id).collect();
    assert_eq!(ids, [Secret::of(&old).id()]);
    assert_eq!(settings.warnings, [""; 0]);
}

#[test]
fn a_given_file_is_looked_for_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (file, none) = (dir.path().join("my.toml"), dir.path().join("none.toml"));
    std::fs::write(&file, "").unwrap();
    std::fs::write(dir.path().join("settings.toml"), "").unwrap();
    assert_eq!(find(Some(&file), Some(dir.path())).unwrap(), file);
    let error = find(Some(&none), Some(dir.path())).unwrap_err().to_string();
    assert!(error.contains("none.toml") && !error.contains("settings.toml"), "{error}");
}
