//! One wrong value at least for every key: the error names file, line, full key and a right value, and nothing else is
//! wrong.

use std::path::Path;

use pasee::settings::parse;

/// A public key, on one line.
pub const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEzzY/FjLFcFE29fRbxS8BOWh9VGhh\
                          GdG38xT/GXOs/lfyo8Jz/6+cIsd6fNyYmMERXYTOSHDgUN7sQp3jNR2VGw==-----END PUBLIC KEY-----";

/// Mistakes in a file that is `text` and, unless it has one, `[jwt]`.
pub fn mistakes(text: &str) -> String {
    let jwt = if text.contains("[jwt]") { "" } else { "\n[jwt]\niss = \"pasee.example.com\"\n" };
    parse(Path::new("dir/f.toml"), &format!("{text}{jwt}"))
        .map(|settings| format!("no mistake: {settings:?}"))
        .unwrap_or_else(|error| error.to_string())
}

/// Asserts that there is this one mistake, on the line that starts with `wrong`.
pub fn assert_mistake(text: &str, wrong: &str, key: &str, right: &str) {
    let line = text.lines().position(|line| line.starts_with(wrong)).expect(wrong) + 1;
    let found = mistakes(text);
    let place = format!("dir/f.toml:{line}: {key}: ");
    assert!(found.starts_with(&place), "{text}\nis not at {place}\n{found}");
    assert!(found.contains(right), "{text}\n{found}\ndoes not say {right}");
    assert_eq!(found.lines().count(), 1, "{text}\n{found}");
}

#[test]
fn keys_at_the_top() {
    for (wrong, key, right) in [
        ("host = 5", "host", "a right one is a text"),
        ("host = \"\"", "host", "\"127.0.0.1\""),
        ("host = \"localhost:8150\"", "host", "without scheme or port"),
        ("host = \"http://localhost\"", "host", "without scheme or port"),
        ("host = \"localhost/path\"", "host", "\"localhost\""),
        ("host = \"[::1]\"", "host", "\"::\""),
        ("host = \"300.1.1.1\"", "host", "\"0.0.0.0\""),
        ("host = 2026-11-24", "host", "this is a date or time"),
        ("port = 0", "port", "a whole number from 1 to 65535"),
        ("port = 65536", "port", "a whole number from 1 to 65535"),
        ("port = -1", "port", "a whole number from 1 to 65535"),
        ("port = 99999999999999999999999", "port", "a whole number from 1 to 65535"),
        ("port = \"8150\"", "port", "a whole number from 1 to 65535"),
        ("port = 8150.0", "port", "this is a number with a fraction"),
        ("hostname = true", "hostname", "a right one is a text"),
        ("hostname = \"pasee.example.com\"", "hostname", "\"https://pasee.example.com\""),
        ("hostname = \"https://pasee.example.com//\"", "hostname", "between single slashes"),
        (
            "hostname = \"https://example.com/pa%20see\"",
            "hostname",
            "\"https://example.com/pasee\"",
        ),
        ("hostname = \"https://example.com/../pasee\"", "hostname", "begins no part with a dot"),
        ("hostname = \"https://pasee.example.com?q\"", "hostname", "without query or user"),
        ("hostname = \"https://ada@pasee.example.com\"", "hostname", "without query or user"),
        ("hostname = \"ftp://pasee.example.com\"", "hostname", "\"https://pasee.example.com\""),
        ("data_dir = []", "data_dir", "a right one is a text"),
        ("data_dir = \"\"", "data_dir", "\"some/name\""),
        ("data_dir = \"~/pasee\"", "data_dir", "written out, such as \"/home/ada/name\""),
        ("private_key = 1", "private_key", "a right one is a text"),
        ("private_key = \"\"", "private_key", "-----BEGIN PRIVATE KEY-----"),
        ("private_key = \"not a key\"", "private_key", "-----BEGIN PRIVATE KEY-----"),
        ("private_key_file = 1", "private_key_file", "a right one is a text"),
        ("private_key_file = \"\"", "private_key_file", "\"some/name\""),
        ("private_key_file = \"none.pem\"", "private_key_file", "dir/none.pem cannot be read"),
        ("algorithm = \"HS256\"", "algorithm", "\"ES256\", \"RS256\" and \"ES256K\""),
        ("algorithm = 256", "algorithm", "a right one is a text"),
        ("retired_public_keys = \"one\"", "retired_public_keys", "a list, such as"),
        ("retired_public_keys = [\"one\"]", "retired_public_keys[0]", "BEGIN PUBLIC KEY"),
        ("retired_public_keys = [5]", "retired_public_keys[0]", "a right one is a text"),
        ("retired_keys = [\"one\"]", "retired_keys[0]", "such as those in private_key.pem"),
        (
            "retired_key_files = [\"one.pem\"]",
            "retired_key_files[0]",
            "a right file holds the secret",
        ),
        ("storage_backend = \"embedded\"", "storage_backend", "[storage_backend] with its keys"),
        ("cors = []", "cors", "[cors] with its keys below"),
        ("limits = 1", "limits", "[limits] with its keys below"),
        ("log = \"info\"", "log", "[log] with its keys below"),
        ("admin = \"127.0.0.1:8151\"", "admin", "[admin] with its keys below"),
        ("tls = true", "tls", "[tls] with its keys below"),
        ("identity_providers = {}", "identity_providers", "[[identity_providers]] once for each"),
    ] {
        assert_mistake(wrong, wrong, key, right);
    }
    assert_mistake("jwt = 1\n#[jwt]", "jwt", "jwt", "[jwt] with its keys below");
}

#[test]
fn keys_that_do_not_fit_each_other() {
    let pem = |name| std::fs::read_to_string(Path::new("tests/fixtures/keys").join(name)).unwrap();
    let private = format!("private_key = '''{}'''", pem("p256-sec1.pem"));
    let other = format!("public_key = '''{}'''", pem("secp256k1-public.pem"));
    let own = format!("public_key = '''{}'''", pem("p256-public.pem"));
    assert!(mistakes(&format!("{private}\n{own}")).starts_with("no mistake"));
    assert_mistake(&format!("{private}\n{other}"), "public_key", "public_key", "leave it out");
    assert_mistake(&other, "public_key", "public_key", "a right file has both, or neither");
    let broken = format!("{private}\npublic_key = \"not a key\"");
    assert_mistake(&broken, "public_key", "public_key", "-----BEGIN PUBLIC KEY-----");
    let number = format!("{private}\npublic_key = 1");
    assert_mistake(&number, "public_key", "public_key", "a text");
    let algorithm = format!("{private}\nalgorithm = \"ES256K\"");
    assert_mistake(&algorithm, "algorithm", "algorithm", "a right one is \"ES256\"");
    let both = format!("{private}\nprivate_key_file = \"key.pem\"");
    assert_mistake(&both, "private_key_file", "private_key_file", "has one of them");
    let public = format!("private_key = '''{}'''", pem("p256-public.pem"));
    assert_mistake(&public, "private_key", "private_key", "-----BEGIN PRIVATE KEY-----");
    let private = format!("retired_public_keys = ['''{}''']", pem("p256-sec1.pem"));
    assert_mistake(&private, "retired", "retired_public_keys[0]", "-----BEGIN PUBLIC KEY-----");
}

#[test]
fn options_of_kubernetes() {
    for (wrong, key, right) in [
        ("namespace = \"A\"", "namespace", "such as \"pasee\""),
        ("namespace = \"a-\"", "namespace", "such as \"pasee\""),
        ("kubeconfig = 1", "kubeconfig", "a right one is"),
        ("max_staleness = 119", "max_staleness", "from 120 to 2592000 seconds"),
        ("max_staleness = \"31d\"", "max_staleness", "from 120 to 2592000 seconds"),
    ] {
        let text =
            format!("[storage_backend]\nkind = \"kubernetes\"\n[storage_backend.options]\n{wrong}");
        assert_mistake(&text, wrong, &format!("storage_backend.options.{key}"), right);
    }
}

#[test]
fn keys_in_tables() {
    for (table, wrong, key, right) in [
        ("[storage_backend]", "kind = 1", "kind", "a right one is a text"),
        ("[storage_backend]", "kind = \"sqlite\"", "kind", "\"embedded\""),
        ("[storage_backend]", "class = \"x.PostgresStorage\"", "class", "kind = \"embedded\""),
        ("[storage_backend]", "class = 1", "class", "a right one is a text"),
        ("[storage_backend]", "options = 1", "options", "[storage_backend.options] with"),
        ("[storage_backend.options]", "file = 1", "file", "a right one is a text"),
        ("[storage_backend.options]", "file = \"\"", "file", "a right one is"),
        ("[storage_backend.options]", "file = \"dir/\"", "file", "\"pasee.db\""),
        ("[cors]", "allowed_origins = \"*\"", "allowed_origins", "a list, such as"),
        ("[cors]", "allowed_origins = [1]", "allowed_origins[0]", "a text"),
        ("[cors]", "allowed_origins = [\"null\"]", "allowed_origins[0]", "exact origin"),
        ("[cors]", "allowed_origins = [\"https://a.example/\"]", "allowed_origins[0]", "exact"),
        ("[cors]", "allowed_origins = [\"https://A.example\"]", "allowed_origins[0]", "exact"),
        (
            "[cors]",
            "allowed_origins = [\"https://a.example\", \"*\"]",
            "allowed_origins[1]",
            "alone",
        ),
        ("[limits]", "login_attempts_per_user = -1", "login_attempts_per_user", "0 to 1000000"),
        (
            "[limits]",
            "login_attempts_per_address = 1000001",
            "login_attempts_per_address",
            "1000000",
        ),
        ("[jwt]\niss = \"i\"", "max_token_length = 4095", "max_token_length", "from 4096 to 16384"),
        (
            "[jwt]\niss = \"i\"",
            "max_token_length = 16385",
            "max_token_length",
            "from 4096 to 16384",
        ),
        ("[jwt]\niss = \"i\"", "max_token_length = \"6 KiB\"", "max_token_length", "16384"),
        ("[limits]", "max_connections = 0", "max_connections", "from 1 to 1000000"),
        ("[limits]", "max_connections = \"many\"", "max_connections", "from 1 to 1000000"),
        ("[limits]", "trusted_proxies = \"10.0.0.0/8\"", "trusted_proxies", "a list"),
        ("[limits]", "trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies[0]", "\"10.0.0.0/8\""),
        ("[limits]", "trusted_proxies = [\"proxy\"]", "trusted_proxies[0]", "\"192.0.2.1\""),
        ("[limits]", "max_connections_per_address = 0", "max_connections_per_address", "from 1"),
        ("[local]", "hashing_threads = 0", "hashing_threads", "from 1 to 64"),
        ("[local]", "hashing_threads = \"all\"", "hashing_threads", "from 1 to 64"),
        ("[log]", "format = \"xml\"", "format", "\"text\" and \"json\""),
        ("[log]", "format = 1", "format", "a text"),
        ("[log]", "level = \"loud\"", "level", "\"info\""),
        ("[log]", "level = 3", "level", "a text"),
        ("[admin]", "listen = 8151", "listen", "a text"),
        ("[admin]", "listen = \"8151\"", "listen", "\"127.0.0.1:8151\""),
        ("[admin]", "listen = \"127.0.0.1:0\"", "listen", "\"[::1]:8151\""),
        ("[admin]", "listen = \"localhost:8151\"", "listen", "\"127.0.0.1:8151\""),
        ("[admin]", "listen = \"127.0.0.1:8150\"", "listen", "a port of its own"),
        ("[admin]", "listen = \"0.0.0.0:8150\"", "listen", "a port of its own"),
        ("[tls]\nkey = \"k\"", "certificate = 1", "certificate", "a text"),
        ("[tls]\nkey = \"k\"", "certificate = \"\"", "certificate", "\"some/name\""),
        ("[tls]\ncertificate = \"c\"", "key = false", "key", "a text"),
        ("[tls]\ncertificate = \"c\"", "key = \"~/k\"", "key", "written out"),
        ("[jwt]", "iss = \"\"", "iss", "pasee.example.com"),
        ("[jwt]", "iss = 1", "iss", "a text"),
        ("[jwt]\niss = \"i\"", "audience = \"a b\"", "audience", "printable ASCII"),
        ("[jwt]\niss = \"i\"", "access_lifetime = 9", "access_lifetime", "from 10 to 86400"),
        ("[jwt]\niss = \"i\"", "access_lifetime = \"25h\"", "access_lifetime", "\"15m\""),
        ("[jwt]\niss = \"i\"", "access_lifetime = \"quarter\"", "access_lifetime", "\"15m\""),
        ("[jwt]\niss = \"i\"", "access_lifetime = 07:32:00", "access_lifetime", "whole seconds"),
        ("[jwt]\niss = \"i\"", "refresh_lifetime = \"367d\"", "refresh_lifetime", "to 31622400"),
        ("[jwt]\niss = \"i\"", "session_lifetime = 1.5", "session_lifetime", "whole seconds"),
        ("[jwt]\niss = \"i\"", "session_lifetime = \"401d\"", "session_lifetime", "to 34560000"),
        (
            "[jwt]\niss = \"i\"",
            "browser_session_lifetime = \"31d\"",
            "browser_session_lifetime",
            "from 10 to 2592000",
        ),
    ] {
        let path = table.lines().next().unwrap().trim_matches(['[', ']']);
        assert_mistake(&format!("{table}\n{wrong}"), wrong, &format!("{path}.{key}"), right);
    }
    assert_mistake("[tls]\nkey = \"k\"", "[tls]", "tls.certificate", "tls/certificate.pem");
    assert_mistake("[tls]\ncertificate = \"c\"", "[tls]", "tls.key", "\"tls/key.pem\"");
    assert_mistake("[admin]", "[admin]", "admin.listen", "\"127.0.0.1:8151\"");
    assert_mistake("[jwt]", "[jwt]", "jwt.iss", "\"pasee.example.com\"");
    let disordered = "[jwt]\niss = \"i\"\nrefresh_lifetime = \"91d\"";
    assert_mistake(disordered, "[jwt]", "jwt", "\"15m\", \"30d\" and \"90d\"");
}
